/* Both ends of a ring as threads, for ThreadSanitizer: its slots are plain
 * memory, so each of the four orders, weakened, is a race that it reports. */
#include "shm/ring.h"
#include "base/must.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 16u
#define HINTS 300000u

static struct ring_out *out;
static struct ring_in in;

static void *
produce(void *arg)
{
	struct ring_tx tx;

	ring_join_tx(&tx, out, &in, DEPTH);
	for (uint64_t v = 0; v < HINTS;) {
		if (v % 1009 == 0)
			ring_join_tx(&tx, out, &in, DEPTH);
		if (ring_push(&tx, v))
			v++;
		else
			sched_yield();
	}
	return arg;
}

static void *
consume(void *arg)
{
	struct ring_rx rx;
	uint64_t got;

	ring_join_rx(&rx, out, &in, DEPTH);
	for (uint64_t v = 0; v < HINTS;) {
		if (v % 997 == 0)
			ring_join_rx(&rx, out, &in, DEPTH);
		if (ring_pop(&rx, &got)) {
			must(got == v);
			v++;
		} else if (!ring_waiting(&rx))
			sched_yield();
	}
	return arg;
}

int
main(void)
{
	pthread_t a, b;

	out = aligned_alloc(128, (ring_bytes(DEPTH) + 127) / 128 * 128);
	must(out != NULL);
	ring_format(out, DEPTH);
	/* Beside the wrap. */
	atomic_store(&out->head, UINT64_MAX - 100);
	atomic_store(&in.tail, UINT64_MAX - 100);
	must(pthread_create(&a, NULL, produce, NULL) == 0);
	must(pthread_create(&b, NULL, consume, NULL) == 0);
	must(pthread_join(a, NULL) == 0 && pthread_join(b, NULL) == 0);
	printf("ring: %u hints in order\n", HINTS);
	free(out);
	return 0;
}

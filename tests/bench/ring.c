/* How long a hint takes to another process and back, both spinning. */
#include "shm/ring.h"
#include "base/clock.h"
#include "base/must.h"
#include "proc/idle.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH 1024u
#define ROUNDS 100000
#define WARM 20000

struct way {
	struct ring_in in;
	struct ring_out *out;
};

static nsec took[ROUNDS];

/* On a single core the other one runs only if we let it. */
static void
pause_for(int cores)
{
	if (cores < 2)
		sched_yield();
}

static void
echo(struct way *there, struct way *back, int cores)
{
	struct ring_rx rx;
	struct ring_tx tx;
	uint64_t v;

	ring_join_rx(&rx, there->out, &there->in, DEPTH);
	ring_join_tx(&tx, back->out, &back->in, DEPTH);
	for (int i = 0; i < WARM + ROUNDS; i++) {
		while (!ring_pop(&rx, &v))
			pause_for(cores);
		must(ring_push(&tx, v));
	}
}

static int
shorter(const void *a, const void *b)
{
	nsec x = *(const nsec *)a, y = *(const nsec *)b;

	return (x > y) - (x < y);
}

int
main(void)
{
	size_t bytes = sizeof(struct way) + ring_bytes(DEPTH);
	unsigned char *at = mmap(NULL, 2 * 65536, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct way *ways[2];
	int cores = idle_cores();
	struct ring_tx tx;
	struct ring_rx rx;
	uint64_t v;
	pid_t pid;

	must(at != MAP_FAILED && bytes <= 65536);
	for (int i = 0; i < 2; i++) {
		ways[i] = (void *)(at + i * 65536);
		ways[i]->out = (void *)(at + i * 65536 + 256);
		ring_format(ways[i]->out, DEPTH);
	}
	if ((pid = fork()) == 0) {
		echo(ways[0], ways[1], cores);
		_exit(0);
	}
	must(pid > 0);
	ring_join_tx(&tx, ways[0]->out, &ways[0]->in, DEPTH);
	ring_join_rx(&rx, ways[1]->out, &ways[1]->in, DEPTH);
	for (int i = 0; i < WARM + ROUNDS; i++) {
		nsec start = clock_mono();

		must(ring_push(&tx, (uint64_t)i));
		while (!ring_pop(&rx, &v))
			pause_for(cores);
		must(v == (uint64_t)i);
		if (i >= WARM)
			took[i - WARM] = clock_mono() - start;
	}
	must(waitpid(pid, NULL, 0) == pid);
	qsort(took, ROUNDS, sizeof(took[0]), shorter);
	printf("ring round trip: p50 %jd ns, p99 %jd ns, p99.9 %jd ns\n",
	    (intmax_t)took[ROUNDS / 2], (intmax_t)took[ROUNDS / 100 * 99],
	    (intmax_t)took[ROUNDS / 1000 * 999]);
	return 0;
}

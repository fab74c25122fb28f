/* Two threads that wake each other, and a third that posts out of turn: one
 * ring lost, and it does not end.  What a ring announces is plain memory. */
#include "shm/bell.h"
#include "base/must.h"
#include "shm/word.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define ROUNDS 20000u

struct player {
	struct bell bell;
	_Atomic uint64_t word; /* rounds that this one has played */
	uint32_t payload[ROUNDS];
};

static struct player players[2];
static _Atomic int over;

struct wait {
	struct player *peer;
	uint32_t until;
};

static bool
not_yet(void *arg)
{
	const struct wait *w = arg;

	return word_load(&w->peer->word).low < w->until;
}

/* The first leads: it waits for round i of the other after its own; the other
 * waits for round i + 1 of the first before its own. */
static void
play(struct player *me, struct player *peer, bool leads)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct wait w = { peer, leads ? i : i + 1 };

		while (not_yet(&w))
			(void)bell_wait(&me->bell, not_yet, &w,
			    clock_mono() + 3600 * SECOND);
		if (w.until > 0)
			must(peer->payload[w.until - 1] == ~(w.until - 1));
		me->payload[i] = ~i;
		word_store(&me->word, (struct word){ 1, X_RUN, 1, i + 1 });
		bell_ring(&peer->bell);
	}
}

static void *
lead(void *arg)
{
	play(&players[0], &players[1], true);
	return arg;
}

static void *
follow(void *arg)
{
	play(&players[1], &players[0], false);
	return arg;
}

static void *
disturb(void *arg)
{
	while (!over) {
		bell_post(&players[0].bell);
		bell_ring(&players[1].bell);
		clock_sleep(MILLISECOND);
	}
	return arg;
}

int
main(void)
{
	pthread_t t[3];

	bell_format(&players[0].bell);
	bell_format(&players[1].bell);
	must(pthread_create(&t[0], NULL, lead, NULL) == 0);
	must(pthread_create(&t[1], NULL, follow, NULL) == 0);
	must(pthread_create(&t[2], NULL, disturb, NULL) == 0);
	must(pthread_join(t[0], NULL) == 0 && pthread_join(t[1], NULL) == 0);
	over = 1;
	must(pthread_join(t[2], NULL) == 0);
	printf("bell: %u rounds, no ring lost\n", ROUNDS);
	return 0;
}

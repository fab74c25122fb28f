/* What is done each turn, and in which order: first what runs, then what comes.
 */
#include "scheduler/sch.h"

#define RESCORE 4 /* adapters whose worth is looked at again each turn */

/* A new gpuexec obeys only what it is told itself. */
static void
new_epoch(struct sch *h, nsec now)
{
	uint32_t epoch = atomic_load_explicit(h->w.gpuexec_epoch,
			     memory_order_acquire) &
	    WORD_LOW_MASK;

	if (epoch == h->epoch)
		return;
	h->epoch = epoch;
	for (uint32_t i = h->nlive; i-- > 0;)
		(void)look_slot(h, h->live[i], now);
}

/* Fences that have passed since the last turn. */
static void
new_completed(struct sch *h, nsec now)
{
	uint64_t completed = atomic_load_explicit(h->w.completed_step,
	    memory_order_acquire);
	bool more = completed != h->completed;

	h->completed = completed;
	if (!h->settled && completed >= h->start_fence) {
		chunks_settle(h);
		more = true;
	}
	chunks_cool(h);
	for (uint32_t i = h->nmoving; i-- > 0;) {
		enum sch_away away = i < h->nmoving ?
		    h->key[h->moving[i]].away :
		    AWAY_OUT;

		/* Nobody sends a hint of layers, nor of a fence. */
		if (away == AWAY_COMING || (away == AWAY_LEAVING && more))
			(void)resident_look(h, h->moving[i], now);
	}
}

static int
again(struct sch *h, nsec now)
{
	int done = 0;

	for (uint32_t i = h->nlive; i-- > 0 && h->nagain > 0;)
		if (h->slot[h->live[i]].phase == PHASE_AGAIN)
			done += place_again(h, h->live[i], now);
	return done;
}

/* The suspect has ended: the next one's turn. */
static void
next_suspect(struct sch *h)
{
	uint32_t best = h->parked;

	if (h->suspect != NOBODY || best == NOBODY)
		return;
	for (uint32_t i = h->slot[best].next; i != NOBODY; i = h->slot[i].next)
		if (queue_older(h, i, best))
			best = i;
	h->suspect = best;
	sch_phase_set(h, best, PHASE_WAITING);
}

int
turn_all(struct sch *h, nsec now)
{
	int done = 0;

	new_epoch(h, now);
	new_completed(h, now);
	if (h->nagain > 0)
		done += again(h, now);
	next_suspect(h);
	if (!h->settled)
		return done;
	if (h->nlacks > 0)
		grant_serve(h, now);
	recent_refresh(h, now, false);
	if (h->nholding > 0)
		evict_rescore(h, RESCORE, now);
	if (h->nlacks == 0)
		done += admission_turn(h, now);
	else
		admission_none(h, now);
	return done;
}

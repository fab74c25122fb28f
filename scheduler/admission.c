/* Who is admitted in a turn.
 *
 *	1. who was admitted before and whose adapter has come since
 *	2. queue 0, those past the age limit: nobody younger goes on before them
 *	3. the queues by Algorithm 1 (policy/admit.h); or the one queue there is
 *	4. adapters for those that still wait
 *
 * A request whose adapter is on its way is overtaken meanwhile: its place is its
 * own already.  Where memory is on its way the turn ends, so that nobody else
 * takes it. */
#include "scheduler/sch.h"

#define ADMIT_MAX 64 /* placements and loads a turn, so that it stays short */

enum tried {
	TRIED_ADMITTED,
	TRIED_BROUGHT,
	TRIED_GONE,
	TRIED_SOON,
	TRIED_LACKS
};

static bool
batch_full(const struct sch *h)
{
	return h->nlive >= h->w.plan->batch_max;
}

static void
demand(struct sch *h, uint32_t slot)
{
	if (h->rules.admit_every <= 1 || h->ndemanded == DEMANDED_MAX ||
	    h->slot[slot].demanded)
		return;
	h->slot[slot].demanded = true;
	h->demanded[h->ndemanded++] = slot;
}

/* Nothing runs, comes or leaves that could give memory back: what is in the way
 * of one past the age limit is pinned, and would be for ever. */
static bool
in_vain(struct sch *h, uint32_t slot, nsec now)
{
	return h->slot[slot].queue == 0 && h->nlive == 0 && h->nmoving == 0 &&
	    h->returning == 0 && h->ncooling == 0 && h->nreturning == 0 &&
	    !ask_heed_all(h, now);
}

/* Memory that is lacking is noted once, for the bound on bypassing. */
static enum tried
lacking(struct sch *h, uint32_t slot, bool soon, nsec now)
{
	if (!soon && in_vain(h, slot, now)) {
		place_deny(h, slot, DENIED_PINNED, now);
		return TRIED_GONE;
	}
	if (h->slot[slot].lacks_ns == 0)
		h->slot[slot].lacks_ns = now;
	h->soon |= soon;
	return soon ? TRIED_SOON : TRIED_LACKS;
}

static enum tried
try_cold(struct sch *h, uint32_t slot, nsec now)
{
	uint32_t gen = h->slot[slot].gen;

	switch (resident_bring(h, h->slot[slot].key, false, now)) {
	case BRING_DONE:
		if (h->slot[slot].gen == gen)
			demand(h, slot);
		return TRIED_BROUGHT;
	case BRING_DENIED:
		return TRIED_GONE;
	case BRING_SOON:
		return lacking(h, slot, true, now);
	default:
		return lacking(h, slot, false, now);
	}
}

/* The head of a queue; charge as for place_first. */
static enum tried
try_head(struct sch *h, uint32_t slot, const int64_t *charge, nsec now)
{
	uint32_t key = h->slot[slot].key, queue = h->slot[slot].queue;

	if (h->key[key].away == AWAY_OUT)
		return try_cold(h, slot, now);
	if (!resident_here(h, key))
		return resident_look(h, key, now) ? TRIED_GONE : TRIED_SOON;
	switch (place_first(h, slot, charge, now)) {
	case PLACE_DONE:
		if (h->w.queues != NULL)
			sch_count(&h->w.queues[queue].admitted);
		return TRIED_ADMITTED;
	case PLACE_GONE:
		return TRIED_GONE;
	case PLACE_SOON:
		return lacking(h, slot, true, now);
	default:
		return lacking(h, slot, false, now);
	}
}

static void
because(struct sch *h, uint32_t queue, enum sched_why why)
{
	h->why[queue] = why;
}

static enum sched_why
why_of(const struct sch *h, uint32_t slot)
{
	return resident_usable(h, h->slot[slot].key) ? WHY_MEMORY : WHY_ADAPTER;
}

/* Whether one past the age limit came before it. */
static bool
older_waits(const struct sch *h, uint32_t slot)
{
	uint32_t head = queue_head(h, 0);

	return head != NOBODY && head != slot && queue_older(h, head, slot);
}

/* 1: in the order in which they were admitted. */
static int
admit_demanded(struct sch *h, nsec now)
{
	uint32_t n = h->ndemanded;
	int done = 0;

	h->ndemanded = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = h->demanded[i];
		struct sch_slot *p = &h->slot[slot];

		if (!p->demanded || p->phase != PHASE_WAITING)
			continue;
		if (resident_usable(h, p->key) && !batch_full(h) &&
		    !older_waits(h, slot) &&
		    try_head(h, slot, NULL, now) == TRIED_ADMITTED) {
			p->demanded = false;
			done++;
		} else {
			h->demanded[h->ndemanded++] = slot;
		}
	}
	return done;
}

/* One queue in its order, all of it within memory alone; false: somebody is
 * still first in it who cannot go on. */
static bool
admit_line(struct sch *h, uint32_t queue, int *done, nsec now)
{
	for (; *done < ADMIT_MAX; (*done)++) {
		uint32_t head = queue_head(h, queue);
		enum tried tried;

		if (head == NOBODY)
			return true;
		if (batch_full(h)) {
			because(h, queue, WHY_BATCH);
			return false;
		}
		tried = try_head(h, head, NULL, now);
		if (tried == TRIED_SOON || tried == TRIED_LACKS) {
			because(h, queue, why_of(h, head));
			return false;
		}
	}
	return false;
}

/* The turn over the queues. */
struct turn {
	struct admit_turn t;
	struct admit_head head[CLASSES];
	uint32_t slot[CLASSES];	    /* heads; NOBODY */
	uint32_t bypassed[CLASSES]; /* the head that lacks memory; NOBODY */
	enum sched_why stop;	    /* what has ended it for all */
};

static void
look_at(struct sch *h, struct turn *t, int q, nsec now)
{
	uint32_t slot = t->bypassed[q] == NOBODY ?
	    queue_head(h, (uint32_t)q + 1) :
	    bypass_who(h, t->bypassed[q], now);

	t->slot[q] = slot;
	/* Who lacks memory, or waits for an adapter on its way, keeps its queue
	 * from lending. */
	t->head[q].any = h->waiting_in[q + 1] > 0;
	t->head[q].cost = slot == NOBODY ? 0 : account_price(h, slot);
	if (slot == NOBODY && t->head[q].any)
		admit_left(&t->t, q);
}

/* Tries the head of q within its budget; false: the turn is over. */
static bool
try_queue(struct sch *h, struct turn *t, int q, int *done, nsec now)
{
	int64_t charge[CLASSES] = { 0 };
	enum tried tried;

	admit_took(&t->t, q, t->head[q].cost, charge);
	tried = try_head(h, t->slot[q], charge, now);
	for (int i = 0; tried != TRIED_ADMITTED && i < CLASSES; i++)
		h->available[i] += charge[i];
	if (tried == TRIED_ADMITTED && t->bypassed[q] != NOBODY)
		bypass_went(h, t->slot[q], t->bypassed[q]);
	if (tried == TRIED_SOON || tried == TRIED_LACKS)
		because(h, (uint32_t)q + 1, why_of(h, t->slot[q]));
	if (tried == TRIED_SOON) {
		t->stop = h->why[q + 1];
		return false;
	}
	*done += tried != TRIED_LACKS;
	if (tried == TRIED_LACKS) {
		if (t->bypassed[q] != NOBODY || h->rules.bypass_max == 0 ||
		    resident_usable(h, h->slot[t->slot[q]].key))
			admit_left(&t->t, q);
		else
			t->bypassed[q] = t->slot[q];
	}
	look_at(h, t, q, now);
	return true;
}

static void
open_turn(struct sch *h, struct turn *t, nsec now)
{
	t->stop = WHY_NONE;
	admit_begin(&t->t, h->available, h->nclasses);
	for (int q = 0; q < h->nclasses; q++) {
		t->bypassed[q] = NOBODY;
		look_at(h, t, q, now);
	}
}

/* Queues that wait for tokens lend what they have to a head that would be over
 * before these come (docs/POLICY.md, Admission). */
static void
lend_patiently(struct sch *h, struct turn *t, int *done, nsec now)
{
	for (int q = 0; q < h->nclasses && *done < ADMIT_MAX; q++) {
		double runs = t->slot[q] == NOBODY ? 0 :
						     h->slot[t->slot[q]].runs_s;
		int64_t spare = 0;

		if (t->slot[q] == NOBODY || t->bypassed[q] != NOBODY ||
		    batch_full(h))
			continue;
		for (int from = 0; from < h->nclasses; from++) {
			t->t.lends[from] = from == q || !t->head[from].any ||
			    bypass_tokens_in(h, from, t->head[from].cost, now) >
				runs;
			if (t->t.lends[from] && h->available[from] > 0)
				spare += h->available[from];
		}
		t->t.phase = 2;
		if (spare < t->head[q].cost)
			continue;
		if (!try_queue(h, t, q, done, now))
			return;
	}
}

/* Returns what ended it before all had their turn. */
static enum sched_why
admit_queues(struct sch *h, int *done, nsec now)
{
	struct turn t;
	int q;

	open_turn(h, &t, now);
	while (*done < ADMIT_MAX && (q = admit_next(&t.t, t.head)) >= 0) {
		if (batch_full(h)) {
			for (q = 0; q < h->nclasses; q++)
				if (t.head[q].any)
					because(h, (uint32_t)q + 1, WHY_BATCH);
			return t.stop;
		}
		if (!try_queue(h, &t, q, done, now))
			return t.stop;
	}
	if (h->rules.lend_patient)
		lend_patiently(h, &t, done, now);
	for (q = 0; q < h->nclasses; q++)
		if (t.slot[q] != NOBODY && h->why[q + 1] == WHY_NONE)
			because(h, (uint32_t)q + 1, WHY_QUOTA);
	return t.stop;
}

/* Whether it is time for an admission, as some systems look only at every tenth
 * step.  One that waits for memory on its way goes on when that is there. */
static bool
is_time(struct sch *h)
{
	if (h->rules.admit_every <= 1 || h->nlive == 0 || h->soon)
		return true;
	if (h->completed < h->admit_at)
		return false;
	h->admit_at = h->completed + h->rules.admit_every;
	return true;
}

/* Counts what held each queue in the last turn, and the time since then. */
static void
tell_why(struct sch *h, nsec now)
{
	_Atomic uint64_t *counts[WHY_COUNT] = { NULL, &h->w.meters->why_quota,
		&h->w.meters->why_memory, &h->w.meters->why_adapter,
		&h->w.meters->why_batch, &h->w.meters->why_interval };

	for (uint32_t q = 0; q < QUEUES; q++) {
		enum sched_why why = h->why[q];

		if (why != WHY_NONE)
			sch_count(counts[why]);
	}
	wait_held(h, now);
}

static void
publish_why(struct sch *h)
{
	for (uint32_t q = 0; h->w.queues != NULL && q < QUEUES; q++)
		atomic_store_explicit(&h->w.queues[q].why, h->why[q],
		    memory_order_relaxed);
}

static void
all_because(struct sch *h, enum sched_why why)
{
	for (uint32_t q = 0; q < QUEUES; q++)
		h->why[q] = h->waiting_in[q] > 0 ? why : WHY_NONE;
}

/* Whether an adapter that is waited for is on its way out: it can be brought
 * again in a moment, and the turn should not be over for who waits. */
static bool
some_leave(const struct sch *h)
{
	for (uint32_t i = 0; i < h->nmoving; i++) {
		const struct sch_key *k = &h->key[h->moving[i]];

		if (k->away == AWAY_LEAVING && k->waiting > 0)
			return true;
	}
	return false;
}

/* Nobody runs, nobody could start, and nothing is on its way, or what was waited
 * for has left unused: the oldest goes first then, for which all adapters but its
 * own give way. */
static bool
break_tie(struct sch *h, bool going)
{
	bool vain = h->vain;

	h->vain &= h->nlive == 0;
	if (going || h->nlive > 0 || (h->nmoving > 0 && !vain) ||
	    h->ncooling > 0 || h->nreturning > 0 || h->waiting_in[0] > 0 ||
	    h->ages.n == 0)
		return false;
	h->vain = false;
	queue_move(h, h->ages.top, 0);
	return true;
}

/* What the turn did not get to waits for what it stopped at; a queue all of whose
 * adapters come or leave, for them. */
static void
because_of_others(struct sch *h, enum sched_why stop)
{
	for (uint32_t q = 0; q < QUEUES; q++)
		if (h->waiting_in[q] > 0 && h->why[q] == WHY_NONE)
			because(h, q,
			    queue_head(h, q) == NOBODY ? WHY_ADAPTER : stop);
}

void
admission_none(struct sch *h, nsec now)
{
	tell_why(h, now);
	all_because(h, WHY_MEMORY);
	publish_why(h);
}

int
admission_turn(struct sch *h, nsec now)
{
	enum sched_why stop = WHY_NONE;
	bool timely;
	int done = 0;

	tell_why(h, now);
	queue_promote(h, now);
	if (h->nbefore > 0)
		bypass_squash(h, now);
	if (h->ndemanded > 0)
		done += admit_demanded(h, now);
	all_because(h, WHY_NONE);
	timely = is_time(h);
	h->soon = false;
	if (!timely)
		all_because(h, WHY_INTERVAL);
	else if (admit_line(h, 0, &done, now)) {
		if (h->rules.admission->queues == ADMIT_ONE)
			(void)admit_line(h, 1, &done, now);
		else
			stop = admit_queues(h, &done, now);
	} else {
		stop = h->why[0];
	}
	if (timely && h->rules.admit_every > 1)
		h->soon |= some_leave(h);
	done += ahead_queued(h, now);
	ahead_hasten(h);
	if (break_tie(h, done > 0 || !timely))
		done++;
	because_of_others(h, stop);
	publish_why(h);
	return done;
}

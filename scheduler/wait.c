/* Where the time of those that wait goes, by stopwatches.
 *
 * blocked[q][w] is how long reason w has held queue q.  Each group of requests,
 * those of one queue that wait for one adapter, has a stopwatch on that clock for
 * each reason; they stand still while the adapter is COMING, when its requests wait
 * for their own load, and one of the adapter runs instead.  A request takes off what
 * they show as it enters a queue, and adds what they show as it leaves: a few
 * additions, however long it waits and whatever others do meanwhile.
 *
 *	runs           shows clock - offset
 *	stands still   shows offset
 *
 * so that to start and to stop are the same: offset = clock - offset.  At each
 * moment at most one of them runs for a request; what none has counted is
 * WHY_NONE. */
#include "scheduler/sch.h"

/* Of a queue and a reason, between turns, too. */
static nsec
clock_of(const struct sch *h, uint32_t queue, int why)
{
	bool now = h->why[queue] == (enum sched_why)why;

	return h->blocked[queue][why] + (now ? h->now - h->why_ns : 0);
}

static uint32_t
group_of(const struct sch *h, uint32_t queue, uint32_t key)
{
	return queue * h->nkeys + key;
}

static bool
coming(const struct sch *h, uint32_t key)
{
	return h->key[key].away == AWAY_COMING;
}

static nsec
shows(nsec offset, nsec clock, bool runs)
{
	return runs ? clock - offset : offset;
}

/* What the stopwatches of a request show, those of its group and its adapter. */
static void
add_shown(const struct sch *h, uint32_t slot, nsec sign, struct wait_split *to)
{
	const struct sch_slot *p = &h->slot[slot];
	const struct sch_watch *of = &h->watch[group_of(h, p->queue, p->key)];
	bool comes = coming(h, p->key);

	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		to->by_ns[w] += sign *
		    shows(of->by_ns[w], clock_of(h, p->queue, w), !comes);
	to->loading_ns += sign * shows(h->key[p->key].coming_ns, h->now, comes);
}

void
wait_enter(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];
	uint32_t g = group_of(h, p->queue, p->key);

	/* Nobody reads those of an empty group: they begin anew. */
	for (int w = 0; h->group[g].waits.n == 0 && w < WHY_COUNT; w++)
		h->watch[g].by_ns[w] = coming(h, p->key) ?
		    0 :
		    clock_of(h, p->queue, w);
	add_shown(h, slot, -1, &p->wait);
}

void
wait_leave(struct sch *h, uint32_t slot)
{
	add_shown(h, slot, 1, &h->slot[slot].wait);
}

void
wait_turn(struct sch *h, uint32_t key)
{
	nsec *own = &h->key[key].coming_ns;

	*own = h->now - *own;
	for (uint32_t q = 0; q < QUEUES; q++) {
		uint32_t g = group_of(h, q, key);

		for (int w = 0; h->group[g].waits.n > 0 && w < WHY_COUNT; w++)
			h->watch[g].by_ns[w] = clock_of(h, q, w) -
			    h->watch[g].by_ns[w];
	}
}

void
wait_held(struct sch *h, nsec now)
{
	for (uint32_t q = 0; q < QUEUES; q++) {
		enum sched_why why = h->why[q];

		h->blocked[q][why] += now - h->why_ns;
		if (why != WHY_NONE && h->w.queues != NULL)
			sch_add(&h->w.queues[q].blocked_ns[why],
			    (uint64_t)(now - h->why_ns));
	}
	h->why_ns = now;
}

void
wait_so_far(const struct sch *h, uint32_t slot, struct wait_split *to)
{
	const struct sch_slot *p = &h->slot[slot];

	*to = p->wait;
	if (p->phase == PHASE_WAITING)
		add_shown(h, slot, 1, to);
	to->by_ns[WHY_NONE] = h->now - p->seen_ns - to->loading_ns;
	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		to->by_ns[WHY_NONE] -= to->by_ns[w];
}

/* Where the time of those that wait goes, by stopwatches.
 *
 * blocked[q][w] is how long reason w has held queue q.  Each group of requests,
 * those of one queue that wait for one adapter, has a stopwatch on that clock for
 * each reason; they stand still while the adapter is COMING, when its requests wait
 * for their own load, and one of the adapter runs instead.  A request takes off what
 * they show as it enters a queue, and adds what they show as it leaves for another
 * or is placed: a few additions, however long it waits and whatever others do
 * meanwhile.  What it waits for after its first placement nobody asks.
 *
 *	runs           shows clock - offset
 *	stands still   shows offset
 *
 * so that to start and to stop are the same: offset = clock - offset.  Most groups
 * never need offsets of their own: watch 0, all zeros, does for them.  At each moment
 * at most one stopwatch runs for a request; what none has counted is WHY_NONE. */
#include "scheduler/sch.h"

#include "base/must.h"

#include <string.h>

#define WATCH_MAX 0xfffffffu /* what a group's field holds */

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

/* The clocks of a queue, between turns, too. */
static void
read_clocks(const struct sch *h, uint32_t queue, nsec clock[WHY_COUNT])
{
	memcpy(clock, h->blocked[queue], sizeof(h->blocked[queue]));
	clock[h->why[queue]] += h->now - h->why_ns;
}

/* What the stopwatches of a request show: those of its group, and under WHY_NONE
 * that of its adapter. */
static void
read_watches(const struct sch *h, uint32_t slot, nsec shown[WHY_COUNT])
{
	const struct sch_slot *p = &h->slot[slot];
	uint32_t g = group_of(h, p->queue, p->key);
	const struct sch_watch *of = &h->watch[h->group[g].watch];
	nsec own = h->key[p->key].coming_ns;

	if (coming(h, p->key)) {
		memcpy(shown, of->by_ns, sizeof(of->by_ns));
		shown[WHY_NONE] = h->now - own;
		return;
	}
	read_clocks(h, p->queue, shown);
	for (int w = 0; w < WHY_COUNT; w++)
		shown[w] -= of->by_ns[w];
	shown[WHY_NONE] = own;
}

void
wait_format(struct sch *h)
{
	h->watch[0] = (struct sch_watch){ { 0 }, 0 };
	h->free_watch = 1;
	for (uint32_t i = 1; i <= h->nslots; i++)
		h->watch[i].next = i + 1;
}

/* A group needs its own offsets once its adapter comes; each such group has a
 * waiter, so that there are enough. */
static struct sch_watch *
own_watch(struct sch *h, uint32_t g)
{
	struct sch_group *group = &h->group[g];

	if (group->watch == 0) {
		must(h->free_watch <= h->nslots);
		group->watch = h->free_watch & WATCH_MAX;
		h->free_watch = h->watch[group->watch].next;
		memset(h->watch[group->watch].by_ns, 0,
		    sizeof(h->watch[0].by_ns));
	}
	return &h->watch[group->watch];
}

void
wait_empty(struct sch *h, uint32_t g)
{
	struct sch_group *group = &h->group[g];

	if (group->watch == 0)
		return;
	h->watch[group->watch].next = h->free_watch;
	h->free_watch = group->watch;
	group->watch = 0;
}

void
wait_begin(struct sch *h, uint32_t slot)
{
	h->waited[slot] = (struct sch_waited){ { 0 } };
}

void
wait_enter(struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	nsec shown[WHY_COUNT];

	if (coming(h, p->key))
		(void)own_watch(h, group_of(h, p->queue, p->key));
	read_watches(h, slot, shown);
	for (int w = 0; w < WHY_COUNT; w++)
		h->waited[slot].by_ns[w] -= shown[w];
}

void
wait_leave(struct sch *h, uint32_t slot)
{
	nsec shown[WHY_COUNT];

	read_watches(h, slot, shown);
	for (int w = 0; w < WHY_COUNT; w++)
		h->waited[slot].by_ns[w] += shown[w];
}

void
wait_turn(struct sch *h, uint32_t key)
{
	nsec *own = &h->key[key].coming_ns;

	*own = h->now - *own;
	for (uint32_t q = 0; q < QUEUES; q++) {
		uint32_t g = group_of(h, q, key);
		nsec clock[WHY_COUNT];
		struct sch_watch *watch;

		if (h->group[g].waits.n == 0)
			continue;
		watch = own_watch(h, g);
		read_clocks(h, q, clock);
		for (int w = 0; w < WHY_COUNT; w++)
			watch->by_ns[w] = clock[w] - watch->by_ns[w];
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
	nsec ns[WHY_COUNT] = { 0 };

	if (p->phase == PHASE_WAITING)
		read_watches(h, slot, ns);
	for (int w = 0; w < WHY_COUNT; w++)
		ns[w] += h->waited[slot].by_ns[w];
	*to = (struct wait_split){ .loading_ns = ns[WHY_NONE] };
	ns[WHY_NONE] = h->now - p->seen_ns - ns[WHY_NONE];
	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		ns[WHY_NONE] -= ns[w];
	memcpy(to->by_ns, ns, sizeof(ns));
}

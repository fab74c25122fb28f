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
 * so that to start and to stop are the same: offset = clock - offset.  Most groups
 * never need offsets of their own: watch 0, all zeros, does for them.  At each moment
 * at most one stopwatch runs for a request; what none has counted is WHY_NONE. */
#include "scheduler/sch.h"

#include "base/must.h"

#include <string.h>

#define WATCH_MAX 0xfffffffu /* what a group's field holds */

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

/* What the stopwatches of a request show: those of its group, and under WHY_NONE
 * that of its adapter. */
static void
add_shown(const struct sch *h, uint32_t slot, nsec sign, nsec *to)
{
	const struct sch_slot *p = &h->slot[slot];
	uint32_t g = group_of(h, p->queue, p->key);
	const struct sch_watch *of = &h->watch[h->group[g].watch];
	bool comes = coming(h, p->key);

	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		to[w] += sign *
		    shows(of->by_ns[w], clock_of(h, p->queue, w), !comes);
	to[WHY_NONE] += sign * shows(h->key[p->key].coming_ns, h->now, comes);
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
wait_enter(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	if (coming(h, p->key))
		(void)own_watch(h, group_of(h, p->queue, p->key));
	add_shown(h, slot, -1, p->waited);
}

void
wait_leave(struct sch *h, uint32_t slot)
{
	add_shown(h, slot, 1, h->slot[slot].waited);
}

void
wait_turn(struct sch *h, uint32_t key)
{
	nsec *own = &h->key[key].coming_ns;

	*own = h->now - *own;
	for (uint32_t q = 0; q < QUEUES; q++) {
		uint32_t g = group_of(h, q, key);
		struct sch_watch *watch;

		if (h->group[g].waits.n == 0)
			continue;
		watch = own_watch(h, g);
		for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
			watch->by_ns[w] = clock_of(h, q, w) - watch->by_ns[w];
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

	*to = (struct wait_split){ .by_ns = { 0 } };
	memcpy(to->by_ns, p->waited, sizeof(p->waited));
	if (p->phase == PHASE_WAITING)
		add_shown(h, slot, 1, to->by_ns);
	to->loading_ns = to->by_ns[WHY_NONE];
	to->by_ns[WHY_NONE] = h->now - p->seen_ns - to->loading_ns;
	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		to->by_ns[WHY_NONE] -= to->by_ns[w];
}

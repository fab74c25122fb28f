/* Who waits: queues by size, in each of them the requests by adapter.
 *
 *	queue 0            past the age limit, the oldest first
 *	queue 1 + class    in the order of the policy
 *
 * A queue has two lines: the adapters that are here and have waiters (READY),
 * and those that are out (COLD); in front is the adapter whose first waiter
 * goes before all others.  So a thousand requests that wait for one adapter
 * cost a turn no more than one, and an adapter that comes moves them all at
 * once. */
#include "scheduler/sch.h"

#include "base/must.h"

bool
queue_older(const struct sch *h, uint32_t a, uint32_t b)
{
	return admit_older(&h->slot[a].view, &h->slot[b].view);
}

static bool
by_age(const void *arg, uint32_t a, uint32_t b)
{
	return queue_older(arg, a, b);
}

/* Both are in the same queue. */
static bool
by_queue(const void *arg, uint32_t a, uint32_t b)
{
	const struct sch *h = arg;

	if (h->slot[a].queue == 0)
		return queue_older(h, a, b);
	return h->rules.admission->before(&h->slot[a].view, &h->slot[b].view);
}

/* Groups, by their first waiters. */
static bool
by_first(const void *arg, uint32_t a, uint32_t b)
{
	const struct sch *h = arg;

	return by_queue(h, h->group[a].waits.top, h->group[b].waits.top);
}

/* Queue 0 is served first, whoever is older: or an older one, who may not be
 * past an age limit, would drive out what has just been brought for it. */
bool
queue_before(const struct sch *h, uint32_t a, uint32_t b)
{
	uint32_t in_a = h->slot[a].queue, in_b = h->slot[b].queue;

	if (in_a == in_b)
		return by_queue(h, a, b);
	return in_a == 0 || (in_b != 0 && queue_older(h, a, b));
}

void
queue_format(struct sch *h)
{
	const struct heap empty = { HEAP_NONE, 0 };

	h->by_queue.before = by_queue;
	h->by_first.before = by_first;
	h->by_age.before = by_age;
	h->by_queue.arg = h->by_first.arg = h->by_age.arg = h;
	heap_format(h->by_queue.node, h->nslots);
	heap_format(h->by_age.node, h->nslots);
	heap_format(h->by_first.node, QUEUES * h->nkeys);
	h->ages = empty;
	for (int q = 0; q < QUEUES; q++)
		h->line[q][LINE_READY] = h->line[q][LINE_COLD] = empty;
	for (uint32_t g = 0; g < QUEUES * h->nkeys; g++)
		h->group[g] = (struct sch_group){ empty, LINE_NONE, 0 };
	wait_format(h);
}

static uint32_t
group_of(const struct sch *h, uint32_t queue, uint32_t key)
{
	return queue * h->nkeys + key;
}

static void
unfile(struct sch *h, uint32_t queue, uint32_t g)
{
	if (h->group[g].line != LINE_NONE)
		heap_leave(&h->line[queue][h->group[g].line], &h->by_first, g);
	h->group[g].line = LINE_NONE;
}

static void
file(struct sch *h, uint32_t queue, uint32_t g)
{
	enum sch_away away = h->key[g % h->nkeys].away;
	enum queue_line line = resident_usable(h, g % h->nkeys) ? LINE_READY :
	    away == AWAY_OUT					? LINE_COLD :
								  LINE_NONE;

	if (h->group[g].waits.n == 0 || line == LINE_NONE)
		return;
	h->group[g].line = line;
	heap_enter(&h->line[queue][line], &h->by_first, g);
}

void
queue_file(struct sch *h, uint32_t key)
{
	for (uint32_t q = 0; q < QUEUES; q++) {
		unfile(h, q, group_of(h, q, key));
		file(h, q, group_of(h, q, key));
	}
}

/* While the first of a group changes, the group is in no line: a line is
 * ordered by what its groups hold. */
static void
enter(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];
	uint32_t g = group_of(h, p->queue, p->key);

	wait_enter(h, slot);
	unfile(h, p->queue, g);
	heap_enter(&h->group[g].waits, &h->by_queue, slot);
	file(h, p->queue, g);
	if (p->queue > 0)
		heap_enter(&h->ages, &h->by_age, slot);
	h->waiting_in[p->queue]++;
	tell_waits(h, slot);
}

static void
leave(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];
	uint32_t g = group_of(h, p->queue, p->key);

	unfile(h, p->queue, g);
	heap_leave(&h->group[g].waits, &h->by_queue, slot);
	if (h->group[g].waits.n == 0)
		wait_empty(h, g);
	file(h, p->queue, g);
	if (p->queue > 0)
		heap_leave(&h->ages, &h->by_age, slot);
	h->waiting_in[p->queue]--;
}

/* Classes may be others than when it last waited. */
void
queue_enter(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	if (p->queue > 0) {
		p->class = (uint8_t)account_class(h, p->size);
		p->queue = (uint8_t)(1 + p->class);
	}
	enter(h, slot);
	h->key[p->key].waiting++;
	tell_changed(h, p->key);
}

void
queue_leave(struct sch *h, uint32_t slot)
{
	uint32_t key = h->slot[slot].key;

	must(h->key[key].waiting > 0);
	leave(h, slot);
	h->key[key].waiting--;
	tell_changed(h, key);
}

void
queue_move(struct sch *h, uint32_t slot, uint32_t queue)
{
	wait_leave(h, slot);
	leave(h, slot);
	h->slot[slot].queue = (uint8_t)queue;
	enter(h, slot);
}

uint32_t
queue_top(const struct sch *h, uint32_t queue, enum queue_line line)
{
	uint32_t g = h->line[queue][line].top;

	return g == HEAP_NONE ? NOBODY : h->group[g].waits.top;
}

uint32_t
queue_head(const struct sch *h, uint32_t queue)
{
	uint32_t ready = queue_top(h, queue, LINE_READY);
	uint32_t cold = queue_top(h, queue, LINE_COLD);

	if (ready == NOBODY || cold == NOBODY)
		return ready == NOBODY ? cold : ready;
	if (queue > 0 &&
	    h->now - h->slot[cold].view.arrived_ns < h->rules.cold_wait_ns)
		return ready;
	return by_queue(h, ready, cold) ? ready : cold;
}

uint32_t
queue_first(const struct sch *h, uint32_t key)
{
	uint32_t best = NOBODY;

	for (uint32_t q = 0; q < QUEUES; q++) {
		uint32_t slot = h->group[group_of(h, q, key)].waits.top;

		if (slot != HEAP_NONE &&
		    (best == NOBODY || queue_before(h, slot, best)))
			best = slot;
	}
	return best;
}

void
queue_promote(struct sch *h, nsec now)
{
	while (h->ages.n > 0) {
		uint32_t slot = h->ages.top;

		if (now - h->slot[slot].view.arrived_ns < h->rules.age_ns)
			break;
		queue_move(h, slot, 0);
		sch_count(&h->w.meters->promoted);
	}
}

/* Heaps are ordered by the rules: they are emptied under the old order's shape
 * and filled anew. */
void
queue_again(struct sch *h)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->nslots; i++)
		if (h->slot[i].phase == PHASE_WAITING) {
			wait_leave(h, i);
			h->order[n++] = i;
		}
	queue_format(h);
	for (int q = 0; q < QUEUES; q++)
		h->waiting_in[q] = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct sch_slot *p = &h->slot[h->order[i]];

		p->size = account_size(h,
		    &(struct size_view){ p->view.prompt, p->view.predicted,
			p->view.adapter_bytes, p->runs_s });
		p->class = (uint8_t)account_class(h, p->size);
		p->queue = p->queue == 0 ? 0 : (uint8_t)(1 + p->class);
		enter(h, h->order[i]);
	}
}

uint32_t
sch_queue_of(const struct sch *h, uint32_t slot)
{
	return h->slot[slot].queue;
}

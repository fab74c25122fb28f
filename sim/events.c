/* What comes when: a heap by time, kind and the order in which it was made. */
#include "sim/world.h"

#include "base/must.h"

static bool
before(const struct sim_event *a, const struct sim_event *b)
{
	if (a->at != b->at)
		return a->at < b->at;
	return a->kind != b->kind ? a->kind < b->kind : a->order < b->order;
}

void
sim_after(struct sim *m, nsec wait, enum sim_event_kind kind, uint32_t which,
    uint32_t serial)
{
	struct sim_heap *h = &m->heap;
	struct sim_event e = { m->now + wait, h->made++, kind, which, serial };
	uint32_t i = h->n++;

	must(i < h->room);
	for (; i > 0 && before(&e, &h->at[(i - 1) / 2]); i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = e;
}

bool
sim_next(struct sim *m, struct sim_event *e)
{
	struct sim_heap *h = &m->heap;
	struct sim_event last;
	uint32_t i = 0, child;

	if (h->n == 0)
		return false;
	*e = h->at[0];
	last = h->at[--h->n];
	while ((child = 2 * i + 1) < h->n) {
		if (child + 1 < h->n &&
		    before(&h->at[child + 1], &h->at[child]))
			child++;
		if (!before(&h->at[child], &last))
			break;
		h->at[i] = h->at[child];
		i = child;
	}
	h->at[i] = last;
	return true;
}

bool
sim_quiet(const struct sim *m)
{
	return m->heap.n == 0 || m->heap.at[0].at > m->now;
}

void
sim_wake(struct sim *m)
{
	double ms = m->setup->cost.scheduler_ms;

	if (m->turn_due || m->turning)
		return;
	m->turn_due = true;
	sim_after(m, (nsec)(ms * (double)MILLISECOND), SIM_TURN, 0, 0);
}

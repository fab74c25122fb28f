/* Who waits: a list of requests an adapter, and two heaps of adapters.
 *
 * The adapters that are here and have waiters are in the heap READY, those that
 * are out in COLD; on top is the one whose first waiter goes before all others.
 * So a thousand requests that wait for one adapter cost a turn no more than
 * one. */
#include "scheduler/sch.h"

#include "base/must.h"

bool
queue_before(const struct sch *h, uint32_t a, uint32_t b)
{
	return h->rules.admission->before(&h->slot[a].view, &h->slot[b].view);
}

static bool
above(const struct sch *h, uint32_t a, uint32_t b)
{
	return queue_before(h, h->key[a].head, h->key[b].head);
}

static void
put(struct sch *h, enum queue_heap which, uint32_t at, uint32_t key)
{
	h->heap[which][at] = key;
	h->key[key].heap_at = at;
}

static void
rise(struct sch *h, enum queue_heap which, uint32_t at)
{
	uint32_t *heap = h->heap[which], key = heap[at];

	while (at > 0 && above(h, key, heap[(at - 1) / 2])) {
		put(h, which, at, heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, which, at, key);
}

static void
sink(struct sch *h, enum queue_heap which, uint32_t at)
{
	uint32_t *heap = h->heap[which], key = heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= h->heap_n[which])
			break;
		if (child + 1 < h->heap_n[which] &&
		    above(h, heap[child + 1], heap[child]))
			child++;
		if (!above(h, heap[child], key))
			break;
		put(h, which, at, heap[child]);
		at = child;
	}
	put(h, which, at, key);
}

static void
take_out(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];
	enum queue_heap which = k->heap;
	uint32_t at = k->heap_at, last;

	if (which == HEAP_NONE)
		return;
	last = h->heap[which][--h->heap_n[which]];
	k->heap = HEAP_NONE;
	if (last == key)
		return;
	put(h, which, at, last);
	rise(h, which, at);
	sink(h, which, h->key[last].heap_at);
}

/* The key's own order may have changed since it was put in: take_out goes by its
 * position and compares the others alone. */
void
queue_file(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];
	enum queue_heap which = HEAP_NONE;

	if (k->waiting > 0 && k->away == AWAY_HERE)
		which = HEAP_READY;
	else if (k->waiting > 0 && k->away == AWAY_OUT)
		which = HEAP_COLD;
	take_out(h, key);
	if (which == HEAP_NONE)
		return;
	k->heap = (uint8_t)which;
	put(h, which, h->heap_n[which]++, key);
	rise(h, which, k->heap_at);
}

/* Where a slot goes in its list: behind this one.  New requests find it at once
 * from the tail, those that come back from the head. */
static uint32_t
behind(const struct sch *h, const struct sch_key *k, uint32_t slot)
{
	uint32_t at = NOBODY, i;

	if (k->tail == NOBODY || queue_before(h, k->tail, slot))
		return k->tail;
	for (i = k->head; queue_before(h, i, slot); i = h->slot[i].next)
		at = i;
	return at;
}

void
queue_enter(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];
	struct sch_key *k = &h->key[p->key];

	p->prev = behind(h, k, slot);
	p->next = p->prev == NOBODY ? k->head : h->slot[p->prev].next;
	if (p->prev == NOBODY)
		k->head = slot;
	else
		h->slot[p->prev].next = slot;
	if (p->next == NOBODY)
		k->tail = slot;
	else
		h->slot[p->next].prev = slot;
	k->waiting++;
	if (k->head == slot || k->heap == HEAP_NONE)
		queue_file(h, p->key);
}

void
queue_leave(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];
	struct sch_key *k = &h->key[p->key];
	bool first = k->head == slot;

	must(k->waiting > 0);
	if (p->prev == NOBODY)
		k->head = p->next;
	else
		h->slot[p->prev].next = p->next;
	if (p->next == NOBODY)
		k->tail = p->prev;
	else
		h->slot[p->next].prev = p->prev;
	k->waiting--;
	if (first)
		queue_file(h, p->key);
}

uint32_t
queue_top(const struct sch *h, enum queue_heap which)
{
	return h->heap_n[which] == 0 ? NOBODY : h->heap[which][0];
}

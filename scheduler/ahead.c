/* Adapters brought before they are needed: those that waiting requests want,
 * and those that are expected from the times between their uses. */
#include "scheduler/sch.h"

/* One that has just been told to go was needed less: not at once again. */
#define PAUSE_NS (100 * MILLISECOND)

static bool
lacks_memory(const struct sch *h, uint32_t queue)
{
	return h->why[queue] == WHY_MEMORY || h->why[queue] == WHY_ADAPTER;
}

/* The oldest of those that wait for an adapter that is out.  While a head lacks
 * memory, nothing is brought that others would use before it. */
static uint32_t
next_wanted(const struct sch *h, nsec now)
{
	uint32_t best = NOBODY;
	bool lacks = false;

	for (uint32_t q = 0; q < QUEUES; q++)
		lacks |= lacks_memory(h, q);
	for (uint32_t q = 0; q < QUEUES; q++) {
		uint32_t slot = queue_top(h, q, LINE_COLD);

		if (slot == NOBODY ||
		    (lacks &&
			(!lacks_memory(h, q) || slot != queue_head(h, q))) ||
		    now - h->key[h->slot[slot].key].gone_ns < PAUSE_NS)
			continue;
		if (best == NOBODY || queue_older(h, slot, best))
			best = slot;
	}
	return best;
}

int
ahead_queued(struct sch *h, nsec now)
{
	int done = 0;

	if (h->rules.prefetch == PREFETCH_OFF)
		return 0;
	while (h->ncoming < h->rules.prefetch_max) {
		uint32_t slot = next_wanted(h, now);
		enum resident_bring come;

		if (slot == NOBODY)
			break;
		come = resident_bring(h, h->slot[slot].key, true, now);
		if (come == BRING_SOON || come == BRING_LACKS)
			break;
		if (come == BRING_DONE)
			sch_count(&h->w.meters->prefetched);
		done++;
	}
	return done;
}

/* Takes what is free or idle, as for one that waits; it may be too late, or for
 * nothing.  Where the policy keeps none that is idle, it would be gone at once. */
void
ahead_expected(struct sch *h, uint32_t key, nsec now)
{
	nsec load, keep;

	if (h->rules.prefetch != PREFETCH_HISTOGRAM ||
	    h->rules.eviction->idle != EVICT_KEEPS || !h->settled ||
	    h->key[key].away != AWAY_OUT ||
	    h->ncoming >= h->rules.prefetch_max ||
	    !prefetch_window(&h->history[key], &load, &keep) || now < load ||
	    now > keep)
		return;
	if (resident_bring(h, key, true, now) != BRING_DONE)
		return;
	h->key[key].expected = true;
	sch_count(&h->w.meters->prefetched);
}

/* Whether its first waiter would be the head of its queue, were it here. */
static bool
is_due(const struct sch *h, uint32_t key)
{
	uint32_t first = queue_first(h, key), head;

	if (first == NOBODY)
		return false;
	head = queue_head(h, h->slot[first].queue);
	return head == NOBODY || queue_before(h, first, head);
}

void
ahead_hasten(struct sch *h)
{
	for (uint32_t i = 0; i < h->nmoving; i++) {
		uint32_t key = h->moving[i];
		struct sch_key *k = &h->key[key];

		if (k->away != AWAY_COMING || !k->unhurried || !is_due(h, key))
			continue;
		if (k->early)
			sch_count(&h->w.meters->prefetch_late);
		k->early = k->unhurried = false;
		sch_tell_loader(h, key - 1, false);
	}
}

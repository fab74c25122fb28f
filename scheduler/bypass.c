/* Who goes before a head that finds no memory (paper, 4.5).
 *
 * R1 is next and within its quota, but its adapter fits only once running
 * requests end.  A younger R2 of the same queue that could start now goes first
 * if it would be over before that.  If it is not, and R1 could start but for
 * R2, R2 is put back; its tokens stay.  A head is bypassed so often and so long
 * at most, a request put back so often at most, and who was put back does not
 * go first again (docs/POLICY.md, row 17). */
#include "scheduler/sch.h"

static bool
may_be_bypassed(const struct sch *h, uint32_t head, nsec now)
{
	const struct sch_slot *p = &h->slot[head];

	return p->bypassed < h->rules.bypass_max &&
	    (p->lacks_ns == 0 || now - p->lacks_ns < h->rules.slo_ns / 2);
}

static uint64_t
adapter_blocks(const struct sch *h, const struct sch_slot *p)
{
	return p->key == 0 ? 0 :
			     (uint64_t)dir_chunks(p->view.adapter_bytes,
				 h->w.plan->chunk_bytes) *
		h->per_chunk;
}

/* Blocks that come back when it ends: its own, and its adapter's if no other
 * uses it. */
static int64_t
gives(const struct sch *h, const struct sch_slot *p)
{
	bool last = h->key[p->key].running == 1;

	return (int64_t)(p->granted + (last ? adapter_blocks(h, p) : 0));
}

static struct admit_end
end_of(const struct sch_slot *p, int64_t gives, nsec now)
{
	double ran = (double)(now - p->placed_ns) / (double)SECOND;

	return (
	    struct admit_end){ p->runs_s > ran ? p->runs_s - ran : 0, gives };
}

/* What is free, comes back by itself, or lies idle. */
static int64_t
blocks_to_come(const struct sch *h, uint32_t head)
{
	return (int64_t)(chunks_blocks_free(h) + h->ncooling + h->returning +
	    evict_idle_blocks(h, &h->slot[head].view));
}

/* Blocks that the slot needs to start, its adapter's included. */
static uint64_t
needs(const struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	bool here = resident_usable(h, p->key);

	return grant_room(h, slot, look_tokens(h, slot)) +
	    (here ? 0 : adapter_blocks(h, p));
}

static double
free_in(struct sch *h, uint32_t head, nsec now)
{
	for (uint32_t i = 0; i < h->nlive; i++) {
		const struct sch_slot *p = &h->slot[h->live[i]];

		h->ends[i] = end_of(p, gives(h, p), now);
	}
	return admit_free_in(h->ends, (int)h->nlive, blocks_to_come(h, head),
	    (int64_t)needs(h, head));
}

double
bypass_tokens_in(struct sch *h, int q, int64_t cost, nsec now)
{
	for (uint32_t i = 0; i < h->nlive; i++) {
		const struct sch_slot *p = &h->slot[h->live[i]];

		h->ends[i] = end_of(p, p->charge[q], now);
	}
	return admit_free_in(h->ends, (int)h->nlive, h->available[q], cost);
}

uint32_t
bypass_who(struct sch *h, uint32_t head, nsec now)
{
	uint32_t who = queue_top(h, h->slot[head].queue, LINE_READY);

	if (who == NOBODY || who == head || h->slot[who].put_back > 0 ||
	    !may_be_bypassed(h, head, now))
		return NOBODY;
	return admit_bypass(free_in(h, head, now), h->slot[who].runs_s) ?
	    who :
	    NOBODY;
}

void
bypass_went(struct sch *h, uint32_t slot, uint32_t head)
{
	h->slot[head].bypassed++;
	h->slot[slot].before = head;
	h->slot[slot].before_gen = h->slot[head].gen;
	h->nbefore++;
	sch_count(&h->w.meters->bypassed);
}

void
bypass_over(struct sch *h, uint32_t slot)
{
	h->nbefore -= h->slot[slot].before != NOBODY;
	h->slot[slot].before = NOBODY;
}

/* Whether the head could start if the slot gave its blocks back, and only
 * then. */
static bool
stands_in_the_way(const struct sch *h, uint32_t slot, uint32_t head)
{
	int64_t has = blocks_to_come(h, head), need = (int64_t)needs(h, head);

	return has < need && has + gives(h, &h->slot[slot]) >= need;
}

void
bypass_squash(struct sch *h, nsec now)
{
	(void)now;
	for (uint32_t i = h->nlive; i-- > 0 && h->nbefore > 0;) {
		uint32_t slot = h->live[i], head;
		struct sch_slot *p = &h->slot[slot];

		head = p->before;
		if (head == NOBODY || p->phase != PHASE_PLACED)
			continue;
		if (h->slot[head].gen != p->before_gen ||
		    h->slot[head].phase != PHASE_WAITING) {
			bypass_over(h, slot);
			continue;
		}
		if (p->put_back >= h->rules.squash_max ||
		    !stands_in_the_way(h, slot, head))
			continue;
		p->put_back++;
		bypass_over(h, slot);
		place_hold(h, slot, REASON_BYPASS);
		sch_count(&h->w.meters->bypass_squashed);
	}
}

/* The KV blocks of one request, and what is done when there are too few.
 *
 * A grant grows within a round, numbers first, then its count b; it ends as a
 * whole, when gpuexec has acknowledged. */
#include "scheduler/sch.h"

#include "base/must.h"

uint32_t
grant_blocks(const struct sch *h, uint64_t tokens)
{
	uint32_t per = h->w.plan->block_tokens;

	return (uint32_t)((tokens + per - 1) / per);
}

/* Blocks without which it cannot compute its next token. */
uint32_t
grant_need(const struct sch *h, uint32_t slot, uint32_t tokens)
{
	const struct sch_slot *p = &h->slot[slot];
	uint32_t n = grant_blocks(h, (uint64_t)p->nprompt + tokens + 1);

	return n < p->cap ? n : p->cap;
}

/* Blocks that it should have, those ahead of need and those reserved for its
 * answer included. */
uint32_t
grant_target(const struct sch *h, uint32_t slot, uint32_t tokens)
{
	const struct sch_slot *p = &h->slot[slot];
	uint32_t n = grant_need(h, slot, tokens) + h->rules.spare_blocks;
	uint32_t whole = grant_blocks(h,
	    (uint64_t)p->nprompt + p->view.predicted);

	if (h->rules.reserve == RESERVE_MAX)
		return p->cap;
	if (h->rules.reserve == RESERVE_PREDICTED && n < whole)
		n = whole;
	return n < p->cap ? n : p->cap;
}

/* Blocks that must be free for it to join those that run: each of them keeps
 * one to grow by, or somebody would be squashed at once.  Who has been squashed
 * before waits for more.  Where answers are reserved, nobody needs to grow. */
uint32_t
grant_room(const struct sch *h, uint32_t slot, uint32_t tokens)
{
	uint32_t target = grant_target(h, slot, tokens);
	bool again = word_load(&h->w.s[slot]).gen == h->slot[slot].gen;
	uint64_t room = target;

	if (h->rules.reserve == RESERVE_GROW || again)
		room += (uint64_t)h->nlive * (again ? 4 : 1);

	return room > (uint64_t)h->nchunks * h->per_chunk ? target :
							    (uint32_t)room;
}

void
grant_commit(struct sch *h, uint32_t slot, uint32_t gen, uint32_t round)
{
	word_store(&h->w.b[slot],
	    (struct word){ gen, 0, round, h->slot[slot].granted });
}

static void
lacks(struct sch *h, uint32_t slot, bool so)
{
	h->nlacks -= h->slot[slot].lacks;
	h->nlacks += so;
	h->slot[slot].lacks = so;
}

/* Brings the grant of a live slot up to its target, as far as blocks are free;
 * commit: for the round that runs.  Whether it is there. */
bool
grant_grow(struct sch *h, uint32_t slot, uint32_t tokens, bool commit)
{
	struct sch_slot *p = &h->slot[slot];
	uint32_t *row = h->w.blocks + (size_t)slot * h->w.plan->blocks_per_slot;
	uint32_t target = grant_target(h, slot, tokens), before = p->granted;

	while (p->granted < target) {
		uint32_t block = chunks_block(h);

		if (block == NOBODY)
			break;
		row[p->granted++] = block;
	}
	lacks(h, slot, commit && p->granted < target);
	if (commit && p->granted > before) {
		struct word s = word_load(&h->w.s[slot]);

		grant_commit(h, slot, s.gen, s.round);
		sch_tell_gpuexec(h, slot);
	}
	return p->granted >= target;
}

/* The slot holds its blocks and its ticket from here on. */
void
grant_live(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	must(!p->live);
	p->live = true;
	p->live_at = h->nlive;
	h->live[h->nlive++] = slot;
	h->key[p->key].running++;
	tell_changed(h, p->key);
}

/* gpuexec has acknowledged: x was load-acquired before this. */
void
grant_end(struct sch *h, uint32_t slot, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	struct sch_key *k = &h->key[p->key];
	const uint32_t *row = h->w.blocks +
	    (size_t)slot * h->w.plan->blocks_per_slot;
	uint64_t fence = atomic_load_explicit(h->w.launched_step,
	    memory_order_acquire);
	uint32_t last = h->live[--h->nlive];

	must(p->live && k->running > 0);
	h->live[p->live_at] = last;
	h->slot[last].live_at = p->live_at;
	p->live = false;
	lacks(h, slot, false);
	for (uint32_t i = 0; i < p->granted; i++)
		chunks_block_back(h, row[i], fence);
	if (p->phase >= PHASE_HELD)
		h->returning -= p->granted;
	p->granted = 0;
	k->running--;
	k->used_ns = now;
	tell_changed(h, p->key);
	if (p->charged)
		account_return(h, slot);
	bypass_over(h, slot);
	if (h->suspect == slot)
		h->suspect = NOBODY;
	evict_touch(h, p->key, now);
	resident_idle(h, p->key);
}

/* The first of those that lack blocks; starved: cannot go on at all. */
static uint32_t
first_lacking(const struct sch *h, bool starved)
{
	uint32_t best = NOBODY;

	for (uint32_t i = 0; i < h->nlive; i++) {
		uint32_t slot = h->live[i];
		const struct sch_slot *p = &h->slot[slot];

		if (!p->lacks || p->phase != PHASE_PLACED)
			continue;
		if (starved &&
		    p->granted >= grant_need(h, slot, look_tokens(h, slot)))
			continue;
		if (best == NOBODY || queue_older(h, slot, best))
			best = slot;
	}
	return best;
}

/* The cheapest to redo among those that came after the starved one: so the
 * oldest is never a victim of another, and gets to its end. */
static uint32_t
victim(const struct sch *h, uint32_t starved)
{
	uint32_t best = NOBODY, least = 0, others = 0;

	for (uint32_t i = 0; i < h->nlive; i++) {
		uint32_t slot = h->live[i];
		const struct sch_slot *p = &h->slot[slot];
		uint32_t cost = p->nprompt + look_tokens(h, slot);

		if (p->phase != PHASE_PLACED)
			continue;
		others += slot != starved;
		if (slot == starved || queue_older(h, slot, starved))
			continue;
		if (best == NOBODY || cost < least ||
		    (cost == least && queue_older(h, best, slot))) {
			best = slot;
			least = cost;
		}
	}
	if (best != NOBODY)
		return best;
	return others > 0 ? starved : NOBODY;
}

/* Running requests that lack blocks: free ones, then cached adapters, then, for
 * one that cannot go on, the blocks of another request. */
void
grant_serve(struct sch *h, nsec now)
{
	uint32_t slot;

	while ((slot = first_lacking(h, false)) != NOBODY)
		if (!grant_grow(h, slot, look_tokens(h, slot), true))
			break;
	if (slot == NOBODY)
		return;
	if (evict_chunks(h, 1, NULL, true, REASON_KV, now))
		return;
	slot = first_lacking(h, true);
	if (slot == NOBODY || h->ncooling > 0 || h->returning > 0)
		return;
	slot = victim(h, slot);
	if (slot != NOBODY)
		place_hold(h, slot, REASON_MEMORY);
}

/* What must hold of words and memory, whatever the scheduler decides:
 *
 *	one owner a block, and it lies in a chunk of keys and values
 *	one want a place, and it lies in a chunk of its class, and fits
 *	a live ticket's adapter is wanted where it is, and no step loses its own
 *	a pinned adapter that is here stays
 *	quota = available + charged, of each queue
 *	the parts of a wait are the wait
 *	every request is outside, open or ended
 *	what is used and what is not is all there is */
#include "sim/world.h"

#define CHAIN_END UINT32_MAX

/* Its blocks and its ticket are not given back yet. */
bool
sim_laws_live(const struct sim *m, uint32_t slot)
{
	struct word s = word_load(&m->s[slot]), x = word_load(&m->x[slot]);
	struct word b = word_load(&m->b[slot]);

	if (s.state == S_REL || b.gen != s.gen || b.round != s.round)
		return false;
	if (x.gen != s.gen)
		return true;
	return x.state != X_FIN &&
	    !(x.state == X_HELD && x.round == s.round && s.state != S_PLACED);
}

static void
own(struct sim *m, uint32_t slot, uint32_t block)
{
	if (block >= m->plan.chunks * m->plan.blocks_per_chunk) {
		sim_breach(m, "slot %u has block %u, which is none", slot,
		    block);
		return;
	}
	if (m->mark[block] == m->looks)
		sim_breach(m, "block %u belongs to slots %u and %u", block,
		    m->owner[block] - 1, slot);
	m->mark[block] = m->looks;
	m->owner[block] = slot + 1;
	m->live_blocks++;
	if (word_load_place(&m->chunk[block / m->plan.blocks_per_chunk])
		.state != CHUNK_KV)
		sim_breach(m, "block %u of slot %u lies in a foreign chunk",
		    block, slot);
}

static void
one_owner_a_block(struct sim *m)
{
	m->looks++;
	m->live_blocks = 0;
	for (uint32_t i = 0; i < m->nopen; i++) {
		uint32_t slot = m->open[i], n = word_load(&m->b[slot]).low;
		const uint32_t *row = m->blocks +
		    (size_t)slot * m->plan.blocks_per_slot;

		if (!sim_laws_live(m, slot))
			continue;
		for (uint32_t k = 0; k < n; k++)
			own(m, slot, row[k]);
	}
}

static uint32_t
after(const struct sim *m, uint32_t class, uint32_t c)
{
	return class > 0 ? CHAIN_END : m->next[c];
}

static void
place_is_its_own(struct sim *m, uint32_t a, struct place_word want)
{
	uint32_t sub = dir_place_sub(want.place), n = 0;
	uint64_t room = m->plan.chunk_bytes >> want.class;

	for (uint32_t c = dir_place_chunk(want.place); c != CHAIN_END;
	     c = after(m, want.class, c), n++) {
		struct place_word k;

		if (c >= m->plan.chunks || n >= m->plan.chunks) {
			sim_breach(m, "adapter %u has a place that is none", a);
			return;
		}
		k = word_load_place(&m->chunk[c]);
		if (k.state != CHUNK_ADAPTER || k.class != want.class)
			sim_breach(m, "adapter %u lies in a foreign chunk", a);
		if ((m->places[c][sub / 64] >> sub % 64 & 1) != 0)
			sim_breach(m, "adapter %u lies where another does", a);
		m->places[c][sub / 64] |= 1ull << sub % 64;
	}
	if (n * room < m->info[a].bytes)
		sim_breach(m, "adapter %u is larger than its place", a);
}

static void
one_want_a_place(struct sim *m)
{
	for (uint32_t c = 0; c < m->plan.chunks; c++)
		for (int i = 0; i < 4; i++)
			m->places[c][i] = 0;
	for (uint32_t a = 0; a < m->plan.adapters; a++) {
		struct place_word want = word_load_place(&m->want[a]);
		struct place_word have = word_load_place(&m->have[a]);

		if (want.state == WANT_IN || have.gen != want.gen)
			place_is_its_own(m, a, want);
	}
}

static void
tickets_keep_their_adapters(struct sim *m)
{
	for (uint32_t i = 0; i < m->nopen; i++) {
		const struct slot_ticket *t = &m->ticket[m->open[i]];
		struct place_word want;

		if (!sim_laws_live(m, m->open[i]) || t->adapter < 0)
			continue;
		want = word_load_place(&m->want[t->adapter]);
		if (want.state != WANT_IN || want.gen != t->want_gen)
			sim_breach(m, "adapter %d leaves under slot %u",
			    t->adapter, m->open[i]);
	}
}

/* From the first turn that finds it here and pinned; an operator may have it
 * unloaded all the same. */
static void
pinned_adapters_stay(struct sim *m)
{
	for (uint32_t a = 0; a < m->plan.adapters; a++) {
		uint64_t ask = atomic_load_explicit(&m->ask[a],
		    memory_order_relaxed);
		struct place_word want = word_load_place(&m->want[a]);

		if (dir_ask_pinned(ask) && m->stays[a] != 0 &&
		    m->stays[a] != want.gen &&
		    dir_ask_command(ask) != ASK_UNLOAD)
			sim_breach(m, "adapter %u leaves though it is pinned",
			    a);
		m->stays[a] = dir_ask_pinned(ask) && want.state == WANT_IN ?
		    want.gen :
		    0;
	}
}

static void
step_keeps_its_own(struct sim *m)
{
	for (uint32_t i = 0; m->stepping && i < m->nlive; i++) {
		const struct sim_seat *t = &m->seat[m->live[i]];
		const uint32_t *row = m->blocks +
		    (size_t)t->slot * m->plan.blocks_per_slot;
		uint32_t n = (t->kv + t->rows + m->plan.block_tokens - 1) /
		    m->plan.block_tokens;

		for (uint32_t k = 0; t->rows > 0 && k < n; k++)
			if (m->mark[row[k]] == m->looks &&
			    m->owner[row[k]] != t->slot + 1)
				sim_breach(m,
				    "block %u of a step is given to slot %u",
				    row[k], m->owner[row[k]] - 1);
		if (t->rows > 0 && t->adapter >= 0 &&
		    word_load_place(&m->have[t->adapter]).gen != t->want_gen)
			sim_breach(m, "adapter %d leaves under a step",
			    t->adapter);
	}
}

static void
no_request_is_lost(struct sim *m)
{
	uint64_t open = 0, should = m->submitted + m->left_outside - m->ended;

	for (uint32_t i = 0; i < m->nopen; i++)
		open += word_load(&m->f[m->open[i]]).state == F_SUB;
	if (open != should)
		sim_breach(m,
		    "%llu requests are open, %llu were submitted and "
		    "have not ended",
		    (unsigned long long)open, (unsigned long long)should);
	if (m->nopen + m->nfree_slots != m->plan.slots)
		sim_breach(m, "%u slots are open, %u are free, of %u", m->nopen,
		    m->nfree_slots, m->plan.slots);
}

void
sim_laws_words(struct sim *m)
{
	one_owner_a_block(m);
	one_want_a_place(m);
	tickets_keep_their_adapters(m);
	pinned_adapters_stay(m);
	step_keeps_its_own(m);
	no_request_is_lost(m);
}

void
sim_laws_queues(struct sim *m)
{
	if (!sch_balanced(m->sch))
		sim_breach(m, "quotas or queues do not add up");
}

void
sim_laws_split(struct sim *m, uint32_t slot)
{
	const struct slot_ticket *t = &m->ticket[slot];
	nsec sum = t->wait.loading_ns, least = t->wait.loading_ns;

	for (int w = 0; w < WHY_COUNT; w++) {
		sum += t->wait.by_ns[w];
		if (least > t->wait.by_ns[w])
			least = t->wait.by_ns[w];
	}
	if (sum != t->placed_ns - t->seen_ns || least < 0)
		sim_breach(m,
		    "slot %u waited %lld ns, the parts are %lld ns, the least "
		    "%lld ns",
		    slot, (long long)(t->placed_ns - t->seen_ns),
		    (long long)sum, (long long)least);
}

/* A chunk that is somebody's though nothing in it is used, while no fence is
 * in the way. */
static void
no_chunk_is_lost(struct sim *m)
{
	uint32_t per = m->plan.blocks_per_chunk;

	for (uint32_t c = 0; c < m->plan.chunks; c++) {
		uint32_t owner = word_load_place(&m->chunk[c]).state;
		bool used = owner == CHUNK_FREE;

		for (uint32_t k = 0; owner == CHUNK_KV && k < per; k++)
			used |= m->mark[c * per + k] == m->looks;
		for (int i = 0; owner == CHUNK_ADAPTER && i < 4; i++)
			used |= m->places[c][i] != 0;
		if (!used)
			sim_breach(m, "chunk %u is kept by nobody", c);
	}
}

void
sim_laws_count(struct sim *m)
{
	one_owner_a_block(m);
	if (m->meters.kv_blocks_used != m->live_blocks)
		sim_breach(m,
		    "the scheduler counts %llu blocks, requests have %llu",
		    (unsigned long long)m->meters.kv_blocks_used,
		    (unsigned long long)m->live_blocks);
}

void
sim_laws_chunks(struct sim *m)
{
	sim_laws_words(m);
	if (m->completed == m->launched)
		no_chunk_is_lost(m);
}

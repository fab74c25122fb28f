/* Cached adapters never delay a request that would fit without them: first
 * come, first served, the first in line waits for nothing but others' ends, its
 * own load and a few steps.  Exact for that order alone. */
#include "sim/world.h"

#include <string.h>

static bool
applies(const struct conf *c)
{
	return strcmp(c->policy_admission, "fifo") == 0 &&
	    c->policy_cold_wait_ms == 0 &&
	    strcmp(c->policy_reserve, "predicted") != 0 &&
	    c->policy_resident_min_percent == 0;
}

static uint64_t
blocks_of(const struct sim *m, uint64_t tokens)
{
	return (tokens + m->plan.block_tokens - 1) / m->plan.block_tokens;
}

static void
keep(struct sim *m, int32_t adapter)
{
	struct place_word want = word_load_place(&m->want[adapter]);
	uint32_t c = dir_place_chunk(want.place);

	if (want.state != WANT_IN)
		return;
	for (; c<m->plan.chunks; c = want.class> 0 ? SIM_NONE : m->next[c])
		m->kept[c] = 1;
}

/* Blocks that those who run may still grow by: all of their answers where these
 * are reserved, else, and beside one that was held before, a few. */
static uint64_t
growth(struct sim *m, bool again)
{
	bool all = strcmp(m->conf->policy_reserve, "max") == 0;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < m->nopen; i++) {
		uint32_t slot = m->open[i];
		const struct sim_ask *q = sim_ask_of(m, slot);
		uint64_t left = 0, has = word_load(&m->b[slot]).low;

		if (!sim_laws_live(m, slot))
			continue;
		if (m->ticket[slot].adapter >= 0)
			keep(m, m->ticket[slot].adapter);
		if (all)
			left = blocks_of(m, q->prompt + q->max_tokens) - has;
		sum += left < 4 && (again || !all) ? 4 : left;
	}
	return sum;
}

/* Blocks that it must find, beside those of growth. */
static uint64_t
need(const struct sim *m, uint32_t slot)
{
	const struct conf *c = m->conf;
	const struct sim_ask *q = sim_ask_of(m, slot);
	uint64_t cap = blocks_of(m, (uint64_t)q->prompt + q->max_tokens), n;
	uint64_t given = (uint64_t)q->prompt +
	    m->result->outcomes[m->slot[slot].ask].tokens;

	if (strcmp(c->policy_reserve, "max") == 0)
		return cap;
	n = blocks_of(m, given + 1) + c->scheduler_spare_blocks;
	return n < cap ? n : cap;
}

/* Whether it would fit if no adapter lay in the pool but those that run or are pinned. */
static bool
fits(struct sim *m, uint32_t slot)
{
	int32_t a = sim_ask_of(m, slot)->adapter;
	uint64_t want = need(m, slot), chunks = 0, kv = 0, own = 0;

	memset(m->kept, 0, m->plan.chunks);
	want += growth(m, m->slot[slot].round > 0);
	for (uint32_t p = 0; p < m->plan.adapters; p++)
		if (m->stays[p] != 0)
			keep(m, (int32_t)p);
	if (a >= 0 && word_load_place(&m->want[a]).state == WANT_IN)
		keep(m, a);
	else if (a >= 0)
		own = dir_chunks(m->info[a].bytes, m->plan.chunk_bytes);
	for (uint32_t c = 0; c < m->plan.chunks; c++) {
		uint32_t owner = word_load_place(&m->chunk[c]).state;

		kv += owner == CHUNK_KV;
		chunks += owner == CHUNK_FREE ||
		    (owner == CHUNK_ADAPTER && !m->kept[c]);
	}
	return chunks >= own &&
	    (chunks - own + kv) * m->plan.blocks_per_chunk >=
	    want + m->live_blocks;
}

/* Of several that came in one moment the scheduler may have any first. */
static bool
has_twin(const struct sim *m, uint32_t slot)
{
	uint32_t next = m->slot[slot].next;

	return next != SIM_NONE &&
	    sim_ask_of(m, next)->at == sim_ask_of(m, slot)->at;
}

static bool
delayed(struct sim *m, uint32_t slot)
{
	return slot != SIM_NONE && m->running < m->plan.batch_max &&
	    !sim_waits_for_load(m, slot) && !sim_waits_for_release(m, slot) &&
	    !has_twin(m, slot) && fits(m, slot);
}

void
sim_room_turn(struct sim *m)
{
	uint32_t first = m->line.head;
	uint64_t most = 3 + m->admit_most;
	uint64_t ask;

	/* Who came of age under other rules goes first for good. */
	if (!applies(m->conf) || m->ages_differ)
		return;
	if (!delayed(m, first)) {
		m->head = 0;
		return;
	}
	ask = m->slot[first].ask;
	if (m->head != ask + 1) {
		m->head = ask + 1;
		m->head_ns = m->now;
		m->head_step = m->launched;
	} else if (m->launched - m->head_step > most &&
	    m->now - m->head_ns > m->load_longest) {
		sim_breach(m,
		    "request %llu would fit without cached adapters and has "
		    "waited %llu steps",
		    (unsigned long long)ask,
		    (unsigned long long)(m->launched - m->head_step));
	}
}

/* What the three words of one slot say now, and what follows at once.
 *
 * The same code serves hints, sweeps and the first look after a restart. */
#include "scheduler/sch.h"

/* Tokens committed, as gpuexec says: believed up to the context. */
uint32_t
look_tokens(const struct sch *h, uint32_t slot)
{
	struct word x = word_load(&h->w.x[slot]);

	if (x.gen != h->slot[slot].gen)
		return 0;
	return x.low < h->w.plan->context ? x.low : h->w.plan->context;
}

/* gpuexec will launch nothing more for the placement in s. */
static bool
acknowledged(struct word s, struct word x)
{
	if (x.gen != s.gen)
		return false;
	return x.state == X_FIN ||
	    (x.state == X_HELD && x.round == s.round && s.state != S_PLACED);
}

/* A moment before now: the page is another's. */
static nsec
arrived(nsec said, nsec now)
{
	return said < 0 ? 0 : said > now ? now : said;
}

/* What the request asks for, read once: the page is another's.  false: it is not
 * legal. */
static bool
read_request(struct sch *h, uint32_t slot, uint32_t gen, nsec now)
{
	const struct slot_request *r = &h->w.request[slot];
	struct sch_slot *p = &h->slot[slot];
	int64_t context = h->w.plan->context;
	int64_t prompt = r->nprompt, answer = r->max_tokens;
	int64_t adapter = r->adapter;
	bool known;

	*p = (struct sch_slot){ .gen = gen,
		.seen_ns = now,
		.deadline_ns = r->deadline_ns,
		.serial = r->adapter_serial,
		.next = NOBODY,
		.before = NOBODY,
		.view = { .slot = slot,
		    .arrived_ns = arrived(r->arrived_ns, now),
		    .order = h->submissions++ } };
	wait_begin(h, slot);
	if (prompt < 1 || prompt >= context || answer < 1 ||
	    answer > context - prompt || adapter < SLOT_BASE ||
	    adapter >= (int64_t)h->nkeys - 1)
		return false;
	p->key = (uint32_t)(adapter + 1);
	p->nprompt = (uint32_t)prompt;
	p->max_tokens = (uint32_t)answer;
	p->cap = grant_blocks(h, (uint64_t)(prompt + answer));
	p->view.prompt = p->nprompt;
	if (p->key > 0)
		p->view.adapter_bytes = h->w.info[p->key - 1].bytes;
	worth_meet(h, p->key);
	/* What was predicted once stays so. */
	known = word_load(&h->w.s[slot]).gen == gen;
	account_request(h, slot, known ? h->w.ticket[slot].predicted : 0);
	return true;
}

/* Where its adapter is as the request comes in. */
static enum slot_source
source_of(const struct sch *h, uint32_t key)
{
	if (resident_here(h, key))
		return SLOT_RESIDENT;
	return word_load_place(&h->w.have[key - 1]).state == HAVE_HOST ?
	    SLOT_HOST :
	    SLOT_DISK;
}

/* Why a request cannot be served whatever else happens. */
static enum slot_denied
refusal(const struct sch *h, const struct sch_slot *p)
{
	uint64_t chunks = (p->cap + h->per_chunk - 1) / h->per_chunk, entry;

	if (p->key > 0) {
		entry = resident_entry(h, p->key);
		if (dir_serial(entry) != p->serial ||
		    dir_entry_state(entry) == DIR_FREE)
			return DENIED_UNLOADED;
		if (dir_entry_state(entry) == DIR_BROKEN)
			return DENIED_ADAPTER;
		chunks += dir_chunks(p->view.adapter_bytes,
		    h->w.plan->chunk_bytes);
	}
	return chunks > h->nchunks ? DENIED_MEMORY : DENIED_NONE;
}

static bool
accept_new(struct sch *h, uint32_t slot, uint32_t gen, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	bool legal = read_request(h, slot, gen, now);
	enum slot_denied why = legal ? refusal(h, p) : DENIED_DAMAGED;

	if (why != DENIED_NONE) {
		place_deny(h, slot, why, now);
		return true;
	}
	p->source = (uint8_t)source_of(h, p->key);
	tell_came(h, slot);
	recent_came(h, slot);
	sch_phase_set(h, slot, PHASE_WAITING);
	return true;
}

/* A hold is acknowledged: it waits again, in its old order. */
static void
come_back(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	if (resident_failed(h, p->key)) {
		place_deny(h, slot, DENIED_ADAPTER, h->now);
		return;
	}
	if (p->deaths == 2 && h->suspect == NOBODY)
		h->suspect = slot;
	sch_phase_set(h, slot,
	    p->deaths == 2 && h->suspect != slot ? PHASE_PARKED :
						   PHASE_WAITING);
}

/* An open request that has been looked at before. */
static bool
look_open(struct sch *h, uint32_t slot, struct word s, struct word x, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	enum sch_phase was = p->phase;

	if (was == PHASE_DENIED || was == PHASE_ENDED || was == PHASE_CLOSED)
		return false;
	if (x.gen == p->gen && x.state == X_FIN) {
		sch_phase_set(h, slot, PHASE_ENDED);
		sch_count(&h->w.meters->finished);
		account_learn(h, slot, x.low, now);
		return true;
	}
	if (p->deadline_ns != 0 && now >= p->deadline_ns) {
		place_deny(h, slot, DENIED_DEADLINE, now);
		return true;
	}
	if (was == PHASE_HELD && acknowledged(s, x)) {
		come_back(h, slot);
	} else if (was == PHASE_PLACED && s.low != h->epoch) {
		p->deaths += x.gen == s.gen && x.state == X_RUN &&
		    x.round == s.round;
		sch_phase_set(h, slot, PHASE_AGAIN);
	} else if (was == PHASE_PLACED) {
		uint32_t before = p->granted;

		(void)grant_grow(h, slot, look_tokens(h, slot), true);
		return p->granted != before;
	}
	return p->phase != was;
}

/* 9, or on the way there. */
static bool
look_closed(struct sch *h, uint32_t slot, uint32_t gen, struct word s,
    struct word x, nsec now)
{
	struct sch_slot *p = &h->slot[slot];

	if (s.gen == gen && s.state == S_REL)
		return false;
	if (p->phase != PHASE_NONE && p->gen != gen)
		return false; /* no frontend of ours goes on so */
	if (s.gen != gen || (x.gen == gen && x.state == X_FIN)) {
		/* Ended and told between two looks. */
		if (p->phase == PHASE_PLACED) {
			sch_count(&h->w.meters->finished);
			account_learn(h, slot, x.low, now);
		}
		p->gen = gen;
		place_release(h, slot);
		return true;
	}
	if (p->phase == PHASE_CLOSED)
		return false;
	sch_phase_set(h, slot, PHASE_CLOSED);
	return true;
}

bool
look_slot(struct sch *h, uint32_t slot, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	struct word f = word_load(&h->w.f[slot]);
	struct word x = word_load(&h->w.x[slot]);
	struct word s = word_load(&h->w.s[slot]);
	bool ended = p->live && acknowledged(s, x);

	if (ended)
		grant_end(h, slot, now);
	if (f.state == F_CLOSED)
		return look_closed(h, slot, f.gen, s, x, now) || ended;
	if (f.state != F_SUB)
		return ended;
	if (p->phase == PHASE_NONE && s.gen != f.gen)
		return accept_new(h, slot, f.gen, now);
	if (p->phase == PHASE_NONE || p->gen != f.gen)
		return ended;
	return look_open(h, slot, s, x, now) || ended;
}

/* At a start: takes what a live grant lists; false: it lists what it cannot. */
static bool
mark_blocks(struct sch *h, uint32_t slot, uint32_t count)
{
	const uint32_t *row = h->w.blocks +
	    (size_t)slot * h->w.plan->blocks_per_slot;
	struct sch_slot *p = &h->slot[slot];

	if (count > h->w.plan->blocks_per_slot)
		return false;
	for (; p->granted < count; p->granted++) {
		uint32_t block = row[p->granted];

		if (block >= h->nchunks * h->per_chunk ||
		    h->chunk[block / h->per_chunk].owner != CHUNK_KV ||
		    h->block_next[block] == block)
			return false;
		chunks_block_mark(h, block);
	}
	return true;
}

/* At a start, before all else: a request that s knows already. */
void
look_rebuild(struct sch *h, uint32_t slot, nsec now)
{
	static const uint8_t phase_of[] = { [S_PLACED] = PHASE_PLACED,
		[S_HELD] = PHASE_HELD,
		[S_DENIED] = PHASE_DENIED };
	struct sch_slot *p = &h->slot[slot];
	struct word f = word_load(&h->w.f[slot]);
	struct word x = word_load(&h->w.x[slot]);
	struct word s = word_load(&h->w.s[slot]);
	struct word b = word_load(&h->w.b[slot]);
	bool legal;

	if (f.state == F_FREE || s.gen != f.gen || s.state == S_REL ||
	    s.state > S_DENIED)
		return;
	legal = read_request(h, slot, f.gen, now);
	p->deaths = h->w.ticket[slot].deaths;
	sch_phase_set(h, slot,
	    f.state == F_CLOSED ? PHASE_CLOSED : phase_of[s.state]);
	if (b.gen == s.gen && !acknowledged(s, x)) {
		legal = mark_blocks(h, slot, b.low) && legal;
		account_take(h, slot, NULL, h->w.ticket[slot].placed_ns);
		grant_live(h, slot);
		if (p->phase >= PHASE_HELD)
			h->returning += p->granted;
	}
	if (p->phase == PHASE_PLACED && p->deaths == 2 && s.low == h->epoch)
		h->suspect = slot;
	if (!legal && (p->phase == PHASE_PLACED || p->phase == PHASE_HELD))
		place_deny(h, slot, DENIED_DAMAGED, now);
}

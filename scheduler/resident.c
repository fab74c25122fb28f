/* Adapters come and go: A1 (bring), A4 (use) and A6 (call out).
 *
 *	OUT --A1--> COMING --have RESIDENT--> HERE --A6--> LEAVING --> OUT
 *	              |                                     ^   taken up, and
 *	              +------ have FAILED, or A6 -----------+   behind its fence
 *
 * A place stays taken while its adapter is LEAVING, so no two wants name it. */
#include "scheduler/sch.h"

#include "base/must.h"

static struct place_word
want_of(const struct sch *h, uint32_t key)
{
	return word_load_place(&h->w.want[key - 1]);
}

/* Whether the loader has taken up the last command, and what it says. */
static bool
taken_up(const struct sch *h, uint32_t key, struct place_word *have)
{
	*have = word_load_place(&h->w.have[key - 1]);
	return have->gen == want_of(h, key).gen;
}

static uint64_t
entry_of(const struct sch *h, uint32_t key)
{
	return atomic_load_explicit(&h->w.entry[key - 1], memory_order_acquire);
}

static void
go(struct sch *h, uint32_t key, enum sch_away to)
{
	struct sch_key *k = &h->key[key];
	bool was = k->away == AWAY_COMING || k->away == AWAY_LEAVING;

	h->nmoving -= was;
	h->nmoving += to == AWAY_COMING || to == AWAY_LEAVING;
	k->away = (uint8_t)to;
	queue_file(h, key);
}

/* Whether a place of this class lies in the pool. */
static bool
in_pool(const struct sch *h, uint32_t kind, uint32_t place)
{
	return kind <= DIR_CLASS_MAX && dir_place_chunk(place) < h->nchunks &&
	    dir_place_sub(place) < 1u << kind;
}

static void
hold_place(struct sch *h, uint32_t key, uint32_t kind, uint32_t place)
{
	struct sch_key *k = &h->key[key];

	k->class = (uint8_t)kind;
	k->place = place;
	k->held_at = h->nholding;
	h->holding[h->nholding++] = key;
}

/* The chunk after c in the chain of an adapter, CHAIN_END after the last. */
static uint32_t
after(const struct sch *h, const struct sch_key *k, uint32_t c)
{
	if (k->class > 0)
		return CHAIN_END;
	c = atomic_load_explicit(&h->w.next[c], memory_order_relaxed);
	return c < h->nchunks ? c : CHAIN_END;
}

static void
place_back(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];
	uint32_t c = dir_place_chunk(k->place), sub = dir_place_sub(k->place);
	uint32_t last = h->holding[--h->nholding];

	h->holding[k->held_at] = last;
	h->key[last].held_at = k->held_at;
	while (c != CHAIN_END) {
		uint32_t next = after(h, k, c);

		chunks_place_back(h, c, sub);
		c = next;
	}
}

static void
leaving(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];

	/* The words that ended its tickets have been load-acquired before. */
	k->fence = atomic_load_explicit(h->w.launched_step,
	    memory_order_acquire);
	for (uint32_t c = dir_place_chunk(k->place); c != CHAIN_END;
	     c = after(h, k, c))
		chunks_place_leaving(h, c);
}

/* A6 */
void
resident_call_out(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];
	struct place_word want = want_of(h, key);

	must(k->running == 0 && want.state == WANT_IN);
	leaving(h, key);
	want.gen = word_next_gen(want.gen);
	want.state = WANT_OUT;
	word_store_place(&h->w.want[key - 1], want);
	go(h, key, AWAY_LEAVING);
	sch_tell_loader(h, key - 1);
}

/* Takes the chain in next[] for its own; false: it is no legal chain. */
static bool
mark_chain(struct sch *h, uint32_t kind, uint32_t place)
{
	struct sch_key k = { .class = (uint8_t)kind };
	uint32_t c = dir_place_chunk(place), sub = dir_place_sub(place);

	if (!in_pool(h, kind, place))
		return false;
	for (; c != CHAIN_END; c = after(h, &k, c)) {
		struct sch_chunk *chunk = &h->chunk[c];

		if (chunk->owner != CHUNK_ADAPTER || chunk->class != kind ||
		    (chunk->places[sub / 64] >> sub % 64 & 1) != 0)
			return false;
		chunks_place_mark(h, c, sub);
	}
	return true;
}

/* At a start: what want and have say of one adapter. */
void
resident_rebuild(struct sch *h, uint32_t key, nsec now)
{
	struct place_word want = want_of(h, key), have;
	bool up = taken_up(h, key, &have);

	h->key[key].used_ns = now;
	if (want.state == WANT_HOST || (want.state != WANT_IN && up))
		return;
	if (!mark_chain(h, want.class, want.place)) {
		/* A damaged word: that place is nobody's until all are looked
		 * at anew, this adapter begins again. */
		want.gen = word_next_gen(want.gen);
		want.state = WANT_OUT;
		word_store_place(&h->w.want[key - 1], want);
		return;
	}
	hold_place(h, key, want.class, want.place);
	h->key[key].here_ns = now;
	if (want.state != WANT_IN)
		leaving(h, key);
	go(h, key,
	    want.state != WANT_IN		  ? AWAY_LEAVING :
		up && have.state == HAVE_RESIDENT ? AWAY_HERE :
						    AWAY_COMING);
}

/* A4.  The loader may have had to copy again what was here. */
bool
resident_here(const struct sch *h, uint32_t key)
{
	struct place_word have;

	if (key == 0)
		return true;
	return h->key[key].away == AWAY_HERE && taken_up(h, key, &have) &&
	    have.state == HAVE_RESIDENT;
}

void
resident_deny_all(struct sch *h, uint32_t key, enum slot_denied why, nsec now)
{
	while (h->key[key].waiting > 0)
		place_deny(h, h->key[key].head, why, now);
}

/* Why this adapter cannot be brought; DENIED_NONE: it can. */
static enum slot_denied
hopeless(const struct sch *h, uint32_t key, uint64_t bytes)
{
	struct place_word have;
	enum dir_state state = dir_entry_state(entry_of(h, key));
	bool up = taken_up(h, key, &have);

	if (state == DIR_BROKEN)
		return DENIED_ADAPTER;
	if (state != DIR_LISTED &&
	    !(state == DIR_RETIRED && up && have.state == HAVE_HOST))
		return DENIED_UNLOADED;
	if (dir_chunks(bytes, h->w.plan->chunk_bytes) > h->nchunks)
		return DENIED_MEMORY;
	return DENIED_NONE;
}

/* Takes n free chunks and links them. */
static uint32_t
take_chain(struct sch *h, uint32_t n)
{
	uint32_t first = CHAIN_END;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = chunks_pop(h, CHUNK_ADAPTER, 0);

		must(c != NOBODY);
		chunks_place_mark(h, c, 0);
		atomic_store_explicit(&h->w.next[c], first,
		    memory_order_relaxed);
		first = c;
	}
	return first << 8;
}

static bool
find_place(struct sch *h, uint32_t kind, uint32_t n, uint32_t *place)
{
	if (kind > 0)
		return chunks_place(h, kind, place);
	if (!h->settled || h->nfree_chunks < n)
		return false;
	*place = take_chain(h, n);
	return true;
}

/* While no more may run, no adapter that is waited for goes for another one. */
static void
make_room(struct sch *h, uint32_t key, uint32_t kind, uint32_t n, nsec now)
{
	const struct sch_key *k = &h->key[key];
	const struct admit_view *who = NULL;
	bool queued = false;

	if (k->waiting > 0) {
		who = &h->slot[k->head].view;
		queued = h->nlive < h->w.plan->batch_max;
	}
	if (kind > 0)
		(void)evict_place(h, kind, who, queued, now);
	else
		(void)evict_chunks(h, n, who, queued, now);
}

/* Whether keys and values of its first waiter would have room beside it.  If
 * not, the place would go to them before it is used. */
static bool
has_room_beside(const struct sch *h, uint32_t key, uint32_t kind, uint32_t n)
{
	const struct sch_key *k = &h->key[key];
	uint64_t blocks = 0;

	if (k->waiting == 0 || h->nlive == 0)
		return true;
	if (kind == 0 || h->class_room[kind] == NOBODY)
		blocks = (uint64_t)n * h->per_chunk;
	return chunks_blocks_free(h) >=
	    blocks + grant_room(h, k->head, look_tokens(h, k->head));
}

/* A1.  BRING_LACKS: memory lacks, or is on its way. */
enum resident_bring
resident_bring(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];
	struct place_word want = want_of(h, key), have;
	uint64_t bytes = h->w.info[key - 1].bytes;
	uint64_t chunk_bytes = h->w.plan->chunk_bytes;
	uint32_t kind = dir_class(bytes, chunk_bytes), place;
	uint32_t n = dir_chunks(bytes, chunk_bytes), blocks;
	enum slot_denied why = hopeless(h, key, bytes);

	must(k->away == AWAY_OUT);
	if (!taken_up(h, key, &have))
		return BRING_LACKS;
	if (why != DENIED_NONE) {
		resident_deny_all(h, key, why, now);
		return BRING_DENIED;
	}
	if (!has_room_beside(h, key, kind, n)) {
		blocks = grant_room(h, k->head, look_tokens(h, k->head));
		make_room(h, key, 0, n + blocks / h->per_chunk + 1, now);
		return BRING_LACKS;
	}
	if (!find_place(h, kind, n, &place)) {
		make_room(h, key, kind, n, now);
		return BRING_LACKS;
	}
	hold_place(h, key, kind, place);
	want = (struct place_word){ word_next_gen(want.gen), WANT_IN, kind,
		place };
	word_store_place(&h->w.want[key - 1], want);
	go(h, key, AWAY_COMING);
	sch_tell_loader(h, key - 1);
	return BRING_DONE;
}

/* Nobody uses it and nobody waits: is there a reason to call it out? */
void
resident_idle(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];

	if (key == 0 || k->running > 0 || k->waiting > 0 ||
	    (k->away != AWAY_HERE && k->away != AWAY_COMING))
		return;
	if (k->unload || dir_entry_state(entry_of(h, key)) != DIR_LISTED)
		resident_call_out(h, key);
}

static void
failed(struct sch *h, uint32_t key, nsec now)
{
	enum dir_state state = dir_entry_state(entry_of(h, key));

	resident_deny_all(h, key,
	    state == DIR_RETIRED ? DENIED_UNLOADED : DENIED_ADAPTER, now);
	if (h->key[key].running == 0)
		resident_call_out(h, key);
}

static void
arrived(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];

	k->here_ns = k->used_ns = now;
	sch_count(&h->w.meters->loads);
	for (uint32_t i = k->head; i != NOBODY; i = h->slot[i].next)
		h->slot[i].adapter_ns = now;
	go(h, key, AWAY_HERE);
}

/* What the loader's word says now. */
bool
resident_look(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];
	enum sch_away was = k->away;
	struct place_word have;

	if (taken_up(h, key, &have)) {
		bool here = have.state == HAVE_RESIDENT;

		if (was == AWAY_COMING && here)
			arrived(h, key, now);
		else if (was == AWAY_HERE && have.state == HAVE_LOADING)
			go(h, key, AWAY_COMING);
		else if ((was == AWAY_COMING || was == AWAY_HERE) &&
		    have.state == HAVE_FAILED)
			failed(h, key, now);
		else if (was == AWAY_LEAVING && h->completed >= k->fence) {
			place_back(h, key);
			k->unload = false;
			go(h, key, AWAY_OUT);
		}
	}
	resident_idle(h, key);
	return k->away != was;
}

/* What an operator asks of it: obeyed once, again after a restart. */
void
resident_ask(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];
	uint64_t ask = atomic_load_explicit(&h->w.ask[key - 1],
	    memory_order_acquire);
	enum dir_ask command = dir_ask_command(ask);
	uint64_t entry;

	if (ask == k->asked)
		return;
	entry = entry_of(h, key);
	if (dir_serial(entry) != dir_serial(ask) ||
	    dir_entry_state(entry) != DIR_LISTED) {
		k->asked = ask;
		return;
	}
	if (command == ASK_LOAD || command == ASK_PIN) {
		k->unload = false;
		/* Tried again at the next sweep while memory lacks. */
		if (k->away == AWAY_LEAVING ||
		    (k->away == AWAY_OUT &&
			resident_bring(h, key, now) == BRING_LACKS))
			return;
	} else if (command == ASK_UNLOAD && k->away != AWAY_OUT) {
		k->unload = true;
		resident_idle(h, key);
	}
	k->asked = ask;
}

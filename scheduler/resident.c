/* Adapters come and go: A1 (bring), A4 (use) and A6 (call out).
 *
 *	OUT --A1--> COMING ----have RESIDENT----> HERE --A6--> LEAVING --> OUT
 *	              | \--layers--> ARRIVING --/               ^   taken up, and
 *	              |                 |                       |   behind its fence
 *	              +-- have FAILED, or A6 -------------------+
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

uint64_t
resident_entry(const struct sch *h, uint32_t key)
{
	return atomic_load_explicit(&h->w.entry[key - 1], memory_order_acquire);
}

static bool
comes(enum sch_away away)
{
	return away == AWAY_COMING || away == AWAY_ARRIVING;
}

static bool
moves(enum sch_away away)
{
	return comes(away) || away == AWAY_LEAVING;
}

static void
go(struct sch *h, uint32_t key, enum sch_away to)
{
	struct sch_key *k = &h->key[key];
	bool was = moves(k->away), is = moves(to);

	h->ncoming -= comes(k->away);
	h->ncoming += comes(to);
	if (is && !was) {
		k->moving_at = h->nmoving;
		h->moving[h->nmoving++] = key;
	} else if (was && !is) {
		uint32_t last = h->moving[--h->nmoving];

		h->moving[k->moving_at] = last;
		h->key[last].moving_at = k->moving_at;
	}
	if ((k->away == AWAY_COMING) != (to == AWAY_COMING))
		wait_turn(h, key);
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

	h->leaving_of[k->class]++;

	/* The words that ended its tickets have been load-acquired before. */
	k->fence = atomic_load_explicit(h->w.launched_step,
	    memory_order_acquire);
	for (uint32_t c = dir_place_chunk(k->place); c != CHAIN_END;
	     c = after(h, k, c))
		chunks_place_leaving(h, c);
}

/* A6 */
void
resident_call_out(struct sch *h, uint32_t key, enum event_reason why)
{
	struct sch_key *k = &h->key[key];
	struct place_word want = want_of(h, key);

	must(k->running == 0 && want.state == WANT_IN);
	h->vain |= h->nlive == 0 && k->waiting > 0 && !k->used;
	evict_leave(h, key);
	leaving(h, key);
	k->gone_ns = h->now;
	want.gen = word_next_gen(want.gen);
	want.state = WANT_OUT;
	word_store_place(&h->w.want[key - 1], want);
	go(h, key, AWAY_LEAVING);
	tell_left(h, key, why);
	sch_tell_loader(h, key - 1, false);
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
	h->key[key].here_ns = h->key[key].called_ns = now;
	if (want.state == WANT_IN)
		evict_enter(h, key, now);
	else
		leaving(h, key);
	go(h, key,
	    want.state != WANT_IN		  ? AWAY_LEAVING :
		up && have.state == HAVE_RESIDENT ? AWAY_HERE :
						    AWAY_COMING);
}

bool
resident_usable(const struct sch *h, uint32_t key)
{
	return h->key[key].away == AWAY_HERE ||
	    h->key[key].away == AWAY_ARRIVING;
}

/* Its copy is under way, and the first part of it there. */
static bool
arrives(const struct sch *h, uint32_t key, struct place_word have)
{
	struct word layers;

	if (!h->rules.follow || h->w.layers == NULL ||
	    have.state != HAVE_LOADING)
		return false;
	layers = word_load(&h->w.layers[key - 1]);
	return layers.gen == have.gen && layers.low > 0;
}

/* A4.  The loader may have had to copy again what was here. */
bool
resident_here(const struct sch *h, uint32_t key)
{
	struct place_word have;

	if (key == 0)
		return true;
	return resident_usable(h, key) && taken_up(h, key, &have) &&
	    (have.state == HAVE_RESIDENT || arrives(h, key, have));
}

bool
resident_failed(const struct sch *h, uint32_t key)
{
	struct place_word have;

	return key > 0 && taken_up(h, key, &have) && have.state == HAVE_FAILED;
}

void
resident_deny_all(struct sch *h, uint32_t key, enum slot_denied why, nsec now)
{
	while (h->key[key].waiting > 0)
		place_deny(h, queue_first(h, key), why, now);
}

/* Why this adapter cannot be brought; DENIED_NONE: it can. */
static enum slot_denied
hopeless(const struct sch *h, uint32_t key, uint64_t bytes)
{
	struct place_word have;
	enum dir_state state = dir_entry_state(resident_entry(h, key));
	bool up = taken_up(h, key, &have);

	if (state == DIR_BROKEN)
		return DENIED_ADAPTER;
	if (!dir_may_serve(state) &&
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

/* Makes room; who is to have it.  One that is brought early, or while no more
 * may run, takes it from nobody who waits. */
static bool
make_room(struct sch *h, uint32_t key, uint32_t kind, uint32_t n, bool early,
    nsec now)
{
	uint32_t first = queue_first(h, key);
	const struct admit_view *who = first == NOBODY ? NULL :
							 &h->slot[first].view;
	bool queued = first != NOBODY && !early &&
	    h->nlive < h->w.plan->batch_max;

	return kind > 0 ? evict_place(h, kind, who, queued, now) :
			  evict_chunks(h, n, who, queued, REASON_ADAPTER, now);
}

/* Blocks that its first waiter and the place need together; 0: nobody waits, or
 * nobody runs who could give any back. */
static uint64_t
need_beside(const struct sch *h, uint32_t key, uint32_t kind, uint32_t n)
{
	uint32_t first = queue_first(h, key);
	uint64_t blocks = 0;

	if (first == NOBODY || h->nlive == 0)
		return 0;
	if (kind == 0 || h->class_room[kind] == NOBODY)
		blocks = (uint64_t)n * h->per_chunk;
	return blocks + grant_room(h, first, look_tokens(h, first));
}

/* Whole chunks without which so many blocks cannot be had. */
static uint32_t
chunks_for(const struct sch *h, uint64_t blocks)
{
	uint64_t has = (uint64_t)h->nfree_blocks + h->ncooling + h->returning;

	return blocks <= has ?
	    0 :
	    (uint32_t)((blocks - has + h->per_chunk - 1) / h->per_chunk);
}

static enum resident_bring
soon(bool on_its_way)
{
	return on_its_way ? BRING_SOON : BRING_LACKS;
}

/* A1 */
static void
bring(struct sch *h, uint32_t key, uint32_t kind, uint32_t place, nsec now)
{
	struct sch_key *k = &h->key[key];
	struct place_word want = want_of(h, key);

	hold_place(h, key, kind, place);
	want = (struct place_word){ word_next_gen(want.gen), WANT_IN, kind,
		place };
	word_store_place(&h->w.want[key - 1], want);
	k->called_ns = now;
	k->used = k->expected = false;
	go(h, key, AWAY_COMING);
	evict_enter(h, key, now);
	tell_wanted(h, key);
	k->unhurried = k->early || queue_first(h, key) == NOBODY;
	sch_tell_loader(h, key - 1, k->unhurried);
}

/* Where it is not the oldest who goes first in a turn, what is brought for one
 * must not go for an older one at once, or nobody comes to rest. */
static bool
promises(const struct sch *h, uint32_t key)
{
	const struct admit_policy *p = h->rules.admission;
	uint32_t first = queue_first(h, key);

	if (p->queues == ADMIT_ONE && p->before == admit_older)
		return false;
	return first != NOBODY && h->slot[first].queue > 0;
}

enum resident_bring
resident_bring(struct sch *h, uint32_t key, bool early, nsec now)
{
	struct sch_key *k = &h->key[key];
	struct place_word have;
	uint64_t bytes = h->w.info[key - 1].bytes;
	uint64_t chunk_bytes = h->w.plan->chunk_bytes, beside;
	uint32_t kind = dir_class(bytes, chunk_bytes), place;
	uint32_t n = dir_chunks(bytes, chunk_bytes);
	enum slot_denied why = hopeless(h, key, bytes);

	must(k->away == AWAY_OUT);
	if (!taken_up(h, key, &have))
		return BRING_SOON;
	if (why != DENIED_NONE) {
		resident_deny_all(h, key, why, now);
		return BRING_DENIED;
	}
	/* If keys and values of its first waiter had no room beside it, the
	 * place would go to them before it is used. */
	beside = early ? 0 : need_beside(h, key, kind, n);
	if (chunks_blocks_free(h) < beside)
		return soon(
		    make_room(h, key, 0, chunks_for(h, beside), early, now));
	if (!find_place(h, kind, n, &place))
		return soon(make_room(h, key, kind, n, early, now));
	k->early = early;
	k->promised = !early && promises(h, key);
	bring(h, key, kind, place, now);
	return BRING_DONE;
}

/* Why one that nobody runs with is called out; NONE: it stays. */
static enum event_reason
why_leave(const struct sch *h, uint32_t key)
{
	const struct sch_key *k = &h->key[key];
	enum evict_idle idle = h->rules.eviction->idle;

	if (k->waiting > 0)
		return k->used && !k->pinned && idle == EVICT_DROPS ?
		    REASON_IDLE :
		    REASON_NONE;
	if (k->unload)
		return REASON_UNLOAD;
	if (!dir_may_serve(dir_entry_state(resident_entry(h, key))))
		return REASON_GONE;
	return idle != EVICT_KEEPS && !k->pinned && !k->wanted ? REASON_IDLE :
								 REASON_NONE;
}

void
resident_idle(struct sch *h, uint32_t key)
{
	const struct sch_key *k = &h->key[key];
	enum event_reason why;

	if (key == 0 || k->running > 0 ||
	    (k->away != AWAY_HERE && !comes(k->away)))
		return;
	why = why_leave(h, key);
	if (why != REASON_NONE)
		resident_call_out(h, key, why);
}

/* A load is for somebody: nobody else's waits behind it in vain. */
void
resident_unwaited(struct sch *h, uint32_t key)
{
	const struct sch_key *k = &h->key[key];

	if (key > 0 && comes(k->away) && k->waiting == 0 && k->running == 0 &&
	    !k->pinned && !k->wanted && !k->expected &&
	    !resident_failed(h, key))
		resident_call_out(h, key, REASON_UNWANTED);
}

/* Those who had begun to follow its copy are put back, to be denied when gpuexec
 * has let go. */
static void
hold_all(struct sch *h, uint32_t key)
{
	for (uint32_t i = h->nlive; i-- > 0;) {
		uint32_t slot = h->live[i];

		if (h->slot[slot].key == key &&
		    h->slot[slot].phase == PHASE_PLACED)
			place_hold(h, slot, REASON_FAILED);
	}
}

static void
failed(struct sch *h, uint32_t key, nsec now)
{
	enum dir_state state = dir_entry_state(resident_entry(h, key));

	hold_all(h, key);
	/* Operators are told; it is not tried again for what they asked. */
	h->key[key].asked = atomic_load_explicit(&h->w.ask[key - 1],
	    memory_order_acquire);
	resident_deny_all(h, key,
	    state == DIR_RETIRED ? DENIED_UNLOADED : DENIED_ADAPTER, now);
	if (h->key[key].running == 0)
		resident_call_out(h, key, REASON_FAILED);
}

static void
arrived(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];

	cost_learn(&h->load_cost, (double)h->w.info[key - 1].bytes / (1 << 20),
	    0, 0, (double)(now - k->called_ns) / (double)SECOND);
	k->used_ns = now;
	if (k->away == AWAY_COMING)
		k->here_ns = now;
	tell_loaded(h, key, now - k->called_ns);
	go(h, key, AWAY_HERE);
	evict_touch(h, key, now);
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

		if (comes(was) && here)
			arrived(h, key, now);
		else if (was == AWAY_COMING && arrives(h, key, have)) {
			k->here_ns = now;
			go(h, key, AWAY_ARRIVING);
		} else if (was == AWAY_HERE && have.state == HAVE_LOADING) {
			k->called_ns = now; /* the loader copies it again */
			go(h, key, AWAY_COMING);
		} else if ((comes(was) || was == AWAY_HERE) &&
		    have.state == HAVE_FAILED)
			failed(h, key, now);
		else if (was == AWAY_LEAVING && h->completed >= k->fence) {
			place_back(h, key);
			h->leaving_of[k->class]--;
			/* A load still waited for is asked once more (ask.c). */
			k->unload = k->wanted = false;
			go(h, key, AWAY_OUT);
		}
	}
	resident_idle(h, key);
	return k->away != was;
}

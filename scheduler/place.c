/* Transitions 2 (place), 3 (hold, deny) and 9 (release), payload first. */
#include "scheduler/sch.h"

#include "base/must.h"

/* Blocks of these come back without any more being decided. */
static bool
gives_back(const struct sch_slot *p)
{
	return p->live && p->phase >= PHASE_HELD;
}

static bool
waits(const struct sch_slot *p)
{
	return p->phase == PHASE_WAITING || p->phase == PHASE_PARKED;
}

static void
unpark(struct sch *h, uint32_t slot)
{
	uint32_t *at = &h->parked;

	while (*at != slot)
		at = &h->slot[*at].next;
	*at = h->slot[slot].next;
}

/* Takes a slot from the list of one phase to that of another. */
void
sch_phase_set(struct sch *h, uint32_t slot, enum sch_phase phase)
{
	struct sch_slot *p = &h->slot[slot];
	enum sch_phase was = p->phase;

	if (was == PHASE_WAITING)
		queue_leave(h, slot);
	else if (was == PHASE_PARKED)
		unpark(h, slot);
	h->returning -= gives_back(p) ? p->granted : 0;
	h->open -= was != PHASE_NONE;
	h->nagain -= was == PHASE_AGAIN;
	h->nwaiting -= waits(p);
	h->nlacks -= p->lacks;

	p->phase = (uint8_t)phase;
	p->lacks = p->lacks && phase == PHASE_PLACED;
	h->returning += gives_back(p) ? p->granted : 0;
	h->open += phase != PHASE_NONE;
	h->nagain += phase == PHASE_AGAIN;
	h->nwaiting += waits(p);
	h->nlacks += p->lacks;
	if (h->suspect == slot && !p->live &&
	    (phase == PHASE_NONE || phase > PHASE_HELD))
		h->suspect = NOBODY;
	if (phase == PHASE_PARKED) {
		p->next = h->parked;
		h->parked = slot;
	} else if (phase == PHASE_WAITING) {
		queue_enter(h, slot);
	}
	/* Who waits for it decides who of the idle ones goes first. */
	if ((was == PHASE_WAITING || phase == PHASE_WAITING) &&
	    h->key[p->key].running == 0)
		evict_touch(h, p->key, h->now);
	if (was == PHASE_WAITING && phase != PHASE_PLACED)
		resident_unwaited(h, p->key);
}

/* The ticket, its counts kept over all rounds of a generation. */
static void
write_ticket(struct sch *h, uint32_t slot, bool first, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	struct slot_ticket *t = &h->w.ticket[slot];

	if (first) {
		*t = (struct slot_ticket){ .predicted = p->view.predicted,
			.source = p->source,
			.seen_ns = p->seen_ns,
			.adapter_ns = p->seen_ns,
			.placed_ns = now,
			.queue = p->queue };
	}
	if (first)
		wait_so_far(h, slot, &t->wait);
	if (first && p->key > 0 && p->source != SLOT_RESIDENT &&
	    h->key[p->key].here_ns > p->seen_ns)
		t->adapter_ns = h->key[p->key].here_ns;
	t->deaths = p->deaths;
	t->adapter = p->key == 0 ? SLOT_BASE : (int32_t)(p->key - 1);
	t->want_gen = p->key == 0 ? 0 :
				    word_load_place(&h->w.want[p->key - 1]).gen;
}

/* Where the time of the load went that brought its adapter. */
static void
write_load(struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	struct wait_split *to = &h->w.ticket[slot].wait;
	const struct dir_info *info;

	if (p->key == 0 || p->source == SLOT_RESIDENT)
		return;
	info = &h->w.info[p->key - 1];
	*(info->from_disk ? &to->disk_ns : &to->host_ns) = (nsec)info->read_us *
	    MICROSECOND;
	to->copy_ns = (nsec)info->copy_us * MICROSECOND;
}

/* 2: what it needs is there.  Ticket and list, then b, then s. */
static void
place(struct sch *h, uint32_t slot, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	struct word s = word_load(&h->w.s[slot]);
	bool first = s.gen != p->gen;
	uint32_t round = first ? 1 : word_next_round(s.round);

	write_ticket(h, slot, first, now);
	if (first)
		write_load(h, slot);
	grant_commit(h, slot, p->gen, round);
	word_store(&h->w.s[slot],
	    (struct word){ p->gen, S_PLACED, round, h->epoch });
	sch_phase_set(h, slot, PHASE_PLACED);
	(void)grant_grow(h, slot, look_tokens(h, slot), true);
	sch_count(&h->w.meters->placed);
	sch_tell_gpuexec(h, slot);
}

/* Blocks that are missing: what could be evicted for them has been.  SOON: they
 * are on their way. */
static enum place_result
lacks(struct sch *h, uint32_t slot, uint32_t want, nsec now)
{
	uint32_t has = h->nfree_blocks + h->ncooling + h->returning;
	uint32_t chunks = want > has ? want - has + h->per_chunk - 1 : 0;

	return evict_chunks(h, chunks / h->per_chunk, &h->slot[slot].view, true,
		   REASON_KV, now) ?
	    PLACE_SOON :
	    PLACE_LACKS;
}

/* A waiting request whose turn it is.  PLACE_GONE: it waits no more, look
 * again. */
enum place_result
place_first(struct sch *h, uint32_t slot, const int64_t *charge, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	uint32_t tokens, want;

	if (look_slot(h, slot, now) && p->phase != PHASE_WAITING)
		return PLACE_GONE;
	if (p->key > 0 && dir_serial(resident_entry(h, p->key)) != p->serial) {
		place_deny(h, slot, DENIED_UNLOADED, now);
		return PLACE_GONE;
	}
	tokens = look_tokens(h, slot);
	want = grant_room(h, slot, tokens);
	if (chunks_blocks_free(h) < want)
		return lacks(h, slot, want, now);
	account_take(h, slot, charge, now);
	grant_live(h, slot);
	worth_used(h, p->key, now);
	(void)grant_grow(h, slot, tokens, false);
	place(h, slot, now);
	evict_touch(h, p->key, now);
	return PLACE_DONE;
}

/* One that was placed for a dead gpuexec: it holds all that it needs.  false:
 * its adapter is not there just now. */
bool
place_again(struct sch *h, uint32_t slot, nsec now)
{
	struct sch_slot *p = &h->slot[slot];

	if (p->deaths >= 3) {
		place_deny(h, slot, DENIED_POISON, now);
		return true;
	}
	if (p->deaths == 2) {
		if (h->suspect == NOBODY)
			h->suspect = slot;
		if (h->suspect != slot) {
			h->w.ticket[slot].deaths = p->deaths;
			place_hold(h, slot, REASON_DEATH);
			return true;
		}
	}
	if (!resident_here(h, p->key)) {
		struct place_word have = word_load_place(
		    &h->w.have[p->key - 1]);

		if (have.state == HAVE_FAILED)
			place_deny(h, slot, DENIED_ADAPTER, now);
		return have.state == HAVE_FAILED;
	}
	place(h, slot, now);
	return true;
}

/* 3.  What a dead gpuexec was told is obeyed by nobody, so it may be held, and
 * below denied, like what the present one was told. */
void
place_hold(struct sch *h, uint32_t slot, enum event_reason why)
{
	struct sch_slot *p = &h->slot[slot];
	struct word s = word_load(&h->w.s[slot]);

	must(s.gen == p->gen && s.state == S_PLACED);
	h->w.ticket[slot].squashes++;
	s.state = S_HELD;
	s.low = h->epoch;
	word_store(&h->w.s[slot], s);
	sch_phase_set(h, slot, PHASE_HELD);
	tell_squashed(h, slot, why);
	sch_tell_gpuexec(h, slot);
}

void
place_deny(struct sch *h, uint32_t slot, enum slot_denied why, nsec now)
{
	struct sch_slot *p = &h->slot[slot];
	struct word s = word_load(&h->w.s[slot]);

	if (s.gen != p->gen) {
		s.round = 0;
		write_ticket(h, slot, true, now);
	}
	word_store(&h->w.s[slot],
	    (struct word){ p->gen, S_DENIED, s.round, why });
	sch_phase_set(h, slot, PHASE_DENIED);
	tell_denied(h, slot, why);
	sch_tell_frontend(h, slot);
	sch_tell_gpuexec(h, slot);
}

/* 9 */
void
place_release(struct sch *h, uint32_t slot)
{
	struct sch_slot *p = &h->slot[slot];

	must(!p->live);
	word_store(&h->w.s[slot], (struct word){ p->gen, S_REL, 0, 0 });
	sch_phase_set(h, slot, PHASE_NONE);
	sch_tell_frontend(h, slot);
}

/* The frontend: requests into free slots, in the order of arrival, and out of
 * them when they have ended. */
#include "sim/world.h"

#include "base/must.h"

static bool
resident(const struct sim *m, int32_t adapter)
{
	struct place_word want, have;

	if (adapter < 0)
		return false;
	want = word_load_place(&m->want[adapter]);
	have = word_load_place(&m->have[adapter]);
	return want.state == WANT_IN && have.gen == want.gen &&
	    have.state == HAVE_RESIDENT;
}

/* Transition 1: payload, then the word. */
static void
submit(struct sim *m, uint32_t slot, uint64_t ask)
{
	const struct sim_ask *q = &m->work->asks[ask];
	struct slot_request *r = &m->request[slot];
	struct word f = word_load(&m->f[slot]);

	r->arrived_ns = q->at + SIM_START;
	r->deadline_ns = q->deadline == 0 ? 0 : q->deadline + SIM_START;
	r->adapter = q->adapter < 0 ? SLOT_BASE : q->adapter;
	r->adapter_serial = q->adapter < 0 ? 0 : 1;
	r->nprompt = (int32_t)q->prompt;
	r->max_tokens = (int32_t)q->max_tokens;
	m->truth[slot] = q->output;
	m->slot[slot] = (struct sim_open){ .ask = ask, .open_at = m->nopen };
	m->open[m->nopen++] = slot;
	word_store(&m->f[slot],
	    (struct word){ word_next_gen(f.gen), F_SUB, 0, 0 });
	(void)ring_push(&m->fe_sc.tx, slot);
	sim_note(m, SIM_NOTE_SUBMIT, ask, slot);
	sim_waits_enter(m, slot);
	sim_wake(m);
}

static void
fill(struct sim *m)
{
	while (m->submitted < m->arrived && m->nfree_slots > 0) {
		uint64_t ask = m->submitted++;

		if (m->result->outcomes[ask].failed)
			m->left_outside--;
		else
			submit(m, m->free_slots[--m->nfree_slots], ask);
	}
}

void
sim_front_arrival(struct sim *m)
{
	uint64_t ask = m->arrived++;
	const struct sim_ask *q = &m->work->asks[ask];

	sim_note(m, SIM_NOTE_ARRIVES, ask, q->adapter);
	if (m->ended == ask)
		m->moved_ns = m->now; /* until now nothing had to move */
	m->result->outcomes[ask].hit = resident(m, q->adapter);
	if (m->arrived < m->work->n)
		sim_after(m, m->work->asks[m->arrived].at - m->now, SIM_ARRIVAL,
		    0, 0);
	fill(m);
}

static void
count_end(struct sim *m, uint64_t ask, uint8_t failed)
{
	struct sim_outcome *o = &m->result->outcomes[ask];

	o->failed = failed;
	m->ended++;
	m->last_end_ns = m->now;
	m->moved_ns = m->now;
	sim_note(m,
	    failed == SIM_LEFT ? SIM_NOTE_LEAVES :
		failed	       ? SIM_NOTE_DENIED :
				 SIM_NOTE_ENDS,
	    ask, failed ? failed : (int64_t)o->tokens);
	if (m->setup->progress != NULL && m->ended % 1024 == 0)
		m->setup->progress(m->setup->progress_arg, m->ended,
		    m->work->n);
}

static void
record(struct sim *m, uint32_t slot, uint8_t failed)
{
	const struct slot_ticket *t = &m->ticket[slot];
	uint64_t ask = m->slot[slot].ask;
	struct sim_outcome *o = &m->result->outcomes[ask];

	if (word_load(&m->s[slot]).gen == word_load(&m->f[slot]).gen) {
		o->seen_ns = t->seen_ns - SIM_START;
		o->squashes = (uint16_t)t->squashes;
	}
	if (m->slot[slot].round > 0 &&
	    m->service_longest < m->now - o->placed_ns)
		m->service_longest = m->now - o->placed_ns;
	count_end(m, ask, failed);
	if (!failed && o->tokens != m->work->asks[ask].output)
		sim_breach(m, "request %llu has ended after %u tokens of %u",
		    (unsigned long long)ask, o->tokens,
		    m->work->asks[ask].output);
}

/* 7, for one that has met its end, was denied, or whose client has gone. */
static void
close_slot(struct sim *m, uint32_t slot, struct word f, uint8_t failed)
{
	record(m, slot, failed);
	if (m->slot[slot].waits)
		sim_waits_gone(m, slot);
	f.state = F_CLOSED;
	word_store(&m->f[slot], f);
	(void)ring_push(&m->fe_sc.tx, slot);
	sim_exec_tell(m, slot);
	sim_wake(m);
}

static void
take_back(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];
	uint32_t last = m->open[--m->nopen];

	m->open[p->open_at] = last;
	m->slot[last].open_at = p->open_at;
	p->open_at = SIM_NONE;
	m->free_slots[m->nfree_slots++] = slot;
	fill(m);
}

void
sim_front_look(struct sim *m, uint32_t slot)
{
	struct word f = word_load(&m->f[slot]), s = word_load(&m->s[slot]);
	struct word x = word_load(&m->x[slot]);

	if (f.state == F_SUB && s.gen == f.gen && s.state == S_DENIED)
		close_slot(m, slot, f, (uint8_t)s.low);
	else if (f.state == F_SUB && x.gen == f.gen && x.state == X_FIN)
		close_slot(m, slot, f, 0);
	else if (f.state == F_CLOSED && s.gen == f.gen && s.state == S_REL &&
	    m->slot[slot].open_at != SIM_NONE)
		take_back(m, slot);
}

static uint32_t
slot_of(const struct sim *m, uint64_t ask)
{
	for (uint32_t i = 0; i < m->nopen; i++)
		if (m->slot[m->open[i]].ask == ask)
			return m->open[i];
	return SIM_NONE;
}

void
sim_front_leave(struct sim *m, uint64_t ask)
{
	uint32_t slot;
	struct word f;

	if (ask >= m->arrived || m->result->outcomes[ask].failed)
		return;
	if (ask >= m->submitted) {
		m->left_outside++;
		sim_waits_never(m, ask);
		count_end(m, ask, SIM_LEFT);
		return;
	}
	if ((slot = slot_of(m, ask)) == SIM_NONE)
		return;
	f = word_load(&m->f[slot]);
	if (f.state == F_SUB)
		close_slot(m, slot, f, SIM_LEFT);
}

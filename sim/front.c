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
	while (m->submitted < m->arrived && m->nfree_slots > 0)
		submit(m, m->free_slots[--m->nfree_slots], m->submitted++);
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
record(struct sim *m, uint32_t slot, uint8_t failed)
{
	const struct slot_ticket *t = &m->ticket[slot];
	uint64_t ask = m->slot[slot].ask;
	struct sim_outcome *o = &m->result->outcomes[ask];

	o->seen_ns = t->seen_ns - SIM_START;
	o->squashes = (uint16_t)t->squashes;
	o->failed = failed;
	m->ended++;
	m->last_end_ns = m->now;
	m->moved_ns = m->now;
	if (!failed && m->service_longest < m->now - o->placed_ns)
		m->service_longest = m->now - o->placed_ns;
	sim_note(m, failed ? SIM_NOTE_DENIED : SIM_NOTE_ENDS, ask,
	    failed ? failed : (int64_t)o->tokens);
	if (!failed && o->tokens != m->work->asks[ask].output)
		sim_breach(m, "request %llu has ended after %u tokens of %u",
		    (unsigned long long)ask, o->tokens,
		    m->work->asks[ask].output);
	if (m->setup->progress != NULL && m->ended % 1024 == 0)
		m->setup->progress(m->setup->progress_arg, m->ended,
		    m->work->n);
}

/* 7, for one that has met its end or was denied. */
static void
close_slot(struct sim *m, uint32_t slot, struct word f, uint8_t failed)
{
	record(m, slot, failed);
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

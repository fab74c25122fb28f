/* The executor: starts what is placed, lets go what is held (4, 5 and 8), and
 * takes as long for a step as the cost model says. */
#include "sim/world.h"

#include "base/must.h"
#include "sim/gaps.h"

static void
set_x(struct sim *m, uint32_t slot, struct word s, enum x_state state,
    uint32_t n)
{
	word_store(&m->x[slot], (struct word){ s.gen, state, s.round, n });
	(void)ring_push(&m->gx_sc.tx, slot);
	sim_wake(m);
}

/* Takes what is over off the list, the others in their order. */
static void
reap(struct sim *m)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->nlive; i++) {
		const struct sim_seat *t = &m->seat[m->live[i]];

		if (!t->over) {
			m->live[kept++] = m->live[i];
			continue;
		}
		m->seat_of[t->slot] = SIM_NONE;
		m->free_seats[m->nfree_seats++] = m->live[i];
	}
	m->nlive = kept;
}

static void
let_go(struct sim *m, uint32_t slot)
{
	sim_waits_over(m, slot);
	if (m->seat_of[slot] == SIM_NONE)
		return;
	m->seat[m->seat_of[slot]].over = true;
	reap(m);
}

/* 4 */
static void
start(struct sim *m, uint32_t slot, struct word s, uint32_t n)
{
	const struct slot_ticket *k = &m->ticket[slot];
	const struct sim_ask *q = sim_ask_of(m, slot);
	uint32_t at;

	if (m->nfree_seats == 0 || m->seat_of[slot] != SIM_NONE) {
		sim_breach(m, "slot %u is placed beyond the batch", slot);
		return;
	}
	at = m->free_seats[--m->nfree_seats];
	m->seat[at] = (struct sim_seat){ .slot = slot,
		.gen = s.gen,
		.round = s.round,
		.ask = m->slot[slot].ask,
		.adapter = k->adapter,
		.rank = k->adapter < 0 ? 0 : m->work->adapters[k->adapter].rank,
		.want_gen = k->want_gen,
		.prompt = q->prompt,
		.output = q->output,
		.n = n };
	m->seat_of[slot] = at;
	m->live[m->nlive++] = at;
	set_x(m, slot, s, X_RUN, n);
}

static void
obey(struct sim *m, uint32_t slot)
{
	struct word s = word_load(&m->s[slot]), f = word_load(&m->f[slot]);
	struct word x = word_load(&m->x[slot]);
	bool known = x.gen == s.gen;
	uint32_t n = known ? x.low : 0;

	if (s.gen != f.gen || s.state == S_REL || (known && x.state == X_FIN))
		return;
	if (f.state == F_CLOSED) {
		let_go(m, slot);
		m->results[slot].finish = FINISH_CLOSED;
		set_x(m, slot, s, X_FIN, n);
	} else if (s.state != S_PLACED) {
		if (known && x.state == X_HELD && x.round == s.round)
			return;
		let_go(m, slot);
		set_x(m, slot, s, X_HELD, n);
	} else if (!known || x.state != X_RUN || x.round != s.round) {
		start(m, slot, s, n);
	}
}

void
sim_exec_tell(struct sim *m, uint32_t slot)
{
	if (m->slot[slot].told)
		return;
	m->slot[slot].told = true;
	m->todo[m->ntodo++] = slot;
}

void
sim_exec_obey(struct sim *m)
{
	if (m->stepping)
		return;
	for (uint32_t i = 0; i < m->ntodo; i++) {
		m->slot[m->todo[i]].told = false;
		obey(m, m->todo[i]);
	}
	m->ntodo = 0;
}

void
sim_exec_begin(struct sim *m)
{
	struct sim_step step = { 0 };
	nsec took;

	if (m->stepping || m->nlive == 0 || !sim_batch_choose(m, &step))
		return;
	m->stepping = true;
	m->launched++;
	took = sim_cost_step(&m->setup->cost, &step);
	if (m->stall_until > m->now)
		took += m->stall_until - m->now;
	sim_note(m, SIM_NOTE_STEP, m->launched,
	    step.decode_rows + step.prompt_tokens);
	if (m->step_longest < took)
		m->step_longest = took;
	/* A cost model may say that steps take no time. */
	took = took > 0 ? took : 1;
	m->step_ends = m->now + took;
	sim_after(m, took, SIM_STEP_END, 0, 0);
}

static void
count_gap(struct sim *m, const struct sim_seat *t, struct sim_outcome *o)
{
	nsec gap = m->now - o->last_ns;

	if (o->gap_max_ns < gap)
		o->gap_max_ns = gap;
	if (sim_counts(m, t->ask))
		sim_gaps_add(&m->result->gaps, gap);
}

/* Held while the step ran: its token is dropped. */
static bool
may_commit(const struct sim *m, const struct sim_seat *t)
{
	struct word s = word_load(&m->s[t->slot]);
	struct word f = word_load(&m->f[t->slot]);

	return s.gen == t->gen && s.state == S_PLACED && s.round == t->round &&
	    f.gen == t->gen && f.state == F_SUB;
}

/* 5: as gpuexec does, it tells of each block that is begun. */
static void
commit(struct sim *m, struct sim_seat *t)
{
	struct sim_outcome *o = &m->result->outcomes[t->ask];
	struct word s = { t->gen, 0, t->round, 0 };

	if (t->n > 0) {
		count_gap(m, t, o);
	} else {
		o->first_ns = m->now;
		sim_note(m, SIM_NOTE_FIRST, t->ask, t->slot);
	}
	o->last_ns = m->now;
	o->tokens++;
	m->result->tokens++;
	t->n++;
	word_store(&m->x[t->slot],
	    (struct word){ t->gen, X_RUN, t->round, t->n });
	if ((t->prompt + t->n) % m->plan.block_tokens == 0 || t->n == 1)
		(void)ring_push(&m->gx_sc.tx, t->slot);
	if (t->n < t->output)
		return;
	t->over = true;
	m->results[t->slot].finish = FINISH_STOP;
	set_x(m, t->slot, s, X_FIN, t->n);
	sim_waits_over(m, t->slot);
	sim_front_look(m, t->slot);
}

void
sim_exec_end(struct sim *m)
{
	m->completed++;
	m->stepping = false;
	m->moved_ns = m->now;
	m->result->steps++;
	for (uint32_t i = 0; i < m->nlive; i++) {
		struct sim_seat *t = &m->seat[m->live[i]];

		t->kv += t->rows;
		if (t->rows > 0 && t->kv == t->prompt + t->n &&
		    may_commit(m, t))
			commit(m, t);
		t->rows = 0;
	}
	reap(m);
	sim_exec_obey(m);
	sim_note(m, SIM_NOTE_STEP_END, m->completed, m->nlive);
	sim_wake(m);
}

/* Who waits, in the order of arrival; whether one who has waited long is
 * overtaken, and whether anybody waits beyond a bound. */
#include "sim/world.h"

#include <string.h>

void
sim_waits_rules(struct sim *m)
{
	const struct conf *c = m->conf;
	struct sch_rules rules;

	/* What the scheduler refuses it refuses itself. */
	if (sch_rules_read(&rules, c) != 0)
		return;
	m->age_max_ns = rules.age_ns;
	m->ages_differ |= m->age_longest_ns != 0 &&
	    m->age_longest_ns != m->age_max_ns;
	if (m->age_longest_ns < m->age_max_ns)
		m->age_longest_ns = m->age_max_ns;
	if (m->admit_most < c->policy_admit_every_steps)
		m->admit_most = c->policy_admit_every_steps;
	m->rules_ns = m->now;
}

static void
enter(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];
	uint32_t after = m->line.tail, next;

	/* New ones come last; one that was held goes back to its place. */
	if (after != SIM_NONE && m->slot[after].ask > p->ask) {
		after = SIM_NONE;
		next = m->line.head;
		while (m->slot[next].ask < p->ask) {
			after = next;
			next = m->slot[next].next;
		}
	}
	p->prev = after;
	p->next = after == SIM_NONE ? m->line.head : m->slot[after].next;
	*(after == SIM_NONE ? &m->line.head : &m->slot[after].next) = slot;
	if (p->next == SIM_NONE)
		m->line.tail = slot;
	else
		m->slot[p->next].prev = slot;
	p->waits = true;
}

static void
leave(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];

	*(p->prev == SIM_NONE ? &m->line.head :
				&m->slot[p->prev].next) = p->next;
	*(p->next == SIM_NONE ? &m->line.tail :
				&m->slot[p->next].prev) = p->prev;
	p->waits = false;
}

void
sim_waits_enter(struct sim *m, uint32_t slot)
{
	enter(m, slot);
}

/* The longest that anybody has been served, from its first placement, ended or
 * not, held or not. */
static nsec
service(const struct sim *m)
{
	nsec longest = m->service_longest;

	for (uint32_t i = 0; i < m->nopen; i++) {
		const struct sim_open *p = &m->slot[m->open[i]];
		nsec so_far = m->now - m->result->outcomes[p->ask].placed_ns;

		if (p->round > 0 && longest < so_far)
			longest = so_far;
	}
	return longest;
}

/* What nobody waits longer than: sim.h says why. */
static nsec
bound(const struct sim *m, uint32_t ahead)
{
	nsec steps = m->admit_most + 3;

	if (ahead == 0)
		return m->age_longest_ns;
	return m->age_longest_ns + SIM_SWEEP +
	    (nsec)ahead *
	    (3 * service(m) + 2 * m->load_longest + steps * m->step_longest);
}

/* ahead: of age, as many before it, and itself. */
static void
look_at_wait(struct sim *m, uint64_t ask, nsec wait, uint32_t ahead)
{
	nsec most = bound(m, ahead), age = m->age_longest_ns;
	double share = (double)(wait - age) / (double)(most - age);

	if (m->result->late_share < share)
		m->result->late_share = share;
	if (wait > most)
		sim_breach(m,
		    "request %llu has waited %.3f s, %.3f s is the bound",
		    (unsigned long long)ask, (double)wait / 1e9,
		    (double)most / 1e9);
}

static void
first_placement(struct sim *m, uint64_t ask)
{
	nsec wait = m->now - m->work->asks[ask].at;
	uint32_t ahead = m->ahead[ask];

	sim_waits_never(m, ask);
	if ((double)wait > m->result->worst_wait_s * 1e9) {
		m->result->worst_wait_s = (double)wait / 1e9;
		m->result->starve_bound_s = (double)bound(m, ahead) / 1e9;
	}
	if (m->setup->laws && ahead > 0)
		look_at_wait(m, ask, wait, ahead);
}

static nsec
later(nsec a, nsec b)
{
	return a > b ? a : b;
}

/* Of its wait, that in which nothing but its adapter's load was missing: none
 * if it was not placed as soon as that was there. */
static nsec
load_wait(const struct sim *m, const struct sim_outcome *o, int32_t adapter)
{
	nsec ready;

	if (adapter < 0 || o->adapter_ns != o->placed_ns)
		return 0;
	ready = later(o->seen_ns, m->load[adapter].began_ns);
	ready = later(ready, m->full_ns);
	return o->adapter_ns > ready ? o->adapter_ns - ready : 0;
}

static void
note_first(struct sim *m, uint32_t slot)
{
	const struct slot_ticket *t = &m->ticket[slot];
	struct sim_outcome *o = &m->result->outcomes[m->slot[slot].ask];

	o->seen_ns = t->seen_ns - SIM_START;
	o->adapter_ns = t->adapter_ns - SIM_START;
	o->placed_ns = t->placed_ns - SIM_START;
	o->load_wait_ns = load_wait(m, o, t->adapter);
	o->class = (uint8_t)sch_queue_of(m->sch, slot);
	if (m->setup->laws)
		sim_laws_split(m, slot);
	first_placement(m, m->slot[slot].ask);
}

static void
placed(struct sim *m, uint32_t slot, struct word s)
{
	struct sim_open *p = &m->slot[slot];

	leave(m, slot);
	m->held -= p->round > 0;
	if (p->round == 0)
		note_first(m, slot);
	p->round = s.round;
	p->runs = true;
	m->running++;
	if (m->nplaced < m->plan.batch_max)
		m->placed[m->nplaced++] = p->ask;
	sim_note(m, SIM_NOTE_PLACED, p->ask, slot);
}

void
sim_waits_never(struct sim *m, uint64_t ask)
{
	m->aged_waiting -= m->ahead[ask] > 0;
	m->ahead[ask] = SIM_NONE;
}

void
sim_waits_gone(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];

	leave(m, slot);
	if (p->round > 0)
		m->held--;
	else
		sim_waits_never(m, p->ask);
}

void
sim_waits_look(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];
	struct word s = word_load(&m->s[slot]), f = word_load(&m->f[slot]);

	if (s.gen != f.gen || f.state != F_SUB)
		return;
	if (s.state == S_PLACED && p->waits) {
		placed(m, slot, s);
	} else if (s.state == S_HELD && !p->waits && s.round == p->round) {
		enter(m, slot);
		m->held++;
		sim_note(m, SIM_NOTE_HELD, p->ask, slot);
	} else if (s.state == S_DENIED && p->waits) {
		sim_waits_gone(m, slot);
	}
}

void
sim_waits_over(struct sim *m, uint32_t slot)
{
	if (!m->slot[slot].runs)
		return;
	m->slot[slot].runs = false;
	if (m->running-- == m->plan.batch_max)
		m->full_ns = m->now;
}

bool
sim_waits_for_load(const struct sim *m, uint32_t slot)
{
	int32_t a = sim_ask_of(m, slot)->adapter;
	struct place_word want, have;

	if (a < 0)
		return false;
	want = word_load_place(&m->want[a]);
	have = word_load_place(&m->have[a]);
	return want.gen != have.gen || have.state == HAVE_LOADING ||
	    (want.state == WANT_OUT && m->completed < m->load[a].out_fence);
}

bool
sim_waits_for_release(const struct sim *m, uint32_t slot)
{
	struct word s = word_load(&m->s[slot]), x = word_load(&m->x[slot]);

	return s.state == S_HELD && s.gen == word_load(&m->f[slot]).gen &&
	    (x.gen != s.gen || x.state != X_HELD || x.round != s.round);
}

/* Where admissions have an interval, one admitted may wait for its load and
 * is placed after it: then it counts when its adapter was called in. */
static bool
admitted_before(const struct sim *m, const struct sim_ask *young, nsec then)
{
	nsec began;

	if (m->admit_most <= 1 || young->adapter < 0)
		return false;
	began = m->load[young->adapter].began_ns;
	return began >= young->at && began <= then;
}

/* Nobody younger is placed before one of age whose adapter is not on its way.
 */
static void
overtakes(struct sim *m, uint64_t young)
{
	const struct sim_ask *y = &m->work->asks[young];

	for (uint32_t i = m->line.head; i != SIM_NONE; i = m->slot[i].next) {
		nsec came = sim_ask_of(m, i)->at;
		nsec of_age = later(came + m->age_max_ns, m->rules_ns);

		if (came >= y->at || of_age >= m->now)
			return;
		if (sim_waits_for_load(m, i) || sim_waits_for_release(m, i) ||
		    admitted_before(m, y, of_age))
			continue;
		sim_breach(m,
		    "request %llu goes before request %llu, which has waited "
		    "%.3f s",
		    (unsigned long long)young,
		    (unsigned long long)m->slot[i].ask,
		    (double)(m->now - sim_ask_of(m, i)->at) / 1e9);
	}
}

void
sim_waits_step(struct sim *m)
{
	for (uint32_t i = 0; m->setup->laws && i < m->nplaced; i++)
		overtakes(m, m->placed[i]);
	m->nplaced = 0;
}

/* Who has waited longer than the limit from now on, and how many of age are not
 * after it: among those of one moment the scheduler may have any first. */
void
sim_waits_age(struct sim *m)
{
	const struct sim_ask *asks = m->work->asks;

	while (
	    m->aged < m->arrived && m->now - asks[m->aged].at > m->age_max_ns) {
		uint64_t first = m->aged;

		for (;
		     m->aged < m->arrived && asks[m->aged].at == asks[first].at;
		     m->aged++)
			m->aged_waiting += m->ahead[m->aged] != SIM_NONE;
		for (; first < m->aged; first++)
			if (m->ahead[first] != SIM_NONE)
				m->ahead[first] = m->aged_waiting;
	}
}

/* Who waits, in the order of arrival; whether one who has waited long is
 * overtaken, and whether anybody waits beyond a bound. */
#include "sim/world.h"

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

/* The longest that anybody has been served, ended or not. */
static nsec
service(const struct sim *m)
{
	nsec longest = m->service_longest;

	for (uint32_t i = 0; i < m->nlive; i++) {
		uint64_t ask = m->seat[m->live[i]].ask;
		nsec so_far = m->now - m->result->outcomes[ask].placed_ns;

		if (longest < so_far)
			longest = so_far;
	}
	return longest;
}

/* What nobody may wait longer than: to be of age, then until all who were
 * before it are served one by one, with their loads, and a few steps. */
static nsec
bound(const struct sim *m, uint32_t ahead)
{
	nsec steps = m->setup->conf.policy_admit_every_steps + 3;

	if (ahead == 0)
		return m->age_max_ns;
	return m->age_max_ns + (nsec)ahead * (service(m) + m->load_longest) +
	    steps * m->step_longest;
}

static void
first_placement(struct sim *m, uint64_t ask)
{
	nsec wait = m->now - m->work->asks[ask].at, most;
	uint32_t ahead = m->ahead[ask];

	m->ahead[ask] = SIM_NONE;
	m->aged_waiting -= ahead > 0;
	if ((double)wait <= m->result->worst_wait_s * 1e9)
		return;
	most = bound(m, ahead);
	m->result->worst_wait_s = (double)wait / 1e9;
	m->result->starve_bound_s = (double)most / 1e9;
	if (m->setup->laws && ahead > 0 && wait > most)
		sim_breach(m,
		    "request %llu has waited %.3f s, %.3f s is the bound",
		    (unsigned long long)ask, (double)wait / 1e9,
		    (double)most / 1e9);
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
	m->running++;
	if (m->youngest < p->ask + 1)
		m->youngest = p->ask + 1;
	sim_note(m, SIM_NOTE_PLACED, p->ask, slot);
}

static void
denied(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];

	leave(m, slot);
	m->held -= p->round > 0;
	if (p->round > 0)
		return;
	m->aged_waiting -= m->ahead[p->ask] > 0;
	m->ahead[p->ask] = SIM_NONE;
}

void
sim_waits_look(struct sim *m, uint32_t slot)
{
	struct sim_open *p = &m->slot[slot];
	struct word s = word_load(&m->s[slot]), f = word_load(&m->f[slot]);

	if (s.gen != f.gen)
		return;
	if (s.state == S_PLACED && p->waits) {
		placed(m, slot, s);
	} else if (s.state == S_HELD && !p->waits && s.round == p->round) {
		enter(m, slot);
		m->held++;
		sim_note(m, SIM_NOTE_HELD, p->ask, slot);
	} else if (s.state == S_DENIED && p->waits) {
		denied(m, slot);
	}
}

void
sim_waits_over(struct sim *m)
{
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

/* Who has waited longer than the limit from now on, and who is before them. */
static void
come_of_age(struct sim *m)
{
	for (; m->aged < m->arrived; m->aged++) {
		if (m->now - m->work->asks[m->aged].at <= m->age_max_ns)
			break;
		if (m->ahead[m->aged] == SIM_NONE)
			continue;
		m->ahead[m->aged] = m->aged_waiting + m->running + m->held + 1;
		m->aged_waiting++;
	}
}

/* Nobody younger is placed before one of age whose adapter is not on its way.
 */
static void
overtaken(struct sim *m)
{
	nsec youngest = m->work->asks[m->youngest - 1].at;

	for (uint32_t i = m->line.head; i != SIM_NONE; i = m->slot[i].next) {
		nsec at = sim_ask_of(m, i)->at;

		if (at >= youngest || m->now - at <= m->age_max_ns)
			return;
		if (sim_waits_for_load(m, i) || sim_waits_for_release(m, i))
			continue;
		sim_breach(m,
		    "request %llu goes before request %llu, which has waited "
		    "%.3f s",
		    (unsigned long long)m->youngest - 1,
		    (unsigned long long)m->slot[i].ask,
		    (double)(m->now - at) / 1e9);
	}
}

void
sim_waits_turn(struct sim *m)
{
	if (m->setup->laws && m->youngest > 0)
		overtaken(m);
	m->youngest = 0;
	come_of_age(m);
}

/* The loader: want and have (A2, A3, A7), threads that read, and one link. */
#include "sim/world.h"

#include "base/must.h"

static nsec
of_ms(double ms)
{
	return (nsec)(ms * (double)MILLISECOND + 0.5);
}

/* Nanoseconds that a load takes the link. */
static nsec
link_ns(const struct sim *m, uint32_t a)
{
	const struct conf *c = &m->setup->conf;
	double rate = m->setup->cost.link_bytes_per_s;
	double bytes = (double)m->info[a].bytes * c->loader_link_copies;

	if (c->loader_link_bytes_per_s > 0 &&
	    (double)c->loader_link_bytes_per_s < rate)
		rate = (double)c->loader_link_bytes_per_s;
	return of_ms(m->setup->cost.load_fixed_ms + bytes / rate * 1e3);
}

static void
put(struct sim *m, struct sim_list *l, uint32_t a)
{
	m->load[a].prev = l->tail;
	m->load[a].next = SIM_NONE;
	if (l->tail == SIM_NONE)
		l->head = a;
	else
		m->load[l->tail].next = a;
	l->tail = a;
}

static void
take(struct sim *m, struct sim_list *l, uint32_t a)
{
	struct sim_load *k = &m->load[a];

	if (k->prev == SIM_NONE)
		l->head = k->next;
	else
		m->load[k->prev].next = k->next;
	if (k->next == SIM_NONE)
		l->tail = k->prev;
	else
		m->load[k->next].prev = k->prev;
}

/* What is waited for goes before what is brought early. */
static uint32_t
first(const struct sim *m, const struct sim_list *l)
{
	uint32_t a = l->head;

	while (a != SIM_NONE && m->load[a].early)
		a = m->load[a].next;
	return a != SIM_NONE ? a : l->head;
}

static void
say(struct sim *m, uint32_t a, struct place_word have)
{
	word_store_place(&m->have[a], have);
	(void)ring_push(&m->ld_sc.tx, a);
	m->moved_ns = m->now;
	sim_wake(m);
}

static void
read_next(struct sim *m)
{
	while (m->threads_busy < (uint32_t)m->setup->cost.load_threads &&
	    m->queued.head != SIM_NONE) {
		uint32_t a = first(m, &m->queued);

		take(m, &m->queued, a);
		m->threads_busy++;
		m->load[a].state = SIM_LOAD_READING;
		sim_after(m, of_ms(m->setup->cost.load_read_ms), SIM_READ_END,
		    a, ++m->load[a].serial);
	}
}

/* A stall begins with its copy, or where the step under way or the stall before
 * it ends; where nothing runs there is nothing to hold up. */
static void
stall(struct sim *m, nsec copy)
{
	const struct sim_cost *c = &m->setup->cost;
	nsec begins = m->stepping ? m->step_ends : m->now;

	if (m->running == 0)
		return;
	if (m->stall_until < begins)
		m->stall_until = begins;
	m->stall_until += of_ms(c->load_stall_ms) +
	    (nsec)((double)copy * c->load_stall_factor + 0.5);
}

static void
copy_next(struct sim *m)
{
	uint32_t a = first(m, &m->waiting);
	nsec took;

	if (m->copying != SIM_NONE || a == SIM_NONE)
		return;
	take(m, &m->waiting, a);
	m->load[a].state = SIM_LOAD_COPYING;
	m->copying = a;
	took = link_ns(m, a);
	stall(m, took);
	m->result->loads++;
	m->result->load_bytes += m->info[a].bytes *
	    m->setup->conf.loader_link_copies;
	sim_note(m, SIM_NOTE_COPY, a, took / MICROSECOND);
	sim_after(m, took, SIM_COPY_END, a, 0);
}

/* A2 */
static void
start(struct sim *m, uint32_t a, struct place_word want)
{
	struct sim_load *k = &m->load[a];

	k->gen = want.gen;
	k->began_ns = m->now;
	k->state = SIM_LOAD_QUEUED;
	m->taken += m->info[a].bytes;
	put(m, &m->queued, a);
	sim_note(m, SIM_NOTE_BRING, a, want.place);
	say(m, a,
	    (struct place_word){ want.gen, HAVE_LOADING, want.class,
		want.place });
	read_next(m);
}

/* A load is there, or called off. */
static void
over(struct sim *m, uint32_t a)
{
	nsec took = m->now - m->load[a].began_ns;

	if (m->load_longest < took)
		m->load_longest = took;
}

/* A7, once no copy is in flight. */
static void
gone(struct sim *m, uint32_t a, struct place_word want)
{
	struct sim_load *k = &m->load[a];

	if (k->state == SIM_LOAD_QUEUED)
		take(m, &m->queued, a);
	else if (k->state == SIM_LOAD_WAITING)
		take(m, &m->waiting, a);
	if (k->state != SIM_LOAD_NONE)
		over(m, a);
	k->state = SIM_LOAD_NONE;
	k->out_fence = m->launched;
	m->taken -= m->info[a].bytes;
	sim_note(m, SIM_NOTE_GONE, a, want.gen);
	say(m, a, (struct place_word){ want.gen, HAVE_ABSENT, 0, 0 });
}

void
sim_load_look(struct sim *m, uint32_t a)
{
	struct place_word want = word_load_place(&m->want[a]);
	struct place_word have = word_load_place(&m->have[a]);

	if (have.gen == want.gen || m->load[a].state == SIM_LOAD_COPYING)
		return;
	if (have.state == HAVE_LOADING || have.state == HAVE_RESIDENT) {
		if (want.state == WANT_IN) {
			sim_breach(m, "adapter %u is moved without being gone",
			    a);
			return;
		}
		gone(m, a, want);
	} else if (want.state == WANT_IN) {
		start(m, a, want);
	} else {
		/* Called out before it was begun: the place has its fence. */
		m->load[a].out_fence = m->launched;
		say(m, a, (struct place_word){ want.gen, HAVE_ABSENT, 0, 0 });
	}
}

void
sim_load_hint(struct sim *m, uint64_t hint)
{
	uint32_t a = dir_hint_adapter(hint);

	m->load[a].early = dir_hint_early(hint);
	sim_load_look(m, a);
}

/* A thread is free again, whether or not its load was called off meanwhile. */
void
sim_load_read(struct sim *m, uint32_t a, uint32_t serial)
{
	struct sim_load *k = &m->load[a];

	m->threads_busy--;
	if (k->state == SIM_LOAD_READING && k->serial == serial) {
		k->state = SIM_LOAD_WAITING;
		put(m, &m->waiting, a);
		copy_next(m);
	}
	read_next(m);
}

/* A3, if its command still stands. */
void
sim_load_copied(struct sim *m)
{
	uint32_t a = m->copying;
	struct sim_load *k = &m->load[a];
	struct place_word want = word_load_place(&m->want[a]);

	must(k->state == SIM_LOAD_COPYING);
	m->copying = SIM_NONE;
	k->state = SIM_LOAD_NONE;
	over(m, a);
	if (want.gen == k->gen) {
		sim_note(m, SIM_NOTE_THERE, a, want.place);
		say(m, a,
		    (struct place_word){ want.gen, HAVE_RESIDENT, want.class,
			want.place });
	} else {
		sim_load_look(m, a);
	}
	copy_next(m);
}

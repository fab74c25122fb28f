/* Operators, who ask for adapters and change the rules, and clients that go. */
#include "sim/world.h"

#include "base/err.h"

/* As the frontend does: a flag stays, a count tells it from the last. */
static void
command(struct sim *m, uint64_t a, enum dir_ask what)
{
	uint64_t was = atomic_load_explicit(&m->ask[a], memory_order_relaxed);
	bool pinned = dir_ask_pinned(was);

	if (what == ASK_PIN || what == ASK_UNPIN)
		pinned = what == ASK_PIN;
	atomic_store_explicit(&m->ask[a],
	    dir_ask(1, dir_ask_count(was) + 1, pinned, 0, what),
	    memory_order_release);
	(void)ring_push(&m->fe_sc.tx, a);
	sim_note(m, SIM_NOTE_ASKED, a, what);
	sim_wake(m);
}

static void
rules(struct sim *m, const struct conf *conf)
{
	struct sch_rules rules;

	if (sch_rules_read(&rules, conf) != 0) {
		sim_breach(m, "%s", err_text());
		return;
	}
	sim_note(m, SIM_NOTE_RULES, m->acted, 0);
	m->conf = conf;
	sim_waits_rules(m);
	m->head = 0;
	sch_rules_set(m->sch, &rules, sim_clock(m));
	sim_wake(m);
}

static void
one(struct sim *m, const struct sim_act *act)
{
	switch (act->kind) {
	case SIM_ACT_LOAD:
		command(m, act->which, ASK_LOAD);
		break;
	case SIM_ACT_UNLOAD:
		command(m, act->which, ASK_UNLOAD);
		break;
	case SIM_ACT_PIN:
		command(m, act->which, ASK_PIN);
		break;
	case SIM_ACT_UNPIN:
		command(m, act->which, ASK_UNPIN);
		break;
	case SIM_ACT_LEAVE:
		sim_front_leave(m, act->which);
		break;
	case SIM_ACT_RULES:
		rules(m, act->conf);
		break;
	}
}

void
sim_act(struct sim *m)
{
	const struct sim_act *acts = m->setup->acts;

	one(m, &acts[m->acted++]);
	if (m->acted < m->setup->nacts)
		sim_after(m, acts[m->acted].at - m->now, SIM_ACT, 0, 0);
}

/* chameleon-scheduler: the core in its process, and the rules it is given. */
#include "proc/proc.h"

#include "base/err.h"
#include "proc/settings.h"
#include "scheduler/core.h"

static struct {
	struct sch *core;
	struct settings_stamp seen; /* of the settings looked at last */
	uint64_t sent[PROC_COUNT];
} me;

static void
world(struct sch_world *w, const struct proc *p)
{
	const struct segs *g = &p->segs;

	*w = (struct sch_world){ .plan = p->plan,
		.f = g->f,
		.request = g->request,
		.prompt = g->prompt,
		.ask = g->ask,
		.s = g->s,
		.b = g->b,
		.ticket = g->ticket,
		.blocks = g->blocks,
		.want = g->want,
		.chunk = g->chunk,
		.next = g->next,
		.meters = g->scheduler_meters,
		.queues = g->queues,
		.uses = g->uses,
		.sums = g->told_sums,
		.waits = g->waits,
		.events = g->events[PROC_SCHEDULER],
		.entry = g->entry,
		.have = g->have,
		.layers = g->layers,
		.info = g->info,
		.returned = p->plan->backend == BACKEND_CPU ? g->returned :
							      NULL,
		.return_ns = p->conf.memory_return_ms * MILLISECOND,
		.x = g->x,
		.result = g->result,
		.launched_step = g->launched_step,
		.completed_step = g->completed_step,
		.gpuexec_epoch = &g->supervisor->order[PROC_GPUEXEC].epoch };
	segs_rx(g, RING_FE_SC, &w->from_frontend);
	segs_rx(g, RING_GX_SC, &w->from_gpuexec);
	segs_rx(g, RING_LD_SC, &w->from_loader);
	segs_tx(g, RING_SC_FE, &w->to_frontend);
	segs_tx(g, RING_SC_GX, &w->to_gpuexec);
	segs_tx(g, RING_SC_LD, &w->to_loader);
}

static int
read_rules(struct proc *p, struct sch_rules *rules)
{
	int e;

	me.seen = settings_read(&p->segs, &p->conf);
	if ((e = conf_check(&p->conf)) != 0)
		return e;
	return sch_rules_read(rules, &p->conf);
}

/* What was set was looked at before it came here (conf_check), so that this is
 * a bug elsewhere; the engine goes on with what it was started with. */
static int
first_rules(struct proc *p, struct sch_rules *rules)
{
	if (read_rules(p, rules) == 0)
		return 0;
	log_error("what operators set is left out reason=%s", err_text());
	(void)settings_started(&p->segs, &p->conf);
	return sch_rules_read(rules, &p->conf);
}

static void
say_taken(struct proc *p)
{
	struct rules_taken *t = p->segs.taken;

	atomic_store_explicit(&t->version, me.seen.version,
	    memory_order_relaxed);
	/* R1 pairs with R2: whoever sees the sequence sees the version, and
	 * the rules are in force. */
	atomic_store_explicit(&t->sequence, me.seen.sequence,
	    memory_order_release);
}

static int
start(struct proc *p)
{
	struct sch_rules rules;
	struct sch_world w;
	int e = first_rules(p, &rules);

	if (e != 0)
		return e;
	world(&w, p);
	if ((e = sch_open(&me.core, &w, &rules, clock_mono())) == 0)
		say_taken(p);
	return e;
}

/* Rules that are refused leave those of before, and are not said to be taken. */
static void
look_settings(struct proc *p, nsec now)
{
	struct settings_stamp stamp = settings_stamp(&p->segs);
	struct sch_rules rules;

	if (stamp.version == me.seen.version &&
	    stamp.sequence == me.seen.sequence)
		return;
	if (read_rules(p, &rules) != 0) {
		log_error("the rules stay as they were reason=%s", err_text());
		return;
	}
	sch_rules_set(me.core, &rules, now);
	say_taken(p);
}

/* Wakes whoever was told something. */
static void
wake(struct proc *p)
{
	for (int i = 0; i < PROC_COUNT; i++) {
		uint64_t sent = sch_sent(me.core, (enum proc_id)i);

		if (sent != me.sent[i])
			proc_wake(p, (enum proc_id)i);
		me.sent[i] = sent;
	}
}

static int
step(struct proc *p, nsec now)
{
	int n = sch_step(me.core, now);

	wake(p);
	return n;
}

static void
tick(struct proc *p, nsec now)
{
	look_settings(p, now);
	sch_tick(me.core, now);
	wake(p);
}

static bool
drained(struct proc *p)
{
	(void)p;
	return sch_drained(me.core);
}

static void
leave(struct proc *p)
{
	(void)p;
	sch_close(me.core);
}

static bool
busy(struct proc *p)
{
	(void)p;
	return sch_busy(me.core);
}

static const struct proc_ops life = { .id = PROC_SCHEDULER,
	.open = start,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = leave,
	.busy = busy };

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}

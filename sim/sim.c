/* The loop: from event to event, the scheduler's turns among them. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sim/world.h"

#define TURN_STEPS_MAX 100000 /* one turn never needs so many */
#define STILL_MAX (60 * SECOND)

/* What the scheduler has said is heard at once. */
static void
listen(struct sim *m)
{
	uint64_t hint;

	while (ring_pop(&m->sc_gx.rx, &hint)) {
		sim_waits_look(m, (uint32_t)hint);
		sim_exec_tell(m, (uint32_t)hint);
	}
	sim_waits_step(m);
	while (ring_pop(&m->sc_fe.rx, &hint))
		sim_front_look(m, (uint32_t)hint);
	while (ring_pop(&m->sc_ld.rx, &hint))
		sim_load_hint(m, hint);
	sim_exec_obey(m);
}

/* Until the scheduler has nothing more to do at this moment, and nobody has
 * answered what it said last. */
static void
turn(struct sim *m)
{
	int n = 0, done;

	m->turning = true;
	sim_waits_age(m);
	do {
		if (n++ == TURN_STEPS_MAX)
			sim_breach(m, "the scheduler comes to no rest");
		done = sch_step(m->sch, sim_clock(m));
		listen(m);
	} while (!m->broken && (done > 0 || sch_busy(m->sch)));
	m->turning = false;
	if (!m->setup->laws)
		return;
	sim_laws_words(m);
	sim_laws_queues(m);
	sim_room_turn(m);
}

/* One look at memory and queues. */
static void
sample(struct sim *m)
{
	struct sim_result *r = m->result;
	uint64_t kv = m->meters.kv_blocks_used * m->plan.kv_block_bytes;
	uint64_t pool = m->plan.chunks * m->plan.chunk_bytes;
	struct sim_sample *more;

	if (r->nsamples == m->samples_room) {
		m->samples_room = m->samples_room * 2 + 1024;
		more = realloc(r->samples, m->samples_room * sizeof(*more));
		if (more == NULL) {
			sim_breach(m, "no memory for samples");
			return;
		}
		r->samples = more;
	}
	r->samples[r->nsamples++] = (struct sim_sample){
		.at_s = (double)m->now / 1e9,
		.kv_bytes = kv,
		.adapter_bytes = m->taken,
		.idle_bytes = pool - kv - m->taken,
		.running = m->running,
		.waiting = (uint32_t)(m->arrived - m->ended) - m->running,
	};
}

/* Nothing is lost here, so that sweeps find only what time alone brings. */
static void
tick(struct sim *m)
{
	m->turning = true;
	sim_waits_age(m);
	sch_tick(m->sch, sim_clock(m));
	if (m->setup->laws)
		sim_laws_count(m); /* with the scheduler's, just made */
	listen(m);
	turn(m);
	if (m->setup->laws)
		sim_laws_chunks(m);
	sample(m);
	if (m->ended < m->arrived && !m->stepping && m->copying == SIM_NONE &&
	    m->threads_busy == 0 && m->now - m->moved_ns > STILL_MAX)
		sim_breach(m, "nothing moves while %llu requests are open",
		    (unsigned long long)(m->arrived - m->ended));
	sim_after(m, SIM_SWEEP, SIM_TICK, 0, 0);
}

static void
happens(struct sim *m, const struct sim_event *e)
{
	m->now = e->at;
	switch ((enum sim_event_kind)e->kind) {
	case SIM_STEP_END:
		sim_exec_end(m);
		break;
	case SIM_READ_END:
		sim_load_read(m, e->which, e->serial);
		break;
	case SIM_COPY_END:
		sim_load_copied(m);
		break;
	case SIM_ARRIVAL:
		sim_front_arrival(m);
		break;
	case SIM_ACT:
		sim_act(m);
		break;
	case SIM_TURN:
		m->turn_due = false;
		turn(m);
		break;
	case SIM_TICK:
		tick(m);
		break;
	}
	/* Only when all have spoken, the scheduler last, does a step begin. */
	if (sim_quiet(m))
		sim_exec_begin(m);
}

bool
sim_advance(struct sim *m)
{
	struct sim_event e;

	if (m->ended == m->work->n || m->broken || !sim_next(m, &e))
		return false;
	happens(m, &e);
	return true;
}

static void
sum_up(struct sim *m)
{
	struct sim_result *r = m->result;
	nsec from = m->warm_up_ns;

	for (uint64_t i = 0; i < m->work->n; i++) {
		const struct sim_outcome *o = &r->outcomes[i];
		int32_t a = m->work->asks[i].adapter;

		if (!sim_counts(m, i))
			continue;
		r->requests++;
		r->failed += o->failed > 0;
		r->completed += !o->failed &&
		    o->tokens == m->work->asks[i].output;
		r->with_adapter += a >= 0;
		r->hits += o->hit;
		if (a >= 0 && !o->hit)
			r->miss_bytes += m->info[a].bytes;
	}
	r->evictions = m->meters.evictions;
	r->squashed = m->meters.squashed;
	r->bypassed = m->meters.bypassed;
	r->promoted = m->meters.promoted;
	if (m->last_end_ns > from)
		r->duration_s = (double)(m->last_end_ns - from) / 1e9;
	if (m->setup->progress != NULL)
		m->setup->progress(m->setup->progress_arg, m->ended,
		    m->work->n);
}

int
sim_run(const struct sim_setup *u, struct sim_result *result)
{
	struct sim *m;
	int e;

	memset(result, 0, sizeof(*result));
	e = sim_world_make(&m, u, result);
	if (e == 0) {
		while (sim_advance(m))
			;
		sum_up(m);
		if (m->broken)
			e = err_set(ERR_LAW, "%.200s", result->breach);
	}
	sim_world_free(m);
	return e;
}

void
sim_result_free(struct sim_result *r)
{
	free(r->outcomes);
	free(r->samples);
	memset(r, 0, sizeof(*r));
}

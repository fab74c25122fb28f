/* The words, rings and tables of a run, zero until they are used. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static uint64_t
most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Longest prompt and answer together, as requests allow it. */
static int
context_of(const struct sim_work *w, uint32_t *context)
{
	uint64_t longest = 2;

	for (uint64_t i = 0; i < w->n; i++) {
		const struct sim_ask *q = &w->asks[i];

		if (q->prompt < 1 || q->output < 1 ||
		    q->output > q->max_tokens || q->adapter < -1 ||
		    (q->adapter >= 0 && (uint32_t)q->adapter >= w->nadapters) ||
		    q->at < 0 || (i > 0 && q->at < w->asks[i - 1].at))
			return err_set(ERR_CONFIG,
			    "request %llu of the work is not legal",
			    (unsigned long long)i);
		longest = most(longest, (uint64_t)q->prompt + q->max_tokens);
	}
	if (longest > WORD_LOW_MASK)
		return err_set(ERR_CONFIG,
		    "a request of %llu tokens: want at most %u",
		    (unsigned long long)longest, WORD_LOW_MASK);
	*context = (uint32_t)longest;
	return 0;
}

static int
plan(struct plan *p, const struct sim_setup *u)
{
	const struct sim_cost *c = &u->cost;
	double block = c->kv_token_bytes * c->block_tokens;
	double chunks = c->pool_bytes / c->chunk_bytes;
	int e;

	*p = (struct plan){ .slots = u->slots,
		.vocab = 1,
		.adapters = (uint32_t)most(u->work->nadapters, 1),
		.batch_max = (uint32_t)c->batch_max,
		.step_tokens = (uint32_t)c->step_tokens,
		.block_tokens = (uint32_t)c->block_tokens,
		.chunk_bytes = (uint64_t)c->chunk_bytes };
	if (u->slots < 1 || u->slots > 65536)
		return err_set(ERR_CONFIG, "slots: %u: want 1..65536",
		    u->slots);
	if (chunks < 1 || chunks >= 1 << 24 || c->chunk_bytes < block)
		return err_set(ERR_CONFIG,
		    "cost model %s: want pool_bytes of 1 to 16777215 chunks, "
		    "and chunk_bytes of at least block_tokens * kv_token_bytes",
		    c->name);
	if (c->mixed_steps > 0 && c->step_tokens < c->batch_max)
		return err_set(ERR_CONFIG,
		    "cost model %s: where steps are mixed, want step_tokens "
		    "of at least batch_max",
		    c->name);
	if ((e = context_of(u->work, &p->context)) != 0)
		return e;
	p->chunks = (uint32_t)chunks;
	p->kv_block_bytes = (uint64_t)block;
	p->blocks_per_chunk = (uint32_t)(c->chunk_bytes / block);
	p->blocks_per_slot = (p->context + p->block_tokens - 1) /
	    p->block_tokens;
	if ((double)p->chunks * p->blocks_per_chunk >= UINT32_MAX)
		return err_set(ERR_CONFIG, "cost model %s: over 2^32 blocks",
		    c->name);
	return 0;
}

/* The tables by name, so that they are allocated and freed alike. */
#define TABLES(m, T)                                                           \
	T(f, (m)->plan.slots)                                                  \
	T(s, (m)->plan.slots)                                                  \
	T(b, (m)->plan.slots)                                                  \
	T(x, (m)->plan.slots)                                                  \
	T(request, (m)->plan.slots)                                            \
	T(ticket, (m)->plan.slots)                                             \
	T(results, (m)->plan.slots)                                            \
	T(truth, (m)->plan.slots)                                              \
	T(blocks, (size_t)(m)->plan.slots *(m)->plan.blocks_per_slot)          \
	T(free_slots, (m)->plan.slots)                                         \
	T(slot, (m)->plan.slots)                                               \
	T(open, (m)->plan.slots)                                               \
	T(seat_of, (m)->plan.slots)                                            \
	T(todo, (m)->plan.slots)                                               \
	T(want, (m)->plan.adapters)                                            \
	T(have, (m)->plan.adapters)                                            \
	T(entry, (m)->plan.adapters)                                           \
	T(ask, (m)->plan.adapters)                                             \
	T(info, (m)->plan.adapters)                                            \
	T(stays, (m)->plan.adapters)                                           \
	T(load, (m)->plan.adapters)                                            \
	T(chunk, (m)->plan.chunks)                                             \
	T(next, (m)->plan.chunks)                                              \
	T(places, (m)->plan.chunks)                                            \
	T(kept, (m)->plan.chunks)                                              \
	T(owner, (size_t)(m)->plan.chunks *(m)->plan.blocks_per_chunk)         \
	T(mark, (size_t)(m)->plan.chunks *(m)->plan.blocks_per_chunk)          \
	T(seat, (m)->plan.batch_max)                                           \
	T(placed, (m)->plan.batch_max)                                         \
	T(free_seats, (m)->plan.batch_max)                                     \
	T(live, (m)->plan.batch_max)                                           \
	T(ahead, (m)->work->n + 1)                                             \
	T(heap.at, (m)->heap.room)

static int
allocate(struct sim *m)
{
	bool all = true;

#define ONE(name, n)                                                           \
	m->name = calloc(n, sizeof(*m->name));                                 \
	all = all && m->name != NULL;
	TABLES(m, ONE)
#undef ONE
	m->result->outcomes = calloc(m->work->n + 1,
	    sizeof(*m->result->outcomes));
	if (!all || m->result->outcomes == NULL)
		return err_set(ERR_MEMORY,
		    "no memory to simulate %llu requests",
		    (unsigned long long)m->work->n);
	return 0;
}

static void
release(struct sim *m)
{
#define ONE(name, n) free(m->name);
	TABLES(m, ONE)
#undef ONE
}

/* Rings have room for all that can be said between two turns: nothing is lost.
 */
static int
pipe_make(struct sim_pipe *p, uint32_t depth)
{
	p->out = aligned_alloc(128, (ring_bytes(depth) + 127) & ~(size_t)127);
	if (p->out == NULL)
		return err_set(ERR_MEMORY, "no memory for rings");
	ring_format(p->out, depth);
	ring_join_tx(&p->tx, p->out, &p->in, depth);
	ring_join_rx(&p->rx, p->out, &p->in, depth);
	return 0;
}

static int
pipes_make(struct sim *m)
{
	struct sim_pipe *all[] = { &m->fe_sc, &m->gx_sc, &m->ld_sc, &m->sc_fe,
		&m->sc_gx, &m->sc_ld };
	uint64_t said = 4 * most(m->plan.slots, m->plan.adapters);
	uint32_t depth = 4096;
	int e = 0;

	while (depth < said)
		depth *= 2;
	for (int i = 0; e == 0 && i < 6; i++)
		e = pipe_make(all[i], depth);
	return e;
}

static void
begin(struct sim *m)
{
	m->epoch = SIM_EPOCH;
	m->copying = SIM_NONE;
	m->queued = m->waiting = m->line = (struct sim_list){ SIM_NONE,
		SIM_NONE };
	m->conf = &m->setup->conf;
	sim_waits_rules(m);
	m->warm_up_ns = (nsec)(m->setup->warm_up_s * (double)SECOND);
	for (uint32_t i = m->plan.slots; i-- > 0;) {
		m->free_slots[m->nfree_slots++] = i;
		m->seat_of[i] = SIM_NONE;
	}
	for (uint32_t i = m->plan.batch_max; i-- > 0;)
		m->free_seats[m->nfree_seats++] = i;
	for (uint32_t a = 0; a < m->work->nadapters; a++) {
		int32_t rank = m->work->adapters[a].rank;
		uint64_t bytes = m->work->adapters[a].bytes;

		m->entry[a] = dir_entry(1, DIR_LISTED);
		m->info[a].version = 1;
		m->info[a].rank = rank;
		m->info[a].bytes = bytes > 0 ?
		    bytes :
		    sim_cost_adapter_bytes(&m->setup->cost, rank);
	}
}

static int
scheduler(struct sim *m)
{
	struct sch_world w = { .plan = &m->plan,
		.f = m->f,
		.request = m->request,
		.truth = m->truth,
		.ask = m->ask,
		.s = m->s,
		.b = m->b,
		.ticket = m->ticket,
		.blocks = m->blocks,
		.want = m->want,
		.chunk = m->chunk,
		.next = m->next,
		.meters = &m->meters,
		.queues = m->queues,
		.entry = m->entry,
		.have = m->have,
		.info = m->info,
		.x = m->x,
		.result = m->results,
		.launched_step = &m->launched,
		.completed_step = &m->completed,
		.gpuexec_epoch = &m->epoch,
		.from_frontend = m->fe_sc.rx,
		.from_gpuexec = m->gx_sc.rx,
		.from_loader = m->ld_sc.rx,
		.to_frontend = m->sc_fe.tx,
		.to_gpuexec = m->sc_gx.tx,
		.to_loader = m->sc_ld.tx };
	struct sch_rules rules;
	int e = sch_rules_read(&rules, &m->setup->conf);

	return e != 0 ? e : sch_open(&m->sch, &w, &rules, sim_clock(m));
}

int
sim_world_make(struct sim **out, const struct sim_setup *u,
    struct sim_result *result)
{
	size_t bytes = (sizeof(struct sim) + 127) & ~(size_t)127;
	struct sim *m = aligned_alloc(128, bytes);
	int e;

	if ((*out = m) == NULL)
		return err_set(ERR_MEMORY, "no memory for a simulation");
	memset(m, 0, bytes);
	m->setup = u;
	m->work = u->work;
	m->result = result;
	m->heap.room = 8 + (uint32_t)u->cost.load_threads;
	if ((e = plan(&m->plan, u)) != 0 || (e = allocate(m)) != 0 ||
	    (e = pipes_make(m)) != 0)
		return e;
	begin(m);
	if ((e = scheduler(m)) != 0)
		return e;
	if (m->work->n > 0)
		sim_after(m, m->work->asks[0].at, SIM_ARRIVAL, 0, 0);
	if (u->nacts > 0)
		sim_after(m, u->acts[0].at, SIM_ACT, 0, 0);
	sim_after(m, 0, SIM_TICK, 0, 0);
	return 0;
}

void
sim_world_free(struct sim *m)
{
	if (m == NULL)
		return;
	sch_close(m->sch);
	free(m->fe_sc.out);
	free(m->gx_sc.out);
	free(m->ld_sc.out);
	free(m->sc_fe.out);
	free(m->sc_gx.out);
	free(m->sc_ld.out);
	release(m);
	free(m);
}

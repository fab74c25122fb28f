/* Counters, distributions, queues, memory, rings. */
#include "snap/snap_in.h"

#include "shm/word.h"

#include <math.h>

void
snap_meters(const struct segs *g, struct snap *s)
{
#define METER(name, what)                                                      \
	s->frontend.name = snap_load(&g->frontend_meters->name);
#include "shm/frontend_meters.tbl"
#undef METER
#define METER(name, what)                                                      \
	s->scheduler.name = snap_load(&g->scheduler_meters->name);
#include "shm/scheduler_meters.tbl"
#undef METER
#define METER(name, what) s->gpuexec.name = snap_load(&g->gpuexec_meters->name);
#include "shm/gpuexec_meters.tbl"
#undef METER
#define METER(name, what) s->loader.name = snap_load(&g->loader_meters->name);
#include "shm/loader_meters.tbl"
#undef METER
	for (int i = 0; i < HISTOGRAM_ALL; i++)
		histogram_read(g->histogram[i], &s->histogram[i]);
}

static double
real(const _Atomic double *v)
{
	double x = atomic_load_explicit(v, memory_order_relaxed);

	return isfinite(x) ? x : 0;
}

static int64_t
whole(const _Atomic int64_t *v)
{
	return snap_sane(atomic_load_explicit(v, memory_order_relaxed));
}

static void
queue(const struct sched_queue *from, struct snap_queue *to, nsec now)
{
	uint32_t why = snap_load32(&from->why);

	to->from = real(&from->from);
	to->to = real(&from->to);
	to->quota = whole(&from->quota);
	to->available = whole(&from->available);
	to->lent = whole(&from->lent);
	to->borrowed = whole(&from->borrowed);
	to->waiting = snap_load(&from->waiting);
	to->running = snap_load(&from->running);
	to->admitted = snap_load(&from->admitted);
	to->oldest_ns = snap_ago(atomic_load_explicit(&from->oldest_ns,
				     memory_order_relaxed),
	    now);
	to->why = why < WHY_COUNT ? (enum sched_why)why : WHY_NONE;
	for (int i = 0; i < WHY_COUNT; i++)
		to->blocked_ns[i] = snap_span(
		    (nsec)snap_load(&from->blocked_ns[i]));
}

void
snap_queues(const struct segs *g, struct snap *s)
{
	uint64_t classes = s->scheduler.queues_now;

	s->nqueues = 1 +
	    (uint32_t)(classes < SEG_QUEUES ? classes : SEG_QUEUES - 1);
	for (uint32_t i = 0; i < SEG_QUEUES; i++)
		queue(&g->queues[i], &s->queue[i], s->now);
}

/* By the chunk words, which are the truth. */
void
snap_memory(const struct segs *g, struct snap *s)
{
	const struct plan *p = &s->plan;
	uint64_t owned[16] = { 0 }, shared = 0;

	for (uint32_t c = 0; c < p->chunks; c++)
		owned[word_load_place(&g->chunk[c]).state & 15u]++;
	for (int i = 0; i < SEG_COUNT; i++)
		if (i < SEG_POOL)
			shared += g->bytes[i];
	s->memory = (struct snap_memory){ .weights = p->weights_bytes,
		.kv = owned[CHUNK_KV] * p->chunk_bytes,
		.adapters = owned[CHUNK_ADAPTER] * p->chunk_bytes,
		.total = p->chunks * p->chunk_bytes,
		.kv_used = s->scheduler.kv_blocks_used * p->kv_block_bytes,
		.host = s->loader.host_bytes,
		.shared = shared };
	s->memory.idle = s->memory.total - s->memory.kv - s->memory.adapters;
}

/* A cursor that cannot be reads as a full ring. */
void
snap_rings(const struct segs *g, struct snap *s)
{
	s->ring_count = RING_COUNT;
	for (int i = 0; i < RING_COUNT; i++) {
		uint64_t tail = atomic_load_explicit(&g->ring_in[i]->tail,
		    memory_order_relaxed);
		uint64_t head = atomic_load_explicit(&g->ring_out[i]->head,
		    memory_order_relaxed);
		uint64_t used = head - tail;

		s->ring[i].name = ring_rows[i].name;
		s->ring[i].from = seg_proc_name(ring_rows[i].from);
		s->ring[i].to = seg_proc_name(ring_rows[i].to);
		s->ring[i].depth = ring_rows[i].depth;
		s->ring[i].used = (int64_t)used < 0 ? 0 :
		    used > ring_rows[i].depth	    ? ring_rows[i].depth :
						      (uint32_t)used;
	}
}

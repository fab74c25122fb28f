/* The engine's counters, distributions and memory as one JSON line. */
#include "frontend/frontend.h"
#include "shm/word.h"

#include <stddef.h>
#include <string.h>

struct meter {
	const char *name;
	size_t at;
};

static const struct meter of_frontend[] = {
#define METER(name, what) { #name, offsetof(struct frontend_meters, name) },
#include "shm/frontend_meters.tbl"
#undef METER
};

static const struct meter of_scheduler[] = {
#define METER(name, what) { #name, offsetof(struct scheduler_meters, name) },
#include "shm/scheduler_meters.tbl"
#undef METER
};

static const struct meter of_gpuexec[] = {
#define METER(name, what) { #name, offsetof(struct gpuexec_meters, name) },
#include "shm/gpuexec_meters.tbl"
#undef METER
};

static const struct meter of_loader[] = {
#define METER(name, what) { #name, offsetof(struct loader_meters, name) },
#include "shm/loader_meters.tbl"
#undef METER
};

#define PUT(o, g, kind)                                                        \
	put_meters(o, #kind, (g)->kind##_meters, of_##kind,                    \
	    sizeof(of_##kind) / sizeof(struct meter))

static void
put_meters(struct line_out *o, const char *name, const void *meters,
    const struct meter *list, size_t n)
{
	line_key(o, name);
	for (size_t i = 0; i < n; i++) {
		const _Atomic uint64_t *m = (const _Atomic uint64_t
			*)((const char *)meters + list[i].at);

		line_put(o, i == 0 ? "{\"" : ",\"");
		line_put(o, list[i].name);
		line_put(o, "\":");
		line_int(o,
		    (int64_t)(atomic_load_explicit(m, memory_order_relaxed) &
			INT64_MAX));
	}
	line_put(o, "}");
}

static void
put_processes(struct frontend *fe, struct line_out *o)
{
	static const char *const states[] = { "none", "boot", "run", "drain",
		"done", "failed" };

	line_key(o, "processes");
	line_put(o, "[");
	for (int i = 0; i < PROC_COUNT; i++) {
		const struct order *order = &fe->g->supervisor->order[i];
		const struct cell *cell = fe->g->cell[i];
		uint32_t state = atomic_load(&cell->state);

		if (!seg_has_proc(fe->plan, (enum proc_id)i))
			continue;
		line_put(o, i == 0 ? "{\"name\":\"" : ",{\"name\":\"");
		line_put(o, seg_proc_name((enum proc_id)i));
		line_put(o, "\",\"state\":\"");
		line_put(o, state <= CELL_FAILED ? states[state] : "unknown");
		line_put(o, "\"");
		line_number(o, "pid", atomic_load(&order->pid));
		line_number(o, "epoch", atomic_load(&order->epoch));
		line_number(o, "restarts", atomic_load(&order->restarts));
		line_key(o, "silent_ms");
		line_ms(o, fe->now - atomic_load(&cell->beat_ns));
		line_put(o, "}");
	}
	line_put(o, "]");
}

static uint64_t
meter_of(const _Atomic uint64_t *m, uint64_t most)
{
	uint64_t v = atomic_load_explicit(m, memory_order_relaxed);

	return v < most ? v : most;
}

/* The pool by owner, as the scheduler counts its chunks. */
static void
put_pool(const struct frontend *fe, struct line_out *o)
{
	const struct plan *p = fe->plan;
	const struct scheduler_meters *m = fe->g->scheduler_meters;
	uint64_t kv = meter_of(&m->kv_chunks, p->chunks);
	uint64_t adapters = meter_of(&m->adapter_chunks, p->chunks - kv);
	uint64_t used = meter_of(&m->kv_blocks_used,
	    (uint64_t)p->chunks * p->blocks_per_chunk);

	line_number(o, "kv_bytes", kv * p->chunk_bytes);
	line_number(o, "kv_used_bytes", used * p->kv_block_bytes);
	line_number(o, "adapter_bytes", adapters * p->chunk_bytes);
	line_number(o, "idle_bytes",
	    (p->chunks - kv - adapters) * (uint64_t)p->chunk_bytes);
	line_number(o, "host_bytes",
	    meter_of(&fe->g->loader_meters->host_bytes, INT64_MAX));
}

static void
put_memory(struct frontend *fe, struct line_out *o)
{
	const struct plan *p = fe->plan;
	uint64_t shared = 0;

	for (int i = 0; i < SEG_COUNT; i++)
		if (i < SEG_POOL)
			shared += p->seg_bytes[i];
	line_key(o, "memory");
	line_put(o, "{\"pool_bytes\":");
	line_int(o, (int64_t)plan_chunks_bytes(p));
	line_number(o, "chunk_bytes", p->chunk_bytes);
	line_number(o, "chunks", p->chunks);
	line_number(o, "shared_bytes", shared);
	line_number(o, "weights_bytes", p->weights_bytes);
	line_number(o, "work_bytes", p->work_bytes);
	put_pool(fe, o);
	line_put(o, "}");
}

static void
put_quantiles(struct line_out *o, const struct segs *g, int i)
{
	static const struct {
		const char *name;
		double q;
	} shown[] = { { "p50", 0.5 }, { "p99", 0.99 } };
	const struct histogram_row *row = &histogram_rows[i];
	bool time = row->kind == HISTOGRAM_TIME;
	struct histogram_view v;

	histogram_read(g->histogram[i], &v);
	line_fmt(o, "\"%s%s\":{\"count\":%ju", row->name, time ? "_ms" : "",
	    (uintmax_t)v.total);
	for (size_t k = 0; k < sizeof(shown) / sizeof(shown[0]); k++) {
		double value = histogram_quantile(&v, row->kind, shown[k].q);

		line_key(o, shown[k].name);
		if (time)
			line_ms(o, (nsec)value);
		else
			line_real(o, value);
	}
	line_put(o, "}");
}

/* The distributions of all processes, over the life of the instance. */
static void
put_histograms(struct line_out *o, const struct segs *g,
    enum histogram_kind kind, const char *name)
{
	bool first = true;

	line_key(o, name);
	line_put(o, "{");
	for (int i = 0; i < HISTOGRAM_ALL; i++) {
		if (histogram_rows[i].kind != kind)
			continue;
		if (!first)
			line_put(o, ",");
		first = false;
		put_quantiles(o, g, i);
	}
	line_put(o, "}");
}

static void
put_why(struct line_out *o, const struct sched_queue *q)
{
	uint32_t why = atomic_load_explicit(&q->why, memory_order_relaxed);

	line_key(o, "why");
	line_put(o, "\"");
	line_put(o, why_name(why));
	line_put(o, "\",\"blocked_ms\":{");
	for (int i = WHY_NONE + 1; i < WHY_COUNT; i++) {
		line_fmt(o, "%s\"%s\":", i > WHY_NONE + 1 ? "," : "",
		    why_name((uint32_t)i));
		line_ms(o,
		    (nsec)atomic_load_explicit(&q->blocked_ns[i],
			memory_order_relaxed));
	}
	line_put(o, "}");
}

#define REAL(o, q, name)                                                       \
	(line_key(o, #name),                                                   \
	    line_real(o,                                                       \
		atomic_load_explicit(&(q)->name, memory_order_relaxed)))
#define WHOLE(o, q, name)                                                      \
	(line_key(o, #name),                                                   \
	    line_int(o,                                                        \
		(int64_t)atomic_load_explicit(&(q)->name,                      \
		    memory_order_relaxed)))

static void
put_queue(const struct frontend *fe, struct line_out *o, uint32_t i)
{
	const struct sched_queue *q = &fe->g->queues[i];
	nsec oldest = atomic_load_explicit(&q->oldest_ns, memory_order_relaxed);

	line_fmt(o, "%s{\"class\":%u", i > 0 ? "," : "", i);
	REAL(o, q, from);
	REAL(o, q, to);
	WHOLE(o, q, quota);
	WHOLE(o, q, available);
	WHOLE(o, q, lent);
	WHOLE(o, q, borrowed);
	WHOLE(o, q, waiting);
	WHOLE(o, q, running);
	WHOLE(o, q, admitted);
	line_key(o, "oldest_ms");
	line_ms(o, oldest > 0 ? fe->now - oldest : 0);
	put_why(o, q);
	line_put(o, "}");
}

/* Class 0 are those past the age limit; as many of the others as there are. */
static void
put_queues(const struct frontend *fe, struct line_out *o)
{
	uint64_t n = atomic_load_explicit(&fe->g->scheduler_meters->queues_now,
	    memory_order_relaxed);

	line_key(o, "queues");
	line_put(o, "[");
	for (uint32_t i = 0; i < SEG_QUEUES && i <= n; i++)
		put_queue(fe, o, i);
	line_put(o, "]");
}

void
fe_stats(struct frontend *fe, struct line_out *o, const char *id)
{
	line_put(o, "{\"id\":");
	line_put(o, id);
	line_put(o, ",\"stats\":{\"instance\":");
	line_text(o, fe->g->instance,
	    strnlen(fe->g->instance, SEG_INSTANCE_MAX));
	line_key(o, "draining");
	line_put(o, fe->proc->draining ? "true" : "false");
	line_key(o, "slots");
	line_put(o, "{\"total\":");
	line_int(o, fe->plan->slots);
	line_number(o, "open", fe->sets[ANSWER_OPEN].count);
	line_number(o, "closing", fe->sets[ANSWER_CLOSING].count);
	line_number(o, "free", fe->sets[ANSWER_FREE].count);
	line_put(o, "}");
	PUT(o, fe->g, frontend);
	PUT(o, fe->g, scheduler);
	put_queues(fe, o);
	PUT(o, fe->g, gpuexec);
	PUT(o, fe->g, loader);
	put_histograms(o, fe->g, HISTOGRAM_TIME, "latency");
	put_histograms(o, fe->g, HISTOGRAM_COUNT, "sizes");
	put_memory(fe, o);
	put_processes(fe, o);
	line_put(o, "}}\n");
}

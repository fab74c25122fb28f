/* The engine's counters and its adapters, each as one JSON line. */
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
key(struct line_out *o, const char *name)
{
	line_put(o, ",\"");
	line_put(o, name);
	line_put(o, "\":");
}

static void
number(struct line_out *o, const char *name, uint64_t v)
{
	key(o, name);
	line_int(o, (int64_t)(v & INT64_MAX));
}

static void
put_meters(struct line_out *o, const char *name, const void *meters,
    const struct meter *list, size_t n)
{
	key(o, name);
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

	key(o, "processes");
	line_put(o, "[");
	for (int i = 0; i < PROC_COUNT; i++) {
		const struct order *order = &fe->g->supervisor->order[i];
		const struct cell *cell = fe->g->cell[i];
		uint32_t state = atomic_load(&cell->state);

		line_put(o, i == 0 ? "{\"name\":\"" : ",{\"name\":\"");
		line_put(o, seg_proc_name((enum proc_id)i));
		line_put(o, "\",\"state\":\"");
		line_put(o, state <= CELL_FAILED ? states[state] : "unknown");
		line_put(o, "\"");
		number(o, "pid", atomic_load(&order->pid));
		number(o, "epoch", atomic_load(&order->epoch));
		number(o, "restarts", atomic_load(&order->restarts));
		key(o, "silent_ms");
		line_ms(o, fe->now - atomic_load(&cell->beat_ns));
		line_put(o, "}");
	}
	line_put(o, "]");
}

static void
put_memory(struct frontend *fe, struct line_out *o)
{
	const struct plan *p = fe->plan;
	uint64_t shared = 0;

	for (int i = 0; i < SEG_COUNT; i++)
		if (i != SEG_POOL)
			shared += p->seg_bytes[i];
	key(o, "memory");
	line_put(o, "{\"pool_bytes\":");
	line_int(o, (int64_t)p->seg_bytes[SEG_POOL]);
	number(o, "chunk_bytes", p->chunk_bytes);
	number(o, "chunks", p->chunks);
	number(o, "shared_bytes", shared);
	number(o, "weights_bytes", p->weights_bytes);
	number(o, "work_bytes", p->work_bytes);
	line_put(o, "}");
}

static void
put_why(struct line_out *o, const struct sched_queue *q)
{
	uint32_t why = atomic_load_explicit(&q->why, memory_order_relaxed);

	key(o, "why");
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
	(key(o, #name),                                                        \
	    line_real(o,                                                       \
		atomic_load_explicit(&(q)->name, memory_order_relaxed)))
#define WHOLE(o, q, name)                                                      \
	(key(o, #name),                                                        \
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
	key(o, "oldest_ms");
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

	key(o, "queues");
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
	key(o, "draining");
	line_put(o, fe->proc->draining ? "true" : "false");
	key(o, "slots");
	line_put(o, "{\"total\":");
	line_int(o, fe->plan->slots);
	number(o, "open", fe->sets[ANSWER_OPEN].count);
	number(o, "closing", fe->sets[ANSWER_CLOSING].count);
	number(o, "free", fe->sets[ANSWER_FREE].count);
	line_put(o, "}");
	PUT(o, fe->g, frontend);
	PUT(o, fe->g, scheduler);
	put_queues(fe, o);
	PUT(o, fe->g, gpuexec);
	PUT(o, fe->g, loader);
	put_memory(fe, o);
	put_processes(fe, o);
	line_put(o, "}}\n");
}

static const char *
state_name(uint32_t have)
{
	static const char *const names[] = { [HAVE_ABSENT] = "disk",
		[HAVE_HOST] = "host",
		[HAVE_LOADING] = "loading",
		[HAVE_RESIDENT] = "resident",
		[HAVE_FAILED] = "failed" };

	return have <= HAVE_FAILED ? names[have] : "failed";
}

static void
put_adapter(struct frontend *fe, struct line_out *o, uint32_t a,
    enum dir_state entry)
{
	const struct dir_info *info = &fe->g->info[a];
	uint32_t have = word_load_place(&fe->g->have[a]).state;
	char text[DIR_REASON_MAX];

	line_put(o, "{\"name\":");
	fe_names_copy(fe->g, (int32_t)a, text);
	line_text(o, text, strlen(text));
	key(o, "rank");
	line_int(o, info->rank);
	key(o, "state");
	line_put(o, "\"");
	line_put(o, entry == DIR_BROKEN ? "broken" : state_name(have));
	line_put(o, "\"");
	key(o, "pinned");
	line_put(o, fe_pinned(fe, a) ? "true" : "false");
	number(o, "bytes", info->bytes);
	number(o, "version", info->version);
	/* Known once it was read whole. */
	key(o, "digest");
	if (memcmp(info->digest, (unsigned char[32]){ 0 }, 32) == 0)
		line_put(o, "null");
	else
		line_hex(o, info->digest, 6);
	if (entry == DIR_BROKEN || have == HAVE_FAILED) {
		key(o, "reason");
		fe_reason(fe->g, (int32_t)a, text);
		line_text(o, text, strlen(text));
	}
	line_put(o, "}");
}

void
fe_adapters(struct frontend *fe, struct line_out *o, const char *id)
{
	bool first = true;

	line_put(o, "{\"id\":");
	line_put(o, id);
	line_put(o, ",\"base\":");
	line_text(o, fe->names.base, strlen(fe->names.base));
	line_put(o, ",\"adapters\":[");
	for (uint32_t a = 0; a < fe->plan->adapters; a++) {
		uint64_t entry = atomic_load_explicit(&fe->g->entry[a],
		    memory_order_acquire);
		enum dir_state state = dir_entry_state(entry);

		if (state != DIR_LISTED && state != DIR_BROKEN)
			continue;
		if (!first)
			line_put(o, ",");
		first = false;
		put_adapter(fe, o, a, state);
	}
	line_put(o, "]}\n");
}

/* The tables: metrics.tbl and edges.tbl as arrays. */
#include "monitor/metrics.h"

#include "model/tensors.h"

#include <math.h>
#include <string.h>

#define SECONDS(ns) ((double)(ns) / (double)SECOND)
#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

const char *const metrics_types[METRICS_TYPES] = {
	[METRICS_COUNTER] = "counter",
	[METRICS_GAUGE] = "gauge",
	[METRICS_HISTOGRAM] = "histogram",
	[METRICS_SUMMARY] = "summary",
};

/* ---------------------------------------------------------------- edges */

#define EDGES(name, kind, ...)                                                 \
	static const double at_##name[] = { __VA_ARGS__ };
#include "monitor/edges.tbl"
#undef EDGES

const struct metrics_edges_row metrics_edges[EDGES_COUNT] = {
#define EDGES(name, kind, ...)                                                 \
	[EDGES_##                                                              \
	    name] = { #name, HISTOGRAM_##kind, LENGTH(at_##name), at_##name },
#include "monitor/edges.tbl"
#undef EDGES
};

uint64_t
metrics_edge(enum metrics_edges edges, int i)
{
	const struct metrics_edges_row *e = &metrics_edges[edges];
	double unit = e->kind == HISTOGRAM_TIME ? (double)SECOND : 1;

	return (uint64_t)llround(e->at[i] * unit);
}

/* ---------------------------------------------- what samples are worth */

static double
ratio(double part, double whole)
{
	if (whole > 0)
		return part / whole;
	return part > 0 ? INFINITY : 0;
}

static double
chunks(const struct snap *s, uint64_t bytes)
{
	return s->plan.chunk_bytes == 0 ? 0 :
					  (double)(bytes / s->plan.chunk_bytes);
}

static double
is_up(const struct snap *s)
{
	for (int i = 0; i < PROC_COUNT; i++)
		if (!s->process[i].absent &&
		    strcmp(s->process[i].state, "run") != 0)
			return 0;
	return s->draining ? 0 : 1;
}

static void
lora_labels(const struct sight *v, struct page *p)
{
	page_label(p, "max_lora", v->lora.room);
	page_label(p, "running_lora_adapters", v->lora.running);
	page_label(p, "waiting_lora_adapters", v->lora.waiting);
}

static void
cache_labels(const struct sight *v, struct page *p)
{
	char number[PAGE_NUMBER_MAX];

	page_label(p, "block_size",
	    page_number(number, v->snap.plan.block_tokens));
	page_label(p, "num_gpu_blocks",
	    page_number(number, (double)v->snap.scheduler.kv_blocks_total));
	page_label(p, "cache_dtype",
	    tensor_dtype_word((enum tensor_dtype)v->snap.plan.kv_dtype));
}

static void
build_labels(const struct sight *v, struct page *p)
{
	char device[32];

	page_label(p, "version", v->snap.version);
	page_label(p, "name", v->snap.instance);
	page_label(p, "model", v->model);
	page_label(p, "dtype",
	    tensor_dtype_word((enum tensor_dtype)v->snap.plan.weight_dtype));
	page_label(p, "device",
	    plan_device_text(&v->snap.plan, device, sizeof(device)));
}

/* One function a row; the row's line makes its name. */
#define PASTE_AS_IS(a, b) a##b
#define PASTE(a, b) PASTE_AS_IS(a, b)
#define HERE PASTE(value_, __LINE__)
#define ITS(declaration, what)                                                 \
	static double HERE(const struct sight *v, uint32_t i)                  \
	{                                                                      \
		const struct snap *s = &v->snap;                               \
		declaration;                                                   \
		(void)s, (void)i;                                              \
		return (double)(what);                                         \
	}

#define FAMILY(name, type, help)
#define SPREAD(labels, histogram, edges)
#define STATE(labels)
#define VALUE(labels, what) ITS(, what)
#define INFO(labels, write, what) ITS(, what)
#define RING(labels, what) ITS(, what)
#define QUEUE(labels, what) ITS(const struct snap_queue *q = &s->queue[i], what)
#define PROCESS(labels, what)                                                  \
	ITS(const struct snap_process *p = snap_process_at(s, i), what)
#define TIER(labels, what) ITS(const struct sight_tier *t = &v->tier[i], what)
#define ADAPTER(labels, what)                                                  \
	ITS(const struct told_row *a = &v->told.row[i], what)
#define SUM(labels, what) ADAPTER(labels, what)
#define COUNT(labels, what) ADAPTER(labels, what)
/* clang-format off */
#include "monitor/metrics.tbl"
/* clang-format on */
#undef FAMILY
#undef SPREAD
#undef STATE
#undef VALUE
#undef INFO
#undef RING
#undef QUEUE
#undef PROCESS
#undef TIER
#undef ADAPTER
#undef SUM
#undef COUNT

static double
in_state(const struct sight *v, uint32_t i)
{
	return strcmp(snap_process_at(&v->snap, i / METRICS_STATES)->state,
		   metrics_states[i % METRICS_STATES]) == 0;
}

#define ROW(of, labels, end)                                                   \
	{ .kind = ROW_VALUE,                                                   \
		.set = SET_##of,                                               \
		.text = labels,                                                \
		.suffix = end,                                                 \
		.value = HERE },

const struct metrics_row metrics_rows[] = {
#define FAMILY(name, of, what)                                                 \
	{ .kind = ROW_FAMILY,                                                  \
		.text = name,                                                  \
		.type = METRICS_##of,                                          \
		.help = what },
#define SPREAD(labels, of, in)                                                 \
	{ .kind = ROW_SPREAD,                                                  \
		.text = labels,                                                \
		.histogram = HISTOGRAM_##of,                                   \
		.edges = EDGES_##in },
#define INFO(names, write, what)                                               \
	{ .kind = ROW_INFO,                                                    \
		.text = names,                                                 \
		.suffix = "",                                                  \
		.labels = write,                                               \
		.value = HERE },
#define STATE(what)                                                            \
	{ .kind = ROW_VALUE,                                                   \
		.set = SET_STATE,                                              \
		.text = what,                                                  \
		.suffix = "",                                                  \
		.value = in_state },
#define VALUE(labels, what) ROW(ONE, labels, "")
#define RING(labels, what) ROW(RING, labels, "")
#define QUEUE(labels, what) ROW(QUEUE, labels, "")
#define PROCESS(labels, what) ROW(PROCESS, labels, "")
#define TIER(labels, what) ROW(TIER, labels, "")
#define ADAPTER(labels, what) ROW(ADAPTER, labels, "")
#define SUM(labels, what) ROW(ADAPTER, labels, "_sum")
#define COUNT(labels, what) ROW(ADAPTER, labels, "_count")
#include "monitor/metrics.tbl"
};

const uint32_t metrics_count = LENGTH(metrics_rows);

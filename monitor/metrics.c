/* From the table and a sight to a page. */
#include "monitor/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ENGINE "0" /* there is one */
#define PEER "vllm:"

const char *const metrics_states[METRICS_STATES] = { "none", "boot", "run",
	"drain", "done", "failed", "dead", "unknown" };

/* ------------------------------------------------------------- the sets */

static uint32_t
one(const struct sight *v)
{
	(void)v;
	return 1;
}

static uint32_t
queues(const struct sight *v)
{
	return v->snap.nqueues < SEG_QUEUES ? v->snap.nqueues : SEG_QUEUES;
}

static uint32_t
processes(const struct sight *v)
{
	return snap_process_count(&v->snap);
}

static uint32_t
states(const struct sight *v)
{
	return processes(v) * METRICS_STATES;
}

static uint32_t
rings(const struct sight *v)
{
	return v->snap.ring_count < RING_COUNT ? v->snap.ring_count :
						 RING_COUNT;
}

static uint32_t
all_tiers(const struct sight *v)
{
	(void)v;
	return TIERS;
}

static uint32_t
told_rows(const struct sight *v)
{
	return v->told.rows;
}

static void
label_queue(const struct sight *v, uint32_t i, struct page *p)
{
	char number[PAGE_NUMBER_MAX];

	(void)v;
	page_label(p, "queue", i == 0 ? "aged" : page_number(number, i));
}

static void
label_process(const struct sight *v, uint32_t i, struct page *p)
{
	page_label(p, "role", snap_process_at(&v->snap, i)->name);
}

static void
label_state(const struct sight *v, uint32_t i, struct page *p)
{
	label_process(v, i / METRICS_STATES, p);
	page_label(p, "state", metrics_states[i % METRICS_STATES]);
}

static void
label_ring(const struct sight *v, uint32_t i, struct page *p)
{
	page_label(p, "from", v->snap.ring[i].from);
	page_label(p, "to", v->snap.ring[i].to);
}

static void
label_tier(const struct sight *v, uint32_t i, struct page *p)
{
	page_label(p, "tier", v->tier[i].name);
}

static void
label_adapter(const struct sight *v, uint32_t i, struct page *p)
{
	page_label(p, "adapter", v->told.row[i].name);
}

const char *const metrics_set_labels[METRICS_SETS] = {
	[SET_QUEUE] = "queue",
	[SET_PROCESS] = "role",
	[SET_STATE] = "role,state",
	[SET_RING] = "from,to",
	[SET_TIER] = "tier",
	[SET_ADAPTER] = "adapter",
};

static const struct {
	uint32_t (*count)(const struct sight *);
	void (*label)(const struct sight *, uint32_t i, struct page *);
} sets[METRICS_SETS] = {
	[SET_ONE] = { one, NULL },
	[SET_QUEUE] = { queues, label_queue },
	[SET_PROCESS] = { processes, label_process },
	[SET_STATE] = { states, label_state },
	[SET_RING] = { rings, label_ring },
	[SET_TIER] = { all_tiers, label_tier },
	[SET_ADAPTER] = { told_rows, label_adapter },
};

/* ------------------------------------------------------------- the page */

static bool
is_peers(const char *family)
{
	return strncmp(family, PEER, strlen(PEER)) == 0;
}

/* The sample's name, and the labels that all of its family have. */
static void
begin(const struct sight *v, struct page *p, const char *family,
    const char *suffix)
{
	page_begin(p, family, suffix);
	if (is_peers(family)) {
		page_label(p, "model_name", v->model);
		page_label(p, "engine", ENGINE);
	}
}

static void
values(const struct sight *v, struct page *p, const char *family,
    const struct metrics_row *row)
{
	uint32_t n = sets[row->set].count(v);

	for (uint32_t i = 0; i < n; i++) {
		double value = row->value(v, i);

		if (isnan(value))
			continue;
		begin(v, p, family, row->suffix);
		if (sets[row->set].label != NULL)
			sets[row->set].label(v, i, p);
		if (row->kind == ROW_INFO)
			row->labels(v, p);
		else
			page_labels(p, row->text);
		page_end(p, value);
	}
}

static void
bucket(const struct sight *v, struct page *p, const char *family,
    const struct metrics_row *row, double edge, uint64_t count)
{
	char number[PAGE_NUMBER_MAX];

	begin(v, p, family, "_bucket");
	page_labels(p, row->text);
	page_label(p, "le", page_number(number, edge));
	page_end(p, (double)count);
}

static void
spread(const struct sight *v, struct page *p, const char *family,
    const struct metrics_row *row)
{
	const struct metrics_edges_row *e = &metrics_edges[row->edges];
	const struct histogram_view *h = &v->snap.histogram[row->histogram];
	double unit = e->kind == HISTOGRAM_TIME ? (double)SECOND : 1;

	for (int i = 0; i < e->count; i++) {
		/* No request has more tokens than the context. */
		if (row->edges == EDGES_TOKENS &&
		    e->at[i] > v->snap.plan.context)
			break;
		bucket(v, p, family, row, e->at[i],
		    histogram_up_to(h, e->kind, metrics_edge(row->edges, i)));
	}
	bucket(v, p, family, row, INFINITY, h->total);
	begin(v, p, family, "_sum");
	page_labels(p, row->text);
	page_end(p, (double)h->sum / unit);
	begin(v, p, family, "_count");
	page_labels(p, row->text);
	page_end(p, (double)h->total);
}

void
metrics_page(const struct sight *v, struct page *p)
{
	bool peers = strcmp(v->snap.conf.metrics_vllm_names, "no") != 0;
	const char *family = "";

	for (uint32_t i = 0; i < metrics_count; i++) {
		const struct metrics_row *row = &metrics_rows[i];

		if (row->kind == ROW_FAMILY)
			family = row->text;
		if (is_peers(family) && !peers)
			continue;
		if (row->kind == ROW_FAMILY) {
			page_family(p, family, metrics_types[row->type],
			    row->help);
		} else if (row->kind == ROW_SPREAD)
			spread(v, p, family, row);
		else
			values(v, p, family, row);
	}
}

/*
 * metrics.h -- the table of metrics, and the page that it makes of a sight.
 *
 * metrics.tbl has every family and what its samples are worth; the page that is
 * served and docs/METRICS.md are both made from it.
 *
 * Threads  One.
 * Waiting  Never.
 */
#ifndef MONITOR_METRICS_H
#define MONITOR_METRICS_H

#include "monitor/page.h"
#include "monitor/sight.h"

#include <stdio.h>

enum metrics_type {
	METRICS_COUNTER,
	METRICS_GAUGE,
	METRICS_HISTOGRAM,
	METRICS_SUMMARY,
	METRICS_TYPES
};

/* What chameleon_role_state may say. */
#define METRICS_STATES 8
extern const char *const metrics_states[METRICS_STATES];

/* Of what a row has a sample each. */
enum metrics_set {
	SET_ONE, /* one sample */
	SET_QUEUE,
	SET_PROCESS,
	SET_STATE, /* each process in each state */
	SET_RING,
	SET_TIER,
	SET_ADAPTER,
	METRICS_SETS
};

enum metrics_edges {
#define EDGES(name, kind, ...) EDGES_##name,
#include "monitor/edges.tbl"
#undef EDGES
	EDGES_COUNT
};

struct metrics_edges_row {
	const char *name;
	enum histogram_kind kind;
	int count;
	const double *at;
};
extern const struct metrics_edges_row metrics_edges[EDGES_COUNT];

enum metrics_row_kind { ROW_FAMILY, ROW_VALUE, ROW_SPREAD, ROW_INFO };

/* A family, or samples of the family above. */
struct metrics_row {
	enum metrics_row_kind kind;
	const char *text; /* a family's name; labels of samples, "a=b,c=d" */
	enum metrics_type type;
	const char *help;
	enum metrics_set set;
	const char *suffix;
	/* NAN: cannot be told, and is left out */
	double (*value)(const struct sight *, uint32_t i);
	void (*labels)(const struct sight *, struct page *);
	enum histogram_id histogram;
	enum metrics_edges edges;
};
extern const struct metrics_row metrics_rows[];
extern const uint32_t metrics_count;
extern const char *const metrics_types[METRICS_TYPES]; /* "counter" */

/* The label whose value names a member of the set; NULL: there is none. */
extern const char *const metrics_set_labels[METRICS_SETS];

/* The upper bound i of a histogram's buckets, in its own unit (ns, things). */
uint64_t metrics_edge(enum metrics_edges, int i);

/* Appends everything; page->broken if there was no memory. */
void metrics_page(const struct sight *, struct page *);

/* docs/METRICS.md. */
void metrics_guide(FILE *);

#endif

/*
 * histogram.h -- how often which value was met; one writer, any reader.
 *
 *	count[i]  values above edge[i - 1], up to and with edge[i]
 *	          the last: above all edges
 *
 * The edges are the same for all histograms of a kind, and fine enough (a
 * quarter apart at most, between 10 us and 100 s) to read percentiles from.  They
 * hold every edge that metrics show, so that those buckets are exact sums.
 *
 * Threads  One writer; readers see counts of about the same moment.
 * Waiting  Never.
 */
#ifndef SHM_HISTOGRAM_H
#define SHM_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_EDGES 91
#define HISTOGRAM_BUCKETS (HISTOGRAM_EDGES + 1)

enum histogram_kind { HISTOGRAM_TIME, HISTOGRAM_COUNT, HISTOGRAM_KINDS };

struct histogram {
	_Atomic uint64_t sum; /* of all values */
	_Atomic uint64_t count[HISTOGRAM_BUCKETS];
};

/* A copy that does not move, or the difference of two. */
struct histogram_view {
	uint64_t sum, total;
	uint64_t count[HISTOGRAM_BUCKETS];
};

/* [kind][i], growing: nanoseconds, or a count. */
extern const uint64_t histogram_edges[HISTOGRAM_KINDS][HISTOGRAM_EDGES];

/* The bucket of a value. */
int histogram_bucket(enum histogram_kind, uint64_t value);

/* The writer's; n times the same value. */
void histogram_add(struct histogram *, enum histogram_kind, uint64_t value,
    uint64_t n);

void histogram_read(const struct histogram *, struct histogram_view *);

/* now - before, where before may be of an earlier moment. */
void histogram_minus(struct histogram_view *now,
    const struct histogram_view *before);

/* The value below which the share q (0..1) lies, linear within its bucket; 0 if
 * there are none, and for times below the first edge.  Of the last bucket: its
 * edge. */
double histogram_quantile(const struct histogram_view *, enum histogram_kind,
    double q);

/* Values up to and with an edge of the kind. */
uint64_t histogram_up_to(const struct histogram_view *, enum histogram_kind,
    uint64_t edge);

#endif

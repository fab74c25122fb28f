/*
 * past.h -- makes the history: once a second, what has come since.
 *
 * Counts are differences of meters that run over the lives of their processes,
 * percentiles are those of differences of histograms; so a point needs the
 * readings of the one before.  A new monitor takes them when it starts: its first
 * point is a second later, and the points that are there stay.
 *
 * Memory   The caller's.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef MONITOR_PAST_H
#define MONITOR_PAST_H

#include "shm/seg.h"

/* The distributions whose percentiles are in a point. */
enum { PAST_TTFT, PAST_TBT, PAST_QUEUE, PAST_HISTOGRAMS };

/* A reading of all that is counted. */
struct past_counts {
	uint64_t accepted, refused, finished, cancelled, failed;
	uint64_t prompt_tokens, output_tokens, hits, misses, loads, evictions;
	uint64_t squashed;
};

struct past {
	nsec at_ns, next_ns;
	struct past_counts counts;
	struct histogram_view histogram[PAST_HISTOGRAMS];
};

/* From now on. */
void past_begin(struct past *, const struct segs *, nsec now);

/* Writes a point if it is time.  Whether it was. */
bool past_turn(struct past *, const struct segs *, nsec now);

#endif

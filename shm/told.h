/*
 * told.h -- what the metrics have told of each adapter.
 *
 * Only the adapters most used have series of their own, all others share one.
 * Which they are changes, and no counter may fall when it does: so what is new
 * is added to the series that an adapter has at that moment, and stays there.
 * The monitor's own; in its segment, so that its successor's counters go on.
 *
 * Threads  The monitor alone reads and writes them.
 */
#ifndef SHM_TOLD_H
#define SHM_TOLD_H

#include <stdint.h>

enum told_count {
	TOLD_HITS,
	TOLD_MISSES,
	TOLD_LOADS,
	TOLD_EVICTED_KV,
	TOLD_EVICTED_ADAPTER,
	TOLD_LEFT,
	TOLD_COLD_NS,
	TOLD_COUNTS
};

/* [adapters]; that of an index is of the entry `who` says. */
struct told_adapter {
	uint64_t who;		    /* hash of its name and version */
	uint64_t own;		    /* 1: it has series of its own */
	uint64_t seen[TOLD_COUNTS]; /* its counts, when last looked at */
	uint64_t told[TOLD_COUNTS]; /* what its own series say */
};

struct told_rest {
	uint64_t begun; /* 1: there has been a look */
	uint64_t told[TOLD_COUNTS];
};

#endif

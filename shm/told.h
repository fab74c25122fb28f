/*
 * told.h -- what the metrics have told of adapters.
 *
 * Only the adapters most used have series of their own, all others share one.
 * Which they are changes, and no counter may fall when it does: so the common
 * series is what all adapters have done, of which the scheduler keeps the sums,
 * less what has been told of single ones.  Those that had series lately keep what
 * they told, and go on from there when they are chosen again.
 *
 * Threads  told_sums: written by the scheduler alone; the rest is the monitor's,
 *          in its segment, so that its successor's counters go on.
 */
#ifndef SHM_TOLD_H
#define SHM_TOLD_H

#include "base/clock.h"

#include <stdatomic.h>
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

/* One that has or had series of its own: [plan.told_rows]. */
struct told_adapter {
	uint64_t who;		    /* hash of its name and version */
	uint32_t index;		    /* + 1; 0: nobody's */
	uint32_t own;		    /* 1: it has them now */
	uint64_t chosen;	    /* number of the look that chose it last */
	uint64_t seen[TOLD_COUNTS]; /* its counts, when last looked at */
	uint64_t told[TOLD_COUNTS]; /* what its own series say */
};

struct told_rest {
	uint64_t looks;
	nsec looked_ns;		    /* the last of them */
	uint64_t gone[TOLD_COUNTS]; /* told of some that are here no more */
	uint64_t told[TOLD_COUNTS];
};

/* What all adapters have done, over all lives of the scheduler. */
struct told_sums {
	_Atomic uint64_t count[TOLD_COUNTS];
};

#endif

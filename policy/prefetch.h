/*
 * prefetch.h -- which adapters are brought before anyone asks for them.
 *
 *	off        none
 *	queue      those that waiting requests want (paper, default)
 *	histogram  also those that are expected: the times between the uses of
 *	           an adapter, in bins of a second up to ten minutes; it is
 *	           loaded at the 5th percentile of them and kept up to the 99th
 *	           ("Serverless in the Wild", USENIX ATC 2020)
 *
 * Memory   A plain struct an adapter, the caller's; all zero is untaught.
 */
#ifndef POLICY_PREFETCH_H
#define POLICY_PREFETCH_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define PREFETCH_BINS 600
#define PREFETCH_LEAST 4 /* gaps seen before it says anything */

enum prefetch_kind { PREFETCH_OFF, PREFETCH_QUEUE, PREFETCH_HISTOGRAM };

/* -1: no kind of that name. */
int prefetch_find(const char *name);

struct prefetch_history {
	uint16_t gap[PREFETCH_BINS]; /* uses that came so many seconds after */
	uint16_t beyond;	     /* after ten minutes and more */
	uint32_t total;
	nsec last_ns; /* last use; 0: none yet */
};

/* A use, now.  Counts are halved before one overflows. */
void prefetch_note(struct prefetch_history *, nsec now);

/* When it should be there: from *load_ns, the lower edge of the 5th percentile's
 * bin, to *keep_ns, the upper edge of the 99th's, ten minutes at most.  false:
 * cannot tell: too few gaps, or next to all of them beyond. */
bool prefetch_window(const struct prefetch_history *, nsec *load_ns,
    nsec *keep_ns);

#endif

/*
 * arrivals.h -- requests of a running engine, collected into a trace.
 *
 * Fed with readings of an instance, it takes each request once that arrived since
 * the first and has ended, and the adapters that there are.  Nothing of a prompt,
 * an answer or an id is kept.
 *
 *	reading, reading, ... --> arrivals_take --> arrivals_write
 *
 * Requests end in another order than they came in; they are sorted when the trace
 * is written, so that no line has to wait for an older one.
 *
 * Memory   24 bytes a request; arrivals_free frees.
 */
#ifndef CLI_ARRIVALS_H
#define CLI_ARRIVALS_H

#include "sim/trace.h"
#include "snap/snap.h"

#include <stdbool.h>

#define ARRIVALS_MAX ((uint64_t)1 << 22)

struct arrivals {
	nsec from;     /* requests that arrived before are not taken */
	nsec until;    /* nor those that arrived then or later; 0: no end */
	uint64_t last; /* number of the record that was seen last */
	struct sim_row *rows; /* at: monotonic; adapter: in names */
	uint64_t n, size;
	struct sim_names names;
	uint64_t missed;  /* records that were overwritten unseen */
	uint64_t silent;  /* requests that ended without a token */
	uint64_t unknown; /* requests whose adapter nobody knows any more */
};

/* Begins at a reading (SNAP_RECORDS, SNAP_ADAPTERS); what ended before it is not
 * taken.  ERR_MEMORY. */
int arrivals_open(struct arrivals *, const struct snap *, nsec from);

/* Goes on with another life of the instance, whose records begin anew. */
void arrivals_anew(struct arrivals *);

/* Takes what has ended since the last reading (SNAP_RECORDS).  Adapters that it
 * has not met are looked up at source, which may be NULL.  ERR_MEMORY; ERR_LIMIT:
 * ARRIVALS_MAX are taken. */
int arrivals_take(struct arrivals *, const struct snap_source *source,
    const struct snap *);

/* Whether some that are to be taken are open still (SNAP_REQUESTS). */
uint64_t arrivals_open_still(const struct arrivals *, const struct snap *);

/* Writes what was taken as a trace, in the order of arrival, its times after the
 * first; at most `most` rows.  ERR_NOT_FOUND: nothing was taken; what goes wrong
 * with the file stays with it. */
int arrivals_write(struct arrivals *, uint64_t most, FILE *);

void arrivals_free(struct arrivals *);

#endif

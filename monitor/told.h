/*
 * told.h -- which adapters have series of their own, and what those say.
 *
 * shm/told.h has the idea.  An adapter that is among the most used for the first
 * time begins at what comes from then on; what it did before is in the rest.  A
 * name has one series: replaced versions, and an adapter that is called as the
 * rest is, count with the rest.
 *
 * Memory   The caller's segments; a list that told_free gives back.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef MONITOR_TOLD_H
#define MONITOR_TOLD_H

#include "snap/snap.h"

#define TOLD_REST "other"

/* A line of the metrics: an adapter, or the rest. */
struct told_row {
	const char *name;
	double count[TOLD_COUNTS];
	double resident; /* adapters */
};

struct told_pick {
	uint64_t uses;
	uint32_t row;
};

struct told {
	struct told_adapter *at; /* [slots] */
	struct told_rest *rest;
	uint32_t slots, adapters;
	uint32_t *slot;		/* [adapters] + 1; 0: it has none */
	struct told_pick *pick; /* [room] */
	struct told_row *row;	/* [room + 1], the rest last */
	uint32_t room, rows;
};

/* In the monitor's own segments. */
void told_on(struct told *, const struct segs *);
void told_free(struct told *);

/* Counts what is new in a reading with SNAP_ADAPTERS, and chooses at most
 * `most` for the rows.  They name the reading's texts.  ERR_MEMORY. */
int told_look(struct told *, const struct snap *, uint32_t most);

#endif

/*
 * ranks.h -- adapters by rank, and which of them a request wants.
 *
 * Adapter i has the (i mod n)-th of the n ranks, in ascending order, and is
 * the (i / n)-th most popular of its rank: as many of each rank as go.
 *
 * Memory   ranks_open allocates, ranks_close frees.
 */
#ifndef SIM_RANKS_H
#define SIM_RANKS_H

#include "base/rng.h"
#include "sim/work.h"

#define RANKS_MAX 64

struct ranks {
	int32_t rank[RANKS_MAX]; /* ascending */
	uint32_t n;		 /* of them that have adapters */
	uint32_t nadapters;
	double *popular;	  /* sums of weights within a rank */
	double shares[RANKS_MAX]; /* sums of weights of ranks */
	bool reversed;		  /* the largest rank is the most popular */
};

/* ERR_USAGE, ERR_MEMORY. */
int ranks_open(struct ranks *, const struct sim_work_options *);
void ranks_close(struct ranks *);

/* Sets the work's list of adapters.  ERR_MEMORY. */
int ranks_list(const struct ranks *, struct sim_work *);

/* An adapter, one number of each stream; -1: there are none. */
int32_t ranks_draw(const struct ranks *, struct rng *rank, struct rng *within);

#endif

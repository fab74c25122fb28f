/*
 * fits.h -- how large adapters are, and how many fit a pool.
 *
 * Memory   fits_* allocate the list, fits_free frees it.
 */
#ifndef CLI_FITS_H
#define CLI_FITS_H

#include "model/shape.h"
#include "shm/plan.h"

/* Adapters of one rank and size. */
struct fit {
	int32_t rank;
	uint64_t bytes; /* of one's image on the device */
	uint64_t place; /* of the place that it takes */
	uint32_t count;
};

struct fits {
	struct fit *at; /* by rank, then bytes */
	uint32_t n, adapters;
	uint32_t refused; /* directories that would not be served */
};

/* The sub-directories of a directory.  ERR_NOT_FOUND, ERR_IO; ERR_USAGE: there is no
 * adapter in it. */
int fits_read(struct fits *, const char *directory, const struct shape *,
    const struct plan *);

/* n adapters of these ranks in turn ("8,16,32"), on all seven modules of each
 * layer.  ERR_USAGE. */
int fits_law(struct fits *, uint32_t n, const char *ranks, const struct shape *,
    const struct plan *);
void fits_free(struct fits *);

/* The i-th of an endless row that has each in its share. */
const struct fit *fits_pick(const struct fits *, uint32_t i);

/* How many of that row so many chunks hold, as the scheduler places them: a large one
 * in chunks of its own, small ones with others of their class. */
uint32_t fits_in(const struct fits *, const struct plan *, uint32_t chunks);

/* Chunks that so many running requests of so many tokens take for keys and values. */
uint32_t fits_kv_chunks(const struct plan *, uint32_t running, uint32_t tokens);

#endif

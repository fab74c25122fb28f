/*
 * picks.h -- from what a token is picked from to what the kernel reads.
 *
 * Lists of a pick (bias, banned ids, ids seen) are written into memory that is
 * copied to the device; a pick points to where they will lie there.  Ids that
 * are no tokens are left out, and each id that was seen is told once, so that
 * the kernel's threads do not meet.
 *
 * Memory   picks_open allocates a count a token; picks_fill allocates nothing.
 */
#ifndef GPUEXEC_CUDA_PICKS_H
#define GPUEXEC_CUDA_PICKS_H

#include <stddef.h>

#include "gpuexec/cuda/step.h"
#include "gpuexec/forward.h"

struct picks;

int picks_open(struct picks **, int vocab);
void picks_close(struct picks *);

/* A piece of memory that will lie at `device` as it now lies at `host`. */
struct picks_arena {
	char *host;
	const char *device;
	size_t used, room;
};

/* Bytes that the lists of n picks take at the most. */
size_t picks_bytes(int n, int context, int vocab);

void picks_fill(struct picks *, struct cuda_pick *, const struct forward_pick *,
    struct picks_arena *);

#endif

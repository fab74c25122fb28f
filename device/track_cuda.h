/*
 * track_cuda.h -- one direction between host and GPU: pieces, in order.
 *
 * A stream of its own, with at most two pieces on it: one that moves and one
 * behind it, so that the link is never idle and yet whoever comes waits for
 * pieces, not for a queue.  Threads take turns piece by piece.
 *
 *	number of a piece = pieces ever queued, it included
 *	over <= queued <= over + 2
 *
 * Threads  Any; the GPU is the calling thread's current one.
 * Waiting  track_put for its turn and for the piece before the last; track_wait
 *          for a piece.  Both sleep: a copy is long for a processor.
 * Errors   Those of cuda_check.
 */
#ifndef DEVICE_TRACK_CUDA_H
#define DEVICE_TRACK_CUDA_H

#include "device/gate.h"

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#define TRACK_DEEP 2

struct track {
	const char *what;	 /* "a copy to the GPU" */
	enum cudaMemcpyKind way; /* to the GPU, or from it */
	struct gate turn;
	pthread_mutex_t lock;		/* of what follows */
	cudaStream_t stream;		/* NULL: not opened */
	cudaEvent_t passed[TRACK_DEEP]; /* piece n: at n % TRACK_DEEP */
	uint64_t queued, over;		/* pieces ever */
};

int track_open(struct track *, const char *what, enum cudaMemcpyKind way);
/* When nobody uses it any more; waits for what is on it. */
void track_close(struct track *);

/* Queues a piece between pinned memory and the GPU; *number is its own, unless it fails. */
int track_put(struct track *, void *to, const void *from, size_t n,
    uint64_t *number);

/* Until the piece of this number, and with it all before, is over; 0 is. */
int track_wait(struct track *, uint64_t number);

#endif

/*
 * pool_cuda.h -- making the pool on a GPU, and what the GPU is.
 *
 * For the holder alone, in builds with CUDA.  The pool is one allocation; its
 * handle opens it in other processes (device.h), never in this one.  It lives
 * as long as this process.
 */
#ifndef DEVICE_POOL_CUDA_H
#define DEVICE_POOL_CUDA_H

#include "device/device.h"

#include <stddef.h>

struct device_facts {
	char name[64];
	uint64_t total, free; /* bytes */
	int devices;	      /* that this process can see */
	int major, minor;     /* compute capability */
	int driver;	      /* CUDA version that it knows, 13000 */
	int runtime;	      /* CUDA version that this build is of */
	bool mig;	      /* a part of a GPU */
};

/* With the reason why not: ERR_UNSUPPORTED, if starting again is of no use (a
 * driver too old, no permission, no such GPU, one that may not be shared between
 * processes); ERR_DEVICE, if it may be well in a moment (no driver yet, a device
 * that is being reset). */
int device_look(struct device_facts *, int ordinal);

/* Allocates and zeroes weights_bytes + bytes on the GPU of the pool, and fills
 * in its handle.  As device_look, and ERR_MEMORY, with what it wanted and what
 * holds the rest. */
int device_make(struct device_pool *);

#endif

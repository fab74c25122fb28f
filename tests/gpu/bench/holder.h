/*
 * holder.h -- the process that holds the bench's pool, and others beside it.
 *
 * CUDA does not survive a fork: all of them are started before the bench calls
 * it, and wait until they are told.
 */
#ifndef TESTS_GPU_BENCH_HOLDER_H
#define TESTS_GPU_BENCH_HOLDER_H

#include "device/pool_cuda.h"

/* What the GPU is, by a process that ends.  ERR_DEVICE, with the reason. */
int holder_look(struct device_facts *);

/* Starts the holder, and one that copies into its pool. */
int holder_start(struct device_pool *);
void holder_stop(void);

/* The second process copies `bytes` at an offset of the pool over and over,
 * until copier_stop, which returns bytes a second. */
void copier_go(uint64_t offset, uint64_t bytes);
double copier_stop(void);

#endif

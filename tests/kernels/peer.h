/*
 * peer.h -- another process that holds a pool, as the holder does.
 *
 * Started before this process has called CUDA: CUDA does not survive a fork.
 */
#ifndef TESTS_KERNELS_PEER_H
#define TESTS_KERNELS_PEER_H

#include <sys/types.h>

#include "device/device.h"

/* Makes a pool of chunks bytes behind weights bytes; fills in the rest of what
 * opens it. */
void peer_start(struct device_pool *, uint64_t weights, uint64_t chunks);

/* Ends it: orderly, or as kill -9 does. */
void peer_end(int signal_number);

#endif

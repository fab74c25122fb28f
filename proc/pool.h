/*
 * pool.h -- how a process of the engine opens the device pool.
 */
#ifndef PROC_POOL_H
#define PROC_POOL_H

#include "device/device.h"
#include "proc/proc.h"

/* Opens the pool of this instance: on the cpu the shared-memory object, on a
 * GPU what the holder of the present epoch has exported.  number: of the pool
 * (shm/pool.h); 0 on the cpu.  ERR_* as device_open; ERR_GONE: the holder has
 * made none, or another one. */
int proc_pool_open(struct proc *, struct device **, uint64_t *number);

#endif

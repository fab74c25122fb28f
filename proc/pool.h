/*
 * pool.h -- how a process of the engine opens the device pool.
 */
#ifndef PROC_POOL_H
#define PROC_POOL_H

#include "device/device.h"
#include "proc/proc.h"

/* From now on, should a device fail for good, the words with which the process
 * ends are in its cell and in the log. */
void proc_pool_watch(struct proc *);

/* Opens the pool of this instance: on the cpu the shared-memory object, on a
 * GPU what the holder of the present epoch has exported.  number: of the pool
 * (shm/pool.h); 0 on the cpu.  ERR_* as device_open; ERR_GONE: the holder has
 * made none, or another one.  Watches it as proc_pool_watch. */
int proc_pool_open(struct proc *, struct device **, uint64_t *number);

#endif

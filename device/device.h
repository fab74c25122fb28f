/*
 * device.h -- the memory of a device, by offset.
 *
 * The pool is one range of equal chunks that several processes hold; each has
 * it at another address, so everybody speaks in offsets.  Who may write where
 * is the chunk table's affair (shm/dir.h), not this file's.
 *
 *	host    a POSIX shared-memory object; a chunk takes memory when it is
 *	        first committed, and a copy is over when it returns
 *
 * Threads  Commit and copy from any thread, for ranges that do not overlap.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct device; /* one opened pool */

/* Opens the pool behind fd.  ERR_MEMORY, ERR_IO. */
int device_open_host(struct device **, int fd, uint64_t bytes,
    uint64_t chunk_bytes);
void device_close(struct device *);

uint64_t device_bytes(const struct device *);

/* Gives memory to the chunks that [offset, offset + n) touches, if this
 * process has not done so yet.  ERR_MEMORY: the machine has none left. */
int device_commit(struct device *, uint64_t offset, uint64_t n);

/* Copies n bytes from host memory to the pool; committed first. */
int device_copy(struct device *, uint64_t offset, const void *from, uint64_t n);

/* Where the host reads and writes an offset; the cpu backend alone may. */
void *device_host_address(struct device *, uint64_t offset);

#endif

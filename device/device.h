/*
 * device.h -- the memory of a device, by offset.
 *
 *	[ weights | chunk 0 | chunk 1 | ... ]
 *
 * The pool is one range of equal chunks that several processes hold; each has
 * it at another address, so everybody speaks in offsets from chunk 0.  Who may
 * write where is the chunk table's affair (shm/dir.h), not this file's.
 *
 *	host    a POSIX shared-memory object; a chunk takes memory when it is
 *	        first committed; no weights in front
 *	cuda    memory of a GPU that the holder has allocated and exported; all
 *	        of it is there from the start.  Weights lie in front of the
 *	        chunks, so that they outlive gpuexec
 *
 * A copy is over when it returns: the device has the bytes.
 *
 * Threads  Commit, copy and read from any thread, for ranges that do not
 *          overlap.
 * Errors   ERR_DEVICE after which every call fails ends the process with last
 *          words (cuda_check.h): the supervisor starts it again.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct device; /* one opened pool */

enum device_kind { DEVICE_HOST, DEVICE_CUDA };

#define DEVICE_HANDLE_BYTES 64

/* Where a pool is. */
struct device_pool {
	uint32_t kind;				   /* enum device_kind */
	int fd;					   /* host: the object */
	int ordinal;				   /* cuda: which GPU */
	unsigned char handle[DEVICE_HANDLE_BYTES]; /* cuda: the holder's */
	uint64_t weights_bytes; /* in front of the chunks; host: 0 */
	uint64_t bytes;		/* of all chunks */
	uint64_t chunk_bytes;
};

/* ERR_MEMORY, ERR_IO, ERR_DEVICE; ERR_UNSUPPORTED: cuda, in a build without. */
int device_open(struct device **, const struct device_pool *);
void device_close(struct device *);

uint64_t device_bytes(const struct device *);

/* Gives memory to the chunks that [offset, offset + n) touches, if this
 * process has not done so yet.  ERR_MEMORY: the machine has none left. */
int device_commit(struct device *, uint64_t offset, uint64_t n);

/* Gives the memory of the chunks in [offset, offset + n) back to the operating
 * system, for whole chunks; their bytes are lost, and they must be committed anew.
 * Where that cannot be, as on a GPU, nothing happens. */
void device_give_back(struct device *, uint64_t offset, uint64_t n);

/* Somebody else may have given it back since this process committed it. */
void device_forget(struct device *, uint64_t offset, uint64_t n);

/* Bytes of the pool that have memory behind them now. */
uint64_t device_backed(struct device *);

/* Copies n bytes from host memory to the pool; committed first.  From memory
 * given to device_pin they go straight, else through pinned staging. */
int device_copy(struct device *, uint64_t offset, const void *from, uint64_t n);

/* Copies n bytes from the pool to host memory. */
int device_read(struct device *, void *to, uint64_t offset, uint64_t n);

/* Memory that copies come from is pinned for the device, until device_close.
 * staging: device_copy may use it for what is not pinned itself; it is given once,
 * before the first copy.  Costs time; host: nothing happens. */
int device_pin(struct device *, void *at, uint64_t bytes, bool staging);

/* Who is told why this process is about to end, when nothing on the device works
 * any more. */
void device_on_loss(void (*say)(const char *sentence));

/* Where this process's kernels find an offset.  host: an address that may be
 * read and written; cuda: a device address, for nobody but the GPU. */
void *device_address(struct device *, uint64_t offset);

/* cuda: where the region of the weights begins; host: NULL. */
void *device_weights(struct device *);

#endif

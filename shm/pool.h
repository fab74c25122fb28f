/*
 * pool.h -- where the memory of a GPU is, and what of it can be trusted.
 *
 * The holder allocates the pool and says here how to open it.  A pool has a
 * number, which is the epoch of the holder that made it (order[PROC_HOLDER]):
 * when a holder dies its pool is gone, the supervisor raises the epoch, and
 * whatever carries the old number speaks of memory that is no more.
 *
 *	holder    holder_pool.number   the pool that is there
 *	loader    pool_number          the pool that its have words are about
 *	gpuexec   weights_mark         the pool in which the weights are whole
 *
 * Waiting  Never.
 */
#ifndef SHM_POOL_H
#define SHM_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_HANDLE_BYTES 64

/* In the holder's segment; written by the holder alone. */
struct holder_pool {
	_Atomic uint64_t number; /* stored last; 0: there has been no pool */
	uint64_t bytes;		 /* of weights and chunks together */
	uint64_t weights_bytes;	 /* in front of the chunks */
	uint64_t chunk_bytes;
	uint32_t ordinal;
	unsigned char handle[POOL_HANDLE_BYTES]; /* of the whole */
	uint64_t crc;				 /* of all that stands above */
};

/* In gpuexec's segment; written by it alone. */
struct weights_mark {
	_Atomic uint64_t pool_number; /* stored last; 0: not whole anywhere */
	uint64_t file_id;	      /* of the files they were read from */
	uint64_t bytes;
	uint64_t sum; /* of the bytes as they lie on the GPU */
};

/* Makes known what `what` says, under a number that is not 0. */
void holder_pool_tell(struct holder_pool *, const struct holder_pool *what,
    uint64_t number);

/* What the holder says of the pool of this number.  false: it has not said
 * anything of it, or what it says is damaged. */
bool holder_pool_hear(const struct holder_pool *, uint64_t number,
    struct holder_pool *out);

#endif

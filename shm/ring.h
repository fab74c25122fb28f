/*
 * ring.h -- a one-way queue of hints between two processes.
 *
 * A hint is 64 bits that say where to look; the truth is in the words.  Hints
 * may be lost or seen twice: whoever reads a ring also sweeps the words.
 *
 *	      tail           head	slot = cursor % depth
 *	......[==== full ===]......	tail <= head <= tail + depth
 *
 * Memory   Slots and head in the producer's segment, tail in the consumer's:
 *          each writes its own pages, and finds its cursor after a restart.
 * Threads  One thread owns the tx end, one the rx end.
 * Waiting  Never.  Full and empty are answers; sleeping is shm/bell.h.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the producer's segment; written by the producer alone. */
struct ring_out {
	uint32_t depth;			    /* slots, a power of two */
	alignas(128) _Atomic uint64_t head; /* hints ever pushed */
	alignas(128) uint64_t slot[];	    /* plain: TSan checks the orders */
};

/* In the consumer's segment; written by the consumer alone. */
struct ring_in {
	alignas(128) _Atomic uint64_t tail; /* hints ever taken */
};

struct ring_tx {
	struct ring_out *out;
	const struct ring_in *in;
	uint64_t head, tail_seen;
	uint32_t depth;
};

struct ring_rx {
	const struct ring_out *out;
	struct ring_in *in;
	uint64_t tail, head_seen;
	uint32_t depth;
};

/* Bytes of a ring_out of so many slots. */
size_t ring_bytes(uint32_t depth);

/* Once, by whoever makes the segment. */
void ring_format(struct ring_out *, uint32_t depth);

/* At start and at every restart of that end.  depth is the topology's: what
 * lies in the peer's segment is not believed. */
void ring_join_tx(struct ring_tx *, struct ring_out *, const struct ring_in *,
    uint32_t depth);
void ring_join_rx(struct ring_rx *, const struct ring_out *, struct ring_in *,
    uint32_t depth);

/* false: full, nothing was written, the sweep will find the work. */
bool ring_push(struct ring_tx *, uint64_t hint);

/* false: empty. */
bool ring_pop(struct ring_rx *, uint64_t *hint);

/* Whether ring_pop would find one; for deciding to sleep. */
bool ring_waiting(struct ring_rx *);

#endif

/* One-way queues of hints.  The four orders are P1, P2, C1 and C2. */
#include "shm/ring.h"

#include "base/must.h"

#include <string.h>

size_t
ring_bytes(uint32_t depth)
{
	return sizeof(struct ring_out) + sizeof(uint64_t) * (size_t)depth;
}

void
ring_format(struct ring_out *out, uint32_t depth)
{
	must(depth > 0 && (depth & (depth - 1)) == 0);
	memset(out, 0, ring_bytes(depth));
	out->depth = depth;
}

void
ring_join_tx(struct ring_tx *tx, struct ring_out *out, const struct ring_in *in,
    uint32_t depth)
{
	must(depth > 0 && (depth & (depth - 1)) == 0);
	tx->out = out;
	tx->in = in;
	tx->depth = depth;
	tx->head = atomic_load_explicit(&out->head, memory_order_relaxed);
	/* P1 pairs with C2, as in ring_push. */
	tx->tail_seen = atomic_load_explicit(&in->tail, memory_order_acquire);
}

void
ring_join_rx(struct ring_rx *rx, const struct ring_out *out, struct ring_in *in,
    uint32_t depth)
{
	must(depth > 0 && (depth & (depth - 1)) == 0);
	rx->out = out;
	rx->in = in;
	rx->depth = depth;
	rx->tail = atomic_load_explicit(&in->tail, memory_order_relaxed);
	rx->head_seen = rx->tail;
}

bool
ring_push(struct ring_tx *tx, uint64_t hint)
{
	if (tx->head - tx->tail_seen >= tx->depth) {
		/* Only when it looks full do we pay for the consumer's line.
		 * P1 pairs with C2: a slot below tail may be written again.
		 * A tail that cannot be reads as full. */
		tx->tail_seen = atomic_load_explicit(&tx->in->tail,
		    memory_order_acquire);
		if (tx->head - tx->tail_seen >= tx->depth)
			return false;
	}
	tx->out->slot[tx->head & (tx->depth - 1)] = hint;
	/* P2 pairs with C1: the slot is written before head covers it. */
	atomic_store_explicit(&tx->out->head, ++tx->head, memory_order_release);
	return true;
}

static void
give_back(struct ring_rx *rx, uint64_t tail)
{
	/* C2 pairs with P1: the slots below tail have been read. */
	rx->tail = tail;
	atomic_store_explicit(&rx->in->tail, tail, memory_order_release);
}

static void
look(struct ring_rx *rx)
{
	/* C1 pairs with P2: the slots below head are written. */
	rx->head_seen = atomic_load_explicit(&rx->out->head,
	    memory_order_acquire);
	/* No honest producer is further ahead than depth. */
	if (rx->head_seen - rx->tail > rx->depth)
		give_back(rx, rx->head_seen);
}

bool
ring_pop(struct ring_rx *rx, uint64_t *hint)
{
	if (rx->head_seen == rx->tail)
		look(rx);
	if (rx->head_seen == rx->tail)
		return false;
	*hint = rx->out->slot[rx->tail & (rx->depth - 1)];
	give_back(rx, rx->tail + 1);
	return true;
}

bool
ring_waiting(struct ring_rx *rx)
{
	if (rx->head_seen == rx->tail)
		look(rx);
	return rx->head_seen != rx->tail;
}

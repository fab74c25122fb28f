/*
 * heap.h -- a priority queue of indices from which any may leave.
 *
 * A pairing heap: whoever goes before all others is on top, at once; one that
 * comes costs a comparison, one that leaves about log n of them.  The nodes lie
 * in an array of the owner, one an index, and one index is in one heap of that
 * array at a time.
 *
 * Memory   The owner's: an array of heap_node, set up by heap_format.
 * Threads  The owner's.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define HEAP_NONE UINT32_MAX

struct heap_node {
	uint32_t child, next;
	uint32_t prev; /* the one to the left; of the first, its parent */
};

/* Whether a goes before b: a strict order in which no two are equal. */
typedef bool heap_before_f(const void *arg, uint32_t a, uint32_t b);

/* What the heaps of one array share. */
struct heap_order {
	struct heap_node *node;
	heap_before_f *before;
	const void *arg;
};

struct heap {
	uint32_t top; /* HEAP_NONE: empty */
	uint32_t n;
};

void heap_format(struct heap_node *, uint32_t n);

static inline bool
heap_has(const struct heap_order *o, uint32_t i)
{
	return o->node[i].prev != HEAP_NONE - 1;
}

/* i must be in no heap of the array. */
void heap_enter(struct heap *, const struct heap_order *, uint32_t i);

/* i must be in this heap; its own order may have changed since it entered. */
void heap_leave(struct heap *, const struct heap_order *, uint32_t i);

#endif

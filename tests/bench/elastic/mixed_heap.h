/*
 * mixed_heap.h -- state of practice, for the benchmark alone: all in one
 * first-fit heap, whose live adapters are moved until room is in one piece.
 *
 * A directory says where each adapter lies.  The bytes are those of `pool`.
 */
#ifndef TESTS_BENCH_ELASTIC_MIXED_HEAP_H
#define TESTS_BENCH_ELASTIC_MIXED_HEAP_H

#include "base/clock.h"
#include "base/must.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MIB (1u << 20)
#define CHUNK (2u * MIB)
#define CHUNKS 1024u
#define ADAPTERS 4096u

struct object {
	uint64_t at, bytes;
	uint32_t adapter;
};

static struct object heap[ADAPTERS]; /* by address */
static uint32_t nheap;
static uint64_t heap_at[ADAPTERS]; /* the directory */
static unsigned char *pool;	   /* [CHUNKS * CHUNK] */

static void
heap_drop(uint32_t a)
{
	for (uint32_t i = 0; i < nheap; i++)
		if (heap[i].adapter == a) {
			memmove(&heap[i], &heap[i + 1],
			    (--nheap - i) * sizeof(heap[0]));
			return;
		}
}

static uint64_t
heap_end(uint32_t i)
{
	return i == 0 ? 0 : heap[i - 1].at + heap[i - 1].bytes;
}

static uint64_t
hole(uint32_t i)
{
	return (i == nheap ? (uint64_t)CHUNKS * CHUNK : heap[i].at) -
	    heap_end(i);
}

/* The first hole that holds it; false: none does. */
static bool
heap_put(uint32_t a, uint64_t bytes)
{
	for (uint32_t i = 0; i <= nheap; i++) {
		if (hole(i) < bytes)
			continue;
		memmove(&heap[i + 1], &heap[i], (nheap - i) * sizeof(heap[0]));
		heap[i] = (struct object){ heap_end(i), bytes, a };
		heap_at[a] = heap[i].at;
		nheap++;
		return true;
	}
	return false;
}

/* Which objects, first..last-1, slid down leave `need` bytes in one piece for
 * the fewest bytes moved.  Two ends that only go up. */
static uint64_t
cheapest(uint64_t need, uint32_t *first, uint32_t *last)
{
	uint64_t room = 0, live = 0, best = UINT64_MAX;
	uint32_t i = 0;

	for (uint32_t j = 0; j <= nheap; j++) {
		room += hole(j);
		while (room - hole(i) >= need && i < j) {
			room -= hole(i);
			live -= heap[i++].bytes;
		}
		if (room >= need && live < best) {
			best = live;
			*first = i;
			*last = j;
		}
		if (j < nheap)
			live += heap[j].bytes;
	}
	must(best != UINT64_MAX);
	return best;
}

/* Live adapters are moved until there are so many bytes in one piece. */
static uint64_t
heap_compact(uint64_t need, bool really, nsec *moving)
{
	uint32_t first = 0, last = 0;
	uint64_t moved = cheapest(need, &first, &last);
	nsec start = clock_mono();

	for (uint32_t i = first; i < last; i++) {
		uint64_t to = heap_end(i);

		if (really && to != heap[i].at)
			memmove(pool + to, pool + heap[i].at, heap[i].bytes);
		heap[i].at = heap_at[heap[i].adapter] = to;
	}
	*moving = clock_mono() - start;
	return moved;
}

#endif

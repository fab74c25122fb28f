/* Chunks that are RETURNING: their memory goes back, and the scheduler hears of
 * it.  Nobody else writes there until it has. */
#include "loader/ld.h"

#define LOOKS_MAX 4096 /* chunks looked at in one go */
#define GIVE_MAX 32    /* given back in one go: each is some 100 us */

static bool
give(struct ld *l, uint32_t c)
{
	struct place_word chunk = word_load_place(&l->w.chunk[c]);
	uint64_t n = l->w.plan->chunk_bytes;

	if (chunk.state != CHUNK_RETURNING ||
	    word_load(&l->w.returned[c]).gen == chunk.gen)
		return false;
	device_give_back(l->w.device, c * n, n);
	word_store(&l->w.returned[c], (struct word){ .gen = chunk.gen });
	ld_add(&l->w.meters->returned_bytes, n);
	return true;
}

void
ld_give_back(struct ld *l)
{
	uint32_t n = l->w.plan->chunks, given = 0;

	for (uint32_t i = 0; i < n && i < LOOKS_MAX && given < GIVE_MAX; i++) {
		given += give(l, l->sweep_chunk);
		l->sweep_chunk = (l->sweep_chunk + 1) % n;
	}
	ld_gauge(&l->w.meters->pool_bytes, device_backed(l->w.device));
}

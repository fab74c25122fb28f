/* The loader of the world around the scheduler. */
#include "tests/unit/sched_world.h"

#include <check.h>

/* Whether two places share bytes. */
static bool
overlap(struct place_word a, struct place_word b)
{
	uint32_t ca = dir_place_chunk(a.place);

	if (a.class > 0 || b.class > 0)
		return a.place == b.place;
	for (; ca < CHUNKS; ca = world.next[ca]) {
		uint32_t cb = dir_place_chunk(b.place);

		for (; cb < CHUNKS; cb = world.next[cb])
			if (ca == cb)
				return true;
	}
	return false;
}

/* A copy to p begins: no step reads what lies there, no block of one does. */
static void
copy_begins(uint32_t adapter, struct place_word p)
{
	for (uint32_t i = 0; i < ADAPTERS; i++) {
		struct place_word have = word_load_place(&world.have[i]);

		if (i != adapter && have.state == HAVE_RESIDENT &&
		    overlap(have, p))
			ck_abort_msg("a copy over a resident adapter");
	}
	for (int i = 0; i < world.nsteps; i++)
		ck_assert(world.step[i].adapter < 0 ||
		    !overlap(world.step[i].place, p));
	for (uint32_t c = dir_place_chunk(p.place);
	     c<CHUNKS; c = p.class> 0 ? CHUNKS : world.next[c])
		for (int i = 0; i < world.nsteps; i++)
			for (uint32_t k = 0; k < world.step[i].nblocks; k++)
				ck_assert_uint_ne(world.step[i].block[k] /
					PER_CHUNK,
				    c);
}

/* Another part of it arrives, or, in one case of four, all the rest at once. */
static bool
more_layers(uint32_t a, uint32_t gen)
{
	struct word layers = word_load(&world.layers[a]);

	if (layers.gen != gen)
		layers = (struct word){ gen, 0, 0, 0 };
	if (layers.low > LAYERS || rng_below(&world.rng, 4) == 0)
		return false;
	layers.low++;
	word_store(&world.layers[a], layers);
	return true;
}

/* Gives back the memory of chunks that nobody has. */
static void
give_back(void)
{
	uint32_t c = (uint32_t)rng_below(&world.rng, CHUNKS);
	struct place_word chunk = word_load_place(&world.chunk[c]);

	if (chunk.state != CHUNK_RETURNING)
		return;
	world.given_back += word_load(&world.returned[c]).gen != chunk.gen;
	for (int i = 0; i < world.nsteps; i++)
		for (uint32_t k = 0; k < world.step[i].nblocks; k++)
			ck_assert_uint_ne(world.step[i].block[k] / PER_CHUNK,
			    c);
	word_store(&world.returned[c], (struct word){ .gen = chunk.gen });
}

void
world_loader(uint32_t a)
{
	struct place_word want = word_load_place(&world.want[a]);
	struct place_word have = word_load_place(&world.have[a]);

	give_back();
	if (have.gen != want.gen) {
		have = want;
		have.state = want.state == WANT_IN ? HAVE_LOADING : HAVE_ABSENT;
		if (want.state == WANT_IN)
			copy_begins(a, want);
		world.copying[a] = want.state == WANT_IN;
	} else if (have.state == HAVE_LOADING && more_layers(a, have.gen)) {
		return; /* nobody sends a hint of that */
	} else if (have.state == HAVE_LOADING) {
		have.state = world.fails[a] ? HAVE_FAILED : HAVE_RESIDENT;
		world.fails[a] = false;
	} else {
		return;
	}
	word_store_place(&world.have[a], have);
	world_loader_hint(a);
}

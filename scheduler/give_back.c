/* Memory of chunks that stay free goes back to the operating system (cpu).
 *
 * What was free all the time of a window was needed by nobody: so many chunks go
 * at its end, and no more, so that a load which comes and goes within a window
 * finds the memory it had.  The loader does it, since the pool is not for this
 * process; a chunk is nobody's meanwhile.  One that is bare is taken last. */
#include "scheduler/sch.h"

static uint32_t
spare(const struct sch *h)
{
	return h->nfree_chunks - h->nbare;
}

/* What the loader has done. */
static void
take_back(struct sch *h)
{
	for (uint32_t i = h->nreturning; i-- > 0;) {
		uint32_t c = h->returning_chunk[i];
		uint32_t gen = word_load_place(&h->w.chunk[c]).gen;

		if (word_load(&h->w.returned[c]).gen != gen)
			continue;
		h->returning_chunk[i] = h->returning_chunk[--h->nreturning];
		chunks_returned(h, c);
	}
}

static void
end_window(struct sch *h, nsec now)
{
	h->spare_todo = h->spare_least;
	h->spare_least = spare(h);
	h->spare_ns = now;
}

void
give_back_tick(struct sch *h, nsec now)
{
	if (h->w.returned == NULL || !h->settled)
		return;
	take_back(h);
	if (spare(h) < h->spare_least)
		h->spare_least = spare(h);
	if (h->spare_todo > h->spare_least)
		h->spare_todo = h->spare_least;
	if (h->w.return_ns > 0 && now - h->spare_ns >= h->w.return_ns)
		end_window(h, now);
	while (h->spare_todo > 0 && h->nreturning < RETURNING_MAX &&
	    h->free_chunk != NOBODY) {
		uint32_t c = h->free_chunk;

		h->spare_todo--;
		h->spare_least--;
		h->returning_chunk[h->nreturning++] = c;
		chunks_returning(h, c);
	}
}

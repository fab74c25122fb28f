/* What lies in the pool for a running request: its KV blocks, its adapter. */
#include "gpuexec/gx.h"

#include "base/err.h"
#include "base/log.h"

/* ---- KV blocks -------------------------------------------------------- */

/* Since it was another's its memory may have gone back. */
static void
look_at_chunk(struct gx *g, uint64_t chunk)
{
	uint32_t gen = word_load_place(&g->segs->chunk[chunk]).gen;

	if (gen == g->chunk_gen[chunk])
		return;
	device_forget(g->device, chunk * g->plan->chunk_bytes,
	    g->plan->chunk_bytes);
	g->chunk_gen[chunk] = gen;
}

/* Where block number b lies; NULL: there is none, or no memory for it. */
static void *
block_address(struct gx *g, uint32_t b)
{
	const struct plan *p = g->plan;
	uint64_t chunk = b / p->blocks_per_chunk, offset;

	if (chunk >= p->chunks) {
		err_set(ERR_LIMIT, "block %u of %u chunks", b, p->chunks);
		return NULL;
	}
	look_at_chunk(g, chunk);
	offset = chunk * p->chunk_bytes +
	    b % p->blocks_per_chunk * p->kv_block_bytes;
	if (device_commit(g->device, offset, p->kv_block_bytes) != 0)
		return NULL;
	return device_address(g->device, offset);
}

void
gx_grants(struct gx *g, struct gx_run *r)
{
	struct word b = word_load(&g->segs->b[r->slot]);
	uint32_t n = b.low;

	/* A count of another round is not ours; a list never shrinks. */
	if (b.gen != r->gen || b.round != r->round)
		return;
	if (n > g->plan->blocks_per_slot)
		n = g->plan->blocks_per_slot;
	while (r->nblocks < n) {
		void *at = block_address(g,
		    segs_blocks(g->segs, r->slot)[r->nblocks]);

		if (at == NULL) {
			log_warn("a KV block cannot be used " GX_WHO
				 " reason=%s",
			    GX_WHO_OF(r), err_text());
			gx_finish(g, r,
			    err_code() == ERR_MEMORY ? FINISH_MEMORY :
						       FINISH_NUMBERS,
			    -1);
			return;
		}
		r->blocks[r->nblocks++] = at;
	}
}

/* ---- adapters --------------------------------------------------------- */

const char *
gx_adapter_name(const struct gx *g, int32_t adapter)
{
	return adapter < 0 || adapter >= (int32_t)g->plan->adapters ?
	    DIR_BASE :
	    g->segs->info[adapter].name;
}

struct gx_lease *
gx_lease(struct gx *g, int32_t adapter, uint32_t gen)
{
	struct gx_lease *unused = NULL;

	if (adapter < 0 || adapter >= (int32_t)g->plan->adapters)
		return NULL;
	for (uint32_t i = 0; i < g->plan->batch_max; i++) {
		struct gx_lease *l = &g->leases[i];

		if (l->adapter == adapter && l->gen == gen) {
			/* The loader may have copied it again. */
			if (l->refs == 0 && l->bad)
				l->read = l->bad = false;
			return l;
		}
		if (l->refs == 0)
			unused = l;
	}
	/* There are as many leases as requests that run. */
	if (unused != NULL) {
		unused->adapter = adapter;
		unused->gen = gen;
		unused->read = unused->bad = false;
	}
	return unused;
}

/* Addresses of the pages of a place; their number, 0: not legal. */
static int
find_pages(struct gx *g, const struct gx_lease *l, uint64_t *bytes)
{
	const struct plan *p = g->plan;
	uint32_t chunk = dir_place_chunk(l->place);
	uint64_t size = p->chunk_bytes >> l->class;
	uint64_t begin = dir_place_sub(l->place) * size, want;
	int n = 0;

	if (chunk >= p->chunks || l->class > DIR_CLASS_MAX ||
	    begin + size > p->chunk_bytes)
		return 0;
	want = g->segs->info[l->adapter].bytes;
	if (l->class > 0)
		want = size;
	for (*bytes = 0; *bytes < want; *bytes += size) {
		if (n == g->pages_max || chunk >= p->chunks)
			return 0;
		g->pages[n++] = device_address(g->device,
		    chunk * p->chunk_bytes + begin);
		chunk = atomic_load_explicit(&g->segs->next[chunk],
		    memory_order_relaxed);
	}
	return n;
}

/* From the pool, which need not be memory that we can read. */
static int
fetch(void *arg, void *to, const void *from, uint64_t n)
{
	struct gx *g = arg;
	const char *base = device_address(g->device, 0);

	return device_read(g->device, to, (uint64_t)((const char *)from - base),
	    n);
}

static void
read_image(struct gx *g, struct gx_lease *l)
{
	uint64_t bytes;
	int n = find_pages(g, l, &bytes);

	l->read = true;
	l->rank = (uint32_t)g->segs->info[l->adapter].rank;
	if (l->rank > ADAPTER_RANK_MAX)
		l->rank = ADAPTER_RANK_MAX; /* for the samples alone */
	l->bad = n == 0 ||
	    image_read(l->image, forward_shape(g->forward),
		forward_dtype(g->forward), g->pages, n,
		(uint32_t)g->plan->chunk_bytes, bytes, fetch, g) != 0;
	/* The loader's sum is of the bytes that it copied. */
	if (!l->bad &&
	    !forward_intact(g->forward, l->image,
		g->segs->info[l->adapter].sum))
		l->bad = err_set(ERR_FORMAT,
			     "its bytes on the device are not those that "
			     "were copied there: unload and load it") != 0;
	if (l->bad)
		log_warn("an adapter's image is not legal adapter=%.*s "
			 "reason=%s",
		    DIR_NAME_MAX - 1, gx_adapter_name(g, l->adapter),
		    n == 0 ? "its place is not legal" : err_text());
}

bool
gx_image_there(struct gx *g, struct gx_run *r)
{
	struct gx_lease *l = r->lease;
	struct place_word have = word_load_place(&g->segs->have[l->adapter]);

	if (have.gen != l->gen)
		return false;
	if (!l->read || have.place != l->place || have.class != l->class) {
		l->place = have.place;
		l->class = have.class;
		read_image(g, l);
	}
	if (l->bad)
		gx_finish(g, r, FINISH_ADAPTER, -1);
	return !l->bad;
}

bool
gx_adapter_there(struct gx *g, struct gx_run *r)
{
	struct place_word have;

	if (r->lease == NULL)
		return true;
	have = word_load_place(&g->segs->have[r->lease->adapter]);
	return have.gen == r->lease->gen && have.state == HAVE_RESIDENT &&
	    gx_image_there(g, r);
}

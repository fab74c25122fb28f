/* The executor: its memory, taken once. */
#include "gpuexec/gx.h"

#include <stdlib.h>

#include "base/err.h"

int
gx_pages_most(const struct shape *s, const struct plan *p)
{
	uint64_t numbers = 0, pages;

	for (int i = 0; i < LINEAR_COUNT; i++)
		numbers += ((uint64_t)shape_in(s, (enum shape_linear)i) +
			       (uint64_t)shape_out(s, (enum shape_linear)i)) *
		    (uint64_t)(i < LINEAR_LAYER_COUNT ? s->layers : 1);
	/* Rows that must not cross a page may waste up to half of it. */
	pages = numbers * ADAPTER_RANK_MAX * sizeof(float) * 2 /
		p->chunk_bytes +
	    2;
	return (int)(pages < p->chunks ? pages : p->chunks);
}

static int
take_runs(struct gx *g)
{
	const struct plan *p = g->plan;
	int32_t *prompts = calloc((size_t)p->batch_max * p->context,
	    sizeof(*prompts));
	void **blocks = calloc((size_t)p->batch_max * p->blocks_per_slot,
	    sizeof(*blocks));

	g->runs = calloc(p->batch_max, sizeof(*g->runs));
	if (g->runs == NULL || prompts == NULL || blocks == NULL) {
		free(prompts);
		free(blocks);
		return ERR_MEMORY;
	}
	for (uint32_t i = 0; i < p->batch_max; i++) {
		g->runs[i].prompt = prompts + (size_t)i * p->context;
		g->runs[i].blocks = blocks + (size_t)i * p->blocks_per_slot;
		g->free_runs[g->nfree++] = p->batch_max - 1 - i;
	}
	for (uint32_t i = 0; i < p->slots; i++)
		g->of_slot[i] = GX_NONE;
	return 0;
}

static int
take_leases(struct gx *g)
{
	int e = 0;

	g->pages_max = gx_pages_most(forward_shape(g->forward), g->plan);
	g->pages = calloc((size_t)g->pages_max, sizeof(*g->pages));
	g->leases = calloc(g->plan->batch_max, sizeof(*g->leases));
	if (g->pages == NULL || g->leases == NULL)
		return ERR_MEMORY;
	for (uint32_t i = 0; e == 0 && i < g->plan->batch_max; i++) {
		g->leases[i].adapter = -1;
		e = image_new(&g->leases[i].image, forward_shape(g->forward),
		    g->pages_max, (int)i);
	}
	return e;
}

int
gx_open(struct gx *g)
{
	const struct plan *p = g->plan;
	int e;

	g->free_runs = calloc(p->batch_max, sizeof(*g->free_runs));
	g->live = calloc(p->batch_max, sizeof(*g->live));
	g->chunk_gen = calloc(p->chunks + 1, sizeof(*g->chunk_gen));
	g->of_slot = calloc(p->slots, sizeof(*g->of_slot));
	g->seqs = calloc(p->batch_max, sizeof(*g->seqs));
	g->tokens = calloc(p->step_tokens, sizeof(*g->tokens));
	g->picks = calloc(p->batch_max, sizeof(*g->picks));
	g->follow.runs = calloc(p->batch_max, sizeof(*g->follow.runs));
	g->follow.seqs = calloc(p->batch_max, sizeof(*g->follow.seqs));
	g->follow.tokens = calloc(p->step_tokens, sizeof(*g->follow.tokens));
	e = g->free_runs == NULL || g->chunk_gen == NULL || g->live == NULL ||
		g->of_slot == NULL || g->seqs == NULL || g->tokens == NULL ||
		g->picks == NULL || g->follow.runs == NULL ||
		g->follow.seqs == NULL || g->follow.tokens == NULL ?
	    ERR_MEMORY :
	    take_runs(g);
	if (e == 0)
		e = take_leases(g);
	if (e != 0) {
		gx_close(g);
		return err_set(e, "no memory for %u running requests",
		    p->batch_max);
	}
	/* What a row may cost on the first day: too much only makes the first
	 * steps short. */
	g->row_ns = 2e9 * (double)shape_parameters(forward_shape(g->forward)) /
	    forward_rate(g->forward);
	/* A dead life launched what it never saw the end of; that died with it
	 * (on a GPU: by the time that its quarantine is over). */
	atomic_store_explicit(g->segs->completed_step,
	    atomic_load(g->segs->launched_step), memory_order_release);
	return 0;
}

void
gx_close(struct gx *g)
{
	for (uint32_t i = 0; g->leases != NULL && i < g->plan->batch_max; i++)
		image_free(g->leases[i].image);
	if (g->runs != NULL) {
		free(g->runs[0].prompt);
		free(g->runs[0].blocks);
	}
	free(g->runs);
	free(g->leases);
	free(g->pages);
	free(g->picks);
	free(g->follow.runs);
	free(g->follow.seqs);
	free(g->follow.tokens);
	free(g->free_runs);
	free(g->chunk_gen);
	free(g->live);
	free(g->of_slot);
	free(g->seqs);
	free(g->tokens);
}

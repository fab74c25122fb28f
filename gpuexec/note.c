/* What a step does, in the terms of a cost model (sim/cost.h), and how long
 * things take. */
#include "gpuexec/gx.h"

/* A token that follows an answer's own; what is computed again is a prompt. */
static bool
is_decode(const struct gx_run *r)
{
	return r->rows == 1 && r->n > 0 &&
	    r->kv + 1 == r->request.nprompt + r->n;
}

static void
note_lora(struct step_note *note, struct gx_run *r, uint64_t step)
{
	struct gx_lease *l = r->lease;
	uint32_t ranks = l->rank * (uint32_t)r->rows;

	note->lora_rows += (uint32_t)r->rows;
	if (is_decode(r))
		note->decode_ranks += ranks;
	else
		note->prompt_ranks += ranks;
	note->adapters += l->step != step;
	l->step = step;
}

void
gx_note_step(struct gx *g, uint64_t step, struct step_note *note)
{
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];
		uint64_t rows = (uint64_t)r->rows, kv = (uint64_t)r->kv;

		if (r->seq < 0)
			continue;
		if (is_decode(r)) {
			note->decode_rows++;
			note->decode_context += kv + 1;
		} else {
			note->prompt_tokens += (uint32_t)rows;
			note->prompt_pairs += rows * kv + rows * (rows - 1) / 2;
		}
		if (r->lease != NULL)
			note_lora(note, r, step);
	}
}

void
gx_note_took(struct gx *g, nsec took)
{
	struct histogram *const *h = g->segs->histogram;

	gx_count(&g->segs->gpuexec_meters->steps, 1);
	gx_count(&g->segs->gpuexec_meters->step_ns, (uint64_t)took);
	histogram_add(h[HISTOGRAM_GPUEXEC_step], HISTOGRAM_TIME, (uint64_t)took,
	    1);
	histogram_add(h[HISTOGRAM_GPUEXEC_step_tokens], HISTOGRAM_COUNT,
	    (uint64_t)g->nrows, 1);
}

void
gx_note_gaps(struct gx *g)
{
	if (g->ngaps > 0)
		histogram_add(g->segs->histogram[HISTOGRAM_GPUEXEC_tbt],
		    HISTOGRAM_TIME, (uint64_t)g->gap_ns, g->ngaps);
	g->ngaps = 0;
}

/* Answers that were all in the last step have the same gap. */
void
gx_note_gap(struct gx *g, nsec gap)
{
	if (gap != g->gap_ns)
		gx_note_gaps(g);
	g->gap_ns = gap;
	g->ngaps++;
}

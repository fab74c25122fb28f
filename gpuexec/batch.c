/* One step: who takes part, and with how many rows.
 *
 * Each running answer takes one row; what is left goes to prompts, the longest
 * placed first.  How a prompt is cut does not change what comes out. */
#include "gpuexec/gx.h"

#include <string.h>

#include "base/must.h"

/* A step should be over by then: answers wait for it, and silence is taken
 * for a hang. */
#define STEP_NS (2 * SECOND)
#define LONG_ROWS 16 /* a step of so many tells what a row costs */

/* Tokens that have been given, by the client or by us. */
static int
given(const struct gx_run *r)
{
	return r->request.nprompt + r->n;
}

/* The client must not be further behind than its window holds. */
static bool
window_full(const struct gx *g, const struct gx_run *r)
{
	uint32_t told;

	if ((r->request.flags & SLOT_LOGPROBS) == 0)
		return false;
	told = atomic_load_explicit(&g->segs->told[r->slot],
	    memory_order_acquire);
	return (uint32_t)r->n >= SLOT_WINDOW &&
	    told <= (uint32_t)r->n - SLOT_WINDOW;
}

int
gx_ready(struct gx *g, struct gx_run *r)
{
	int held, want = given(r) - r->kv;

	if (r->over || !gx_may_commit(g, r))
		return 0;
	gx_grants(g, r);
	if (r->over || window_full(g, r))
		return 0;
	held = (int)(r->nblocks * g->plan->block_tokens) - r->kv;
	return want < held ? want : held;
}

int32_t
gx_token_at(const struct gx *g, const struct gx_run *r, int position)
{
	if (position < r->request.nprompt)
		return r->prompt[position];
	return segs_tok(g->segs, r->slot)[position - r->request.nprompt];
}

void
gx_seq(struct gx *g, const struct gx_run *r, const int32_t *tokens, int rows,
    struct forward_seq *s)
{
	struct gpuexec_meters *m = g->segs->gpuexec_meters;

	*s = (struct forward_seq){
		.tokens = tokens,
		.first = r->kv,
		.count = rows,
		.blocks = r->blocks,
		.adapter = r->lease == NULL ? NULL : r->lease->image,
		.want = r->kv + rows == given(r) ? FORWARD_LAST : FORWARD_NONE,
	};
	if (r->lease != NULL)
		gx_count(&m->lora_rows, (uint64_t)rows);
	if (rows > 1 || r->kv + 1 != given(r))
		gx_count(&m->prompt_tokens, (uint64_t)rows);
}

static void
enter(struct gx *g, struct gx_run *r, int rows)
{
	int32_t *tokens = g->tokens + g->nrows;

	for (int i = 0; i < rows; i++)
		tokens[i] = gx_token_at(g, r, r->kv + i);
	gx_seq(g, r, tokens, rows, &g->seqs[g->nseqs]);
	r->seq = g->nseqs++;
	r->rows = rows;
	g->nrows += rows;
}

/* Rows that a step may have, by what a row has cost lately. */
static int
budget(const struct gx *g)
{
	int most = (int)g->plan->step_tokens;
	double n = (double)STEP_NS / g->row_ns;

	return n >= most ? most : n < LONG_ROWS ? LONG_ROWS : (int)n;
}

static void
choose(struct gx *g)
{
	int left = budget(g) - g->follow.rows, least;

	g->nseqs = g->nrows = g->nsit = 0;
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];
		int rows = r->follows || !gx_adapter_there(g, r) ?
		    0 :
		    gx_ready(g, r);

		r->seq = -1;
		r->rows = rows; /* what it could take, until the second turn */
		g->nsit += rows <= 0 && !r->over && !r->follows;
		if (rows == 1 && r->kv + 1 == given(r))
			enter(g, r, 1);
	}
	/* Prompts never starve: there are rows left where any waits. */
	least = (int)g->plan->step_tokens - g->nrows;
	least = least < LONG_ROWS ? least : LONG_ROWS;
	left -= g->nrows;
	left = left < least ? least : left;
	for (uint32_t i = 0; i < g->nlive && left > 0; i++) {
		struct gx_run *r = &g->runs[g->live[i]];
		int rows = r->rows < left ? r->rows : left;

		if (r->seq >= 0 || r->over || rows <= 0)
			continue;
		enter(g, r, rows);
		left -= rows;
	}
	gx_follow_choose(g, budget(g));
}

static void
note_start(struct gx *g, nsec now)
{
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];
		struct slot_result *result = &g->segs->result[r->slot];

		if (r->seq < 0 && !r->follows)
			continue;
		if (result->started_ns == 0)
			result->started_ns = now;
		result->steps++;
		if (r->lease != NULL)
			memcpy(result->digest, image_digest(r->lease->image),
			    sizeof(result->digest));
	}
}

/* plain: nobody followed, whose layers belong to several steps. */
static void
note_end(struct gx *g, nsec took, bool plain)
{
	double row = (double)took / (g->nrows > 0 ? g->nrows : 1);

	gx_note_took(g, took);
	if (g->nrows >= LONG_ROWS && plain)
		g->row_ns += (row - g->row_ns) / 2;
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];

		if (r->seq >= 0)
			r->kv += r->rows;
	}
}

/* Numbers the step and computes it; returns its number. */
static uint64_t
compute(struct gx *g, struct step_note *note)
{
	/* L1 pairs with the scheduler's reading of it behind our x: whoever
	 * ends a use sees no smaller number than that of its last step. */
	uint64_t step = atomic_load_explicit(g->segs->launched_step,
			    memory_order_relaxed) +
	    1;

	atomic_store_explicit(g->segs->launched_step, step,
	    memory_order_release);
	gx_note_step(g, step, note);
	forward_step(g->forward, g->seqs, g->nseqs);
	gx_follow_step(g);
	gx_pick(g);
	atomic_store_explicit(g->segs->completed_step, step,
	    memory_order_release);
	return step;
}

int
gx_step(struct gx *g)
{
	struct step_note note = { 0 };
	uint64_t step;
	nsec end;
	bool follows;

	choose(g);
	gx_reap(g);
	if (g->nsit > 0)
		gx_count(&g->segs->gpuexec_meters->sat_out, (uint64_t)g->nsit);
	follows = gx_follow_waits(g);
	if (g->nseqs == 0 && !follows) {
		g->ended_ns = 0;
		gx_ring(g);
		return 0;
	}
	note.started_ns = clock_mono();
	note.gap_ns = g->ended_ns == 0 ? 0 : note.started_ns - g->ended_ns;
	note_start(g, note.started_ns);
	step = compute(g, &note);
	end = clock_mono();
	note_end(g, end - note.started_ns, !follows);
	gx_answer(g, end);
	gx_reap(g);
	gx_ring(g);
	end = clock_mono();
	note.took_ns = end - note.started_ns;
	g->ended_ns = g->nlive == 0 ? 0 : end;
	if (!follows)
		sample_put_step(g->segs->step_samples, step, &note);
	return g->nrows + follows;
}

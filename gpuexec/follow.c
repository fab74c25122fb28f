/* Requests that follow their adapter: while the loader still copies it, their
 * prompts go through those layers that are there.
 *
 * The adapter's layers arrive in order; layers[a] says how many.  Requests with
 * the adapter whose copy is under way form the one group there is.  Each step
 * takes the group as far as it can go beside the rows of the step and waits for
 * nothing, so that nobody else feels the copy.  A group that loses a member
 * begins again without it: rows of who is gone must not be written. */
#include "gpuexec/gx.h"

#include <string.h>

/* Layers of the adapter that are in the pool under this generation; -1: not even
 * what lies in front of them. */
static int
layers_there(const struct gx *g, const struct gx_lease *l)
{
	struct place_word have = word_load_place(&g->segs->have[l->adapter]);
	int all = forward_shape(g->forward)->layers, there;
	struct word w;

	if (have.gen != l->gen)
		return -1;
	if (have.state == HAVE_RESIDENT)
		return all;
	w = word_load(&g->segs->layers[l->adapter]);
	if (have.state != HAVE_LOADING || w.gen != l->gen)
		return -1;
	there = (int)w.low - 1;
	return there < all ? there : all;
}

bool
gx_follows(struct gx *g, struct gx_run *r)
{
	return !r->over && r->lease != NULL && forward_can_follow(g->forward) &&
	    layers_there(g, r->lease) >= 0 && gx_image_there(g, r);
}

void
gx_follow_end(struct gx *g)
{
	struct gx_follow *f = &g->follow;

	for (int i = 0; i < f->n; i++)
		f->runs[i]->follows = false;
	f->lease = NULL;
	f->n = f->rows = 0;
}

static void
add(struct gx *g, struct gx_run *r, int rows)
{
	struct gx_follow *f = &g->follow;
	int32_t *tokens = f->tokens + f->rows;

	for (int i = 0; i < rows; i++)
		tokens[i] = gx_token_at(g, r, r->kv + i);
	gx_seq(g, r, tokens, rows, &f->seqs[f->n]);
	r->follows = true;
	f->runs[f->n++] = r;
	f->rows += rows;
}

/* The longest placed first, and all that wait for the same adapter. */
static void
choose(struct gx *g, int room)
{
	struct gx_follow *f = &g->follow;

	for (uint32_t i = 0; i < g->nlive && f->rows < room; i++) {
		struct gx_run *r = &g->runs[g->live[i]];
		int rows;

		if (r->seq >= 0 || (f->lease != NULL && r->lease != f->lease) ||
		    !gx_follows(g, r) || (rows = gx_ready(g, r)) <= 0)
			continue;
		f->lease = r->lease;
		add(g, r, rows < room - f->rows ? rows : room - f->rows);
	}
	f->layers = -1;
}

/* Where others want rows too, half of a step's is enough. */
void
gx_follow_choose(struct gx *g, int room)
{
	struct gx_follow *f = &g->follow;

	if (f->lease != NULL && layers_there(g, f->lease) < 0)
		gx_follow_end(g);
	if (f->lease == NULL && forward_can_follow(g->forward))
		choose(g, g->nseqs > 0 ? (room + 1) / 2 : room);
}

bool
gx_follow_waits(const struct gx *g)
{
	const struct gx_follow *f = &g->follow;

	return f->lease != NULL && layers_there(g, f->lease) > f->layers;
}

/* Through all layers: its logits are those of this step. */
static void
join(struct gx *g)
{
	struct gx_follow *f = &g->follow;

	for (int i = 0; i < f->n; i++) {
		struct gx_run *r = f->runs[i];

		g->seqs[g->nseqs] = f->seqs[i];
		r->seq = g->nseqs++;
		r->rows = f->seqs[i].count;
		g->nrows += r->rows;
	}
	gx_follow_end(g);
}

void
gx_follow_step(struct gx *g)
{
	struct gx_follow *f = &g->follow;
	int there = f->lease == NULL ? -1 : layers_there(g, f->lease);

	if (there <= f->layers)
		return;
	if (f->layers < 0)
		forward_follow(g->forward, f->seqs, f->n);
	f->layers = there;
	if (forward_follow_to(g->forward, f->seqs, f->n, there))
		join(g);
}

/* A placement becomes a running request: its payload copied and checked. */
#include "gpuexec/gx.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"

static_assert(sizeof(struct sample_params) <= SLOT_SAMPLING_BYTES,
    "sampling parameters fit their slot");

static bool
tokens_legal(const struct gx *g, const int32_t *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= (int32_t)g->plan->vocab)
			return false;
	return true;
}

static bool
sampling_legal(const struct gx *g, const struct sample_params *p)
{
	if (!(p->temperature >= 0 && isfinite(p->temperature)) ||
	    !(p->top_p >= 0 && p->top_p <= 1) ||
	    !(p->min_p >= 0 && p->min_p <= 1) || p->top_k < 0 ||
	    !(p->repetition > 0 && isfinite(p->repetition)) ||
	    !isfinite(p->presence) || !isfinite(p->frequency) || p->nbias < 0 ||
	    p->nbias > SAMPLE_BIAS_MAX)
		return false;
	for (int i = 0; i < p->nbias; i++)
		if (!tokens_legal(g, &p->bias[i].id, 1))
			return false;
	return true;
}

/* Of the private copy: the frontend's page may change under us. */
static bool
request_legal(const struct gx *g, const struct gx_run *r)
{
	const struct slot_request *q = &r->request;
	int32_t context = (int32_t)g->plan->context;

	return q->nprompt >= 1 && q->nprompt < context && q->max_tokens >= 1 &&
	    q->max_tokens <= context - q->nprompt && q->min_tokens >= 0 &&
	    q->ntop >= 0 && q->ntop <= SLOT_TOP_MAX && q->nstop_ids >= 0 &&
	    q->nstop_ids <= SLOT_STOP_IDS_MAX && q->adapter >= SLOT_BASE &&
	    q->adapter < (int32_t)g->plan->adapters &&
	    tokens_legal(g, q->stop_ids, q->nstop_ids) &&
	    sampling_legal(g, r->sampling);
}

static bool
take_prompt(const struct gx *g, struct gx_run *r)
{
	size_t n = (size_t)r->request.nprompt;

	memcpy(r->prompt, segs_prompt(g->segs, r->slot),
	    n * sizeof(*r->prompt));
	return tokens_legal(g, r->prompt, r->request.nprompt);
}

/* The adapter of the ticket must be the one that was asked for. */
static bool
take_ticket(struct gx *g, struct gx_run *r)
{
	struct slot_ticket t = g->segs->ticket[r->slot];

	if (t.adapter != r->request.adapter)
		return false;
	g->segs->result[r->slot].adapter_gen = t.want_gen;
	if (t.adapter == SLOT_BASE)
		return true;
	r->lease = gx_lease(g, t.adapter, t.want_gen);
	if (r->lease == NULL)
		return false;
	r->lease->refs++;
	return true;
}

enum slot_finish
gx_ended(const struct gx *g, const struct gx_run *r, int32_t *stop_id)
{
	const struct slot_request *q = &r->request;
	int32_t last;

	*stop_id = -1;
	if (r->n == 0)
		return FINISH_NONE;
	last = segs_tok(g->segs, r->slot)[r->n - 1];
	for (int i = 0; i < q->nstop_ids && r->n > q->min_tokens; i++)
		if (q->stop_ids[i] == last) {
			*stop_id = last;
			return FINISH_STOP;
		}
	return r->n >= q->max_tokens ||
		q->nprompt + r->n >= (int32_t)g->plan->context ?
	    FINISH_LENGTH :
	    FINISH_NONE;
}

/* x says RUN before anything is found wrong, so that each end is one of 5. */
static void
enter(struct gx *g, struct gx_run *r, struct word x)
{
	if (x.gen != r->gen)
		g->segs->result[r->slot] = (struct slot_result){
			.stop_id = -1
		};
	r->n = x.gen == r->gen ? (int)x.low : 0;
	if (r->n > (int)g->plan->context)
		r->n = 0; /* our own page was damaged */
	word_store(&g->segs->x[r->slot],
	    (struct word){ r->gen, X_RUN, r->round, (uint32_t)r->n });
}

void
gx_start(struct gx *g, uint32_t slot, struct word s)
{
	uint32_t i = g->free_runs[--g->nfree];
	struct gx_run *r = &g->runs[i];
	enum slot_finish why;
	int32_t stop_id;

	must(g->of_slot[slot] == GX_NONE);
	r->slot = slot;
	r->gen = s.gen;
	r->round = s.round;
	r->request = g->segs->request[slot];
	r->sampling = (const void *)r->request.sampling;
	r->lease = NULL;
	r->kv = 0;
	r->nblocks = 0;
	r->over = false;
	r->seq = -1;
	g->of_slot[slot] = i;
	g->live[g->nlive++] = i;
	enter(g, r, word_load(&g->segs->x[slot]));
	if (!request_legal(g, r) || !take_prompt(g, r)) {
		log_warn("a request is not legal " GX_WHO, GX_WHO_OF(r));
		gx_finish(g, r, FINISH_NUMBERS, -1);
	} else if (!take_ticket(g, r)) {
		log_warn("the ticket of a request is not legal " GX_WHO,
		    GX_WHO_OF(r));
		gx_finish(g, r, FINISH_ADAPTER, -1);
	} else if ((why = gx_ended(g, r, &stop_id)) != FINISH_NONE) {
		gx_finish(g, r, why, stop_id);
	}
}

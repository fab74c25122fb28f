/* From logits to committed tokens. */
#include "gpuexec/gx.h"

#include <string.h>

#include "base/log.h"

/* Picks for one running request; on any thread of the forward pass. */
static void
pick_job(void *arg, int i, int thread)
{
	struct gx *g = arg;
	struct gx_run *r = &g->runs[g->live[i]];
	const struct slot_request *q = &r->request;
	const struct forward_seq *s;
	bool ban = r->n < q->min_tokens;

	if (r->seq < 0 || g->seqs[r->seq].want == FORWARD_NONE)
		return;
	s = &g->seqs[r->seq];
	r->picked_ok = sample_pick(&r->pick, g->scratch[thread],
	    forward_logits(g->forward, s->logits), (int)g->plan->vocab,
	    r->sampling, r->prompt, q->nprompt, segs_tok(g->segs, r->slot),
	    r->n, q->stop_ids, ban ? q->nstop_ids : 0,
	    (q->flags & SLOT_LOGPROBS) != 0, q->ntop,
	    (uint64_t)(q->nprompt + r->n));
}

static void
put_logprobs(struct gx *g, const struct gx_run *r)
{
	struct slot_logprobs *to = segs_logprobs(g->segs, r->slot,
	    (uint32_t)r->n);
	size_t n = (size_t)r->pick.ntop;

	to->logprob = r->pick.logprob;
	to->ntop = r->pick.ntop;
	memcpy(to->top_id, r->pick.top_id, n * sizeof(*to->top_id));
	memcpy(to->top_logprob, r->pick.top_logprob,
	    n * sizeof(*to->top_logprob));
}

/* The scheduler keeps a block ahead, so it hears of each that is begun. */
static void
tell(struct gx *g, const struct gx_run *r)
{
	uint32_t at = (uint32_t)(r->request.nprompt + r->n);

	(void)ring_push(&g->to_frontend, r->slot);
	g->wake_frontend = true;
	if (at % g->plan->block_tokens == 0 || r->n == 1) {
		(void)ring_push(&g->to_scheduler, r->slot);
		g->wake_scheduler = true;
	}
}

/* A client feels every gap, also that of a request which was held meanwhile. */
static void
note_time(struct gx *g, struct slot_result *result, nsec now)
{
	if (result->first_ns == 0) {
		result->first_ns = now;
	} else {
		nsec gap = now - result->last_ns;

		gx_note_gap(g, gap);
		if (gap > result->longest_ns)
			result->longest_ns = gap;
	}
	result->last_ns = now;
}

/* 5: the payload, then the word. */
static void
commit(struct gx *g, struct gx_run *r, nsec now)
{
	segs_tok(g->segs, r->slot)[r->n] = r->pick.id;
	if ((r->request.flags & SLOT_LOGPROBS) != 0)
		put_logprobs(g, r);
	note_time(g, &g->segs->result[r->slot], now);
	r->n++;
	word_store(&g->segs->x[r->slot],
	    (struct word){ r->gen, X_RUN, r->round, (uint32_t)r->n });
	gx_count(&g->segs->gpuexec_meters->output_tokens, 1);
}

static void
answer(struct gx *g, struct gx_run *r, nsec now)
{
	enum slot_finish why;
	int32_t stop_id;

	/* Held or closed while the step ran: its token is dropped, and the
	 * words are obeyed at the next look. */
	if (!gx_may_commit(g, r))
		return;
	if (!r->picked_ok) {
		log_warn("logits are not finite " GX_WHO " adapter=%.*s",
		    GX_WHO_OF(r), DIR_NAME_MAX - 1,
		    gx_adapter_name(g, r->request.adapter));
		gx_finish(g, r, FINISH_NUMBERS, -1);
		return;
	}
	commit(g, r, now);
	tell(g, r);
	if ((why = gx_ended(g, r, &stop_id)) != FINISH_NONE)
		gx_finish(g, r, why, stop_id);
}

void
gx_answer(struct gx *g, nsec now)
{
	forward_share(g->forward, pick_job, g, (int)g->nlive);
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];

		if (r->seq >= 0 && g->seqs[r->seq].want != FORWARD_NONE)
			answer(g, r, now);
	}
	gx_note_gaps(g);
}

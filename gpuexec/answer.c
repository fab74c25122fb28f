/* From logits to committed tokens. */
#include "gpuexec/gx.h"

#include <string.h>

#include "base/log.h"

static bool
picks(const struct gx *g, const struct gx_run *r)
{
	return r->seq >= 0 && g->seqs[r->seq].want != FORWARD_NONE;
}

static struct forward_pick
pick_for(const struct gx *g, struct gx_run *r)
{
	const struct slot_request *q = &r->request;

	return (struct forward_pick){
		.logits = g->seqs[r->seq].logits,
		.params = r->sampling,
		.prompt = r->prompt,
		.nprompt = q->nprompt,
		.out = segs_tok(g->segs, r->slot),
		.nout = r->n,
		.banned = q->stop_ids,
		.nbanned = r->n < q->min_tokens ? q->nstop_ids : 0,
		.want_logprob = (q->flags & SLOT_LOGPROBS) != 0,
		.ntop = q->ntop,
		.position = (uint64_t)(q->nprompt + r->n),
		.into = &r->pick,
	};
}

void
gx_pick(struct gx *g)
{
	int n = 0;

	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];

		if (!picks(g, r))
			continue;
		g->picks[n] = pick_for(g, r);
		r->picking = n++;
	}
	forward_pick(g->forward, g->picks, n);
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
	if (!g->picks[r->picking].ok) {
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
	for (uint32_t i = 0; i < g->nlive; i++) {
		struct gx_run *r = &g->runs[g->live[i]];

		if (picks(g, r))
			answer(g, r, now);
	}
	gx_note_gaps(g);
}

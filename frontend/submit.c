/* A checked request becomes a slot: the frontend's part of transition 1. */
#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "frontend/frontend.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct sample_params) <= SLOT_SAMPLING_BYTES,
    "the sampling of a request lies in its slot");
static_assert(STOPS_MAX > 0 && SLOT_TOP_MAX >= SAMPLE_TOP_MAX,
    "alternatives fit the window");

static bool
in_flight(const struct frontend *fe, const struct conn *c, const char *id)
{
	uint32_t hash = (uint32_t)hash_text(HASH_START, id);

	for (int32_t s = c->answers; s >= 0; s = fe->answers[s].next)
		if (fe->answers[s].id_hash == hash &&
		    strcmp(fe->g->request[s].id, id) == 0)
			return true;
	return false;
}

/* What can be refused without a slot. */
static bool
admissible(struct frontend *fe, const struct conn *c, const char *id,
    struct api_fail *fail)
{
	if (fe->proc->draining) {
		api_refuse(fail, API_SHUTTING_DOWN, "",
		    "the engine is shutting down and takes no new requests");
		fail->retry_after_ms = fe->proc->conf.frontend_retry_after_ms;
		return false;
	}
	if (in_flight(fe, c, id))
		return api_refuse(fail, API_DUPLICATE_ID, "id",
		    "a request with id %s is in flight on this connection", id);
	return true;
}

static bool
resolve(struct frontend *fe, const struct api_request *r,
    struct slot_request *q, struct api_fail *fail)
{
	struct name_found found;
	char why[DIR_REASON_MAX], others[DIR_REASON_MAX];

	if (!fe_named(fe, r->model, "model", &found, fail))
		return false;
	q->adapter = found.adapter;
	q->adapter_serial = found.serial;
	if (!found.broken)
		return true;
	fe_reason(fe->g, found.adapter, why);
	if (*fe_names_versions(fe->g, r->model, others, sizeof(others)) == '\0')
		return api_refuse(fail, API_ADAPTER_BROKEN, "model",
		    "adapter '%s': %s", r->model, why);
	return api_refuse(fail, API_ADAPTER_BROKEN, "model",
	    "adapter '%s': %s; versions that can be served: %s", r->model, why,
	    others);
}

/* A text so long that its beginning alone has twice the tokens that fit is
 * refused by that: to cut a megabyte into tokens would hold up all others.
 * Twice, since where a text is cut changes a few tokens. */
static bool
hopeless(struct frontend *fe, const char *text, size_t n, unsigned flags,
    int32_t *row, int *count)
{
	size_t part = (size_t)fe->plan->context * 8;

	if (n <= 2 * part)
		return false;
	part = utf8_valid(text, part);
	(void)tok_encode(fe->tok, text, part, flags, row,
	    (int)fe->plan->context, count);
	return *count > 2 * (int)fe->plan->context;
}

/* The tokens of a prompt of text; false: none of them could be made. */
static bool
encode_text(struct frontend *fe, const struct api_request *r, int32_t *row,
    int *n)
{
	const char *text = json_string_value(r->prompt);
	size_t bytes = json_string_length(r->prompt);
	unsigned flags = r->add_special ? TOK_ADD_SPECIAL : 0;
	int context = (int)fe->plan->context;

	return hopeless(fe, text, bytes, flags, row, n) ||
	    tok_encode(fe->tok, text, bytes, flags, row, context, n) == 0 ||
	    *n > context;
}

/* The prompt's ids into the slot's row. */
static bool
encode(struct frontend *fe, uint32_t slot, const struct api_request *r,
    struct api_fail *fail)
{
	struct slot_request *q = &fe->g->request[slot];
	int32_t *row = segs_prompt(fe->g, slot);
	int context = (int)fe->plan->context, n = 0;

	if (json_is_array(r->prompt)) {
		n = (int)json_array_size(r->prompt);
		for (int i = 0; i < n && i < context; i++)
			row[i] = (int32_t)json_number_value(
			    json_array_get(r->prompt, (size_t)i));
	} else if (!encode_text(fe, r, row, &n)) {
		return api_refuse(fail, API_INTERNAL, "prompt", "prompt: %s",
		    err_text());
	}
	q->nprompt = n;
	if (n < 1)
		return api_refuse(fail, API_OUT_OF_RANGE, "prompt",
		    "prompt: no tokens: want at least one");
	for (int i = 0; i < n && i < context; i++)
		if (row[i] < 0 || row[i] >= (int32_t)fe->plan->vocab)
			return api_refuse(fail, API_INTERNAL, "prompt",
			    "prompt: the tokenizer gave id %d, the model has "
			    "%u",
			    row[i], fe->plan->vocab);
	return true;
}

/* Prompt and answer fit the context. */
static bool
bound(struct frontend *fe, const struct api_request *r, struct slot_request *q,
    struct api_fail *fail)
{
	int context = (int)fe->plan->context;
	int wanted = r->max_tokens > 0 ? r->max_tokens : 16;

	if (q->nprompt >= context)
		return api_refuse(fail, API_CONTEXT_EXCEEDED, "prompt",
		    "prompt: %s%d tokens: the context holds %d, prompt and "
		    "answer together",
		    q->nprompt > context ? "at least " : "", q->nprompt,
		    context);
	/* A default is no wish: it gives way. */
	if (r->max_tokens == 0 && wanted > context - q->nprompt)
		wanted = context - q->nprompt;
	if (r->max_tokens == 0 && wanted < r->min_tokens)
		wanted = r->min_tokens;
	if (wanted > context - q->nprompt)
		return api_refuse(fail, API_CONTEXT_EXCEEDED, "max_tokens",
		    "prompt of %d tokens and max_tokens %d are %d together: "
		    "the context holds %d",
		    q->nprompt, wanted, q->nprompt + wanted, context);
	q->max_tokens = wanted;
	q->min_tokens = r->min_tokens;
	return true;
}

static bool
end_tokens(const struct frontend *fe, const struct api_request *r,
    struct slot_request *q, struct api_fail *fail)
{
	int n = r->ignore_eos ? 0 : fe->shape.neos;

	if (n + r->nstop_ids > SLOT_STOP_IDS_MAX)
		return api_refuse(fail, API_OUT_OF_RANGE, "stop_token_ids",
		    "stop_token_ids: %d ids: want at most %d beside the "
		    "model's own",
		    r->nstop_ids, SLOT_STOP_IDS_MAX - n);
	for (int i = 0; i < n; i++)
		q->stop_ids[i] = fe->shape.eos[i];
	for (int i = 0; i < r->nstop_ids; i++)
		q->stop_ids[n++] = r->stop_ids[i];
	q->nstop_ids = n;
	return true;
}

static void
set_sampling(struct frontend *fe, const struct api_request *r,
    struct slot_request *q)
{
	struct sample_params p = { .temperature = (float)r->temperature,
		.top_p = (float)r->top_p,
		.min_p = (float)r->min_p,
		.top_k = r->top_k,
		.repetition = (float)r->repetition,
		.presence = (float)r->presence,
		.frequency = (float)r->frequency,
		.seed = r->has_seed ? r->seed : rng_next(&fe->rng),
		.nbias = r->nbias };

	memcpy(p.bias, r->bias, sizeof(p.bias));
	memcpy(q->sampling, &p, sizeof(p));
}

static bool
set_answer(struct frontend *fe, uint32_t slot, const struct api_request *r,
    struct api_fail *fail)
{
	struct answer *a = &fe->answers[slot];

	memset(&a->text, 0, sizeof(a->text));
	a->text.keep_special = !r->skip_special;
	a->flags = (r->stream ? ANSWER_STREAM : 0u) |
	    (r->return_ids ? ANSWER_IDS : 0u) |
	    (r->logprobs >= 0 ? ANSWER_PROBS : 0u) |
	    (r->include_stop ? ANSWER_SHOW_STOP : 0u);
	a->stops = NULL;
	if (r->nstop == 0)
		return true;
	a->stops = fe_stops_new(r->stop, r->stop_bytes, r->nstop,
	    r->include_stop);
	return a->stops != NULL ||
	    api_refuse(fail, API_INTERNAL, "",
		"the frontend has no memory for the stop strings");
}

/* Everything that lies in the slot. */
static bool
fill(struct frontend *fe, uint32_t slot, const struct conn *c, const char *id,
    const struct api_request *r, struct slot_request *q, struct api_fail *fail)
{
	q->conn = c->tag;
	memcpy(q->id, id, strlen(id) + 1);
	q->arrived_ns = fe->now;
	q->deadline_ns = r->timeout_ms == 0 ?
	    0 :
	    fe->now + r->timeout_ms * MILLISECOND;
	q->flags = (r->ignore_eos ? (uint32_t)SLOT_IGNORE_EOS : 0u) |
	    (r->logprobs >= 0 ? (uint32_t)SLOT_LOGPROBS : 0u);
	q->ntop = r->logprobs > 0 ? r->logprobs : 0;
	set_sampling(fe, r, q);
	return end_tokens(fe, r, q, fail) && encode(fe, slot, r, fail) &&
	    bound(fe, r, q, fail) && set_answer(fe, slot, r, fail);
}

static bool
submit(struct frontend *fe, struct conn *c, const char *id,
    const struct api_request *r, struct api_fail *fail)
{
	struct slot_request who = { 0 };
	uint32_t slot;

	if (!admissible(fe, c, id, fail) || !resolve(fe, r, &who, fail))
		return false;
	if (!fe_slot_take(fe, &slot)) {
		api_refuse(fail, API_OVERLOADED, "",
		    "all %u places for requests are taken", fe->plan->slots);
		fail->retry_after_ms = fe->proc->conf.frontend_retry_after_ms;
		return false;
	}
	fe->g->request[slot] = who;
	if (!fill(fe, slot, c, id, r, &fe->g->request[slot], fail)) {
		fe_slot_untake(fe, slot);
		return false;
	}
	fe_slot_submit(fe, slot, c);
	return true;
}

void
fe_submit(struct frontend *fe, struct conn *c, const json_t *root, char *id)
{
	struct api_request r;
	struct api_fail fail;

	if (!api_read(&r, root, &fe->shape, fe->plan->vocab, &fail) ||
	    !submit(fe, c, id, &r, &fail)) {
		fe_count(&fe->g->frontend_meters->refused, 1);
		fe_tell_fail(fe, c, id, &fail);
	}
}

/* Tokens become lines: transition 6, and the ends of transition 7. */
#include "frontend/frontend.h"
#include "shm/word.h"

#include <string.h>

/* gpuexec waits when the client's side is a window behind with logprobs. */
#define WINDOW_NEWS (SLOT_WINDOW / 2)

static struct conn *
client(struct frontend *fe, uint32_t slot)
{
	return &fe->conns.list[fe->answers[slot].conn];
}

void
fe_answer_fail(struct frontend *fe, uint32_t slot, const struct api_fail *fail)
{
	struct conn *c = client(fe, slot);
	struct api_fail told = *fail;
	struct record_note n;

	fe_note(fe, slot, RECORD_FAILED, api_code_text(fail->code), &n);
	told.ended = &n;
	api_error(&c->out, fe->g->request[slot].id, &told);
	conns_written(&fe->conns, c);
	fe_slot_close(fe, slot, &n);
}

static void
fail_with(struct frontend *fe, uint32_t slot, enum api_code code,
    const char *message)
{
	struct api_fail fail;

	api_refuse(&fail, code, "", "%s", message);
	fe_answer_fail(fe, slot, &fail);
}

/* The line of some new tokens: what is in fe->text and fe->probs. */
static void
stream_line(struct frontend *fe, uint32_t slot, uint32_t from, uint32_t to)
{
	struct answer *a = &fe->answers[slot];
	struct line_out *o = &client(fe, slot)->out;
	const int32_t *tok = segs_tok(fe->g, slot);

	if (fe->text.used == 0 &&
	    (from == to || !(a->flags & (ANSWER_IDS | ANSWER_PROBS))))
		return;
	line_put(o, "{\"id\":");
	line_put(o, fe->g->request[slot].id);
	line_put(o, ",\"text\":");
	line_text(o, fe->text.at, fe->text.used);
	if (a->flags & ANSWER_IDS) {
		line_put(o, ",\"token_ids\":[");
		for (uint32_t i = from; i < to; i++) {
			if (i > from)
				line_put(o, ",");
			line_int(o, tok[i]);
		}
		line_put(o, "]");
	}
	if (a->flags & ANSWER_PROBS)
		fe_probs_put(&fe->probs, o);
	line_put(o, "}\n");
	conns_written(&fe->conns, client(fe, slot));
}

/* Looks at tokens told..n: their text, stops, logprobs.  false: a token is
 * none of this model's. */
static bool
take_tokens(struct frontend *fe, uint32_t slot, uint32_t n)
{
	struct answer *a = &fe->answers[slot];
	const int32_t *tok = segs_tok(fe->g, slot);
	struct probs *probs = a->flags & ANSWER_STREAM ? &fe->probs : &a->probs;
	char piece[FE_PIECE_MAX];

	while (a->told < n && (a->stops == NULL || a->stops->hit < 0)) {
		uint32_t i = a->told++;
		int32_t id = tok[i];

		if (id < 0 || id >= (int32_t)fe->plan->vocab)
			return false;
		line_raw(&fe->text, piece,
		    fe_token_text(fe, slot, i, id, piece));
		if (a->flags & ANSWER_PROBS)
			fe_probs_add(probs, fe->tok,
			    segs_logprobs(fe->g, slot, i), id);
	}
	return true;
}

/* Whether there is something to see before the end. */
static bool
worth_a_look(const struct answer *a)
{
	return (a->flags & (ANSWER_STREAM | ANSWER_PROBS)) || a->stops != NULL;
}

/* Transition 6.  ended: no token comes after n. */
static bool
tell(struct frontend *fe, uint32_t slot, uint32_t n, bool ended)
{
	struct answer *a = &fe->answers[slot];
	uint32_t from = a->told;
	char piece[FE_PIECE_MAX];

	line_clear(&fe->text);
	fe_probs_clear(&fe->probs);
	if (!take_tokens(fe, slot, n))
		return false;
	if (a->flags & ANSWER_STREAM) {
		if (ended && (a->stops == NULL || a->stops->hit < 0))
			line_raw(&fe->text, piece,
			    fe_end_text(fe, slot, piece));
		stream_line(fe, slot, from, a->told);
	}
	fe_count(&fe->g->frontend_meters->tokens_told, a->told - from);
	atomic_store_explicit(&fe->g->told[slot], a->told,
	    memory_order_release);
	if ((a->flags & ANSWER_PROBS) && a->told - from >= WINDOW_NEWS) {
		(void)ring_push(&fe->to_gpuexec, slot);
		proc_wake(fe->proc, PROC_GPUEXEC);
	}
	return true;
}

static void
finish(struct frontend *fe, uint32_t slot, enum record_end end, int32_t stop_id)
{
	struct record_note n;

	fe_note(fe, slot, end, "", &n);
	fe_last_line(fe, &n, stop_id);
	conns_written(&fe->conns, client(fe, slot));
	fe_slot_close(fe, slot, &n);
}

static void
ended(struct frontend *fe, uint32_t slot)
{
	const struct slot_result *r = &fe->g->result[slot];
	char why[DIR_REASON_MAX], name[DIR_NAME_MAX];
	struct api_fail fail;
	int32_t adapter = fe->g->request[slot].adapter;

	switch (r->finish) {
	case FINISH_STOP:
		finish(fe, slot, RECORD_STOP, r->stop_id);
		break;
	case FINISH_LENGTH:
		finish(fe, slot, RECORD_LENGTH, -1);
		break;
	case FINISH_NUMBERS:
		fail_with(fe, slot, API_NOT_FINITE,
		    "the model's logits were not finite numbers");
		break;
	case FINISH_MEMORY:
		fail_with(fe, slot, API_OUT_OF_MEMORY,
		    "the machine has no memory left for its keys and values");
		break;
	case FINISH_ADAPTER:
		if (adapter == SLOT_BASE) {
			fail_with(fe, slot, API_INTERNAL,
			    "the executor blames an adapter, there is none");
			break;
		}
		api_refuse(&fail, API_ADAPTER_FAILED, "model",
		    "adapter '%s': its image on the device is damaged%s%s",
		    fe_names_copy(fe->g, adapter, name),
		    fe_reason(fe->g, adapter, why)[0] ? ": " : "", why);
		fe_answer_fail(fe, slot, &fail);
		break;
	default:
		fail_with(fe, slot, API_INTERNAL,
		    "the executor ended the request for no known reason");
	}
}

static const struct {
	enum api_code code;
	const char *message;
} denials[DENIED_COUNT] = {
	[DENIED_NONE] = { API_INTERNAL, "denied for no reason" },
	[DENIED_ADAPTER] = { API_ADAPTER_FAILED, "could not be loaded" },
	[DENIED_MEMORY] = { API_OUT_OF_MEMORY,
	    "the request would not fit into the device memory even alone; "
	    "raise memory.device_bytes" },
	[DENIED_POISON] = { API_POISONED,
	    "the executor died with this request too often; it is not tried "
	    "again" },
	[DENIED_DEADLINE] = { API_DEADLINE,
	    "timeout_ms passed before the answer was complete" },
	[DENIED_DAMAGED] = { API_DAMAGED,
	    "the request's state was found damaged" },
	[DENIED_UNLOADED] = { API_ADAPTER_REMOVED,
	    "was removed, or replaced by other files, before the request "
	    "could start; if replaced, send it again" },
	[DENIED_PINNED] = { API_OUT_OF_MEMORY,
	    "pinned adapters leave too little device memory for the request; "
	    "unpin some, or raise memory.device_bytes" },
};

static void
denied(struct frontend *fe, uint32_t slot, uint32_t why)
{
	int32_t adapter = fe->g->request[slot].adapter;
	char reason[DIR_REASON_MAX], name[DIR_NAME_MAX];
	struct api_fail fail;

	if (why >= DENIED_COUNT)
		why = DENIED_NONE;
	if (adapter == SLOT_BASE ||
	    (why != DENIED_ADAPTER && why != DENIED_UNLOADED)) {
		fail_with(fe, slot, denials[why].code, denials[why].message);
		return;
	}
	fe_names_copy(fe->g, adapter, name);
	fe_reason(fe->g, adapter, reason);
	if (why == DENIED_UNLOADED || reason[0] == '\0')
		api_refuse(&fail, denials[why].code, "model", "adapter '%s' %s",
		    name, denials[why].message);
	else
		api_refuse(&fail, denials[why].code, "model",
		    "adapter '%s': %s", name, reason);
	fe_answer_fail(fe, slot, &fail);
}

/* Whether the executor's word may be so; sets how many tokens there are. */
static bool
progress(const struct frontend *fe, uint32_t slot, struct word x, uint32_t *n)
{
	const struct answer *a = &fe->answers[slot];

	*n = a->told;
	if (x.gen != a->gen || x.state == X_NONE)
		return true;
	*n = x.low;
	return x.low >= a->told &&
	    x.low <= (uint32_t)fe->g->request[slot].max_tokens;
}

void
fe_answer(struct frontend *fe, uint32_t slot)
{
	struct answer *a = &fe->answers[slot];
	struct word x = word_load(&fe->g->x[slot]);
	struct word s = word_load(&fe->g->s[slot]);
	bool fin = x.gen == a->gen && x.state == X_FIN;
	uint32_t n;

	if (a->set != ANSWER_OPEN)
		return;
	if (!progress(fe, slot, x, &n) ||
	    ((fin || (worth_a_look(a) && n > a->told)) &&
		!tell(fe, slot, n, fin)))
		denied(fe, slot, DENIED_DAMAGED);
	else if (a->stops != NULL && a->stops->hit >= 0)
		finish(fe, slot, RECORD_STOP, -1);
	else if (fin)
		ended(fe, slot);
	else if (s.gen == a->gen && s.state == S_DENIED)
		denied(fe, slot, s.low);
	else if (fe->g->request[slot].deadline_ns != 0 &&
	    fe->now >= fe->g->request[slot].deadline_ns)
		denied(fe, slot, DENIED_DEADLINE);
}

bool
fe_answer_cancel(struct frontend *fe, uint32_t slot, const char *by,
    struct record_note *note)
{
	uint32_t n;

	/* It may have ended just now. */
	fe_answer(fe, slot);
	if (fe->answers[slot].set != ANSWER_OPEN)
		return false;
	if (progress(fe, slot, word_load(&fe->g->x[slot]), &n))
		(void)tell(fe, slot, n, true);
	fe_note(fe, slot, RECORD_CANCELLED, by, note);
	fe_last_line(fe, note, -1);
	conns_written(&fe->conns, client(fe, slot));
	fe_slot_close(fe, slot, note);
	return true;
}

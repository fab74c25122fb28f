/* Logprobs as JSON fragments that wait to be put together. */
#include "frontend/probs.h"

#include "base/utf8.h"

static void
put_piece(struct line_out *o, const struct tok *tok, int32_t id)
{
	char piece[TOK_PIECE_MAX];
	size_t n = tok_piece(tok, id, piece, sizeof(piece));

	if (utf8_valid(piece, n) == n) {
		line_text(o, piece, n);
		return;
	}
	line_put(o, "\"bytes:");
	for (size_t i = 0; i < n; i++)
		line_fmt(o, "\\\\x%02x", (unsigned char)piece[i]);
	line_put(o, "\"");
}

/* As OpenAI: the token itself is always among them. */
static void
put_top(struct line_out *o, const struct tok *tok,
    const struct slot_logprobs *p, int32_t id)
{
	bool among = false;

	line_put(o, "{");
	for (int i = 0; i < p->ntop && i < SLOT_TOP_MAX; i++) {
		if (i > 0)
			line_put(o, ",");
		put_piece(o, tok, p->top_id[i]);
		line_put(o, ":");
		line_real(o, (double)p->top_logprob[i]);
		among = among || p->top_id[i] == id;
	}
	if (!among) {
		line_put(o, p->ntop > 0 ? "," : "");
		put_piece(o, tok, id);
		line_put(o, ":");
		line_real(o, (double)p->logprob);
	}
	line_put(o, "}");
}

void
fe_probs_add(struct probs *t, const struct tok *tok,
    const struct slot_logprobs *shared, int32_t id)
{
	struct slot_logprobs p = *shared;

	if (t->token.used > 0) {
		line_put(&t->token, ",");
		line_put(&t->logprob, ",");
		line_put(&t->top, ",");
	}
	put_piece(&t->token, tok, id);
	line_real(&t->logprob, (double)p.logprob);
	put_top(&t->top, tok, &p, id);
}

void
fe_probs_put(const struct probs *t, struct line_out *o)
{
	line_put(o, ",\"logprobs\":{\"tokens\":[");
	line_raw(o, t->token.at, t->token.used);
	line_put(o, "],\"token_logprobs\":[");
	line_raw(o, t->logprob.at, t->logprob.used);
	line_put(o, "],\"top_logprobs\":[");
	line_raw(o, t->top.at, t->top.used);
	line_put(o, "]}");
	if (t->token.broken || t->logprob.broken || t->top.broken)
		o->broken = true;
}

void
fe_probs_clear(struct probs *t)
{
	line_clear(&t->token);
	line_clear(&t->logprob);
	line_clear(&t->top);
}

void
fe_probs_free(struct probs *t)
{
	line_out_free(&t->token);
	line_out_free(&t->logprob);
	line_out_free(&t->top);
}

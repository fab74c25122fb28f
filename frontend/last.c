/* The text of an answer's tokens, and its last line. */
#include "frontend/frontend.h"

#include <string.h>

static bool
is_end(const struct slot_request *q, int32_t id)
{
	for (int i = 0; i < q->nstop_ids; i++)
		if (q->stop_ids[i] == id)
			return true;
	return false;
}

/* Through the stops, if there are any and it is time for them. */
static size_t
filter(struct answer *a, const struct slot_request *q, uint32_t i,
    const char *piece, size_t n, char *out)
{
	if (a->stops != NULL && (int32_t)i >= q->min_tokens)
		return fe_stops_put(a->stops, piece, n, out);
	memcpy(out, piece, n);
	return n;
}

size_t
fe_token_text(struct frontend *fe, uint32_t slot, uint32_t i, int32_t id,
    char *out)
{
	struct answer *a = &fe->answers[slot];
	const struct slot_request *q = &fe->g->request[slot];
	char piece[TOK_PIECE_MAX + 8];
	size_t n;

	if (!(a->flags & ANSWER_SHOW_STOP) && is_end(q, id))
		return 0;
	n = tok_stream_put(fe->tok, &a->text, id, piece, sizeof(piece));
	return filter(a, q, i, piece, n, out);
}

size_t
fe_end_text(struct frontend *fe, uint32_t slot, char *out)
{
	struct answer *a = &fe->answers[slot];
	char piece[TOK_PIECE_MAX + 8];
	size_t n = tok_stream_end(fe->tok, &a->text, piece, sizeof(piece));

	n = filter(a, &fe->g->request[slot], a->told, piece, n, out);
	if (a->stops != NULL && a->stops->hit < 0)
		n += fe_stops_end(a->stops, out + n);
	return n;
}

/* The whole text, out of the tokens once more: until now nothing was kept. */
static void
put_text(struct frontend *fe, uint32_t slot, struct line_out *o)
{
	struct answer *a = &fe->answers[slot];
	const int32_t *tok = segs_tok(fe->g, slot);
	char piece[FE_PIECE_MAX];

	a->text = (struct tok_stream){ .keep_special = a->text.keep_special };
	if (a->stops != NULL)
		fe_stops_reset(a->stops);
	line_put(o, ",\"text\":\"");
	for (uint32_t i = 0; i < a->told; i++)
		line_piece(o, piece, fe_token_text(fe, slot, i, tok[i], piece));
	if (a->stops == NULL || a->stops->hit < 0)
		line_piece(o, piece, fe_end_text(fe, slot, piece));
	line_put(o, "\"");
}

static void
put_ids(struct frontend *fe, uint32_t slot, struct line_out *o)
{
	const int32_t *tok = segs_tok(fe->g, slot);

	line_put(o, ",\"token_ids\":[");
	for (uint32_t i = 0; i < fe->answers[slot].told; i++) {
		if (i > 0)
			line_put(o, ",");
		line_int(o, tok[i]);
	}
	line_put(o, "]");
}

/* The stop that was met; an end token of the model's own is none. */
static void
put_stop_reason(struct frontend *fe, uint32_t slot, int32_t stop_id,
    struct line_out *o)
{
	const struct stops *s = fe->answers[slot].stops;

	for (int i = 0; i < fe->shape.neos; i++)
		if (fe->shape.eos[i] == stop_id)
			stop_id = -1;
	line_put(o, ",\"stop_reason\":");
	if (s != NULL && s->hit >= 0)
		line_text(o, s->text[s->hit], s->bytes[s->hit]);
	else if (stop_id >= 0)
		line_int(o, stop_id);
	else
		line_put(o, "null");
}

static void
put_usage(const struct record_note *n, struct line_out *o)
{
	line_put(o, ",\"usage\":{\"prompt_tokens\":");
	line_int(o, n->prompt);
	line_put(o, ",\"completion_tokens\":");
	line_int(o, n->tokens);
	line_put(o, ",\"total_tokens\":");
	line_int(o, (int64_t)n->prompt + n->tokens);
	line_put(o, "}");
}

static const char *
source_name(uint32_t source)
{
	static const char *const names[] = { [SLOT_RESIDENT] = "resident",
		[SLOT_HOST] = "host",
		[SLOT_DISK] = "disk" };

	return source <= SLOT_DISK ? names[source] : "disk";
}

static void
put_adapter(struct frontend *fe, const struct record_note *n,
    struct line_out *o)
{
	line_put(o, ",\"adapter\":");
	if (n->adapter == SLOT_BASE) {
		line_put(o, "null");
		return;
	}
	line_put(o, "{\"name\":");
	line_text(o, n->name, strlen(n->name));
	line_number(o, "version", n->version);
	/* Before it has run, there is no adapter that was computed with. */
	if (n->ran) {
		line_put(o, ",\"digest\":");
		line_hex(o, n->digest, sizeof(n->digest));
		line_put(o, ",\"generation\":");
		line_int(o, fe->g->result[n->slot].adapter_gen);
		line_put(o, ",\"source\":\"");
		line_put(o, source_name(n->source));
		line_put(o, "\"");
	}
	line_put(o, "}");
}

void
fe_last_line(struct frontend *fe, const struct record_note *n, int32_t stop_id)
{
	uint32_t slot = n->slot;
	struct answer *a = &fe->answers[slot];
	struct line_out *o = &fe->conns.list[a->conn].out;
	size_t before = line_pending(o);

	line_put(o, "{\"id\":");
	line_put(o, fe->g->request[slot].id);
	if (!(a->flags & ANSWER_STREAM)) {
		put_text(fe, slot, o);
		if (a->flags & ANSWER_IDS)
			put_ids(fe, slot, o);
		if (a->flags & ANSWER_PROBS)
			fe_probs_put(&a->probs, o);
	}
	line_put(o, ",\"done\":true,\"finish_reason\":\"");
	line_put(o, record_end_name(n->end));
	line_put(o, "\"");
	put_stop_reason(fe, slot, stop_id, o);
	put_usage(n, o);
	api_timing(o, n);
	put_adapter(fe, n, o);
	line_put(o, "}\n");
	/* A whole answer may be longer than what may wait of single tokens. */
	if (!(a->flags & ANSWER_STREAM) && before == 0)
		conns_allow(&fe->conns.list[a->conn], line_pending(o));
}

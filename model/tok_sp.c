/* Reading tokenizer.model: SentencePiece's ModelProto, of which pieces, the
 * kind of model and the normaliser are wanted.  Every length is checked before
 * it is used; what is not wanted is skipped. */
#include "model/tok_in.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

enum piece_type {
	NORMAL = 1,
	UNKNOWN = 2,
	CONTROL = 3,
	USER_DEFINED = 4,
	UNUSED = 5,
	BYTE = 6,
};

/* A message, and the field of it that was read last. */
struct wire {
	const unsigned char *p;
	size_t n, at;
	uint64_t field, type;
	uint64_t number;	    /* VARINT, FIXED32, FIXED64 */
	const unsigned char *bytes; /* BYTES: len of them */
	size_t len;
};

struct piece {
	const char *text;
	size_t n;
	float score;
	uint64_t type;
};

/* What is known while reading. */
struct model {
	struct tok *tok;
	float *score; /* by id */
	size_t nscores, scores_max;
	uint64_t kind; /* 2: BPE */
	bool byte_fallback, whitespace_suffix;
	const char *bos, *eos; /* pieces, not ended */
	size_t nbos, neos;
};

static bool
varint(struct wire *w, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64 && w->at < w->n; shift += 7) {
		uint64_t b = w->p[w->at++];

		*v |= (b & 0x7f) << shift;
		if (b < 0x80)
			return true;
	}
	return false;
}

static bool
fixed(struct wire *w, size_t size)
{
	if (w->n - w->at < size)
		return false;
	w->number = 0;
	for (size_t i = 0; i < size; i++)
		w->number |= (uint64_t)w->p[w->at + i] << 8 * i;
	w->at += size;
	return true;
}

/* 1: a field was read, 0: the message has ended, -1: it is broken. */
static int
wire_next(struct wire *w)
{
	uint64_t key, len;
	bool ok = false;

	if (w->at == w->n)
		return 0;
	if (!varint(w, &key))
		return -1;
	w->field = key >> 3;
	w->type = key & 7;
	if (w->type == VARINT)
		ok = varint(w, &w->number);
	else if (w->type == FIXED64)
		ok = fixed(w, 8);
	else if (w->type == FIXED32)
		ok = fixed(w, 4);
	else if (w->type == BYTES && varint(w, &len) && len <= w->n - w->at) {
		w->bytes = w->p + w->at;
		w->len = (size_t)len;
		w->at += w->len;
		ok = true;
	}
	return ok && w->field != 0 ? 1 : -1;
}

static bool
is(const struct wire *w, uint64_t field, enum wire_type type)
{
	return w->field == field && w->type == type;
}

static int
broken(const char *what)
{
	return err_set(ERR_FORMAT, "%s: the message is broken", what);
}

static int
read_piece(const struct wire *message, struct piece *p)
{
	struct wire w = { .p = message->bytes, .n = message->len };
	uint32_t bits;
	int got;

	*p = (struct piece){ "", 0, 0, NORMAL };
	while ((got = wire_next(&w)) > 0) {
		if (is(&w, 1, BYTES)) {
			p->text = (const char *)w.bytes;
			p->n = w.len;
		} else if (is(&w, 2, FIXED32)) {
			bits = (uint32_t)w.number;
			memcpy(&p->score, &bits, sizeof(bits));
		} else if (is(&w, 3, VARINT)) {
			p->type = w.number;
		}
	}
	if (got < 0)
		return broken("piece");
	if (p->n == 0 || utf8_valid(p->text, p->n) != p->n)
		return err_set(ERR_FORMAT, "a piece is empty or not UTF-8");
	if (!isfinite(p->score))
		return err_set(ERR_FORMAT, "'%.*s': score is not finite",
		    (int)(p->n > 64 ? 64 : p->n), p->text);
	return 0;
}

/* The piece as its type says: in the vocabulary, a byte, a control token. */
static int
place(struct tok *t, const struct piece *p, int32_t id)
{
	struct tok_added_word word = { .id = id };
	int byte = tok_byte_of(p->text, p->n);

	switch (p->type) {
	case UNUSED:
		t->id[id].flags |= TOK_ID_UNUSED;
		/* fall through */
	case NORMAL:
		return tok_words_add(&t->words, p->text, p->n, id);
	case USER_DEFINED:
		t->id[id].flags |= TOK_ID_FROZEN;
		if (tok_words_add(&t->words, p->text, p->n, id) != 0)
			return err_code();
		return tok_added_add(&t->sp.user, p->text, p->n, word);
	case BYTE:
		if (byte < 0 || t->byte[byte] >= 0)
			return err_set(ERR_FORMAT,
			    "byte piece %d is no byte "
			    "or there twice",
			    (int)id);
		t->byte[byte] = id;
		t->id[id].flags |= TOK_ID_BYTE;
		return 0;
	case UNKNOWN:
		if (t->unk >= 0)
			return err_set(ERR_FORMAT, "two unknown pieces");
		t->unk = id;
		/* fall through */
	case CONTROL:
		t->id[id].flags |= TOK_ID_SPECIAL;
		return tok_added_add(&t->raw, p->text, p->n, word);
	}
	return err_set(ERR_UNSUPPORTED, "piece type %llu is not known",
	    (unsigned long long)p->type);
}

static int
take_piece(struct model *m, const struct wire *message)
{
	struct piece p;
	size_t id = m->nscores;
	int e;

	if ((e = read_piece(message, &p)) != 0 ||
	    (e = tok_id_add(m->tok, (int64_t)id, p.text, p.n, 0)) != 0 ||
	    (e = place(m->tok, &p, (int32_t)id)) != 0)
		return err_add("piece %zu", id);
	if (!tok_room((void **)&m->score, &m->scores_max, id, sizeof(float)))
		return err_set(ERR_MEMORY, "no memory for pieces");
	m->score[m->nscores++] = p.score;
	return 0;
}

static int
take_trainer(struct model *m, const struct wire *message)
{
	struct wire w = { .p = message->bytes, .n = message->len };
	int got;

	while ((got = wire_next(&w)) > 0) {
		if (is(&w, 3, VARINT))
			m->kind = w.number;
		else if (is(&w, 24, VARINT))
			m->whitespace_suffix = w.number != 0;
		else if (is(&w, 35, VARINT))
			m->byte_fallback = w.number != 0;
		else if (is(&w, 46, BYTES)) {
			m->bos = (const char *)w.bytes;
			m->nbos = w.len;
		} else if (is(&w, 47, BYTES)) {
			m->eos = (const char *)w.bytes;
			m->neos = w.len;
		}
	}
	return got < 0 ? broken("trainer_spec") : 0;
}

static int
take_normaliser(struct model *m, const struct wire *message)
{
	struct wire w = { .p = message->bytes, .n = message->len };
	struct tok_sp *sp = &m->tok->sp;
	int got, e;

	while ((got = wire_next(&w)) > 0) {
		if (is(&w, 2, BYTES)) {
			if ((e = tok_sp_map_open(sp, (const char *)w.bytes,
				 w.len)) != 0)
				return e;
		} else if (is(&w, 3, VARINT)) {
			sp->dummy_prefix = w.number != 0;
		} else if (is(&w, 4, VARINT)) {
			sp->collapse = w.number != 0;
		} else if (is(&w, 5, VARINT)) {
			sp->escape = w.number != 0;
		}
	}
	return got < 0 ? broken("normalizer_spec") : 0;
}

static int
refuse_denormaliser(const struct wire *message)
{
	struct wire w = { .p = message->bytes, .n = message->len };
	int got;

	while ((got = wire_next(&w)) > 0)
		if (is(&w, 2, BYTES) && w.len > 0)
			return err_set(ERR_UNSUPPORTED,
			    "denormalizer_spec: not supported");
	return got < 0 ? broken("denormalizer_spec") : 0;
}

static int
take_all(struct model *m, const char *bytes, size_t n)
{
	struct wire w = { .p = (const unsigned char *)bytes, .n = n };
	int got, e = 0;

	while (e == 0 && (got = wire_next(&w)) != 0) {
		if (got < 0)
			return broken("model");
		if (is(&w, 1, BYTES))
			e = take_piece(m, &w);
		else if (is(&w, 2, BYTES))
			e = take_trainer(m, &w);
		else if (is(&w, 3, BYTES))
			e = take_normaliser(m, &w);
		else if (is(&w, 5, BYTES))
			e = refuse_denormaliser(&w);
	}
	return e;
}

static int
by_score(const void *l, const void *r, void *scores)
{
	const float *s = scores;
	float a = s[*(const int32_t *)l], b = s[*(const int32_t *)r];

	return a > b ? -1 : a < b;
}

/* Ranks from scores: the best first, equal scores the same rank. */
static int
rank(struct model *m)
{
	int32_t *order = malloc(m->nscores * sizeof(*order));
	uint32_t at = 0;

	if (order == NULL)
		return err_set(ERR_MEMORY, "no memory for pieces");
	for (size_t i = 0; i < m->nscores; i++)
		order[i] = (int32_t)i;
	qsort_r(order, m->nscores, sizeof(*order), by_score, m->score);
	for (size_t i = 0; i < m->nscores; i++) {
		if (i > 0 && m->score[order[i]] != m->score[order[i - 1]])
			at++;
		m->tok->id[order[i]].rank = at;
	}
	free(order);
	return 0;
}

static int
check(const struct model *m)
{
	const struct tok *t = m->tok;

	if (m->nscores == 0)
		return err_set(ERR_FORMAT,
		    "no pieces: not a SentencePiece "
		    "model");
	if (m->kind != 2)
		return err_set(ERR_UNSUPPORTED,
		    "model_type %llu: only 2 (BPE) "
		    "is read",
		    (unsigned long long)m->kind);
	if (m->whitespace_suffix)
		return err_set(ERR_UNSUPPORTED,
		    "treat_whitespace_as_suffix: not supported");
	if (t->unk < 0)
		return err_set(ERR_FORMAT, "no unknown piece");
	for (int b = 0; m->byte_fallback && b < 256; b++)
		if (t->byte[b] < 0)
			return err_set(ERR_FORMAT,
			    "byte_fallback, but no "
			    "piece for byte %d",
			    b);
	return 0;
}

/* The control piece of that name, or -1. */
static int32_t
control(const struct tok *t, const char *text, size_t n)
{
	for (size_t i = 0; i < t->nids; i++)
		if ((t->id[i].flags & TOK_ID_SPECIAL) && t->id[i].n == n &&
		    memcmp(t->spelled.p + t->id[i].at, text, n) == 0)
			return (int32_t)i;
	return -1;
}

/* Tokens that a fine-tune has added to the pieces, by tokenizer_config.json. */
static int
take_added(struct tok *t, const json_t *config)
{
	json_t *list = json_object_get(config, "added_tokens_decoder"), *v;
	const char *key;
	char *end;

	json_object_foreach(list, key, v)
	{
		long id = strtol(key, &end, 10);

		if (end == key || *end != 0 || id < 0 || id >= TOK_IDS_MAX)
			return err_set(ERR_FORMAT,
			    "added_tokens_decoder: '%.64s' is no id", key);
		/* The file's own control tokens are there already. */
		if ((size_t)id < t->nids && (t->id[id].flags & TOK_ID_USED))
			continue;
		if (tok_added_take(t, v, id) != 0)
			return err_add("added_tokens_decoder");
	}
	return 0;
}

static int
finish(struct model *m, const json_t *config)
{
	struct tok *t = m->tok;
	int e;

	if ((e = check(m)) != 0 || (e = rank(m)) != 0 ||
	    (e = take_added(t, config)) != 0)
		return e;
	t->byte_fallback = m->byte_fallback;
	t->strip_pieces = t->sp.dummy_prefix || t->sp.collapse;
	t->strip_once = !t->sp.collapse;
	tok_added_sort(&t->raw);
	tok_added_sort(&t->normal);
	tok_added_sort(&t->sp.user);
	if ((e = tok_dec_sp(t)) != 0)
		return e;
	return tok_config_read(t, config, control(t, m->bos, m->nbos),
	    control(t, m->eos, m->neos));
}

int
tok_sp_open(struct tok *t, const char *path, const json_t *config)
{
	struct model m = { .tok = t,
		.kind = 1,
		.bos = "<s>",
		.nbos = 3,
		.eos = "</s>",
		.neos = 4 };
	char *bytes;
	size_t n;
	int e;

	if ((e = tok_file_read(path, &bytes, &n)) != 0)
		return e;
	t->sp.on = t->sp.dummy_prefix = t->sp.collapse = t->sp.escape = true;
	for (int b = 0; b < 256; b++)
		t->byte[b] = -1;
	if ((e = take_all(&m, bytes, n)) == 0)
		e = finish(&m, config);
	free(m.score);
	free(bytes);
	return e ? err_add("%s", path) : 0;
}

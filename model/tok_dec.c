/* The decoder of tokenizer.json.  What it does to a token alone is done once,
 * for every id, when the tokenizer is opened; what it does to the whole text
 * is at most to take spaces off its start. */
#include "model/tok_in.h"

#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

struct decoder {
	bool bytes;    /* ByteLevel: the visible alphabet is bytes */
	bool fallback; /* ByteFallback: "<0x41>" is a byte */
	bool fused;    /* what follows sees the whole text */
	struct tok_buf from[TOK_STEPS_MAX], to[TOK_STEPS_MAX];
	int nreplace;
};

/* GPT-2's alphabet: visible Latin-1 characters are themselves, the other
 * bytes, in order, are U+0100 and on. */
static bool
visible(unsigned b)
{
	return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
}

static uint32_t
shown(unsigned b)
{
	if (visible(b))
		return b;
	if (b <= ' ')
		return 0x100 + b;
	return b == 0xad ? 0x143 : 0x100 + b - 0x7f + '!';
}

void
tok_bytes_show(struct tok_buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tok_buf_code(out, shown((unsigned char)text[i]));
}

int
tok_bytes_of(uint32_t code)
{
	if (code < 0x100)
		return visible(code) ? (int)code : -1;
	if (code <= 0x100 + ' ')
		return (int)code - 0x100;
	if (code < 0x143)
		return (int)code - 0x100 - '!' + 0x7f;
	return code == 0x143 ? 0xad : -1;
}

int
tok_byte_of(const char *text, size_t n)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	int value = 0;
	const char *d;

	if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
		return -1;
	for (int i = 3; i < 5; i++) {
		if (text[i] == 0 || (d = strchr(digits, text[i])) == NULL)
			return -1;
		value = value * 16 +
		    (int)(d - digits < 16 ? d - digits : d - digits - 6);
	}
	return value;
}

static int
add_replace(struct decoder *d, const char *from, size_t nfrom, const char *to,
    size_t nto)
{
	int i = d->nreplace;

	if (i == TOK_STEPS_MAX)
		return err_set(ERR_LIMIT, "more than %d steps", TOK_STEPS_MAX);
	tok_buf_add(&d->from[i], from, nfrom);
	tok_buf_add(&d->to[i], to, nto);
	d->nreplace++;
	return d->from[i].failed || d->to[i].failed ?
	    err_set(ERR_MEMORY, "no memory for a decoder") :
	    0;
}

static int
read_replace(struct tok *t, struct decoder *d, const json_t *o)
{
	struct tok_buf from = { 0 }, to = { 0 };
	uint32_t code;
	int e;

	(void)t;
	if ((e = tok_get_text(json_object_get(o, "pattern"), "String",
		 &from)) == 0 &&
	    (e = tok_get_text(o, "content", &to)) == 0) {
		if (from.n == 0 ||
		    (d->fused &&
			(size_t)utf8_decode(from.p, from.n, &code) != from.n))
			e = err_set(ERR_UNSUPPORTED,
			    "a pattern that may reach over tokens");
		else
			e = add_replace(d, from.p, from.n, to.p, to.n);
	}
	tok_buf_free(&from);
	tok_buf_free(&to);
	return e;
}

static int
read_bytes(struct tok *t, struct decoder *d, const json_t *o)
{
	(void)t;
	(void)o;
	if (d->fused || d->fallback || d->nreplace > 0)
		return err_set(ERR_UNSUPPORTED, "not after other steps");
	d->bytes = d->fused = true;
	return 0;
}

static int
read_fallback(struct tok *t, struct decoder *d, const json_t *o)
{
	(void)o;
	if (d->fused)
		return err_set(ERR_UNSUPPORTED, "not after Fuse");
	d->fallback = t->each_bad_byte = true;
	return 0;
}

static int
read_fuse(struct tok *t, struct decoder *d, const json_t *o)
{
	(void)t;
	(void)o;
	d->fused = true;
	return 0;
}

static int
read_strip(struct tok *t, struct decoder *d, const json_t *o)
{
	const char *what = json_string_value(json_object_get(o, "content"));
	json_int_t start = json_integer_value(json_object_get(o, "start"));
	json_int_t stop = json_integer_value(json_object_get(o, "stop"));

	if (!d->fused || what == NULL || strcmp(what, " ") != 0 || stop != 0 ||
	    start < 0 || start > 1000)
		return err_set(ERR_UNSUPPORTED,
		    "want content ' ', start and no stop, after Fuse");
	t->strip += (uint32_t)start;
	return 0;
}

static int
read_metaspace(struct tok *t, struct decoder *d, const json_t *o)
{
	const char *scheme = json_string_value(
	    json_object_get(o, "prepend_scheme"));
	struct tok_buf mark = { 0 };
	bool prefix;
	int e;

	if (d->fused || d->nreplace > 0)
		return err_set(ERR_UNSUPPORTED, "not after other steps");
	if ((e = tok_get_text(o, "replacement", &mark)) == 0 &&
	    (e = tok_get_bool(o, "add_prefix_space", true, &prefix)) == 0) {
		uint32_t code = 0;

		if (mark.n == 0 ||
		    (size_t)utf8_decode(mark.p, mark.n, &code) != mark.n)
			e = err_set(ERR_FORMAT,
			    "replacement: want a character");
		else
			e = add_replace(d, mark.p, mark.n, " ", 1);
		if (prefix && (scheme == NULL || strcmp(scheme, "never") != 0))
			t->first_drop = code;
	}
	tok_buf_free(&mark);
	return e;
}

static const struct {
	const char *name;
	int (*read)(struct tok *, struct decoder *, const json_t *);
} kinds[] = {
	{ "ByteLevel", read_bytes },
	{ "ByteFallback", read_fallback },
	{ "Fuse", read_fuse },
	{ "Metaspace", read_metaspace },
	{ "Replace", read_replace },
	{ "Strip", read_strip },
};

static int
read_steps(struct tok *t, struct decoder *d, const json_t *o, int depth)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const json_t *list = json_object_get(o, "decoders"), *v;
	size_t i;
	int e;

	if (type == NULL)
		return err_set(ERR_FORMAT, "want an object with a type");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(type, kinds[i].name) == 0)
			return kinds[i].read(t, d, o) ? err_add("%s", type) : 0;
	if (strcmp(type, "Sequence") != 0)
		return err_set(ERR_UNSUPPORTED, "type '%.64s' is not known",
		    type);
	if (!json_is_array(list) || depth == TOK_DEPTH_MAX)
		return err_set(ERR_FORMAT, "Sequence: want decoders");
	json_array_foreach(list, i,
	    v) if ((e = read_steps(t, d, v, depth + 1)) != 0) return e;
	return 0;
}

/* Bytes of a token in the visible alphabet; as it stands if it is not. */
static void
hidden(struct tok_buf *out, const char *text, size_t n)
{
	size_t begun = out->n, at = 0;
	uint32_t code;
	int len, b;
	char c;

	for (; at < n; at += (size_t)len) {
		len = utf8_decode(text + at, n - at, &code);
		if (len <= 0 || (b = tok_bytes_of(code)) < 0)
			break;
		c = (char)b;
		tok_buf_add(out, &c, 1);
	}
	if (at == n)
		return;
	out->n = begun;
	tok_buf_add(out, text, n);
}

static void
replaced(struct tok_buf *out, const struct tok_buf *in, const struct tok_buf *f,
    const struct tok_buf *to)
{
	const char *p = in->p, *end = p + in->n, *hit;

	while (p < end &&
	    (hit = memmem(p, (size_t)(end - p), f->p, f->n)) != NULL) {
		tok_buf_add(out, p, (size_t)(hit - p));
		tok_buf_add(out, to->p, to->n);
		p = hit + f->n;
	}
	if (p < end)
		tok_buf_add(out, p, (size_t)(end - p));
}

/* Most bytes that a stream can make of this text alone. */
static size_t
widest(const char *text, size_t n)
{
	size_t at = 0, ok, sum = 0;

	while (at < n) {
		ok = utf8_valid(text + at, n - at);
		sum += ok;
		if ((at += ok) < n) {
			at++;
			sum += 3;
		}
	}
	return sum;
}

static int
decode_one(struct tok *t, const struct decoder *d, struct tok_id *i,
    struct tok_buf work[2])
{
	const char *text = t->spelled.p + i->said_at;
	int byte = d->fallback ? tok_byte_of(text, i->said) : -1, w = 0;
	char c = (char)byte;

	work[0].n = work[1].n = 0;
	if (byte >= 0)
		tok_buf_add(&work[0], &c, 1);
	else if (d->bytes)
		hidden(&work[0], text, i->said);
	else
		tok_buf_add(&work[0], text, i->said);
	for (int r = 0; r < d->nreplace && byte < 0; r++, w ^= 1) {
		work[!w].n = 0;
		replaced(&work[!w], &work[w], &d->from[r], &d->to[r]);
	}
	if (widest(work[w].p, work[w].n) > TOK_PIECE_MAX - 8)
		return err_set(ERR_LIMIT, "token '%.64s' is too long as text",
		    text);
	i->text_at = (uint32_t)t->decoded.n;
	i->text = (uint32_t)work[w].n;
	tok_buf_add(&t->decoded, work[w].p, work[w].n);
	return work[0].failed || work[1].failed || t->decoded.failed ?
	    err_set(ERR_MEMORY, "no memory for tokens") :
	    0;
}

static int
decode_all(struct tok *t, const struct decoder *d)
{
	struct tok_buf work[2] = { 0 };
	int e = 0;

	for (size_t i = 0; i < t->nids && e == 0; i++)
		if (t->id[i].flags & TOK_ID_USED)
			e = decode_one(t, d, &t->id[i], work);
	tok_buf_free(&work[0]);
	tok_buf_free(&work[1]);
	return e;
}

static void
decoder_free(struct decoder *d)
{
	for (int i = 0; i < d->nreplace; i++) {
		tok_buf_free(&d->from[i]);
		tok_buf_free(&d->to[i]);
	}
}

int
tok_dec_read(struct tok *t, const json_t *o)
{
	struct decoder d = { 0 };
	int e;

	if (o == NULL || json_is_null(o))
		return err_set(ERR_UNSUPPORTED, "decoder: there is none");
	if ((e = read_steps(t, &d, o, 0)) == 0)
		e = decode_all(t, &d);
	decoder_free(&d);
	return e ? err_add("decoder") : 0;
}

int
tok_dec_sp(struct tok *t)
{
	struct decoder d = { .fallback = true };
	int e;

	t->each_bad_byte = true;
	e = add_replace(&d, TOK_SPACE_MARK, strlen(TOK_SPACE_MARK), " ", 1);
	if (e == 0)
		e = decode_all(t, &d);
	decoder_free(&d);
	return e;
}

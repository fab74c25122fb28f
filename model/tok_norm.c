/* Normalisers of tokenizer.json: each makes one text out of another. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

#include "base/err.h"
#include "base/utf8.h"

static int
out_of_memory(const struct tok_buf *out)
{
	return out->failed ? err_set(ERR_MEMORY, "no memory for a text") : 0;
}

static int
read_prepend(struct tok_step *s, const json_t *o)
{
	return tok_get_text(o, "prepend", &s->to);
}

static int
prepend(const struct tok_step *s, const char *text, size_t n,
    struct tok_buf *out)
{
	if (n > 0)
		tok_buf_add(out, s->to.p, s->to.n);
	tok_buf_add(out, text, n);
	return out_of_memory(out);
}

static int
read_replace(struct tok_step *s, const json_t *o)
{
	int e = tok_pattern_read(s, o);

	return e ? e : tok_get_text(o, "content", &s->to);
}

static int
replace_text(const struct tok_step *s, const char *text, size_t n,
    struct tok_buf *out)
{
	const char *end = text + n, *hit;

	while (text < end) {
		hit = memmem(text, (size_t)(end - text), s->from.p, s->from.n);
		if (hit == NULL)
			break;
		tok_buf_add(out, text, (size_t)(hit - text));
		tok_buf_add(out, s->to.p, s->to.n);
		text = hit + s->from.n;
	}
	tok_buf_add(out, text, (size_t)(end - text));
	return out_of_memory(out);
}

static int
replace_regex(const struct tok_step *s, const char *text, size_t n,
    struct tok_buf *out)
{
	pcre2_match_data *m = pcre2_match_data_create(1, NULL);
	size_t done = 0, begin, end;
	uint32_t code;
	int got = 0;

	if (m == NULL)
		return err_set(ERR_MEMORY, "no memory for a text");
	while (done < n &&
	    (got = tok_regex_find(&s->regex, m, text, n, done, &begin, &end)) >
		0) {
		tok_buf_add(out, text + done, begin - done);
		tok_buf_add(out, s->to.p, s->to.n);
		if (end == begin && end < n) {
			end += (size_t)utf8_decode(text + end, n - end, &code);
			tok_buf_add(out, text + begin, end - begin);
		}
		done = end;
	}
	pcre2_match_data_free(m);
	if (got < 0)
		return err_code();
	tok_buf_add(out, text + done, n - done);
	return out_of_memory(out);
}

static int
replace(const struct tok_step *s, const char *text, size_t n,
    struct tok_buf *out)
{
	return s->regex.code != NULL ? replace_regex(s, text, n, out) :
				       replace_text(s, text, n, out);
}

static int
read_strip(struct tok_step *s, const json_t *o)
{
	int e = tok_get_bool(o, "strip_left", true, &s->left);

	return e ? e : tok_get_bool(o, "strip_right", true, &s->right);
}

static int
strip(const struct tok_step *s, const char *text, size_t n, struct tok_buf *out)
{
	size_t at = 0, from = 0, to = 0, len;
	bool begun = false;
	uint32_t code;

	for (; at < n; at += len) {
		len = (size_t)utf8_decode(text + at, n - at, &code);
		if (tok_is_space(code))
			continue;
		if (!begun)
			from = at;
		begun = true;
		to = at + len;
	}
	if (!begun)
		from = to = n;
	if (!s->left)
		from = 0;
	if (!s->right)
		to = n;
	if (from < to)
		tok_buf_add(out, text + from, to - from);
	return out_of_memory(out);
}

static int
form(uninorm_t which, const char *text, size_t n, struct tok_buf *out)
{
	uint8_t *formed;
	size_t ascii = 0, len = 0;

	while (ascii < n && (unsigned char)text[ascii] < 0x80)
		ascii++;
	if (ascii == n) {
		tok_buf_add(out, text, n);
		return out_of_memory(out);
	}
	formed = u8_normalize(which, (const uint8_t *)text, n, NULL, &len);
	if (formed == NULL)
		return err_set(ERR_MEMORY, "no memory for a text");
	tok_buf_add(out, formed, len);
	free(formed);
	return out_of_memory(out);
}

static int
nfc(const struct tok_step *s, const char *text, size_t n, struct tok_buf *out)
{
	(void)s;
	return form(UNINORM_NFC, text, n, out);
}

static int
nfd(const struct tok_step *s, const char *text, size_t n, struct tok_buf *out)
{
	(void)s;
	return form(UNINORM_NFD, text, n, out);
}

static int
nfkc(const struct tok_step *s, const char *text, size_t n, struct tok_buf *out)
{
	(void)s;
	return form(UNINORM_NFKC, text, n, out);
}

static int
nfkd(const struct tok_step *s, const char *text, size_t n, struct tok_buf *out)
{
	(void)s;
	return form(UNINORM_NFKD, text, n, out);
}

static int
show_bytes(const struct tok_step *s, const char *text, size_t n,
    struct tok_buf *out)
{
	(void)s;
	tok_bytes_show(out, text, n);
	return out_of_memory(out);
}

const struct tok_component tok_norm_table[] = {
	{ "Prepend", read_prepend, prepend, NULL },
	{ "Replace", read_replace, replace, NULL },
	{ "Strip", read_strip, strip, NULL },
	{ "NFC", NULL, nfc, NULL },
	{ "NFD", NULL, nfd, NULL },
	{ "NFKC", NULL, nfkc, NULL },
	{ "NFKD", NULL, nfkd, NULL },
	{ "ByteLevel", NULL, show_bytes, NULL },
	{ NULL, NULL, NULL, NULL },
};

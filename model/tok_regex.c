/* Patterns of tokenizer files, which are written for Oniguruma, run by PCRE2.
 * Where the two mean different things the pattern is rewritten; an escape or
 * a construct that is not known to mean the same is a refusal. */
#include "model/tok_in.h"

#include <string.h>

#include "base/err.h"

#define MATCH_LIMIT 20000000
#define PATTERN_MAX 65536

/* To Oniguruma the superscripts and fractions of Latin-1 are in words. */
#define WORD                                                                   \
	"\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"                                  \
	"\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"

/* What the class letters stand for; inside brackets without brackets.  NULL:
 * cannot be said there. */
static const struct {
	char letter;
	const char *outside, *inside;
} classes[] = {
	{ 's', "\\p{White_Space}", "\\p{White_Space}" },
	{ 'S', "\\P{White_Space}", "\\P{White_Space}" },
	{ 'w', "[" WORD "]", WORD },
	{ 'W', "[^" WORD "]", NULL },
	{ 'd', "\\p{Nd}", "\\p{Nd}" },
	{ 'D', "\\P{Nd}", "\\P{Nd}" },
};

/* Escapes that mean the same to both. */
static const char same_letters[] = "pPrntfvaexAzZ";

struct scan {
	const char *p;
	size_t n, at;
	bool inside; /* of [ ] */
};

static int
refuse(const struct scan *s, const char *what)
{
	return err_set(ERR_UNSUPPORTED, "pattern '%.*s': %s at byte %zu",
	    (int)(s->n > 120 ? 120 : s->n), s->p, what, s->at);
}

/* \uHHHH is \x{HHHH}. */
static int
take_u(struct scan *s, struct tok_buf *out)
{
	if (s->n - s->at < 6)
		return refuse(s, "a short \\u");
	for (size_t i = 2; i < 6; i++)
		if (strchr("0123456789abcdefABCDEF", s->p[s->at + i]) == NULL ||
		    s->p[s->at + i] == 0)
			return refuse(s, "a bad \\u");
	tok_buf_add(out, "\\x{", 3);
	tok_buf_add(out, s->p + s->at + 2, 4);
	tok_buf_add(out, "}", 1);
	s->at += 6;
	return 0;
}

static int
take_escape(struct scan *s, struct tok_buf *out)
{
	unsigned char c;
	const char *text;

	if (s->n - s->at < 2)
		return refuse(s, "a lone backslash");
	c = (unsigned char)s->p[s->at + 1];
	if (c == 'u')
		return take_u(s, out);
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (classes[i].letter != c)
			continue;
		text = s->inside ? classes[i].inside : classes[i].outside;
		if (text == NULL)
			return refuse(s, "\\W in a class");
		tok_buf_add(out, text, strlen(text));
		s->at += 2;
		return 0;
	}
	if (c >= '0' && c <= '9')
		return refuse(s, "a back reference");
	if (((c | 32) >= 'a' && (c | 32) <= 'z' &&
		strchr(same_letters, c) == NULL) &&
	    ((c | 32) != 'b' || s->inside))
		return refuse(s, "an unknown escape");
	tok_buf_add(out, s->p + s->at, 2);
	s->at += 2;
	return 0;
}

/* Inside brackets, [ and && are operators of Oniguruma. */
static int
take_inside(struct scan *s, struct tok_buf *out)
{
	if (s->p[s->at] == '[')
		return refuse(s, "a class in a class");
	if (s->n - s->at >= 2 && memcmp(s->p + s->at, "&&", 2) == 0)
		return refuse(s, "a class intersection");
	if (s->p[s->at] == ']')
		s->inside = false;
	tok_buf_add(out, s->p + s->at++, 1);
	return 0;
}

/* Of the groups, plain ones, those that look ahead or behind, and (?i:. */
static int
take_open(struct scan *s, struct tok_buf *out)
{
	static const char *const known[] = { "?:", "?=", "?!", "?>",
		"?<=", "?<!", "?i:" };
	const char *p = s->p + s->at + 1;
	size_t left = s->n - s->at - 1, i, len = 0;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		len = strlen(known[i]);
		if (left >= len && memcmp(p, known[i], len) == 0)
			break;
		len = 0;
	}
	if (len == 0 && left > 0 && (p[0] == '?' || p[0] == '*'))
		return refuse(s, "an unknown group");
	tok_buf_add(out, p - 1, len + 1);
	s->at += len + 1;
	return 0;
}

static int
translate(struct scan *s, struct tok_buf *out)
{
	int e = 0;

	while (e == 0 && s->at < s->n) {
		char c = s->p[s->at];

		if (c == '\\')
			e = take_escape(s, out);
		else if (s->inside)
			e = take_inside(s, out);
		else if (c == '(')
			e = take_open(s, out);
		else {
			tok_buf_add(out, s->p + s->at++, 1);
			if (c != '[')
				continue;
			s->inside = true;
			if (s->at < s->n && s->p[s->at] == '^')
				tok_buf_add(out, s->p + s->at++, 1);
		}
	}
	if (e == 0 && out->failed)
		return err_set(ERR_MEMORY, "no memory for a pattern");
	return e;
}

static int
compile(struct tok_regex *r, const char *pattern, size_t n)
{
	pcre2_compile_context *c = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR why[120] = "";
	PCRE2_SIZE where;
	int code;

	if (c == NULL ||
	    (r->limits = pcre2_match_context_create(NULL)) == NULL) {
		pcre2_compile_context_free(c);
		return err_set(ERR_MEMORY, "no memory for a pattern");
	}
	pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	pcre2_set_newline(c, PCRE2_NEWLINE_LF);
	/* In Oniguruma's Ruby dialect ^ and $ are ends of lines. */
	r->code = pcre2_compile((PCRE2_SPTR)pattern, n,
	    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
	    &code, &where, c);
	pcre2_compile_context_free(c);
	if (r->code == NULL) {
		pcre2_get_error_message(code, why, sizeof(why));
		return err_set(ERR_UNSUPPORTED, "pattern '%.*s': %s",
		    (int)(n > 120 ? 120 : n), pattern, (char *)why);
	}
	/* Without it everything works, slower. */
	(void)pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE);
	return 0;
}

int
tok_regex_open(struct tok_regex *r, const char *pattern, size_t n)
{
	struct scan s = { pattern, n, 0, false };
	struct tok_buf out = { 0 };
	int e;

	if (n == 0 || n > PATTERN_MAX)
		return err_set(ERR_LIMIT, "pattern of %zu bytes: want 1..%d", n,
		    PATTERN_MAX);
	if ((e = translate(&s, &out)) == 0)
		e = compile(r, out.p, out.n);
	tok_buf_free(&out);
	return e;
}

void
tok_regex_close(struct tok_regex *r)
{
	pcre2_code_free(r->code);
	pcre2_match_context_free(r->limits);
	*r = (struct tok_regex){ 0 };
}

int
tok_regex_find(const struct tok_regex *r, pcre2_match_data *m, const char *text,
    size_t n, size_t from, size_t *begin, size_t *end)
{
	PCRE2_UCHAR why[120] = "";
	PCRE2_SIZE *ends;
	int got;

	/* The text was checked once; checking it at every match would make
	 * long texts quadratic. */
	got = pcre2_match(r->code, (PCRE2_SPTR)text, n, from,
	    PCRE2_NO_UTF_CHECK, m, r->limits);
	if (got == PCRE2_ERROR_JIT_STACKLIMIT)
		got = pcre2_match(r->code, (PCRE2_SPTR)text, n, from,
		    PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m, r->limits);
	if (got == PCRE2_ERROR_NOMATCH)
		return 0;
	if (got < 0) {
		pcre2_get_error_message(got, why, sizeof(why));
		err_set(ERR_LIMIT, "the tokenizer's pattern gave up: %s",
		    (char *)why);
		return -1;
	}
	ends = pcre2_get_ovector_pointer(m);
	*begin = ends[0];
	*end = ends[1];
	return 1;
}

/* Pre-tokenisers of tokenizer.json: each cuts a text into words, and may
 * rewrite it on the way. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

#define GPT2_PATTERN                                                           \
	"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+"    \
	"|\\s+(?!\\S)|\\s+"
/* \w of Rust's regular expressions, which Whitespace is written in. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200C}\\x{200D}"
#define WORD_PATTERN "[" WORD "]+|[^" WORD "\\s]+"

/* A stretch of text that the pattern matched, or that lies between. */
struct stretch {
	size_t at, end;
	bool match;
};

struct stretches {
	struct stretch *v;
	size_t n, max;
};

void
tok_cuts_add(struct tok_cuts *c, const char *text, size_t n, bool first)
{
	if (n == 0)
		return;
	if (!tok_room((void **)&c->cut, &c->max, c->n, sizeof(*c->cut))) {
		c->text.failed = true;
		return;
	}
	c->cut[c->n++] = (struct tok_cut){ n, first };
	tok_buf_add(&c->text, text, n);
}

static int
note(struct stretches *s, size_t at, size_t end, bool match)
{
	if (at == end)
		return 0;
	if (!tok_room((void **)&s->v, &s->max, s->n, sizeof(*s->v)))
		return err_set(ERR_MEMORY, "no memory for a text");
	s->v[s->n++] = (struct stretch){ at, end, match };
	return 0;
}

/* Whether two neighbours are one word. */
static bool
together(enum tok_behaviour b, const struct stretch *l, const struct stretch *r)
{
	switch (b) {
	case TOK_WITH_PREVIOUS:
		return r->match && !l->match;
	case TOK_WITH_NEXT:
		return l->match && !r->match;
	case TOK_CONTIGUOUS:
		return l->match == r->match;
	default:
		return false;
	}
}

static void
cut(const struct stretches *s, enum tok_behaviour b, bool invert,
    const char *text, bool first, struct tok_cuts *out)
{
	struct stretch v, w;

	for (size_t i = 0, j; i < s->n; i = j) {
		v = s->v[i];
		v.match ^= invert;
		for (j = i + 1; j < s->n; j++) {
			w = s->v[j];
			w.match ^= invert;
			if (!together(b, &v, &w))
				break;
			v.end = w.end;
			v.match = w.match;
		}
		if (b != TOK_REMOVED || !v.match)
			tok_cuts_add(out, text + v.at, v.end - v.at,
			    first && v.at == 0);
	}
}

static int
find_regex(const struct tok_regex *r, const char *text, size_t n,
    struct stretches *s)
{
	pcre2_match_data *m = pcre2_match_data_create(1, NULL);
	size_t done = 0, look = 0, begin, end;
	uint32_t code;
	int got, e = 0;

	if (m == NULL)
		return err_set(ERR_MEMORY, "no memory for a text");
	while (e == 0 && look < n) {
		got = tok_regex_find(r, m, text, n, look, &begin, &end);
		if (got <= 0) {
			e = got < 0 ? err_code() : 0;
			break;
		}
		if ((e = note(s, done, begin, false)) == 0)
			e = note(s, begin, end, true);
		done = look = end;
		if (begin == end && end < n)
			look += (size_t)utf8_decode(text + end, n - end, &code);
	}
	if (e == 0)
		e = note(s, done, n, false);
	pcre2_match_data_free(m);
	return e;
}

static int
find_text(const struct tok_buf *what, const char *text, size_t n,
    struct stretches *s)
{
	size_t done = 0, at;
	const char *hit;
	int e = 0;

	while (e == 0 && done < n &&
	    (hit = memmem(text + done, n - done, what->p, what->n)) != NULL) {
		at = (size_t)(hit - text);
		if ((e = note(s, done, at, false)) == 0)
			e = note(s, at, at + what->n, true);
		done = at + what->n;
	}
	return e ? e : note(s, done, n, false);
}

static int
find_kind(bool (*is)(uint32_t), const char *text, size_t n, struct stretches *s)
{
	size_t done = 0, len;
	uint32_t code;
	int e = 0;

	for (size_t at = 0; e == 0 && at < n; at += len) {
		len = (size_t)utf8_decode(text + at, n - at, &code);
		if (!is(code))
			continue;
		if ((e = note(s, done, at, false)) == 0)
			e = note(s, at, at + len, true);
		done = at + len;
	}
	return e ? e : note(s, done, n, false);
}

/* Ends every way of cutting: the stretches become words. */
static int
finish(struct stretches *s, int e, enum tok_behaviour b, bool invert,
    const char *text, bool first, struct tok_cuts *out)
{
	if (e == 0)
		cut(s, b, invert, text, first, out);
	free(s->v);
	if (e == 0 && out->text.failed)
		e = err_set(ERR_MEMORY, "no memory for a text");
	return e;
}

static int
read_behaviour(struct tok_step *s, const json_t *o, const char *otherwise)
{
	static const char *const names[] = { "Isolated", "Removed",
		"MergedWithPrevious", "MergedWithNext", "Contiguous" };
	const json_t *v = json_object_get(o, "behavior");
	const char *name = v ? json_string_value(v) : otherwise;

	for (unsigned i = 0; name != NULL && i < 5; i++)
		if (strcmp(name, names[i]) == 0) {
			s->behaviour = (enum tok_behaviour)i;
			return 0;
		}
	return err_set(ERR_UNSUPPORTED, "behavior '%.64s' is not known",
	    name ? name : "(none)");
}

static int
read_split(struct tok_step *s, const json_t *o)
{
	int e = tok_pattern_read(s, o);

	if (e == 0)
		e = read_behaviour(s, o, NULL);
	return e ? e : tok_get_bool(o, "invert", false, &s->invert);
}

static int
split(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	int e = s->regex.code ? find_regex(&s->regex, text, n, &found) :
				find_text(&s->from, text, n, &found);

	return finish(&found, e, s->behaviour, s->invert, text, first, out);
}

static int
read_bytes(struct tok_step *s, const json_t *o)
{
	int e = tok_get_bool(o, "add_prefix_space", true, &s->prefix);

	if (e == 0)
		e = tok_get_bool(o, "use_regex", true, &s->split);
	if (e == 0 && s->split)
		e = tok_regex_open(&s->regex, GPT2_PATTERN,
		    strlen(GPT2_PATTERN));
	return e;
}

/* The words of text, each in the visible alphabet. */
static int
show_words(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	struct tok_buf word = { 0 };
	int e = s->split ? find_regex(&s->regex, text, n, &found) :
			   note(&found, 0, n, true);

	for (size_t i = 0; e == 0 && i < found.n; i++) {
		const struct stretch *v = &found.v[i];

		word.n = 0;
		tok_bytes_show(&word, text + v->at, v->end - v->at);
		tok_cuts_add(out, word.p, word.n, first && v->at == 0);
		if (word.failed || out->text.failed)
			e = err_set(ERR_MEMORY, "no memory for a text");
	}
	tok_buf_free(&word);
	free(found.v);
	return e;
}

static int
byte_level(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct tok_buf spaced = { 0 };
	int e;

	if (!s->prefix || n == 0 || text[0] == ' ')
		return show_words(s, text, n, first, out);
	tok_buf_add(&spaced, " ", 1);
	tok_buf_add(&spaced, text, n);
	e = spaced.failed ? err_set(ERR_MEMORY, "no memory for a text") :
			    show_words(s, spaced.p, spaced.n, first, out);
	tok_buf_free(&spaced);
	return e;
}

static int
read_metaspace(struct tok_step *s, const json_t *o)
{
	static const char *const names[] = { "always", "first", "never" };
	const char *scheme = json_string_value(
	    json_object_get(o, "prepend_scheme"));
	bool prefix;
	int e;

	if ((e = tok_get_text(o, "replacement", &s->to)) != 0 ||
	    (e = tok_get_bool(o, "add_prefix_space", true, &prefix)) != 0 ||
	    (e = tok_get_bool(o, "split", true, &s->split)) != 0)
		return e;
	tok_buf_add(&s->from, " ", 1);
	s->prepend = prefix ? TOK_ALWAYS : TOK_NEVER;
	if (scheme == NULL)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		if (strcmp(scheme, names[i]) == 0) {
			s->prepend = (enum tok_prepend)i;
			if (!prefix && s->prepend != TOK_NEVER)
				break;
			return 0;
		}
	return err_set(ERR_UNSUPPORTED, "prepend_scheme '%.64s'%s", scheme,
	    prefix ? " is not known" : " against add_prefix_space false");
}

static int
metaspace(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	struct tok_buf marked = { 0 };
	bool has = n >= s->to.n && memcmp(text, s->to.p, s->to.n) == 0;
	int e;

	if (s->prepend != TOK_NEVER && n > 0 && text[0] != ' ' && !has &&
	    (first || s->prepend == TOK_ALWAYS))
		tok_buf_add(&marked, s->to.p, s->to.n);
	for (size_t i = 0; i < n; i++)
		if (text[i] == ' ')
			tok_buf_add(&marked, s->to.p, s->to.n);
		else
			tok_buf_add(&marked, text + i, 1);
	if (marked.failed)
		e = err_set(ERR_MEMORY, "no memory for a text");
	else if (s->split)
		e = find_text(&s->to, marked.p, marked.n, &found);
	else
		e = note(&found, 0, marked.n, false);
	e = finish(&found, e, TOK_WITH_NEXT, false, marked.p, first, out);
	tok_buf_free(&marked);
	return e;
}

static int
read_digits(struct tok_step *s, const json_t *o)
{
	return tok_get_bool(o, "individual_digits", false, &s->split);
}

static int
digits(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	int e = find_kind(tok_is_number, text, n, &found);

	return finish(&found, e, s->split ? TOK_ISOLATED : TOK_CONTIGUOUS,
	    false, text, first, out);
}

static int
read_punctuation(struct tok_step *s, const json_t *o)
{
	return read_behaviour(s, o, "Isolated");
}

static int
punctuation(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	int e = find_kind(tok_is_punctuation, text, n, &found);

	return finish(&found, e, s->behaviour, false, text, first, out);
}

static int
read_words(struct tok_step *s, const json_t *o)
{
	(void)o;
	return tok_regex_open(&s->regex, WORD_PATTERN, strlen(WORD_PATTERN));
}

static int
words(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	int e = find_regex(&s->regex, text, n, &found);

	return finish(&found, e, TOK_REMOVED, true, text, first, out);
}

static int
spaced(const struct tok_step *s, const char *text, size_t n, bool first,
    struct tok_cuts *out)
{
	struct stretches found = { 0 };
	int e = find_kind(tok_is_space, text, n, &found);

	(void)s;
	return finish(&found, e, TOK_REMOVED, false, text, first, out);
}

const struct tok_component tok_pre_table[] = {
	{ "ByteLevel", read_bytes, NULL, byte_level },
	{ "Split", read_split, NULL, split },
	{ "Metaspace", read_metaspace, NULL, metaspace },
	{ "Digits", read_digits, NULL, digits },
	{ "Punctuation", read_punctuation, NULL, punctuation },
	{ "Whitespace", read_words, NULL, words },
	{ "WhitespaceSplit", NULL, NULL, spaced },
	{ NULL, NULL, NULL, NULL },
};

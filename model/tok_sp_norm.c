/* SentencePiece's normaliser: a precompiled map from prefixes to texts, spaces
 * trimmed, collapsed and marked.  The map is a double array in the layout of
 * darts-clone; it comes from a file, so every step in it is checked. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

/* A prefix becomes at most so many bytes (18 characters in NFKC). */
#define MAPPED_MAX 256

/* A unit of the double array. */
static bool
has_leaf(uint32_t unit)
{
	return unit >> 8 & 1;
}

static uint32_t
label(uint32_t unit)
{
	return unit & (1u << 31 | 0xff);
}

static uint32_t
offset(uint32_t unit)
{
	return unit >> 10 << ((unit & 1u << 9) >> 6);
}

static uint32_t
little(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	    (uint32_t)b[3] << 24;
}

/* Whether each text has its end, not too far off. */
static bool
texts_end(const char *p, size_t n)
{
	size_t run = 0;

	for (size_t i = 0; i < n; i++)
		if ((run = p[i] ? run + 1 : 0) > MAPPED_MAX)
			return false;
	return n > 0 && run == 0;
}

/* The blob: bytes of the array, the array, the texts, each ended. */
int
tok_sp_map_open(struct tok_sp *sp, const char *blob, size_t n)
{
	size_t size;

	if (n == 0)
		return 0;
	if (sp->trie != NULL)
		return err_set(ERR_FORMAT, "two precompiled_charsmap");
	if (n < 4 || (size = little(blob)) > n - 4 || size % 4 != 0 ||
	    size == 0)
		return err_set(ERR_FORMAT, "precompiled_charsmap: broken");
	sp->ntrie = size / 4;
	sp->ninto = n - 4 - size;
	if (!texts_end(blob + 4 + size, sp->ninto))
		return err_set(ERR_FORMAT,
		    "precompiled_charsmap: a text is too long");
	if (utf8_valid(blob + 4 + size, sp->ninto) != sp->ninto)
		return err_set(ERR_FORMAT,
		    "precompiled_charsmap: a text is not UTF-8");
	sp->trie = malloc(size);
	sp->into = malloc(sp->ninto);
	if (sp->trie == NULL || sp->into == NULL)
		return err_set(ERR_MEMORY, "no memory for a tokenizer");
	for (size_t i = 0; i < sp->ntrie; i++)
		sp->trie[i] = little(blob + 4 + 4 * i);
	memcpy(sp->into, blob + 4 + size, sp->ninto);
	return 0;
}

void
tok_sp_close(struct tok_sp *sp)
{
	free(sp->trie);
	free(sp->into);
	tok_added_free(&sp->user);
}

/* The longest prefix of text that the map knows: its length, and what it
 * becomes; 0: none. */
static size_t
mapped(const struct tok_sp *sp, const char *text, size_t n, const char **into)
{
	size_t at, best = 0;
	uint32_t unit;

	if (sp->trie == NULL)
		return 0;
	at = offset(sp->trie[0]);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		at ^= c;
		if (at >= sp->ntrie)
			break;
		unit = sp->trie[at];
		if (label(unit) != c)
			break;
		at ^= offset(unit);
		if (!has_leaf(unit))
			continue;
		if (at >= sp->ntrie)
			break;
		unit = sp->trie[at] & ~(1u << 31);
		/* Texts end, and so does the last: inside is enough.  The
		 * middle of a character would not be text. */
		if (unit < sp->ninto && (sp->into[unit] & 0xc0) != 0x80) {
			*into = sp->into + unit;
			best = i + 1;
		}
	}
	/* A broken map must not cut a character in two. */
	while (best > 0 && best < n && (text[best] & 0xc0) == 0x80)
		best--;
	return best;
}

struct prefix {
	const char *text; /* what it becomes */
	size_t n, taken;
};

static struct prefix
prefix(const struct tok_sp *sp, const char *text, size_t n)
{
	struct prefix p = { text, 0, 0 };
	uint32_t code;

	if ((p.taken = tok_added_at(&sp->user, text, n)) > 0) {
		p.n = p.taken;
	} else if ((p.taken = mapped(sp, text, n, &p.text)) > 0) {
		p.n = strlen(p.text);
	} else {
		p.n = p.taken = (size_t)utf8_decode(text, n, &code);
	}
	return p;
}

static void
add_space(const struct tok_sp *sp, struct tok_buf *out)
{
	if (sp->escape)
		tok_buf_add(out, TOK_SPACE_MARK, strlen(TOK_SPACE_MARK));
	else
		tok_buf_add(out, " ", 1);
}

static bool
ends_in_space(const struct tok_sp *sp, const struct tok_buf *b)
{
	size_t n = strlen(TOK_SPACE_MARK);

	if (!sp->escape)
		return b->n > 0 && b->p[b->n - 1] == ' ';
	return b->n >= n && memcmp(b->p + b->n - n, TOK_SPACE_MARK, n) == 0;
}

static void
trim_end(const struct tok_sp *sp, struct tok_buf *out)
{
	while (ends_in_space(sp, out))
		out->n -= sp->escape ? strlen(TOK_SPACE_MARK) : 1;
}

void
tok_sp_normalise(const struct tok_sp *sp, const char *text, size_t n,
    struct tok_buf *out)
{
	const char *end = text + n;
	bool was_space = sp->collapse;
	struct prefix p;

	while (sp->collapse && text < end) {
		p = prefix(sp, text, (size_t)(end - text));
		if (p.n != 1 || p.text[0] != ' ')
			break;
		text += p.taken;
	}
	if (text == end)
		return;
	if (sp->dummy_prefix)
		add_space(sp, out);
	for (; text < end; text += p.taken) {
		size_t i = 0;

		p = prefix(sp, text, (size_t)(end - text));
		while (was_space && i < p.n && p.text[i] == ' ')
			i++;
		for (; i < p.n; i++) {
			was_space = sp->collapse && p.text[i] == ' ';
			if (p.text[i] == ' ')
				add_space(sp, out);
			else
				tok_buf_add(out, p.text + i, 1);
		}
	}
	if (sp->collapse)
		trim_end(sp, out);
}

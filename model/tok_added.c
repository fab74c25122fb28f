/* Added tokens: texts that are one token wherever they stand.  The leftmost
 * wins, of those the longest; the words lie sorted, and each further byte
 * narrows the stretch of them that still fits. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

int
tok_added_add(struct tok_added *a, const char *text, size_t n,
    struct tok_added_word w)
{
	if (n == 0)
		return 0;
	if (!tok_room((void **)&a->word, &a->max, a->n, sizeof(w)))
		return err_set(ERR_MEMORY, "no memory for added tokens");
	w.at = (uint32_t)a->bytes.n;
	w.n = (uint32_t)n;
	tok_buf_add(&a->bytes, text, n);
	if (a->bytes.failed)
		return err_set(ERR_MEMORY, "no memory for added tokens");
	a->word[a->n++] = w;
	a->starts[(unsigned char)text[0]] = true;
	return 0;
}

static int
order(const void *l, const void *r, void *bytes)
{
	const struct tok_added_word *a = l, *b = r;
	const char *p = bytes;
	int c = memcmp(p + a->at, p + b->at, a->n < b->n ? a->n : b->n);

	if (c != 0)
		return c;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

void
tok_added_sort(struct tok_added *a)
{
	if (a->n > 1)
		qsort_r(a->word, a->n, sizeof(*a->word), order, a->bytes.p);
}

void
tok_added_free(struct tok_added *a)
{
	free(a->word);
	tok_buf_free(&a->bytes);
	*a = (struct tok_added){ 0 };
}

/* Within [lo, hi), whose words agree in their first d bytes, the first whose
 * byte d is not below c (a word that ends there is below all). */
static size_t
bound(const struct tok_added *a, size_t lo, size_t hi, uint32_t d, int c)
{
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct tok_added_word *w = &a->word[mid];
		int byte = w->n > d ? (unsigned char)a->bytes.p[w->at + d] : -1;

		if (byte < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The longest word that text begins with, or NULL. */
static const struct tok_added_word *
longest(const struct tok_added *a, const char *text, size_t n)
{
	const struct tok_added_word *best = NULL;
	size_t lo = 0, hi = a->n;

	for (uint32_t d = 0; d < n && lo < hi; d++) {
		int c = (unsigned char)text[d];

		lo = bound(a, lo, hi, d, c);
		hi = bound(a, lo, hi, d, c + 1);
		if (lo < hi && a->word[lo].n == d + 1)
			best = &a->word[lo];
	}
	return best;
}

size_t
tok_added_at(const struct tok_added *a, const char *text, size_t n)
{
	const struct tok_added_word *w = longest(a, text, n);

	return w ? w->n : 0;
}

/* The character that ends before at. */
static uint32_t
before(const char *text, size_t at, size_t *len)
{
	uint32_t code = 0;

	for (*len = 1; *len < 4 && *len < at &&
	     ((unsigned char)text[at - *len] & 0xc0) == 0x80;
	     ++*len)
		continue;
	utf8_decode(text + at - *len, *len, &code);
	return code;
}

static bool
alone(const struct tok_walk *w, size_t at, size_t end)
{
	uint32_t code;
	size_t len;

	if (at > 0 && tok_is_word(before(w->text, at, &len)))
		return false;
	if (end == w->n)
		return true;
	utf8_decode(w->text + end, w->n - end, &code);
	return !tok_is_word(code);
}

void
tok_walk_start(struct tok_walk *w, const struct tok_added *set,
    const char *text, size_t n)
{
	*w = (struct tok_walk){ .set = set, .text = text, .n = n, .hit = -1 };
}

/* The match with the spaces that it takes with it. */
static void
widen(struct tok_walk *w, const struct tok_added_word *word, size_t at)
{
	size_t end = at + word->n, len;
	uint32_t code;

	while (word->lstrip && at > w->done &&
	    tok_is_space(before(w->text, at, &len)))
		at -= len;
	while (word->rstrip && end < w->n) {
		len = (size_t)utf8_decode(w->text + end, w->n - end, &code);
		if (!tok_is_space(code))
			break;
		end += len;
	}
	w->hit = word->id;
	w->hit_at = at;
	w->hit_n = end - at;
}

static bool
find(struct tok_walk *w)
{
	const struct tok_added_word *word;

	while (w->look < w->n) {
		size_t at = w->look;

		word = w->set->starts[(unsigned char)w->text[at]] ?
		    longest(w->set, w->text + at, w->n - at) :
		    NULL;
		if (word == NULL) {
			w->look++;
			continue;
		}
		w->look += word->n;
		if (word->single && !alone(w, at, at + word->n))
			continue;
		widen(w, word, at);
		return true;
	}
	return false;
}

/* A word that begins in the spaces which the last one took is found all the
 * same, as in the library. */
bool
tok_walk_next(struct tok_walk *w, struct tok_part *p)
{
	if (w->hit < 0 && !find(w)) {
		*p = (struct tok_part){ w->done, w->n - w->done, -1 };
		w->done = w->n;
		return p->n > 0;
	}
	if (w->hit_at > w->done) {
		*p = (struct tok_part){ w->done, w->hit_at - w->done, -1 };
		w->done = w->hit_at;
		return true;
	}
	*p = (struct tok_part){ w->hit_at, w->hit_n, w->hit };
	w->done = w->hit_at + w->hit_n;
	w->hit = -1;
	return true;
}

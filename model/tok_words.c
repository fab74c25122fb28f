/* The tables of a tokenizer: growing bytes, from text to id and from id to
 * text, and what kind of character a character is. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>
#include <unictype.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"

void
tok_buf_add(struct tok_buf *b, const void *bytes, size_t n)
{
	if (b->failed || n == 0)
		return;
	if (b->max - b->n < n) {
		size_t max = b->max ? b->max : 64;
		char *p;

		while (max - b->n < n)
			max *= 2;
		if ((p = realloc(b->p, max)) == NULL) {
			b->failed = true;
			return;
		}
		b->p = p;
		b->max = max;
	}
	memcpy(b->p + b->n, bytes, n);
	b->n += n;
}

void
tok_buf_code(struct tok_buf *b, uint32_t code)
{
	char utf8[4];

	tok_buf_add(b, utf8, (size_t)utf8_encode(code, utf8));
}

void
tok_buf_free(struct tok_buf *b)
{
	free(b->p);
	*b = (struct tok_buf){ 0 };
}

bool
tok_room(void **array, size_t *max, size_t n, size_t size)
{
	size_t want = *max ? *max * 2 : 16;
	void *p;

	if (n < *max)
		return true;
	if ((p = realloc(*array, want * size)) == NULL)
		return false;
	*array = p;
	*max = want;
	return true;
}

bool
tok_is_space(uint32_t code)
{
	return uc_is_property_white_space(code);
}

bool
tok_is_word(uint32_t code)
{
	return uc_is_property_alphabetic(code) ||
	    uc_is_property_join_control(code) ||
	    uc_is_general_category_withtable(code,
		UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Nd | UC_CATEGORY_MASK_Pc);
}

bool
tok_is_number(uint32_t code)
{
	return uc_is_general_category_withtable(code, UC_CATEGORY_MASK_N);
}

bool
tok_is_punctuation(uint32_t code)
{
	static const char ascii[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

	if (code < 0x80)
		return code != 0 && strchr(ascii, (int)code) != NULL;
	return uc_is_general_category_withtable(code, UC_CATEGORY_MASK_P);
}

static struct tok_word *
slot_of(const struct tok_words *w, const char *text, size_t n)
{
	size_t i = hash_bytes(HASH_START, text, n) & (w->nslots - 1);
	struct tok_word *s;

	for (;; i = (i + 1) & (w->nslots - 1)) {
		s = &w->slot[i];
		if (s->id < 0 ||
		    (s->n == n &&
			(n == 0 || memcmp(w->bytes.p + s->at, text, n) == 0)))
			return s;
	}
}

static bool
grow(struct tok_words *w)
{
	struct tok_words more = *w;

	more.nslots = w->nslots ? w->nslots * 2 : 256;
	more.slot = malloc(more.nslots * sizeof(*more.slot));
	if (more.slot == NULL)
		return false;
	for (size_t i = 0; i < more.nslots; i++)
		more.slot[i].id = -1;
	for (size_t i = 0; i < w->nslots; i++)
		if (w->slot[i].id >= 0)
			*slot_of(&more, w->bytes.p + w->slot[i].at,
			    w->slot[i].n) = w->slot[i];
	free(w->slot);
	*w = more;
	return true;
}

int32_t
tok_words_find(const struct tok_words *w, const char *text, size_t n)
{
	if (w->nslots == 0 || n > w->longest)
		return -1;
	return slot_of(w, text, n)->id;
}

int
tok_words_add(struct tok_words *w, const char *text, size_t n, int32_t id)
{
	struct tok_word *s;

	if (w->count * 2 >= w->nslots && !grow(w))
		return err_set(ERR_MEMORY, "no memory for the vocabulary");
	s = slot_of(w, text, n);
	if (s->id == id)
		return 0;
	if (s->id >= 0)
		return err_set(ERR_FORMAT, "token '%.*s' has ids %d and %d",
		    (int)(n > 64 ? 64 : n), text, (int)s->id, (int)id);
	*s = (struct tok_word){ (uint32_t)w->bytes.n, (uint32_t)n, id };
	tok_buf_add(&w->bytes, text, n);
	if (w->bytes.failed)
		return err_set(ERR_MEMORY, "no memory for the vocabulary");
	if (n > w->longest)
		w->longest = n;
	w->count++;
	return 0;
}

void
tok_words_free(struct tok_words *w)
{
	free(w->slot);
	tok_buf_free(&w->bytes);
	*w = (struct tok_words){ 0 };
}

static int
reach(struct tok *t, size_t id)
{
	size_t max = t->ids_max ? t->ids_max : 1024;
	struct tok_id *p;

	if (id >= t->ids_max) {
		while (max <= id)
			max *= 2;
		if ((p = realloc(t->id, max * sizeof(*p))) == NULL)
			return err_set(ERR_MEMORY, "no memory for %zu ids",
			    max);
		memset(p + t->ids_max, 0, (max - t->ids_max) * sizeof(*p));
		t->id = p;
		t->ids_max = max;
	}
	if (id >= t->nids)
		t->nids = id + 1;
	return 0;
}

int
tok_id_add(struct tok *t, int64_t id, const char *text, size_t n,
    unsigned flags)
{
	struct tok_id *i;
	int show = (int)(n > 64 ? 64 : n), e;

	if (id < 0 || id >= TOK_IDS_MAX)
		return err_set(ERR_LIMIT, "token '%.*s': id %lld: want 0..%d",
		    show, text, (long long)id, TOK_IDS_MAX - 1);
	if (n > TOK_PIECE_MAX - 8)
		return err_set(ERR_LIMIT,
		    "token %lld has %zu bytes: want at "
		    "most %d",
		    (long long)id, n, TOK_PIECE_MAX - 8);
	if ((e = reach(t, (size_t)id)) != 0)
		return e;
	i = &t->id[id];
	if (i->flags & TOK_ID_USED) {
		if (i->n != n ||
		    (n > 0 && memcmp(t->spelled.p + i->at, text, n) != 0))
			return err_set(ERR_FORMAT,
			    "id %lld is '%.*s' and '%.*s'", (long long)id,
			    (int)(i->n > 64 ? 64 : i->n), t->spelled.p + i->at,
			    show, text);
	} else {
		i->at = i->said_at = (uint32_t)t->spelled.n;
		i->n = i->said = (uint32_t)n;
		tok_buf_add(&t->spelled, text, n);
		if (t->spelled.failed)
			return err_set(ERR_MEMORY, "no memory for tokens");
	}
	i->flags |= (uint8_t)(flags | TOK_ID_USED);
	return 0;
}

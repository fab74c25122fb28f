/* One word into ids: byte-pair encoding by ranks of pairs (tokenizer.json) or
 * by scores of joined texts (tokenizer.model).  The best pair is on top of a
 * heap; pairs that a merge has outdated stay there and are passed over, so a
 * word of n characters costs n log n. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

#define NO_PAIR UINT64_MAX

static size_t
place(const struct tok_pairs *p, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15u;

	h ^= h >> 32;
	return (size_t)h & (p->nslots - 1);
}

int
tok_pairs_new(struct tok_pairs *p, size_t count)
{
	p->nslots = 16;
	while (p->nslots < count * 2)
		p->nslots *= 2;
	if ((p->slot = malloc(p->nslots * sizeof(*p->slot))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %zu merges", count);
	for (size_t i = 0; i < p->nslots; i++)
		p->slot[i].key = NO_PAIR;
	return 0;
}

static struct tok_pair *
pair_slot(const struct tok_pairs *p, int32_t left, int32_t right)
{
	uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
	size_t i = place(p, key);

	while (p->slot[i].key != key && p->slot[i].key != NO_PAIR)
		i = (i + 1) & (p->nslots - 1);
	return &p->slot[i];
}

void
tok_pairs_add(struct tok_pairs *p, int32_t left, int32_t right, uint32_t rank,
    int32_t id)
{
	struct tok_pair *s = pair_slot(p, left, right);

	s->key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
	s->rank = rank;
	s->id = id;
}

const struct tok_pair *
tok_pairs_find(const struct tok_pairs *p, int32_t left, int32_t right)
{
	struct tok_pair *s;

	if (p->nslots == 0 || left < 0 || right < 0)
		return NULL;
	s = pair_slot(p, left, right);
	return s->key == NO_PAIR ? NULL : s;
}

void
tok_emit(struct tok_job *j, int32_t id)
{
	if (j->count < j->max)
		j->ids[j->count] = id;
	j->count++;
}

static bool
above(const struct tok_merge *a, const struct tok_merge *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->pos < b->pos;
}

static int
heap_push(struct tok_job *j, struct tok_merge m)
{
	size_t i = j->nheap;

	if (!tok_room((void **)&j->heap, &j->heap_max, i, sizeof(m)))
		return err_set(ERR_MEMORY, "no memory for a word");
	for (j->nheap++; i > 0 && above(&m, &j->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		j->heap[i] = j->heap[(i - 1) / 2];
	j->heap[i] = m;
	return 0;
}

static struct tok_merge
heap_pop(struct tok_job *j)
{
	struct tok_merge top = j->heap[0], m = j->heap[--j->nheap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < j->nheap) {
		if (child + 1 < j->nheap &&
		    above(&j->heap[child + 1], &j->heap[child]))
			child++;
		if (!above(&j->heap[child], &m))
			break;
		j->heap[i] = j->heap[child];
		i = child;
	}
	j->heap[i] = m;
	return top;
}

static bool
frozen(const struct tok *t, const struct tok_symbol *s)
{
	return s->id >= 0 && (t->id[s->id].flags & TOK_ID_FROZEN);
}

/* What the symbol at pos and the next become together, if anything. */
static bool
joined(const struct tok_job *j, const char *word, int32_t pos,
    struct tok_merge *m)
{
	const struct tok_symbol *l = &j->symbol[pos], *r;
	const struct tok_pair *p;

	if (pos < 0 || l->next < 0)
		return false;
	r = &j->symbol[l->next];
	m->pos = pos;
	m->n = l->n + r->n;
	if (j->tok->sp.on) {
		if (frozen(j->tok, l) || frozen(j->tok, r))
			return false;
		m->id = tok_words_find(&j->tok->words, word + l->at, m->n);
		if (m->id < 0)
			return false;
		m->rank = j->tok->id[m->id].rank;
		return true;
	}
	if ((p = tok_pairs_find(&j->tok->pairs, l->id, r->id)) == NULL)
		return false;
	m->rank = p->rank;
	m->id = p->id;
	return true;
}

/* How long the left half of an unused piece is: what it is taken apart by. */
static int
note_halves(struct tok_job *j, const struct tok_merge *m)
{
	if (j->left == NULL &&
	    (j->left = calloc(j->tok->nids, sizeof(*j->left))) == NULL)
		return err_set(ERR_MEMORY, "no memory for a word");
	j->left[m->id] = j->symbol[m->pos].n;
	return 0;
}

static int
offer(struct tok_job *j, const char *word, int32_t pos)
{
	struct tok_merge m;
	int e = 0;

	if (!joined(j, word, pos, &m))
		return 0;
	if (j->tok->id[m.id].flags & TOK_ID_UNUSED)
		e = note_halves(j, &m);
	return e ? e : heap_push(j, m);
}

/* A merge is outdated if its left symbol is gone or its pair now gives
 * something else. */
static bool
holds(const struct tok_job *j, const char *word, const struct tok_merge *m)
{
	struct tok_merge now;

	return j->symbol[m->pos].n > 0 && joined(j, word, m->pos, &now) &&
	    now.id == m->id && (!j->tok->sp.on || now.n == m->n);
}

static int
merge_all(struct tok_job *j, const char *word)
{
	struct tok_symbol *s = j->symbol;
	int e = 0;

	j->nheap = 0;
	for (size_t i = 0; i + 1 < j->nsymbols && e == 0; i++)
		e = offer(j, word, (int32_t)i);
	while (e == 0 && j->nheap > 0) {
		struct tok_merge m = heap_pop(j);
		struct tok_symbol *l = &s[m.pos], *r;

		if (!holds(j, word, &m))
			continue;
		r = &s[l->next];
		l->id = m.id;
		l->n += r->n;
		l->next = r->next;
		r->n = 0;
		if (l->next >= 0)
			s[l->next].prev = m.pos;
		if (l->prev >= 0)
			e = offer(j, word, l->prev);
		if (e == 0)
			e = offer(j, word, m.pos);
	}
	return e;
}

static int
symbol_add(struct tok_job *j, int32_t id, size_t at, size_t n)
{
	size_t i = j->nsymbols;

	if (!tok_room((void **)&j->symbol, &j->symbols_max, i,
		sizeof(*j->symbol)))
		return err_set(ERR_MEMORY, "no memory for a word");
	j->symbol[i] = (struct tok_symbol){ id, (int32_t)i - 1, -1,
		(uint32_t)at, (uint32_t)n };
	if (i > 0)
		j->symbol[i - 1].next = (int32_t)i;
	j->nsymbols++;
	return 0;
}

/* All bytes of a character, if each has an id. */
static bool
bytes_known(const struct tok *t, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (t->byte[(unsigned char)text[i]] < 0)
			return false;
	return true;
}

/* The order of the library: an unknown character waits for what follows, and
 * is put down before the next known one (bytes do not count as known). */
static int
symbols_of(struct tok_job *j, const char *word, size_t n)
{
	const struct tok *t = j->tok;
	size_t unk_at = 0, unk_n = 0, len;
	uint32_t code;
	int32_t id;
	int e = 0;

	for (size_t at = 0; at < n && e == 0; at += len) {
		len = (size_t)utf8_decode(word + at, n - at, &code);
		id = tok_words_find(&t->words, word + at, len);
		if (id < 0 && t->byte_fallback &&
		    bytes_known(t, word + at, len)) {
			for (size_t i = 0; i < len && e == 0; i++)
				e = symbol_add(j,
				    t->byte[(unsigned char)word[at + i]],
				    at + i, 1);
			continue;
		}
		if (unk_n > 0 && (id >= 0 || !t->fuse_unk)) {
			e = symbol_add(j, t->unk, unk_at, unk_n);
			unk_n = 0;
		}
		if (id >= 0 && e == 0)
			e = symbol_add(j, id, at, len);
		if (id < 0 && t->unk >= 0) {
			if (unk_n == 0)
				unk_at = at;
			unk_n += len;
		}
	}
	if (e == 0 && unk_n > 0)
		e = symbol_add(j, t->unk, unk_at, unk_n);
	return e;
}

/* SentencePiece: user-defined pieces are one symbol from the start, unknown
 * characters stay as they are until all merges are done. */
static int
sp_symbols_of(struct tok_job *j, const char *word, size_t n)
{
	const struct tok *t = j->tok;
	struct tok_walk walk;
	struct tok_part part;
	uint32_t code;
	int e = 0;

	tok_walk_start(&walk, &t->sp.user, word, n);
	while (e == 0 && tok_walk_next(&walk, &part)) {
		size_t at = part.at, end = at + part.n, len;

		if (part.id >= 0) {
			e = symbol_add(j, part.id, at, part.n);
			continue;
		}
		for (; at < end && e == 0; at += len) {
			len = (size_t)utf8_decode(word + at, end - at, &code);
			e = symbol_add(j,
			    tok_words_find(&t->words, word + at, len), at, len);
		}
	}
	return e;
}

/* One symbol; an unused piece as the two that it was last offered to be made
 * of.  Unknown characters in a row are one unknown token. */
static void
sp_emit(struct tok_job *j, const char *text, uint32_t n, int32_t id,
    bool *was_unk)
{
	const struct tok *t = j->tok;
	uint32_t left = id >= 0 && j->left != NULL ? j->left[id] : 0;

	if (left > 0 && (t->id[id].flags & TOK_ID_UNUSED)) {
		sp_emit(j, text, left, tok_words_find(&t->words, text, left),
		    was_unk);
		sp_emit(j, text + left, n - left,
		    tok_words_find(&t->words, text + left, n - left), was_unk);
		return;
	}
	if (id >= 0)
		tok_emit(j, id);
	else if (t->byte_fallback)
		for (uint32_t b = 0; b < n; b++)
			tok_emit(j, t->byte[(unsigned char)text[b]]);
	else if (!*was_unk)
		tok_emit(j, t->unk);
	*was_unk = id < 0 && !t->byte_fallback;
}

int
tok_bpe(struct tok_job *j, const char *word, size_t n)
{
	const struct tok *t = j->tok;
	const struct tok_symbol *s;
	bool was_unk = false;
	int32_t whole;
	int e;

	if (n == 0)
		return 0;
	if (t->ignore_merges &&
	    (whole = tok_words_find(&t->words, word, n)) >= 0) {
		tok_emit(j, whole);
		return 0;
	}
	j->nsymbols = 0;
	e = t->sp.on ? sp_symbols_of(j, word, n) : symbols_of(j, word, n);
	if (e == 0)
		e = merge_all(j, word);
	if (e != 0 || j->nsymbols == 0)
		return e;
	for (int32_t i = 0; i >= 0; i = s->next) {
		s = &j->symbol[i];
		if (t->sp.on)
			sp_emit(j, word + s->at, s->n, s->id, &was_unk);
		else
			tok_emit(j, s->id);
	}
	return 0;
}

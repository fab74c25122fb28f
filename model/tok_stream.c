/* From ids to text, token by token or at once. */
#include "model/tok_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

bool
tok_is_special(const struct tok *t, int32_t id)
{
	return id >= 0 && (size_t)id < t->nids &&
	    (t->id[id].flags & TOK_ID_SPECIAL);
}

int
tok_vocab(const struct tok *t)
{
	return (int)t->nids;
}

static const char *
text_of(const struct tok *t, int32_t id, size_t *n)
{
	*n = 0;
	if (id < 0 || (size_t)id >= t->nids)
		return "";
	*n = t->id[id].text;
	return *n > 0 ? t->decoded.p + t->id[id].text_at : "";
}

size_t
tok_piece(const struct tok *t, int32_t id, char *out, size_t size)
{
	size_t n;
	const char *text = text_of(t, id, &n);

	if (n > size)
		n = size;
	memcpy(out, text, n);
	return n;
}

/* How many of the bytes at p, which are no character, one U+FFFD stands for:
 * as many as could have begun one (what the ByteLevel decoder does), or one
 * (what byte fallback does). */
static size_t
bad(const struct tok *t, const char *p, size_t n)
{
	size_t k = 1;
	uint32_t code;

	if (!t->each_bad_byte)
		while (k < n && utf8_decode(p, k + 1, &code) < 0)
			k++;
	return k;
}

static size_t
put(char *out, size_t size, size_t at, const char *p, size_t n)
{
	if (n > size - at)
		return at;
	memcpy(out + at, p, n);
	return at + n;
}

/* Bytes after what was held: whole characters go out, the start of one is
 * held again. */
static size_t
stream_bytes(const struct tok *t, struct tok_stream *s, const char *bytes,
    size_t n, char *out, size_t size)
{
	char all[sizeof(s->held) + TOK_PIECE_MAX];
	size_t have = s->nheld <= 3 ? s->nheld : 0, at = 0, done = 0, k;
	uint32_t code;
	int len;

	if (n > TOK_PIECE_MAX)
		n = TOK_PIECE_MAX;
	memcpy(all, s->held, have);
	memcpy(all + have, bytes, n);
	have += n;
	s->nheld = 0;
	while (at < have) {
		len = utf8_decode(all + at, have - at, &code);
		if (len < 0) {
			s->nheld = (unsigned)(have - at);
			memcpy(s->held, all + at, s->nheld);
			break;
		}
		k = len > 0 ? (size_t)len : bad(t, all + at, have - at);
		done = len > 0 ? put(out, size, done, all + at, k) :
				 put(out, size, done, replacement, 3);
		at += k;
	}
	return done;
}

size_t
tok_stream_put(const struct tok *t, struct tok_stream *s, int32_t id, char *out,
    size_t size)
{
	size_t n;
	const char *text = text_of(t, id, &n);

	if (tok_is_special(t, id) && !s->keep_special)
		return 0;
	s->begun = true;
	return stream_bytes(t, s, text, n, out, size);
}

size_t
tok_stream_end(const struct tok *t, struct tok_stream *s, char *out,
    size_t size)
{
	size_t held = s->nheld <= 3 ? s->nheld : 0, done = 0;

	for (size_t i = 0; i < held; i += t->each_bad_byte ? 1 : held)
		done = put(out, size, done, replacement, 3);
	s->nheld = 0;
	return done;
}

/* The first token where Metaspace drops its marks; returns the length. */
static size_t
without_marks(const struct tok *t, int32_t id, char out[TOK_PIECE_MAX])
{
	const struct tok_id *i = &t->id[id];
	const char *p = t->spelled.p + i->said_at;
	size_t at = 0, n = 0;
	uint32_t code;
	int len;

	for (; at < i->said; at += (size_t)len) {
		if ((len = utf8_decode(p + at, i->said - at, &code)) <= 0)
			break;
		if (code != t->first_drop)
			n = put(out, TOK_PIECE_MAX, n, p + at, (size_t)len);
	}
	return n;
}

/* What the whole text keeps of a token while there is no text yet. */
static const char *
trimmed(const struct tok *t, int32_t id, bool first, char room[TOK_PIECE_MAX],
    size_t *n)
{
	const char *text = text_of(t, id, n);

	if (*n == 0)
		return text;
	if (first && t->first_drop != 0 && !(t->id[id].flags & TOK_ID_BYTE)) {
		*n = without_marks(t, id, room);
		return room;
	}
	if (t->strip_pieces && (first || !t->strip_once) && text[0] == ' ' &&
	    !(t->id[id].flags & TOK_ID_BYTE)) {
		--*n;
		return text + 1;
	}
	return text;
}

static size_t
take_spaces(const struct tok *t, char *p, size_t n)
{
	size_t k = 0;

	while (k < t->strip && k < n && p[k] == ' ')
		k++;
	memmove(p, p + k, n - k);
	return n - k;
}

char *
tok_decode(const struct tok *t, const int32_t *ids, int n, bool keep_special,
    size_t *bytes)
{
	struct tok_stream s = { .keep_special = keep_special };
	char out[3 * TOK_PIECE_MAX], room[TOK_PIECE_MAX];
	struct tok_buf all = { 0 };
	const char *text;
	size_t k;

	for (int i = 0; i < n; i++) {
		if (tok_is_special(t, ids[i]) && !keep_special)
			continue;
		if (all.n + s.nheld == 0)
			text = trimmed(t, ids[i], !s.begun, room, &k);
		else
			text = text_of(t, ids[i], &k);
		s.begun = true;
		k = stream_bytes(t, &s, text, k, out, sizeof(out));
		tok_buf_add(&all, out, k);
	}
	k = tok_stream_end(t, &s, out, sizeof(out));
	tok_buf_add(&all, out, k);
	tok_buf_add(&all, "", 1);
	if (all.failed) {
		tok_buf_free(&all);
		return NULL;
	}
	*bytes = take_spaces(t, all.p, all.n - 1);
	all.p[*bytes] = 0;
	return all.p;
}

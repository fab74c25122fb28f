/* Finds stop strings in text that comes in pieces. */
#include "frontend/stops.h"

#include <stdlib.h>
#include <string.h>

struct stops *
fe_stops_new(const char *const *text, const size_t *bytes, int count,
    bool include)
{
	struct stops *s = calloc(1,
	    sizeof(*s) + (size_t)count * STOPS_BYTES_MAX);

	if (s == NULL)
		return NULL;
	s->count = count;
	s->include = include;
	s->hit = -1;
	for (int k = 0; k < count; k++) {
		s->bytes[k] = (uint16_t)bytes[k];
		memcpy(s->text[k], text[k], bytes[k]);
	}
	return s;
}

void
fe_stops_reset(struct stops *s)
{
	s->hit = -1;
	s->nheld = 0;
}

/* Byte i of what is held, then of the piece. */
static char
byte(const struct stops *s, const char *piece, size_t i)
{
	return i < s->nheld ? s->held[i] : piece[i - s->nheld];
}

/* Whether the len bytes before `end` are the first len of stop k. */
static bool
same(const struct stops *s, const char *piece, size_t end, int k, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (byte(s, piece, end - len + i) != s->text[k][i])
			return false;
	return true;
}

/* The longest stop that is complete at `end`; -1: none. */
static int
complete(const struct stops *s, const char *piece, size_t end)
{
	int best = -1;

	for (int k = 0; k < s->count; k++)
		if (s->bytes[k] <= end &&
		    (best < 0 || s->bytes[k] > s->bytes[best]) &&
		    same(s, piece, end, k, s->bytes[k]))
			best = k;
	return best;
}

/* Bytes at the end that may be the beginning of a stop. */
static size_t
begun(const struct stops *s, const char *piece, size_t total)
{
	size_t keep = 0, len;

	for (int k = 0; k < s->count; k++) {
		len = (size_t)s->bytes[k] - 1;
		for (len = len < total ? len : total; len > keep; len--)
			if (same(s, piece, total, k, len))
				keep = len;
	}
	return keep;
}

size_t
fe_stops_put(struct stops *s, const char *piece, size_t n, char *out)
{
	size_t total = s->nheld + n, shown, keep;
	char held[STOPS_BYTES_MAX];

	if (s->hit >= 0)
		return 0;
	keep = begun(s, piece, total);
	shown = total - keep;
	/* What was held is no stop, so a stop ends in the new piece. */
	for (size_t end = s->nheld + 1u; end <= total; end++) {
		s->hit = complete(s, piece, end);
		if (s->hit < 0)
			continue;
		shown = s->include ? end : end - s->bytes[s->hit];
		keep = 0;
		break;
	}
	for (size_t i = 0; i < shown; i++)
		out[i] = byte(s, piece, i);
	for (size_t i = 0; i < keep; i++)
		held[i] = byte(s, piece, total - keep + i);
	memcpy(s->held, held, keep);
	s->nheld = (uint16_t)keep;
	return shown;
}

size_t
fe_stops_end(struct stops *s, char *out)
{
	size_t n = s->nheld;

	memcpy(out, s->held, n);
	s->nheld = 0;
	return n;
}

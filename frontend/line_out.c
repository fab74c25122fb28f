/* Writes JSON into growing buffers, without building trees. */
#include "frontend/line_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes, or NULL and broken. */
static char *
room(struct line_out *o, size_t n)
{
	size_t size = o->size;
	char *at;

	if (o->sent > 0 && o->used + n > size && o->sent >= o->used / 2) {
		memmove(o->at, o->at + o->sent, o->used - o->sent);
		o->used -= o->sent;
		o->sent = 0;
	}
	if (o->used + n <= size)
		return o->at + o->used;
	while (o->used + n > size)
		size = size == 0 ? 512 : size * 2;
	at = o->broken ? NULL : realloc(o->at, size);
	if (at == NULL) {
		o->broken = true;
		return NULL;
	}
	o->at = at;
	o->size = size;
	return at + o->used;
}

void
line_raw(struct line_out *o, const char *bytes, size_t n)
{
	char *to = room(o, n);

	if (to == NULL || n == 0)
		return;
	memcpy(to, bytes, n);
	o->used += n;
}

void
line_put(struct line_out *o, const char *text)
{
	line_raw(o, text, strlen(text));
}

void
line_fmt(struct line_out *o, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n > 0)
		line_raw(o, small,
		    (size_t)n < sizeof(small) ? (size_t)n : sizeof(small) - 1);
}

void
line_piece(struct line_out *o, const char *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[32] = { ['\b'] = 'b',
		['\t'] = 't',
		['\n'] = 'n',
		['\f'] = 'f',
		['\r'] = 'r' };
	char *to = room(o, n * 6);
	char *start = to;

	if (to == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\' || c < 32)
			*to++ = '\\';
		if (c >= 32) {
			*to++ = (char)c;
		} else if (plain[c] != 0) {
			*to++ = plain[c];
		} else {
			memcpy(to, "u00", 3);
			to[3] = hex[c >> 4];
			to[4] = hex[c & 15];
			to += 5;
		}
	}
	o->used += (size_t)(to - start);
}

void
line_text(struct line_out *o, const char *text, size_t n)
{
	line_raw(o, "\"", 1);
	line_piece(o, text, n);
	line_raw(o, "\"", 1);
}

void
line_int(struct line_out *o, int64_t v)
{
	char digits[24];
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (v < 0)
		digits[--at] = '-';
	line_raw(o, digits + at, sizeof(digits) - at);
}

void
line_ms(struct line_out *o, nsec length)
{
	int64_t us = length <= 0 ?
	    0 :
	    length / MICROSECOND + (length % MICROSECOND >= MICROSECOND / 2);
	char point[4] = { '.', (char)('0' + us / 100 % 10),
		(char)('0' + us / 10 % 10), (char)('0' + us % 10) };

	line_int(o, us / 1000);
	line_raw(o, point, sizeof(point));
}

void
line_real(struct line_out *o, double v)
{
	if (isfinite(v))
		line_fmt(o, "%.6g", v);
	else
		line_put(o, "-9999.0");
}

void
line_key(struct line_out *o, const char *name)
{
	line_raw(o, ",\"", 2);
	line_put(o, name);
	line_raw(o, "\":", 2);
}

void
line_number(struct line_out *o, const char *name, uint64_t v)
{
	line_key(o, name);
	line_int(o, (int64_t)(v & INT64_MAX));
}

void
line_hex(struct line_out *o, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	line_raw(o, "\"", 1);
	for (size_t i = 0; i < n; i++)
		line_raw(o,
		    (char[2]){ digits[bytes[i] >> 4], digits[bytes[i] & 15] },
		    2);
	line_raw(o, "\"", 1);
}

void
line_clear(struct line_out *o)
{
	o->sent = o->used = 0;
}

void
line_out_free(struct line_out *o)
{
	free(o->at);
	*o = (struct line_out){ 0 };
}

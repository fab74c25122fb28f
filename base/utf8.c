/* UTF-8 by the book: RFC 3629. */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

int
utf8_decode(const char *text, size_t n, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int len;
	uint32_t c;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	c = p[0] & (0x7fu >> len);
	for (int i = 1; i < len; i++) {
		if ((size_t)i == n)
			return -1;
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
		/* The second byte already tells overlong forms, surrogates
		 * and what is beyond the last plane. */
		if (i == 1 &&
		    ((p[0] == 0xe0 && p[1] < 0xa0) ||
			(p[0] == 0xed && p[1] > 0x9f) ||
			(p[0] == 0xf0 && p[1] < 0x90) ||
			(p[0] == 0xf4 && p[1] > 0x8f)))
			return 0;
	}
	if (c < least[len])
		return 0;
	*code = c;
	return len;
}

size_t
utf8_valid(const char *text, size_t n)
{
	size_t at = 0;
	uint32_t code;
	int len;

	while (at < n && (len = utf8_decode(text + at, n - at, &code)) > 0)
		at += (size_t)len;
	return at;
}

bool
utf8_is_control(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} wild[] = { { 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 } };

	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++)
		if (c >= wild[i].from && c <= wild[i].to)
			return true;
	return false;
}

void
utf8_tame(char *text)
{
	size_t left = strlen(text);
	char *to = text;

	while (left > 0) {
		uint32_t c;
		int n = utf8_decode(text, left, &c);
		size_t step = n > 0 ? (size_t)n : 1;

		if (n <= 0 || utf8_is_control(c))
			*to++ = '?';
		else
			for (size_t i = 0; i < step; i++)
				*to++ = text[i];
		text += step;
		left -= step;
	}
	*to = '\0';
}

int
utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

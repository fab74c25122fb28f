/* Quoting, and judging what is quoted. */
#include "base/quote.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_MAX 8 /* bytes of one character, escaped */

/* One character, escaped where that is needed; its length, and in *used that
 * of what it is in text. */
static size_t
escape(char out[ESCAPE_MAX], const char *text, size_t n, size_t *used)
{
	uint32_t c = 0;
	int k = utf8_decode(text, n, &c);

	*used = k > 0 ? (size_t)k : 1;
	if (k <= 0)
		return (size_t)snprintf(out, ESCAPE_MAX, "\\ufffd");
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, ESCAPE_MAX, "\\%c", (char)c);
	if (c == '\n')
		return (size_t)snprintf(out, ESCAPE_MAX, "\\n");
	if (utf8_is_control(c))
		return (size_t)snprintf(out, ESCAPE_MAX, "\\u%04x",
		    (unsigned)c & 0xffffu);
	memcpy(out, text, *used);
	return *used;
}

size_t
quote_put(char *out, size_t size, const char *text, size_t n)
{
	size_t at = 0, used, k;
	char one[ESCAPE_MAX];

	if (size < 2)
		return 0;
	out[at++] = '"';
	for (size_t i = 0; i < n; i += used) {
		k = escape(one, text + i, n - i, &used);
		if (at + k > size - 1)
			break;
		memcpy(out + at, one, k);
		at += k;
	}
	out[at++] = '"';
	return at;
}

bool
quote_is_tame(const char *text, size_t n)
{
	uint32_t c;
	int k;

	for (size_t i = 0; i < n; i += (size_t)k)
		if ((k = utf8_decode(text + i, n - i, &c)) <= 0 ||
		    utf8_is_control(c) || c == '"' || c == '=')
			return false;
	return true;
}

bool
quote_is_word(const char *text, size_t n)
{
	return n > 0 && quote_is_tame(text, n) &&
	    memchr(text, ' ', n) == NULL && memchr(text, '\\', n) == NULL;
}

static size_t
digits(const char *text, size_t n, size_t at)
{
	while (at < n && text[at] >= '0' && text[at] <= '9')
		at++;
	return at;
}

bool
quote_is_number(const char *text, size_t n)
{
	size_t at = n > 0 && text[0] == '-' ? 1 : 0, end;

	if (n > 64 || (end = digits(text, n, at)) == at ||
	    (text[at] == '0' && end > at + 1))
		return false;
	at = end;
	if (at < n && text[at] == '.') {
		end = digits(text, n, at + 1);
		if (end == at + 1)
			return false;
		at = end;
	}
	if (at < n && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		if (at < n && (text[at] == '+' || text[at] == '-'))
			at++;
		/* Few digits: what is infinite to a reader is no number. */
		end = digits(text, n, at);
		if (end == at || end > at + 2)
			return false;
		at = end;
	}
	return at == n;
}

/* Length of the escape at text, which begins with a backslash; 0: it is none,
 * or one that some readers refuse (U+0000, halves of pairs). */
static size_t
escape_here(const char *text, size_t n)
{
	unsigned code;
	char hex[5] = "";

	if (n < 2)
		return 0;
	if (text[1] != 'u')
		return strchr("\"\\/bfnrt", text[1]) != NULL && text[1] != 0 ?
		    2 :
		    0;
	if (n < 6)
		return 0;
	memcpy(hex, text + 2, 4);
	if (strspn(hex, "0123456789abcdefABCDEF") != 4 ||
	    sscanf(hex, "%x", &code) != 1 || code == 0 ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return 6;
}

bool
quote_is_string(const char *text, size_t n)
{
	size_t k;
	uint32_t c;

	if (n < 2 || text[0] != '"' || text[n - 1] != '"')
		return false;
	for (size_t i = 1; i < n - 1; i += k) {
		int bytes = utf8_decode(text + i, n - 1 - i, &c);

		if (bytes <= 0 || utf8_is_control(c) || c == '"')
			return false;
		k = c == '\\' ? escape_here(text + i, n - 1 - i) :
				(size_t)bytes;
		if (k == 0)
			return false;
	}
	return true;
}

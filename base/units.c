/* Byte sizes and thousands separators. */
#include "base/units.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefixes[] = "kmgt";

bool
units_parse_bytes(const char *text, uint64_t *bytes)
{
	char *end;
	double n, unit = 1, step = 1024;
	const char *p;

	if (!isdigit((unsigned char)*text))
		return false;
	n = strtod(text, &end);
	while (*end == ' ')
		end++;
	p = *end == '\0' ? NULL :
			   strchr(prefixes, tolower((unsigned char)*end));
	if (p != NULL) {
		end++;
		if (end[0] == 'i' && (end[1] == 'B' || end[1] == '\0'))
			end += end[1] == 'B' ? 2 : 1;
		else if (end[0] == 'B') {
			step = 1000;
			end++;
		}
		for (long k = p - prefixes; k >= 0; k--)
			unit *= step;
	} else if (*end == 'B')
		end++;
	if (*end != '\0' || !(n * unit < 0x1p64))
		return false;
	*bytes = (uint64_t)(n * unit);
	return true;
}

char *
units_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	int k = 0;

	for (; n >= 1024 && k < 4; k++)
		n /= 1024;
	snprintf(buf, size, k == 0 ? "%.0f %s" : "%.1f %s", n, names[k]);
	return buf;
}

char *
units_count(char *buf, size_t size, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%ju", (uintmax_t)n);
	size_t at = 0;

	for (int i = 0; i < len && at + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

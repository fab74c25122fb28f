/* Names, labels, numbers. */
#include "monitor/page.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers up to it */

void
page_free(struct page *p)
{
	free(p->at);
	*p = (struct page){ 0 };
}

static void
add(struct page *p, const char *bytes, size_t n)
{
	size_t size = p->size == 0 ? 65536 : p->size;
	char *more;

	if (p->broken)
		return;
	while (size - p->used < n)
		size *= 2;
	if (size != p->size) {
		if ((more = realloc(p->at, size)) == NULL) {
			p->broken = true;
			return;
		}
		p->at = more;
		p->size = size;
	}
	memcpy(p->at + p->used, bytes, n);
	p->used += n;
}

void
page_text(struct page *p, const char *text)
{
	add(p, text, strlen(text));
}

/* A backslash, a line's end, and in labels a quote, are written as two. */
static void
escaped(struct page *p, const char *text, const char *special)
{
	for (;;) {
		size_t n = strcspn(text, special);

		add(p, text, n);
		text += n;
		if (*text == '\0')
			return;
		page_text(p,
		    *text == '\n'    ? "\\n" :
			*text == '"' ? "\\\"" :
				       "\\\\");
		text++;
	}
}

void
page_family(struct page *p, const char *name, const char *type,
    const char *help)
{
	page_text(p, "# HELP ");
	page_text(p, name);
	page_text(p, " ");
	escaped(p, help, "\\\n");
	page_text(p, "\n# TYPE ");
	page_text(p, name);
	page_text(p, " ");
	page_text(p, type);
	page_text(p, "\n");
}

void
page_begin(struct page *p, const char *name, const char *suffix)
{
	page_text(p, name);
	page_text(p, suffix);
	p->open = false;
}

static void
label(struct page *p, const char *key, size_t nkey, const char *value,
    size_t nvalue)
{
	add(p, p->open ? "," : "{", 1);
	p->open = true;
	add(p, key, nkey);
	add(p, "=\"", 2);
	if (nvalue == SIZE_MAX)
		escaped(p, value, "\\\n\"");
	else
		add(p, value, nvalue);
	add(p, "\"", 1);
}

void
page_label(struct page *p, const char *key, const char *value)
{
	label(p, key, strlen(key), value, SIZE_MAX);
}

void
page_labels(struct page *p, const char *list)
{
	while (*list != '\0') {
		size_t key = strcspn(list, "="), end = strcspn(list, ",");

		label(p, list, key, list + key + 1, end - key - 1);
		list += end;
		list += *list == ',';
	}
}

/* Most numbers are, and a page may have many thousands. */
static void
whole(char *out, uint64_t value)
{
	char digits[24];
	int n = 0;

	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (n > 0)
		*out++ = digits[--n];
	*out = '\0';
}

char *
page_number(char out[PAGE_NUMBER_MAX], double value)
{
	if (isinf(value))
		snprintf(out, PAGE_NUMBER_MAX, "%sInf", value < 0 ? "-" : "+");
	else if (value >= 0 && value <= EXACT_MAX && value == floor(value))
		whole(out, (uint64_t)value);
	else
		snprintf(out, PAGE_NUMBER_MAX, "%.15g", value);
	return out;
}

void
page_end(struct page *p, double value)
{
	char number[PAGE_NUMBER_MAX];

	page_text(p, p->open ? "} " : " ");
	page_text(p, page_number(number, value));
	page_text(p, "\n");
}

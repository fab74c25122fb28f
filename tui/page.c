/* A grid of cells that views draw into. */
#include "tui/page.h"

#include "base/err.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uniwidth.h>

#define LINE_BYTES_MAX 1024 /* of what page_say makes */

static const struct {
	uint32_t code;
	char ascii;
} glyphs[] = {
#define GLYPH(code, ascii) { code, ascii },
#include "tui/glyphs.tbl"
#undef GLYPH
};

int
page_open(struct page *p, int cols, int rows, bool ascii)
{
	memset(p, 0, sizeof(*p));
	p->cell = calloc((size_t)cols * (size_t)rows + 1, sizeof(*p->cell));
	if (p->cell == NULL)
		return err_set(ERR_MEMORY, "no memory for a page of %dx%d",
		    cols, rows);
	p->cols = cols;
	p->rows = rows;
	p->ascii = ascii;
	page_clear(p);
	return 0;
}

void
page_close(struct page *p)
{
	free(p->cell);
	p->cell = NULL;
}

void
page_clear(struct page *p)
{
	for (int i = 0; i < p->cols * p->rows; i++)
		p->cell[i] = (struct page_cell){ " ", LOOK_PLAIN };
	page_clip(p, 0, 0, p->cols, p->rows);
}

void
page_clip(struct page *p, int left, int top, int wide, int high)
{
	p->left = left;
	p->top = top;
	p->wide = left + wide > p->cols ? p->cols - left : wide;
	p->high = top + high > p->rows ? p->rows - top : high;
}

static uint32_t
to_ascii(uint32_t code)
{
	for (size_t i = 0; i < sizeof(glyphs) / sizeof(*glyphs); i++)
		if (glyphs[i].code == code)
			return (unsigned char)glyphs[i].ascii;
	return '?';
}

/* The character at text, its bytes and its columns, 1 or 2. */
static uint32_t
next(const char *text, int *bytes, int *columns)
{
	uint32_t code = '?';

	*bytes = utf8_decode(text, strlen(text), &code);
	if (*bytes <= 0) {
		*bytes = 1;
		code = '?';
	}
	*columns = code < 0x80 ? 1 : uc_width(code, "UTF-8");
	if (code < 0x20 || code == 0x7f || *columns < 1) {
		code = '?';
		*columns = 1;
	}
	return code;
}

int
page_width(const char *text)
{
	int n = 0, bytes, columns;

	for (; *text != '\0'; text += bytes) {
		(void)next(text, &bytes, &columns);
		n += columns;
	}
	return n;
}

static void
set(struct page *p, int x, int y, uint32_t code, int columns,
    enum page_look look)
{
	struct page_cell *c;

	if (x < 0 || y < 0 || x + columns > p->wide || y >= p->high)
		return;
	c = &p->cell[(p->top + y) * p->cols + p->left + x];
	memset(c->text, 0, sizeof(c->text));
	(void)utf8_encode(code, c->text);
	c->look = (unsigned char)look;
	if (columns == 2)
		c[1] = (struct page_cell){ "", (unsigned char)look };
}

/* Draws until the column end; *left is what did not fit. */
static int
draw(struct page *p, int x, int y, int end, enum page_look look,
    const char *text, const char **left)
{
	int bytes, columns;

	for (; *text != '\0'; text += bytes, x += columns) {
		uint32_t code = next(text, &bytes, &columns);

		if (p->ascii && code >= 0x80) {
			code = to_ascii(code);
			columns = 1;
		}
		if (x + columns > end)
			break;
		set(p, x, y, code, columns, look);
	}
	if (left != NULL)
		*left = text;
	return x;
}

int
page_put(struct page *p, int x, int y, enum page_look look, const char *text)
{
	return draw(p, x, y, p->wide, look, text, NULL);
}

int
page_say(struct page *p, int x, int y, enum page_look look, const char *fmt,
    ...)
{
	char line[LINE_BYTES_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return page_put(p, x, y, look, line);
}

int
page_fit(struct page *p, int x, int y, int wide, bool right,
    enum page_look look, const char *text)
{
	int n = page_width(text), end = x + wide, at = x;

	if (wide <= 0)
		return x;
	if (right && n < wide)
		while (at < end - n && at < p->wide)
			at = page_put(p, at, y, look, " ");
	if (n > wide) {
		at = draw(p, at, y, end - 1, look, text, NULL);
		at = page_put(p, at, y, look, "\u2026");
	} else
		at = draw(p, at, y, end, look, text, NULL);
	while (at < end && at < p->wide)
		at = page_put(p, at, y, look, " ");
	return end;
}

int
page_fold(struct page *p, int x, int y, enum page_look look, const char *text)
{
	while (*text != '\0') {
		int room = p->wide - x, bytes, columns, used = 0;
		const char *end = text, *space = NULL;
		char line[LINE_BYTES_MAX];
		size_t n;

		for (; *end != '\0' && *end != '\n'; end += bytes) {
			(void)next(end, &bytes, &columns);
			if ((used += columns) > room)
				break;
			if (*end == ' ')
				space = end;
		}
		if (*end != '\0' && *end != '\n' && *end != ' ' &&
		    space != NULL)
			end = space;
		n = (size_t)(end - text);
		if (n == 0 && *end != '\n')
			break; /* no room at all */
		if (n >= sizeof(line))
			n = sizeof(line) - 1;
		memcpy(line, text, n);
		line[n] = '\0';
		page_put(p, x, y++, look, line);
		text += n;
		while (*text == ' ' || *text == '\n')
			text++;
	}
	return y;
}

void
page_row(struct page *p, int y, enum page_look look)
{
	struct page_cell *c = &p->cell[(p->top + y) * p->cols + p->left];

	for (int x = 0; y >= 0 && y < p->high && x < p->wide; x++)
		c[x].look = (unsigned char)look;
}

void
page_write(const struct page *p, FILE *out)
{
	for (int y = 0; y < p->rows; y++) {
		const struct page_cell *row = &p->cell[y * p->cols];
		int end = p->cols;

		while (end > 0 && strcmp(row[end - 1].text, " ") == 0)
			end--;
		for (int x = 0; x < end; x++)
			fputs(row[x].text, out);
		fputc('\n', out);
	}
}

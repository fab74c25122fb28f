/* A long list from a table of columns. */
#include "tui/list.h"

#include "base/err.h"
#include "base/near.h"
#include "tui/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_COLUMNS 1 /* in front of the chosen row */
#define SPARE_MAX 24   /* that a column grows by */
#define TIME_MAX 9e18  /* nanoseconds that a nsec holds */
#define REST_MIN 4     /* of the last column, or it does not show */

void
list_open(struct list *l, const struct list_kind *kind)
{
	memset(l, 0, sizeof(*l));
	l->kind = kind;
	l->sort = kind->sort;
	l->reverse = kind->reverse;
}

void
list_close(struct list *l)
{
	free(l->row);
	l->row = NULL;
	l->rows = l->size = 0;
}

static bool
grow(struct list *l, uint32_t n)
{
	struct list_row *more;
	uint32_t size = n < 64 ? 64 : n + n / 4;

	if (n <= l->size)
		return true;
	more = realloc(l->row, size * sizeof(*more));
	if (more == NULL)
		return false;
	l->row = more;
	l->size = size;
	return true;
}

static bool
passes(const struct list *l, const struct snap *s, uint32_t row)
{
	const struct column *c = l->kind->column;

	if (l->filter[0] == '\0')
		return true;
	for (int i = 0; i < l->kind->columns; i++)
		if (c[i].text != NULL &&
		    strcasestr(c[i].text(s, row), l->filter) != NULL)
			return true;
	return false;
}

/* What is unknown sorts below all numbers. */
static double
sortable(double x)
{
	return isnan(x) ? -INFINITY : x;
}

static int
compare(const void *left, const void *right, void *arg)
{
	const struct list_row *a = left, *b = right;
	const struct list *l = arg;
	int by;

	if (a->text != NULL)
		by = strcmp(a->text, b->text);
	else
		by = (a->number > b->number) - (a->number < b->number);
	if (l->reverse)
		by = -by;
	return by != 0 ? by : (a->row > b->row) - (a->row < b->row);
}

static void
turn(struct list *l)
{
	for (uint32_t i = 0, j = l->rows; i + 1 < j; i++) {
		struct list_row r = l->row[i];

		l->row[i] = l->row[--j];
		l->row[j] = r;
	}
}

static void
choose(struct list *l, const struct snap *s)
{
	if (l->cursor < l->rows)
		l->chosen = l->kind->identity(s, l->row[l->cursor].row);
}

/* The chosen one by its identity; if it has gone, what is in its place. */
static void
find_chosen(struct list *l, const struct snap *s)
{
	if (!l->chosen_by_hand)
		l->cursor = 0;
	else
		for (uint32_t i = 0; i < l->rows; i++)
			if (l->kind->identity(s, l->row[i].row) == l->chosen) {
				l->cursor = i;
				return;
			}
	if (l->rows == 0)
		l->cursor = 0;
	else if (l->cursor >= l->rows)
		l->cursor = l->rows - 1;
	choose(l, s);
}

void
list_update(struct list *l, const struct snap *s)
{
	const struct column *by = l->sort >= 0 ? &l->kind->column[l->sort] :
						 NULL;

	l->all = l->kind->count(s);
	l->rows = 0;
	for (uint32_t i = 0; i < l->all && grow(l, l->all); i++) {
		struct list_row r = { .row = i };

		if (!passes(l, s, i))
			continue;
		if (by != NULL && by->text != NULL)
			r.text = by->text(s, i);
		else if (by != NULL)
			r.number = sortable(by->number(s, i));
		l->row[l->rows++] = r;
	}
	if (by != NULL && l->rows > 0)
		qsort_r(l->row, l->rows, sizeof(*l->row), compare, l);
	else if (by == NULL && l->reverse)
		turn(l);
	find_chosen(l, s);
}

int64_t
list_chosen(const struct list *l)
{
	return l->cursor < l->rows ? (int64_t)l->row[l->cursor].row : -1;
}

void
list_move(struct list *l, const struct snap *s, int64_t rows)
{
	int64_t to = (int64_t)l->cursor + rows, last = (int64_t)l->rows - 1;

	if (to > last)
		to = last;
	l->cursor = to < 0 ? 0 : (uint32_t)to;
	l->chosen_by_hand = true;
	choose(l, s);
}

void
list_hold(struct list *l)
{
	l->chosen_by_hand = l->rows > 0;
}

static void
sort_on(struct list *l, int column)
{
	l->sort = column;
	l->show_sort = true;
	l->reverse = column < 0 ? l->kind->reverse :
				  l->kind->column[column].down;
}

/* Lists that come in an order of their own get back to it, too. */
void
list_sort(struct list *l, int by)
{
	int least = l->kind->sort < 0 ? -1 : 0, to = l->sort + by;

	sort_on(l,
	    to >= l->kind->columns ? least :
		to < least	   ? l->kind->columns - 1 :
				     to);
}

void
list_reverse(struct list *l)
{
	l->reverse = !l->reverse;
}

void
list_shift(struct list *l, int by)
{
	l->shift += by;
	if (l->shift > l->kind->columns - 2)
		l->shift = l->kind->columns - 2;
	if (l->shift < 0)
		l->shift = 0;
}

int
list_sort_by(struct list *l, const char *name)
{
	char known[512];
	size_t at = 0;

	for (int i = 0; i < l->kind->columns; i++) {
		const char *has = l->kind->column[i].name;

		if (strcmp(has, name) == 0) {
			sort_on(l, i);
			return 0;
		}
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
		    i > 0 ? ", " : "", has);
		if (at >= sizeof(known))
			at = sizeof(known) - 1;
	}
	return err_set(ERR_USAGE, "no column '%.32s' of %s; there are %s", name,
	    l->kind->what, known);
}

const char *
list_cell(const struct column *c, const struct snap *s, uint32_t row, char *buf)
{
	double n;

	if (c->text != NULL)
		return c->text(s, row);
	n = c->number(s, row);
	switch (c->kind) {
	case COLUMN_BYTES:
		return text_bytes(buf, n);
	case COLUMN_TIME:
		return text_time(buf, n < TIME_MAX ? (nsec)n : -1);
	case COLUMN_PERCENT:
		return text_percent(buf, n);
	case COLUMN_REAL:
		return text_real(buf, n);
	case COLUMN_CLOCK:
		return text_clock(buf, n < TIME_MAX ? (nsec)n : 0);
	case COLUMN_SLOT:
	case COLUMN_PLACE:
		if (!(n >= 0))
			return strcpy(buf, "-");
		snprintf(buf, TEXT_MAX, "%.0f%c%.0f", floor(n / 0x1p32),
		    c->kind == COLUMN_SLOT ? '.' : '/', fmod(n, 0x1p32));
		return buf;
	default:
		return text_count(buf, n);
	}
}

static bool
takes_the_rest(const struct list *l, int i)
{
	return i == l->kind->columns - 1 &&
	    l->kind->column[i].kind == COLUMN_TEXT;
}

/* One column takes some of what is left when everything shows, the last one the
 * rest of it. */
static int
width(const struct list *l, int i, int x, int wide)
{
	const struct column *c = l->kind->column;
	int spare = wide - MARK_COLUMNS;

	if (takes_the_rest(l, i))
		return wide - x;
	if (i != l->kind->grows || l->shift > 0)
		return c[i].wide;
	for (int k = 0; k < l->kind->columns; k++)
		spare -= c[k].wide + 1;
	return c[i].wide +
	    (spare < 0		      ? 0 :
		    spare < SPARE_MAX ? spare :
					SPARE_MAX);
}

/* The first column always shows; then those from shift on, as they fit. */
static bool
shows(const struct list *l, int i, int x, int wide)
{
	if (i > 0 && i <= l->shift)
		return false;
	return x + (takes_the_rest(l, i) ? REST_MIN : width(l, i, x, wide)) <=
	    wide;
}

static bool
sort_column_shows(const struct list *l, int wide)
{
	int x = MARK_COLUMNS;

	for (int i = 0; i < l->kind->columns; i++) {
		if (i > 0 && i <= l->shift)
			continue;
		if (!shows(l, i, x, wide))
			break;
		if (i == l->sort)
			return true;
		x += width(l, i, x, wide) + 1;
	}
	return l->sort <= 0;
}

static void
bring_sort_column(struct list *l, int wide)
{
	while (l->sort > 0 && l->sort <= l->shift)
		l->shift--;
	while (!sort_column_shows(l, wide) && l->shift < l->sort - 1)
		l->shift++;
	l->show_sort = false;
}

static void
draw_heads(const struct list *l, struct page *p)
{
	int x = MARK_COLUMNS;

	for (int i = 0; i < l->kind->columns; i++) {
		const struct column *c = &l->kind->column[i];
		bool right = c->kind != COLUMN_TEXT;
		char head[TEXT_MAX];
		int w;

		if (i > 0 && i <= l->shift)
			continue;
		if (!shows(l, i, x, p->wide))
			break;
		w = width(l, i, x, p->wide);
		snprintf(head, sizeof(head), "%.16s%s", c->head,
		    i != l->sort   ? "" :
			l->reverse ? "\u25bc" :
				     "\u25b2");
		page_fit(p, x, 0, w, right, LOOK_BOLD, head);
		x += w + 1;
	}
}

static void
draw_row(const struct list *l, struct page *p, const struct snap *s,
    uint32_t at, int y)
{
	uint32_t row = l->row[at].row;
	enum page_look look = l->kind->look != NULL ? l->kind->look(s, row) :
						      LOOK_PLAIN;
	int x = MARK_COLUMNS;

	for (int i = 0; i < l->kind->columns; i++) {
		const struct column *c = &l->kind->column[i];
		char buf[TEXT_MAX];
		int w;

		if (i > 0 && i <= l->shift)
			continue;
		if (!shows(l, i, x, p->wide))
			break;
		w = width(l, i, x, p->wide);
		page_fit(p, x, y, w, c->kind != COLUMN_TEXT, look,
		    list_cell(c, s, row, buf));
		x += w + 1;
	}
	if (at == l->cursor) {
		page_put(p, 0, y, look, "\u25b8");
		page_row(p, y, LOOK_CHOSEN);
	}
}

void
list_draw(struct list *l, struct page *p, const struct snap *s)
{
	int high = p->high - 1;

	l->high = high > 1 ? high : 1;
	if (l->show_sort)
		bring_sort_column(l, p->wide);
	if (l->cursor < l->top)
		l->top = l->cursor;
	if (l->cursor >= l->top + (uint32_t)l->high)
		l->top = l->cursor - (uint32_t)l->high + 1;
	if (l->top > 0 && l->top + (uint32_t)l->high > l->rows)
		l->top = l->rows > (uint32_t)l->high ?
		    l->rows - (uint32_t)l->high :
		    0;
	draw_heads(l, p);
	for (int y = 1; y <= high && l->top + (uint32_t)y - 1 < l->rows; y++)
		draw_row(l, p, s, l->top + (uint32_t)y - 1, y);
	if (l->rows == 0 && l->all > 0)
		page_say(p, MARK_COLUMNS, 1, LOOK_DIM,
		    "none of %u %s has '%s' in it", l->all, l->kind->what,
		    l->filter);
	else if (l->rows == 0)
		page_say(p, MARK_COLUMNS, 1, LOOK_DIM, "no %s", l->kind->what);
}

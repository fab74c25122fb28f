/* Rows of JSON as a table. */
#include "cli/grid.h"

#include "base/err.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GRID_COLUMNS_MAX 32
#define LONG_REAL 1e9 /* from here on digits behind the point say nothing */

static const json_t *
value_of(const struct grid_column *c, const json_t *row)
{
	const char *path = c->path != NULL ? c->path : c->name;
	const char *dot = strchr(path, '.');
	char first[64];

	if (dot == NULL)
		return json_object_get(row, path);
	snprintf(first, sizeof(first), "%.*s", (int)(dot - path), path);
	return json_object_get(json_object_get(row, first), dot + 1);
}

/* Returns buf, in which blanks stay blanks only in the last column. */
static const char *
cell(const struct grid_column *c, const json_t *row, bool last,
    char buf[GRID_CELL_MAX])
{
	const json_t *v = value_of(c, row);

	if (json_is_integer(v))
		snprintf(buf, GRID_CELL_MAX, "%lld",
		    (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, GRID_CELL_MAX,
		    json_real_value(v) < LONG_REAL ? "%.3f" : "%.6e",
		    json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, GRID_CELL_MAX, "%s",
		    json_is_true(v) ? "yes" : "no");
	else
		snprintf(buf, GRID_CELL_MAX, "%s",
		    json_is_string(v) ? json_string_value(v) : "");
	for (char *at = buf; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at) || (!last && *at == ' '))
			*at = '_';
	utf8_tame(buf);
	if (buf[0] == '\0')
		strcpy(buf, "-");
	return buf;
}

/* As terminals count them: a letter of several bytes is one. */
static int
width(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void
grid_filter(const struct grid *g, json_t *rows, const char *text)
{
	char buf[GRID_CELL_MAX];

	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);
		int k = 0;

		while (k < g->n &&
		    strcasestr(cell(&g->columns[k], row, true, buf), text) ==
			NULL)
			k++;
		if (k == g->n)
			json_array_remove(rows, i);
	}
}

struct sorted {
	const struct grid_column *by;
	bool down;
	json_t *row;
	size_t place;
};

static int
compare(const json_t *a, const json_t *b)
{
	double x = json_number_value(a), y = json_number_value(b);

	if (json_is_number(a) && json_is_number(b))
		return x < y ? -1 : x > y;
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	if (json_is_boolean(a) && json_is_boolean(b))
		return json_is_true(a) - json_is_true(b);
	return (a != NULL && !json_is_null(a)) -
	    (b != NULL && !json_is_null(b));
}

static int
before(const void *va, const void *vb)
{
	const struct sorted *a = va, *b = vb;
	int c = compare(value_of(a->by, a->row), value_of(b->by, b->row));

	if (c != 0)
		return a->down ? -c : c;
	return a->place < b->place ? -1 : a->place > b->place;
}

static int
no_column(const struct grid *g, const char *name)
{
	char all[512] = "";
	size_t used = 0;

	for (int i = 0; i < g->n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, " %s",
		    g->columns[i].name);
	return err_set(ERR_USAGE, "no column '%.64s' to sort by: there are%s",
	    name, all);
}

int
grid_sort(const struct grid *g, json_t *rows, const char *column)
{
	size_t n = json_array_size(rows), i;
	bool down = column[0] == '-';
	const struct grid_column *by = NULL;
	struct sorted *s;
	json_t *row;

	for (int k = 0; k < g->n; k++)
		if (strcmp(g->columns[k].name, column + down) == 0)
			by = &g->columns[k];
	if (by == NULL)
		return no_column(g, column + down);
	if ((s = calloc(n + 1, sizeof(*s))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %zu rows", n);
	json_array_foreach(rows, i, row)
	    s[i] = (struct sorted){ by, down, json_incref(row), i };
	qsort(s, n, sizeof(*s), before);
	for (i = 0; i < n; i++)
		json_array_set_new(rows, i, s[i].row);
	free(s);
	return 0;
}

void
grid_print(const struct grid *g, const json_t *rows, FILE *f)
{
	int widest[GRID_COLUMNS_MAX];
	bool number[GRID_COLUMNS_MAX];
	char buf[GRID_CELL_MAX];
	const json_t *row;
	size_t i;

	for (int k = 0; k < g->n && k < GRID_COLUMNS_MAX; k++) {
		widest[k] = width(g->columns[k].name);
		number[k] = json_is_number(
		    value_of(&g->columns[k], json_array_get(rows, 0)));
		json_array_foreach(rows, i, row)
		{
			int w = width(
			    cell(&g->columns[k], row, k == g->n - 1, buf));

			widest[k] = w > widest[k] ? w : widest[k];
		}
	}
	for (i = 0; i <= json_array_size(rows); i++)
		for (int k = 0; k < g->n && k < GRID_COLUMNS_MAX; k++) {
			bool last = k == g->n - 1;
			const char *text = i == 0 ?
			    g->columns[k].name :
			    cell(&g->columns[k], json_array_get(rows, i - 1),
				last, buf);
			int pad = widest[k] - width(text);

			fprintf(f, "%*s%s%*s%s", number[k] ? pad : 0, "", text,
			    number[k] || last ? 0 : pad, "",
			    last ? "\n" : "  ");
		}
}

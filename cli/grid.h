/*
 * grid.h -- rows of JSON as aligned columns, that programs can read, too.
 *
 * A row is an object.  What people see and what --json shows come from the same
 * rows.  Cells are separated by blanks and hold none, but for the last column:
 * "-" is a cell that is empty, so that awk finds each in its place.
 *
 * Memory   Rows are the caller's.
 */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <jansson.h>
#include <stdio.h>

#define GRID_CELL_MAX 600

struct grid_column {
	const char *name; /* in the header, and of --sort */
	const char *path; /* "member" or "member.member"; NULL: name */
};

struct grid {
	const struct grid_column *columns;
	int n;
};

/* Keeps rows one of whose cells holds the text; case does not matter. */
void grid_filter(const struct grid *, json_t *rows, const char *text);

/* By a column, numbers as numbers; "-NAME" the largest first.  ERR_USAGE: there is
 * no such column; the sentence lists them. */
int grid_sort(const struct grid *, json_t *rows, const char *column);

void grid_print(const struct grid *, const json_t *rows, FILE *);

#endif

/*
 * list.h -- a long list from a table of columns: sorted, filtered, one row chosen.
 *
 *	list_update --> list_draw
 *	                list_move, list_sort ...   between two updates
 *
 * The same columns say how a row is drawn and how rows are sorted.  An array of
 * indexes is sorted, and the rows on the screen alone are drawn, so that ten
 * thousand rows cost little more than a hundred.  The chosen row is known by its
 * identity and stays chosen wherever it moves; as long as nobody has chosen, it is
 * the first.
 *
 * Memory   The array of rows grows as needed; list_close gives it back.
 * Threads  The owner's.
 * Waiting  Never.
 */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include "snap/snap.h"
#include "tui/page.h"

#include <stdbool.h>
#include <stdint.h>

#define LIST_FILTER_MAX 64

enum column_kind {
	COLUMN_TEXT,
	COLUMN_COUNT,
	COLUMN_BYTES,
	COLUMN_TIME,	/* nanoseconds; below 0: never */
	COLUMN_PERCENT, /* a share, 0..1 */
	COLUMN_REAL,
	COLUMN_SLOT,  /* LIST_PAIR: "12.3" */
	COLUMN_PLACE, /* LIST_PAIR: "12/3"; below 0: none */
	COLUMN_CLOCK, /* wall time */
	COLUMN_KINDS
};

/* Two numbers as one that sorts. */
#define LIST_PAIR(high, low) ((double)(high)*0x1p32 + (double)(low))

struct column {
	const char *name; /* "hits", for --sort */
	const char *head; /* "HITS" */
	const char *help;
	int wide;
	enum column_kind kind;
	bool down; /* the greatest first, when it is chosen */
	double (*number)(const struct snap *, uint32_t row);
	const char *(*text)(const struct snap *, uint32_t row); /* of a TEXT */
};

struct list_kind {
	const char *what; /* "adapters" */
	const struct column *column;
	int columns;
	int sort; /* at first; -1: as the reading has them */
	bool reverse;
	int grows; /* column that takes some of the width that is left; -1 */
	uint32_t (*count)(const struct snap *);
	uint64_t (*identity)(const struct snap *, uint32_t row);
	enum page_look (*look)(const struct snap *, uint32_t row);
};

struct list_row {
	double number;
	const char *text;
	uint32_t row;
};

struct list {
	const struct list_kind *kind;
	int sort; /* column; -1: as the reading has them */
	bool reverse;
	bool show_sort; /* its column is to be brought into view */
	int shift;	/* columns that are left out, for those at the right */
	char filter[LIST_FILTER_MAX];
	bool chosen_by_hand;
	uint64_t chosen;
	uint32_t cursor; /* the chosen one, in row[] */
	uint32_t top;	 /* the first on the screen */
	int high;	 /* rows on the screen, when drawn last */
	struct list_row *row;
	uint32_t rows, size;
	uint32_t all; /* rows without the filter */
};

void list_open(struct list *, const struct list_kind *);
void list_close(struct list *);

/* Filters and sorts what the reading has.  Short of memory it shows fewer. */
void list_update(struct list *, const struct snap *);

/* The chosen row of the reading; -1: the list is empty. */
int64_t list_chosen(const struct list *);

void list_move(struct list *, const struct snap *, int64_t rows);
void list_hold(struct list *);	       /* the chosen one is so by hand */
void list_sort(struct list *, int by); /* the next or previous column */
void list_reverse(struct list *);
void list_shift(struct list *, int by);

/* Sorts by a column's name.  ERR_USAGE: names those there are. */
int list_sort_by(struct list *, const char *name);

/* Into the page's clip, heads first. */
void list_draw(struct list *, struct page *, const struct snap *);

/* A column of one row as text; at most TEXT_MAX bytes, or a text of its own. */
const char *list_cell(const struct column *, const struct snap *, uint32_t row,
    char *buf);

#endif

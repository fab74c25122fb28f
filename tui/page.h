/*
 * page.h -- a grid of cells that views draw into; goes to curses, to a file or to a
 * test.
 *
 *	page_open --> page_clear, page_put ... --> screen_draw or page_write
 *
 * Places are counted from the clip's upper left corner; what would lie outside of
 * it is not drawn.  A character of two columns takes two cells, the second with an
 * empty text.  Control characters and those without a width become '?'.
 *
 * Memory   The cells; page_close gives them back.
 * Threads  The owner's.
 * Waiting  Never.
 */
#ifndef TUI_PAGE_H
#define TUI_PAGE_H

#include <stdbool.h>
#include <stdio.h>

enum page_look {
	LOOK_PLAIN,
	LOOK_BOLD,
	LOOK_DIM,
	LOOK_CHOSEN,
	LOOK_GOOD,
	LOOK_WARN,
	LOOK_BAD,
	LOOK_COUNT
};

struct page_cell {
	char text[5]; /* UTF-8, ended; "": the right half of the one before */
	unsigned char look; /* enum page_look */
};

struct page {
	int cols, rows;
	bool ascii;		   /* nothing but ASCII */
	int left, top, wide, high; /* the clip */
	struct page_cell *cell;	   /* [rows][cols] */
};

/* ERR_MEMORY. */
int page_open(struct page *, int cols, int rows, bool ascii);
void page_close(struct page *);

/* Spaces everywhere; the clip is all of it. */
void page_clear(struct page *);

/* What is drawn from here on lies in these columns and rows of the page. */
void page_clip(struct page *, int left, int top, int wide, int high);

/* Draws text; returns the column after it. */
int page_put(struct page *, int x, int y, enum page_look, const char *text);
int page_say(struct page *, int x, int y, enum page_look, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Draws text in exactly so many columns: cut with a mark, or padded. */
int page_fit(struct page *, int x, int y, int wide, bool right, enum page_look,
    const char *text);

/* Text in lines broken at spaces; returns the row after it. */
int page_fold(struct page *, int x, int y, enum page_look, const char *text);

/* Gives a whole row another look. */
void page_row(struct page *, int y, enum page_look);

/* The rows as text, without trailing spaces. */
void page_write(const struct page *, FILE *);

/* Columns that text takes. */
int page_width(const char *text);

#endif

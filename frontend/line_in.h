/*
 * line_in.h -- lines out of the bytes that a socket gives.
 *
 * Bytes come in any pieces; a line goes out when its newline is there.  A line
 * longer than the limit is told once and skipped up to its newline, so that
 * the lines behind it are read as if nothing had been.
 *
 *	at   from      looked     used      size
 *	[done|  line so far  |      |  room  ]
 *
 * Memory   Grows with the line, is given back when nothing is held.
 * Threads  One.
 */
#ifndef FRONTEND_LINE_IN_H
#define FRONTEND_LINE_IN_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_ROOM 16384 /* bytes read at once */

/* Zero-initialised is ready to use. */
struct line_in {
	char *at;
	size_t from, looked, used, size;
	bool skipping; /* inside a line that was too long */
};

enum line_got { LINE_NONE, LINE_READY, LINE_TOO_LONG };

/* Where to put up to *n more bytes; NULL: no memory. */
char *line_room(struct line_in *, size_t *n);

/* n bytes were put there. */
void line_filled(struct line_in *, size_t n);

/* The next line without its newline (and without a carriage return before
 * it); it is the caller's to change until the next call. */
enum line_got line_take(struct line_in *, size_t max, char **line, size_t *n);

/* After the last byte has come: what is there without a newline. */
enum line_got line_last(struct line_in *, size_t max, char **line, size_t *n);

/* Gives back the memory that is not needed; lines taken are gone. */
void line_settle(struct line_in *);

void line_in_free(struct line_in *);

#endif

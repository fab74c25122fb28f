/*
 * sheet.h -- a text that its writer replaces now and then, read by anybody.
 *
 *	number      7
 *	page[0]     the text before     (being rewritten, if anything is)
 *	page[1]     the text of now     page[number % 2]
 *
 * The writer fills the page that does not count, then one store of the number
 * turns the sheet over.  Its death in between leaves the text of before, whole.
 * A reader copies the page that counts and looks whether the number is still
 * the same: a page is rewritten only after the number has gone on.
 *
 * The pages are atomic words, since a reader may copy what is being written;
 * what it got then is thrown away.
 *
 * Threads  One writer, any number of readers.
 * Waiting  Never; a reader begins again only when a whole text was replaced.
 */
#ifndef SHM_SHEET_H
#define SHM_SHEET_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SHEET_BYTES 16384
#define SHEET_WORDS (SHEET_BYTES / 8)

struct sheet {
	_Atomic uint64_t number; /* texts written so far; 0: all zeros */
	_Atomic uint64_t page[2][SHEET_WORDS];
};

/* Replaces the text by n bytes, at most SHEET_BYTES; what is behind them is of
 * no meaning.  Returns its number. */
uint64_t sheet_write(struct sheet *, const void *from, size_t n);

/* Copies the first n bytes of the text; returns its number. */
uint64_t sheet_read(const struct sheet *, void *to, size_t n);

/* The number of the text of now, to see whether it has changed. */
static inline uint64_t
sheet_number(const struct sheet *s)
{
	return atomic_load_explicit(&s->number, memory_order_acquire);
}

#endif

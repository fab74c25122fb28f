/*
 * stops.h -- ends an answer at the first of several texts.
 *
 * The text of an answer goes through here piece by piece.  What may be the
 * beginning of a stop is held back until the next piece tells.  The stop that
 * is complete first counts, and of those complete at the same byte the
 * longest; so the result does not depend on how the text was cut.
 *
 *	... shown | held: a prefix of some stop
 *
 * Pieces and stops are valid UTF-8, hence what is shown is, too.
 *
 * Memory   One block, made by fe_stops_new, freed by its owner with free().
 */
#ifndef FRONTEND_STOPS_H
#define FRONTEND_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOPS_MAX 16	    /* stops of a request */
#define STOPS_BYTES_MAX 256 /* bytes of a stop */

struct stops {
	int count;
	int hit;      /* the stop that was met; -1: none yet */
	bool include; /* the stop itself is shown */
	uint16_t nheld;
	uint16_t bytes[STOPS_MAX];
	char held[STOPS_BYTES_MAX];
	char text[][STOPS_BYTES_MAX]; /* count */
};

/* Each text 1 to STOPS_BYTES_MAX bytes.  NULL: no memory. */
struct stops *fe_stops_new(const char *const *text, const size_t *bytes,
    int count, bool include);

/* Begins again with the same stops. */
void fe_stops_reset(struct stops *);

/* Puts what is certain into out, which has room for STOPS_BYTES_MAX + n, and
 * returns its length.  After a hit nothing more comes. */
size_t fe_stops_put(struct stops *, const char *piece, size_t n, char *out);

/* What is still held when the text has ended without a hit. */
size_t fe_stops_end(struct stops *, char *out);

#endif

/*
 * line_out.h -- JSON lines, written into a buffer that waits to be sent.
 *
 *	at      sent          used       size
 *	[ sent  |  to be sent  |   room   ]
 *
 * The hot path of the frontend is here: an answer's token becomes text in a
 * buffer that is already there.  For reading JSON there is jansson; to build
 * trees for every token in order to print them at once would be waste.
 *
 * Memory   Grows by doubling; without memory the buffer is broken, which its
 *          owner looks at once, at the end.
 * Threads  One.
 */
#ifndef FRONTEND_LINE_OUT_H
#define FRONTEND_LINE_OUT_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is ready to use. */
struct line_out {
	char *at;
	size_t sent, used, size;
	bool broken; /* there was no memory: what is held is incomplete */
};

static inline size_t
line_pending(const struct line_out *o)
{
	return o->used - o->sent;
}

void line_raw(struct line_out *, const char *bytes, size_t n);
void line_put(struct line_out *, const char *text); /* as it is */
void line_fmt(struct line_out *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A JSON string of n bytes of valid UTF-8, quotes included; the second
 * without quotes, for strings that come in pieces. */
void line_text(struct line_out *, const char *text, size_t n);
void line_piece(struct line_out *, const char *text, size_t n);

/* Numbers: an integer; milliseconds with three places; a real that JSON
 * knows (what is not finite becomes -9999.0, as clients expect). */
void line_int(struct line_out *, int64_t);
void line_ms(struct line_out *, nsec);
void line_real(struct line_out *, double);

/* ,"name": and with it a whole number that is another process's. */
void line_key(struct line_out *, const char *name);
void line_number(struct line_out *, const char *name, uint64_t);

/* 2 n hexadecimal digits, in quotes. */
void line_hex(struct line_out *, const unsigned char *bytes, size_t n);

/* Everything was sent or is not wanted.  The memory stays. */
void line_clear(struct line_out *);
void line_out_free(struct line_out *);

#endif

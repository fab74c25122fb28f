/*
 * quote.h -- text in quotes, as JSON writes it, and what needs none.
 *
 * What comes out is valid UTF-8 on one line, without control characters: bytes
 * that are no text become U+FFFD, controls and separators of lines are escaped.
 *
 * Memory   The caller's.
 * Threads  No state.
 */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes n bytes of text, quoted, into size bytes; no zero at the end.  What
 * does not fit is left away, the closing quote is there if size >= 2.  Returns
 * the bytes written. */
size_t quote_put(char *out, size_t size, const char *text, size_t n);

/* Whether text may stand unquoted among other words: no quotes, no '=',
 * nothing to be escaped.  Blanks are fine. */
bool quote_is_tame(const char *text, size_t n);

/* Whether text is one tame word. */
bool quote_is_word(const char *text, size_t n);

/* Whether text is a JSON number, or a JSON string that quote_put might have
 * written. */
bool quote_is_number(const char *text, size_t n);
bool quote_is_string(const char *text, size_t n);

#endif

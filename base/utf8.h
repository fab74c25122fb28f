/*
 * utf8.h -- what is text and what is not.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest prefix of text that is valid UTF-8 (no surrogates, no
 * overlong forms, nothing above U+10FFFF). */
size_t utf8_valid(const char *text, size_t n);

/* Decodes the character at text, n > 0 bytes.  Returns its length, or 0 if
 * the bytes are no character, or -1 if they are the start of one. */
int utf8_decode(const char *text, size_t n, uint32_t *code);

/* What would end a line, move the cursor or turn the direction of writing, on some
 * screen: C0, C1 and DEL, separators of lines, marks of direction. */
bool utf8_is_control(uint32_t code);

/* Makes text fit for a terminal: what is no UTF-8, controls of both kinds (0 to
 * 0x1f, 0x7f to 0x9f), ends of lines, and marks that turn the direction of what
 * follows become '?'. */
void utf8_tame(char *text);

/* Writes code as 1 to 4 bytes, returns how many. */
int utf8_encode(uint32_t code, char out[4]);

#endif

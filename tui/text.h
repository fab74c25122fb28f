/*
 * text.h -- numbers as short as a column of a console wants them.
 *
 * Each writes into buf and returns it; TEXT_MAX bytes are enough.
 */
#ifndef TUI_TEXT_H
#define TUI_TEXT_H

#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 32

char *text_time(char *buf, nsec); /* "12ms", "4.2s", "3m20", "5h03", "2d04" */
char *text_long(char *buf, nsec); /* "4.2 s", "3 min 20 s", "5 h 03 min" */
char *text_clock(char *buf, nsec wall);	     /* "12:03:04Z" */
char *text_bytes(char *buf, double);	     /* "9.4M" */
char *text_count(char *buf, double);	     /* "12345", "123k", "1.2M" */
char *text_real(char *buf, double);	     /* "0.12", "12.3", "123" */
char *text_percent(char *buf, double share); /* "93%"; of a share 0..1 */

#endif

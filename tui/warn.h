/*
 * warn.h -- what is wrong with an engine, as its reading shows it.
 */
#ifndef TUI_WARN_H
#define TUI_WARN_H

#include "snap/snap.h"

#include <stdbool.h>

#define WARNINGS_MAX 24
#define WARNING_MAX 200
#define WARN_SLOW_NS (60 * SECOND)  /* a slow request was lately */
#define WARN_SILENT_NS (2 * SECOND) /* of a process: worth a word */

/* Whether a process is not as it should be; writes a word or two for that, ""
 * if it is, into a text of 32 bytes. */
bool warn_process(const struct snap_process *, enum proc_id, char *state);

/* Fills sentences, the worst first; returns how many. */
int warn_all(const struct snap *, char out[WARNINGS_MAX][WARNING_MAX]);

#endif

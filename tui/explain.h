/*
 * explain.h -- what a request waits for, as sentences.
 */
#ifndef TUI_EXPLAIN_H
#define TUI_EXPLAIN_H

#include "snap/snap.h"

#include <stddef.h>

#define EXPLAIN_MAX 512

/* Writes it into a text of EXPLAIN_MAX bytes and returns it.  The reading has
 * requests and adapters. */
char *explain_request(char *out, const struct snap *,
    const struct snap_request *);

/* "quota 1.2s, memory 30ms, own load 2.1s (disk 1.9s, copy 200ms)"; "nothing". */
char *explain_split(char *out, const struct wait_split *);

#endif

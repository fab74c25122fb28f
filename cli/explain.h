/*
 * explain.h -- where one request's time went, as a page or as an object.
 *
 *	ttft = queue (quota, memory, adapter, batch, interval, other)
 *	     + adapter load + prefill
 *
 * Memory   An object is the caller's (json_decref).
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include "snap/snap.h"

#include <jansson.h>
#include <stdio.h>

/* One that has ended. */
void explain_record(const struct record_note *, nsec now, FILE *);
json_t *explain_record_json(const struct record_note *, nsec now);

/* One that is open: s->request[i].  What it waits for is the console's sentence
 * (tui/explain.h); the reading has requests and adapters. */
void explain_open(const struct snap *s, uint32_t i, FILE *);
json_t *explain_open_json(const struct snap *s, uint32_t i);

#endif

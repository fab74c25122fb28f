/*
 * columns.h -- the lists of the console, each from a table of columns.
 */
#ifndef TUI_COLUMNS_H
#define TUI_COLUMNS_H

#include "tui/list.h"

enum lists { LIST_ADAPTERS, LIST_REQUESTS, LIST_ENDED, LIST_EVENTS, LISTS };

extern const struct list_kind list_kinds[LISTS];

/* The row of an identity; -1: it is not there. */
int64_t columns_find(enum lists, const struct snap *, uint64_t identity);

/* A request's adapter as people call it. */
const char *adapter_name(int32_t adapter, const char *name);

/* Hits among hits and misses; NaN: there were none. */
double hit_share(const struct snap_adapter *);

#endif

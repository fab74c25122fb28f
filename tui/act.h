/*
 * act.h -- what keys do: one function an action of keys.tbl; for ui.c.
 *
 * An action changes what the console shows, or makes a wish.
 *
 * Waiting  Never.
 */
#ifndef TUI_ACT_H
#define TUI_ACT_H

#include "tui/keys.h"
#include "tui/ui.h"

/* In a list: to another row, whose details are shown if any are. */
void act_move(struct ui *, const struct snap *, int64_t rows);

/* What is asked of the engine: an operation, and a field of it (key NULL: none). */
void act_wish(struct ui *, const char *op, const char *key, const char *value);

/* Asks whether the wish is meant; twice: then for a "yes" to be typed. */
void act_confirm(struct ui *, bool twice);

void act_do(struct ui *, const struct snap *, enum key_action);

#endif

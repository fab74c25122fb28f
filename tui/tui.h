/*
 * tui.h -- the console: reads an instance, draws it, and asks it for things.
 *
 * Threads  The main one.
 * Waiting  tui_run, for keys, until its user leaves.
 */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include "tui/view.h"

#include <stdbool.h>
#include <stdio.h>

struct tui_options {
	const char *instance;
	enum view_id view;
	const char *sort, *filter; /* of the view's list; NULL: none */
	bool ascii, colour;
	int cols, rows; /* of tui_once; 0: 80x24 */
	int interval_ms;
};

/* One page as text.  ERR_NOT_FOUND and so on: as snap_attach says. */
int tui_once(const struct tui_options *, FILE *);

/* Until the user leaves: 0.  A failure is of the start alone: an instance that
 * ends is waited for. */
int tui_run(const struct tui_options *);

#endif

/*
 * ask.h -- carries out the wishes of the user interface, one at a time.
 *
 * Connects when there is something to ask, and again at the next wish if the
 * connection was lost.
 *
 * Waiting  Never.
 */
#ifndef TUI_ASK_H
#define TUI_ASK_H

#include "admin/admin.h"
#include "tui/ui.h"

#include <stdbool.h>

struct ask {
	struct admin admin;
	bool waits;
	nsec since_ns;	 /* it was asked */
	char words[128]; /* of the wish that is open */
	char path[SEG_PATH_MAX];
};

void ask_open(struct ask *);
void ask_close(struct ask *);

/* Sends the wish of u to the engine that listens at path, and says so. */
void ask_start(struct ask *, struct ui *, const char *path);

/* Says what came of it, if that is known by now. */
void ask_look(struct ask *, struct ui *);

#endif

/*
 * ui.h -- what the console shows, and what it is asked for: state and keys.
 *
 *	ui_key: an event comes in --> ui_draw: a page goes out
 *	                         \--> ui.wished: a question for the engine
 *
 * Nothing here meets a terminal, a clock or the engine: the loop (tui.c) hands in
 * keys and readings, draws the page and carries out the wish.  What could hurt is
 * asked again first.
 *
 * Memory   The rows of its lists; ui_close gives them back.
 * Threads  The owner's.
 * Waiting  Never.
 */
#ifndef TUI_UI_H
#define TUI_UI_H

#include "snap/snap.h"
#include "tui/columns.h"
#include "tui/page.h"
#include "tui/view.h"

#include <stdbool.h>

#define UI_TEXT_MAX 256
#define UI_FIELDS_MAX 5 /* of a wish: two keys, two values, NULL */
#define UI_NAME_MAX 32	/* "slot.gen" */
#define UI_COLS_MIN 40
#define UI_ROWS_MIN 10

enum ui_mode {
	UI_LOOK,
	UI_FILTER,  /* keys go into the filter */
	UI_CONFIRM, /* y, or nothing is done */
	UI_TYPE,    /* "yes" is to be typed */
	UI_CHOOSE   /* one of the choices of a setting */
};

/* A question for the engine: an operation of the admin socket. */
struct wish {
	char op[16];
	char key[2][24], value[2][DIR_NAME_MAX];
	int fields;
	char words[128]; /* "pin roman" */
};

struct ui {
	enum view_id view, back; /* back: where Esc goes to from the help */
	struct list list[LISTS];
	bool show_ended; /* the view of requests: those that have ended */
	bool detail;	 /* of the row that was chosen then */
	enum lists detail_list;
	uint64_t detail_of;
	int scroll; /* of views without a list */
	bool paused, quit, redraw;
	enum ui_mode mode;
	struct wish wish; /* in CONFIRM and TYPE: if it is so wished */
	bool wished, twice;
	char typed[8];
	const char *setting, *choices; /* of CHOOSE */
	int choice;
	char message[UI_TEXT_MAX];
	enum page_look message_look;
	char reason[SNAP_REASON_MAX]; /* of the adapter whose details show */
	char ended[UI_TEXT_MAX];      /* the instance has ended; "": it lives */
};

void ui_open(struct ui *, enum view_id);
void ui_close(struct ui *);

/* The list that the view shows; NULL: it has none. */
struct list *ui_list(struct ui *);

/* A key was pressed while this was on the screen. */
void ui_key(struct ui *, const struct snap *, int code);

/* The whole page; now may be NULL when nothing was read yet. */
void ui_draw(struct ui *, struct page *, const struct snap *before,
    const struct snap *now);

/* Into the line of messages. */
void ui_say(struct ui *, enum page_look, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The wish as admin_ask takes it. */
void wish_fields(const struct wish *, const char *out[UI_FIELDS_MAX]);

#endif

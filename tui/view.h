/*
 * view.h -- a view is a name and a function that draws a reading into a page.
 *
 * A view never calls curses, reads no clock and changes nothing but what the user
 * interface keeps of its lists.  The page's clip is what it may fill.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "snap/snap.h"
#include "tui/page.h"

struct ui;

enum view_id {
#define VIEW(name) VIEW_##name,
#include "tui/views.tbl"
#undef VIEW
	VIEWS
};

/* before is an earlier reading, or NULL. */
typedef void view_draw_f(struct page *, const struct snap *before,
    const struct snap *now, struct ui *);

struct view {
	const char *name;
	view_draw_f *draw;
};

extern const struct view views[VIEWS];

#define VIEW(name) view_draw_f view_##name;
#include "tui/views.tbl"
#undef VIEW

/* VIEWS: there is none of that name. */
enum view_id view_find(const char *name);

/* The details of the chosen row of a list. */
view_draw_f adapter_detail, request_detail, event_detail;

#endif

/* The views that are lists, and the help. */
#include "tui/keys.h"
#include "tui/ui.h"

static void
draw(struct page *p, const struct snap *s, struct ui *u)
{
	list_draw(ui_list(u), p, s);
}

void
view_adapters(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	(void)before;
	draw(p, s, u);
}

void
view_requests(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	(void)before;
	draw(p, s, u);
}

void
view_events(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	(void)before;
	draw(p, s, u);
}

/* From the table of keys; then what the columns of the lists are. */
void
view_help(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	int rows = 0, y;

	(void)before;
	(void)s;
	for (int i = 1; i < ACTIONS; i++)
		rows += key_rows[i].where != NOT_SHOWN;
	for (int l = 0; l < LISTS; l++)
		rows += list_kinds[l].columns + 2;
	if (u->scroll > rows - p->high)
		u->scroll = rows > p->high ? rows - p->high : 0;
	y = -u->scroll;
	for (int i = 1; i < ACTIONS; i++) {
		if (key_rows[i].where == NOT_SHOWN)
			continue;
		page_fit(p, 1, y, 12, false, LOOK_BOLD, key_rows[i].keys);
		page_put(p, 14, y++, LOOK_PLAIN, key_rows[i].help);
	}
	for (int l = 0; l < LISTS; l++) {
		const struct list_kind *k = &list_kinds[l];

		y++;
		page_say(p, 1, y++, LOOK_BOLD, "columns of %s, for --sort",
		    k->what);
		for (int i = 0; i < k->columns; i++) {
			page_fit(p, 1, y, 12, false, LOOK_PLAIN,
			    k->column[i].name);
			page_put(p, 14, y++, LOOK_PLAIN, k->column[i].help);
		}
	}
}

/* What is around every view: the head, the views' names, messages, and keys. */
#include "tui/keys.h"
#include "tui/text.h"
#include "tui/ui.h"

#include <string.h>

#define HEAD_ROWS 2
#define FOOT_ROWS 2
#define FOLD_LOSS 16 /* columns that a broken line may leave empty */

static void
draw_head(const struct ui *u, struct page *p, const struct snap *s)
{
	char up[TEXT_MAX], clock[TEXT_MAX], device[32];
	bool gpu = s->plan.backend == BACKEND_CUDA;
	const char *state = s->draining ? "draining" : "";
	int right = p->wide - 10;

	page_say(p, 0, 0, LOOK_BOLD,
	    "chameleon %s \u00b7 %s \u00b7 %s%s%s \u00b7 up %s", s->instance,
	    s->version, s->model, gpu ? " \u00b7 " : "",
	    gpu ? plan_device_text(&s->plan, device, sizeof(device)) : "",
	    text_long(up, s->up_ns));
	if (u->paused)
		state = "paused";
	if (state[0] != '\0')
		right = page_width(state) + 1 < right ?
		    right - page_width(state) - 1 :
		    right;
	page_fit(p, right - 1, 0, p->wide - right + 1, false, LOOK_BOLD, "");
	if (state[0] != '\0')
		page_put(p, right, 0, LOOK_WARN, state);
	page_put(p, p->wide - 9, 0, LOOK_PLAIN, text_clock(clock, s->wall_now));
}

/* All names, or where there is no room for them the chosen one alone. */
static void
draw_tabs(const struct ui *u, struct page *p)
{
	int x = 0;

	for (int i = 0; i < VIEWS; i++) {
		bool chosen = i == (int)u->view;
		char key = i == VIEW_help ? '?' : (char)('1' + i);

		if (p->wide < 76 && !chosen) {
			x = page_say(p, x, 1, LOOK_DIM, " %c", key);
			continue;
		}
		x = page_say(p, x, 1, chosen ? LOOK_CHOSEN : LOOK_DIM,
		    chosen ? "[%c %s]" : " %c %s ", key, views[i].name);
	}
}

static void
draw_choices(const struct ui *u, struct page *p, int y)
{
	const char *c = u->choices;
	int x = page_say(p, 0, y, LOOK_BOLD, "%s:", u->setting);

	if (p->wide < 100)
		x = page_say(p, 0, y, LOOK_BOLD,
		    "%s:", strchr(u->setting, '.') + 1);
	for (int i = 0; *c != '\0'; i++) {
		int n = (int)strcspn(c, "|");

		x = page_say(p, x, y, i == u->choice ? LOOK_CHOSEN : LOOK_PLAIN,
		    i == u->choice ? "[%.*s]" : " %.*s", n, c);
		c += n + (c[n] == '|');
	}
}

/* What does not fit into one row takes rows of the view above it. */
static void
draw_folded(struct page *p, int y, enum page_look look, const char *text)
{
	int rows = page_width(text) / (p->wide - FOLD_LOSS) + 1;

	if (page_width(text) <= p->wide)
		rows = 1;
	if (rows > p->rows - HEAD_ROWS - FOOT_ROWS)
		rows = p->rows - HEAD_ROWS - FOOT_ROWS;
	page_clip(p, 0, y - rows + 1, p->cols, rows);
	for (int i = 0; i < rows; i++)
		page_fit(p, 0, i, p->wide, false, LOOK_PLAIN, "");
	(void)page_fold(p, 0, 0, look, text);
	page_clip(p, 0, 0, p->cols, p->rows);
}

static void
draw_message(struct ui *u, struct page *p, int y)
{
	const struct list *l = ui_list(u);

	switch (u->mode) {
	case UI_FILTER:
		page_say(p, 0, y, LOOK_BOLD, "/%s_", l->filter);
		break;
	case UI_CONFIRM:
		page_say(p, 0, y, LOOK_WARN, "%s: sure? y/n", u->wish.words);
		break;
	case UI_TYPE:
		page_say(p, 0, y, LOOK_WARN,
		    "this ends the engine; type yes and Enter: %s_", u->typed);
		break;
	case UI_CHOOSE:
		draw_choices(u, p, y);
		break;
	case UI_LOOK:
		if (u->ended[0] != '\0')
			draw_folded(p, y, LOOK_BAD, u->ended);
		else if (u->message[0] != '\0')
			draw_folded(p, y, u->message_look, u->message);
		else if (l != NULL && l->filter[0] != '\0')
			page_say(p, 0, y, LOOK_PLAIN,
			    "%u of %u %s with '%s'; Esc shows all", l->rows,
			    l->all, l->kind->what, l->filter);
		else if (l != NULL && l->rows > 0)
			page_say(p, 0, y, LOOK_DIM, "%u of %u %s",
			    l->cursor + 1, l->all, l->kind->what);
		else if (u->view == VIEW_help)
			page_put(p, 0, y, LOOK_DIM,
			    "arrows, PgUp, PgDn: the rest of it; what the "
			    "columns mean is below the keys");
	}
}

static bool
works_here(struct ui *u, enum key_where where)
{
	switch (where) {
	case ANYWHERE:
		return true;
	case ON_LISTS:
		return ui_list(u) != NULL && !u->detail;
	case ON_DETAILS:
		return ui_list(u) != NULL && !u->detail;
	case ON_ADAPTERS:
		return u->view == VIEW_adapters;
	case ON_REQUESTS:
		return u->view == VIEW_requests;
	case ON_POLICIES:
		return u->view == VIEW_queues || u->view == VIEW_overview;
	case ON_ENGINE:
		return u->view == VIEW_processes || u->view == VIEW_overview;
	case NOT_SHOWN:
		return false;
	}
	return false;
}

/* What is shown first: how to get help and how to leave. */
static int
rank(int action)
{
	if (key_rows[action].where != ANYWHERE)
		return 1;
	return action == ACTION_help || action == ACTION_quit ? 0 : 2;
}

static const char *
answers(const struct ui *u)
{
	switch (u->mode) {
	case UI_FILTER:
		return "Enter keeps it, Esc drops it";
	case UI_CHOOSE:
		return "arrows choose, Enter takes it, Esc leaves it";
	default:
		return "anything else: nothing is done";
	}
}

/* The keys that do something here, as many as there is room for. */
static void
draw_keys(struct ui *u, struct page *p, int y)
{
	int x = 0;

	if (u->mode != UI_LOOK) {
		page_put(p, 0, y, LOOK_DIM, answers(u));
		return;
	}
	for (int pass = 0; pass < 3; pass++)
		for (int i = 1; i < ACTIONS; i++) {
			const struct key_row *k = &key_rows[i];
			int wide = page_width(k->keys) + page_width(k->brief);

			if (rank(i) != pass || k->brief[0] == '\0' ||
			    !works_here(u, k->where) || x + wide + 1 > p->wide)
				continue;
			x = page_put(p, x, y, LOOK_BOLD, k->keys);
			x = page_say(p, x, y, LOOK_PLAIN, " %s  ", k->brief);
		}
}

static void
draw_body(struct ui *u, struct page *p, const struct snap *before,
    const struct snap *now)
{
	struct list *l = ui_list(u);

	page_clip(p, 0, HEAD_ROWS, p->cols, p->rows - HEAD_ROWS - FOOT_ROWS);
	if (l != NULL)
		list_update(l, now);
	if (u->detail && u->view == VIEW_adapters)
		adapter_detail(p, before, now, u);
	else if (u->detail && u->view == VIEW_events)
		event_detail(p, before, now, u);
	else if (u->detail)
		request_detail(p, before, now, u);
	else
		views[u->view].draw(p, before, now, u);
	page_clip(p, 0, 0, p->cols, p->rows);
}

void
ui_draw(struct ui *u, struct page *p, const struct snap *before,
    const struct snap *now)
{
	page_clear(p);
	if (p->cols < UI_COLS_MIN || p->rows < UI_ROWS_MIN) {
		int y = page_fold(p, 0, 0, LOOK_BAD, "terminal too small:");

		page_say(p, 0, y, LOOK_PLAIN, "%dx%d, want %dx%d", p->cols,
		    p->rows, UI_COLS_MIN, UI_ROWS_MIN);
		return;
	}
	draw_head(u, p, now);
	draw_tabs(u, p);
	draw_body(u, p, before, now);
	draw_message(u, p, p->rows - 2);
	draw_keys(u, p, p->rows - 1);
}

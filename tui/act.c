/* What keys do, one function an action of keys.tbl. */
#include "tui/act.h"

#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

static void
go_to(struct ui *u, enum view_id view)
{
	if (u->view != VIEW_help)
		u->back = u->view;
	u->view = view;
	u->detail = false;
	u->scroll = 0;
}

/* Rows of one screen, for PgUp and PgDn. */
static int
screenful(struct ui *u)
{
	const struct list *l = ui_list(u);

	return l != NULL && l->high > 1 ? l->high - 1 : 10;
}

void
act_move(struct ui *u, const struct snap *s, int64_t rows)
{
	struct list *l = ui_list(u);

	if (l == NULL) {
		u->scroll += (int)rows;
		if (u->scroll < 0)
			u->scroll = 0;
		return;
	}
	list_move(l, s, rows);
	u->detail_of = l->chosen;
}

void
act_wish(struct ui *u, const char *op, const char *key, const char *value)
{
	memset(&u->wish, 0, sizeof(u->wish));
	snprintf(u->wish.op, sizeof(u->wish.op), "%s", op);
	if (key != NULL) {
		snprintf(u->wish.key[0], sizeof(u->wish.key[0]), "%s", key);
		snprintf(u->wish.value[0], sizeof(u->wish.value[0]), "%s",
		    value);
		u->wish.fields = 1;
	}
	snprintf(u->wish.words, sizeof(u->wish.words), "%s%s%s", op,
	    value != NULL ? " " : "", value != NULL ? value : "");
}

void
act_confirm(struct ui *u, bool twice)
{
	u->mode = UI_CONFIRM;
	u->twice = twice;
}

/* The adapter that is meant: that of the details, or the chosen one. */
static const struct snap_adapter *
chosen_adapter(struct ui *u, const struct snap *s)
{
	const struct list *l = &u->list[LIST_ADAPTERS];
	int64_t row;

	if (u->view != VIEW_adapters) {
		ui_say(u, LOOK_WARN, "that is for adapters: press 3");
		return NULL;
	}
	row = u->detail ? columns_find(LIST_ADAPTERS, s, u->detail_of) :
			  list_chosen(l);
	if (row < 0 || row >= s->nadapters) {
		ui_say(u, LOOK_WARN, "no adapter is chosen");
		return NULL;
	}
	return &s->adapter[row];
}

static void
ask_of_adapter(struct ui *u, const struct snap *s, const char *op, bool first)
{
	const struct snap_adapter *a = chosen_adapter(u, s);
	char name[DIR_NAME_MAX + 16];

	if (a == NULL)
		return;
	list_hold(&u->list[LIST_ADAPTERS]);
	/* The name alone is that of the version which serves it. */
	if (a->kept)
		snprintf(name, sizeof(name), "%s@%u", a->name, a->version);
	else
		snprintf(name, sizeof(name), "%s", a->name);
	act_wish(u, op, "name", name);
	if (first)
		act_confirm(u, false);
	else
		u->wished = true;
}

/* The actions, one a line of keys.tbl ------------------------------------- */
#define DO(name) static void do_##name(struct ui *u, const struct snap *s)
#define GO_TO(name)                                                            \
	DO(name)                                                               \
	{                                                                      \
		(void)s;                                                       \
		go_to(u, VIEW_##name);                                         \
	}

GO_TO(overview)
GO_TO(queues)
GO_TO(adapters)
GO_TO(requests)
GO_TO(processes)
GO_TO(events)
GO_TO(help)

DO(quit)
{
	(void)s;
	u->quit = true;
}

DO(next)
{
	(void)s;
	go_to(u, (enum view_id)((u->view + 1) % VIEWS));
}

DO(previous)
{
	(void)s;
	go_to(u, (enum view_id)((u->view + VIEWS - 1) % VIEWS));
}

DO(up)
{
	act_move(u, s, -1);
}

DO(down)
{
	act_move(u, s, 1);
}

DO(page_up)
{
	act_move(u, s, -screenful(u));
}

DO(page_down)
{
	act_move(u, s, screenful(u));
}

DO(first)
{
	act_move(u, s, -INT32_MAX);
}

DO(last)
{
	/* Views without a list stop at their end by themselves. */
	act_move(u, s, ui_list(u) != NULL ? INT32_MAX : 1000);
}

DO(left)
{
	(void)s;
	if (ui_list(u) != NULL)
		list_shift(ui_list(u), -1);
}

DO(right)
{
	(void)s;
	if (ui_list(u) != NULL)
		list_shift(ui_list(u), 1);
}

DO(enter)
{
	struct list *l = ui_list(u);

	(void)s;
	if (l == NULL || list_chosen(l) < 0)
		return;
	list_hold(l);
	u->detail = true;
	u->detail_list = (enum lists)(l - u->list);
	u->detail_of = l->chosen;
}

DO(escape)
{
	struct list *l = ui_list(u);

	(void)s;
	if (u->detail)
		u->detail = false;
	else if (l != NULL)
		l->filter[0] = '\0';
	else if (u->view == VIEW_help)
		go_to(u, u->back);
}

DO(filter)
{
	(void)s;
	if (ui_list(u) == NULL)
		ui_say(u, LOOK_WARN, "there is no list to filter here");
	else {
		u->detail = false;
		u->mode = UI_FILTER;
	}
}

DO(sort)
{
	(void)s;
	if (ui_list(u) != NULL)
		list_sort(ui_list(u), 1);
}

DO(sort_back)
{
	(void)s;
	if (ui_list(u) != NULL)
		list_sort(ui_list(u), -1);
}

DO(reverse)
{
	(void)s;
	if (ui_list(u) != NULL)
		list_reverse(ui_list(u));
}

DO(ended)
{
	(void)s;
	if (u->view != VIEW_requests)
		return;
	u->show_ended = !u->show_ended;
	u->detail = false;
}

DO(pin)
{
	ask_of_adapter(u, s, "pin", false);
}

DO(unpin)
{
	ask_of_adapter(u, s, "unpin", false);
}

DO(load)
{
	ask_of_adapter(u, s, "load", false);
}

DO(unload)
{
	ask_of_adapter(u, s, "unload", true);
}

DO(cancel)
{
	const struct snap_request *r;
	char name[UI_NAME_MAX];
	int64_t row;

	if (u->view != VIEW_requests || u->show_ended) {
		ui_say(u, LOOK_WARN, "that is for open requests: press 4");
		return;
	}
	row = u->detail ? columns_find(LIST_REQUESTS, s, u->detail_of) :
			  list_chosen(&u->list[LIST_REQUESTS]);
	if (row < 0 || row >= s->nrequests) {
		ui_say(u, LOOK_WARN, "no request is chosen");
		return;
	}
	list_hold(&u->list[LIST_REQUESTS]);
	r = &s->request[row];
	snprintf(name, sizeof(name), "%u.%u", r->slot, r->gen);
	act_wish(u, "cancel", "request", name);
	act_confirm(u, false);
}

DO(drain)
{
	act_wish(u, "drain", NULL, NULL);
	snprintf(u->wish.words, sizeof(u->wish.words),
	    "drain: answer what was accepted, then end '%.20s'", s->instance);
	act_confirm(u, true);
}

static void
choose_setting(struct ui *u, const char *setting, const char *value)
{
	const char *p;

	u->setting = setting;
	u->choices = conf_choices(setting);
	if (u->choices == NULL)
		return;
	u->mode = UI_CHOOSE;
	u->choice = 0;
	p = u->choices;
	for (int i = 0; *p != '\0'; i++) {
		size_t n = strcspn(p, "|");

		if (strlen(value) == n && strncmp(p, value, n) == 0)
			u->choice = i;
		p += n + (p[n] == '|');
	}
}

DO(eviction)
{
	choose_setting(u, "policy.eviction", s->conf.policy_eviction);
}

DO(admission)
{
	choose_setting(u, "policy.admission", s->conf.policy_admission);
}

DO(pause)
{
	(void)s;
	u->paused = !u->paused;
}

DO(redraw)
{
	(void)s;
	u->redraw = true;
}

static void (*const acts[ACTIONS])(struct ui *, const struct snap *) = {
#define ACTION(name, keys, brief, where, help) [ACTION_##name] = do_##name,
#define KEY(code, name)
#include "tui/keys.tbl"
#undef ACTION
#undef KEY
};

void
act_do(struct ui *u, const struct snap *s, enum key_action action)
{
	if (acts[action] != NULL)
		acts[action](u, s);
}

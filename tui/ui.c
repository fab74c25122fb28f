/* What the console shows, and what keys do to it. */
#include "tui/ui.h"

#include "conf/conf.h"
#include "tui/keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct view views[VIEWS] = {
#define VIEW(name) { #name, view_##name },
#include "tui/views.tbl"
#undef VIEW
};

enum view_id
view_find(const char *name)
{
	int i = 0;

	while (i < VIEWS && strcmp(views[i].name, name) != 0)
		i++;
	return (enum view_id)i;
}

void
ui_open(struct ui *u, enum view_id view)
{
	memset(u, 0, sizeof(*u));
	u->view = view;
	for (int i = 0; i < LISTS; i++)
		list_open(&u->list[i], &list_kinds[i]);
}

void
ui_close(struct ui *u)
{
	for (int i = 0; i < LISTS; i++)
		list_close(&u->list[i]);
}

struct list *
ui_list(struct ui *u)
{
	switch (u->view) {
	case VIEW_adapters:
		return &u->list[LIST_ADAPTERS];
	case VIEW_requests:
		return &u->list[u->show_ended ? LIST_ENDED : LIST_REQUESTS];
	case VIEW_events:
		return &u->list[LIST_EVENTS];
	default:
		return NULL;
	}
}

void
ui_say(struct ui *u, enum page_look look, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(u->message, sizeof(u->message), fmt, args);
	va_end(args);
	u->message_look = look;
}

void
wish_fields(const struct wish *w, const char *out[UI_FIELDS_MAX])
{
	int n = 0;

	for (int i = 0; i < w->fields; i++) {
		out[n++] = w->key[i];
		out[n++] = w->value[i];
	}
	out[n] = NULL;
}

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

/* In a list: to another row, whose details are shown if any are. */
static void
move(struct ui *u, const struct snap *s, int64_t rows)
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

/* What is asked of the engine. */
static void
wish(struct ui *u, const char *op, const char *key, const char *value)
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

static void
confirm(struct ui *u, bool twice)
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

	if (a == NULL)
		return;
	list_hold(&u->list[LIST_ADAPTERS]);
	wish(u, op, "name", a->name);
	if (first)
		confirm(u, false);
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
	move(u, s, -1);
}

DO(down)
{
	move(u, s, 1);
}

DO(page_up)
{
	move(u, s, -screenful(u));
}

DO(page_down)
{
	move(u, s, screenful(u));
}

DO(first)
{
	move(u, s, -INT32_MAX);
}

DO(last)
{
	/* Views without a list stop at their end by themselves. */
	move(u, s, ui_list(u) != NULL ? INT32_MAX : 1000);
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
	wish(u, "cancel", "request", name);
	confirm(u, false);
}

DO(drain)
{
	wish(u, "drain", NULL, NULL);
	snprintf(u->wish.words, sizeof(u->wish.words),
	    "drain: answer what was accepted, then end '%.20s'", s->instance);
	confirm(u, true);
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

/* Keys while something is being asked ------------------------------------- */

/* Into a text of size bytes: a character more, or less. */
static void
edit(char *text, size_t size, int code)
{
	size_t n = strlen(text);

	if (code == PRESS_BACKSPACE && n > 0)
		text[n - 1] = '\0';
	else if (code >= ' ' && code < 0x7f && n + 1 < size) {
		text[n] = (char)code;
		text[n + 1] = '\0';
	}
}

static void
key_filter(struct ui *u, const struct snap *s, int code)
{
	struct list *l = ui_list(u);

	if (code == '\n' || l == NULL)
		u->mode = UI_LOOK;
	else if (code == PRESS_ESCAPE) {
		l->filter[0] = '\0';
		u->mode = UI_LOOK;
	} else if (code == PRESS_UP || code == PRESS_DOWN)
		move(u, s, code == PRESS_UP ? -1 : 1);
	else
		edit(l->filter, sizeof(l->filter), code);
}

static void
key_confirm(struct ui *u, const struct snap *s, int code)
{
	(void)s;
	u->mode = UI_LOOK;
	if (code != 'y')
		ui_say(u, LOOK_PLAIN, "nothing was done");
	else if (u->twice) {
		u->mode = UI_TYPE;
		u->typed[0] = '\0';
	} else
		u->wished = true;
}

static void
key_type(struct ui *u, const struct snap *s, int code)
{
	(void)s;
	if (code != '\n' && code != PRESS_ESCAPE) {
		edit(u->typed, sizeof(u->typed), code);
		return;
	}
	u->mode = UI_LOOK;
	u->wished = code == '\n' && strcmp(u->typed, "yes") == 0;
	if (!u->wished)
		ui_say(u, LOOK_PLAIN, "nothing was done");
}

/* The text of choice i among "a|b|c". */
static const char *
choice_at(const char *choices, int i, size_t *n)
{
	for (; i > 0; i--)
		choices += strcspn(choices, "|") + 1;
	*n = strcspn(choices, "|");
	return choices;
}

static int
count_choices(const char *choices)
{
	int n = 1;

	for (; *choices != '\0'; choices++)
		n += *choices == '|';
	return n;
}

static void
key_choose(struct ui *u, const struct snap *s, int code)
{
	int n = count_choices(u->choices);
	char value[CONF_CHOICE_MAX];
	const char *p;
	size_t length;

	(void)s;
	if (code == PRESS_RIGHT || code == PRESS_DOWN || code == '\t')
		u->choice = (u->choice + 1) % n;
	else if (code == PRESS_LEFT || code == PRESS_UP)
		u->choice = (u->choice + n - 1) % n;
	else if (code == '\n') {
		p = choice_at(u->choices, u->choice, &length);
		snprintf(value, sizeof(value), "%.*s", (int)length, p);
		wish(u, "set", "key", u->setting);
		snprintf(u->wish.key[1], sizeof(u->wish.key[1]), "value");
		snprintf(u->wish.value[1], sizeof(u->wish.value[1]), "%s",
		    value);
		u->wish.fields = 2;
		snprintf(u->wish.words, sizeof(u->wish.words), "set %s to %s",
		    u->setting, value);
		confirm(u, false);
	} else {
		u->mode = UI_LOOK;
		ui_say(u, LOOK_PLAIN, "nothing was done");
	}
}

static void
key_look(struct ui *u, const struct snap *s, int code)
{
	enum key_action a = key_action(code);

	u->message[0] = '\0';
	if (acts[a] != NULL)
		acts[a](u, s);
}

void
ui_key(struct ui *u, const struct snap *s, int code)
{
	static void (*const modes[])(struct ui *, const struct snap *, int) = {
		[UI_LOOK] = key_look,
		[UI_FILTER] = key_filter,
		[UI_CONFIRM] = key_confirm,
		[UI_TYPE] = key_type,
		[UI_CHOOSE] = key_choose,
	};

	if (code != PRESS_NONE && code != PRESS_RESIZE)
		modes[u->mode](u, s, code);
}

/* What the console shows, and what keys do to it. */
#include "tui/ui.h"

#include "tui/act.h"

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
		act_move(u, s, code == PRESS_UP ? -1 : 1);
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
		act_wish(u, "set", "key", u->setting);
		snprintf(u->wish.key[1], sizeof(u->wish.key[1]), "value");
		snprintf(u->wish.value[1], sizeof(u->wish.value[1]), "%s",
		    value);
		u->wish.fields = 2;
		snprintf(u->wish.words, sizeof(u->wish.words), "set %s to %s",
		    u->setting, value);
		act_confirm(u, false);
	} else {
		u->mode = UI_LOOK;
		ui_say(u, LOOK_PLAIN, "nothing was done");
	}
}

static void
key_look(struct ui *u, const struct snap *s, int code)
{
	u->message[0] = '\0';
	act_do(u, s, key_action(code));
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

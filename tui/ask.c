/* Carries out the wishes of the user interface. */
#include "tui/ask.h"

#include "base/clock.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE (35 * SECOND) /* the engine itself gives up after 30 */

void
ask_open(struct ask *a)
{
	memset(a, 0, sizeof(*a));
	a->admin.fd = -1;
}

void
ask_close(struct ask *a)
{
	if (a->admin.fd >= 0)
		admin_close(&a->admin);
	a->admin.fd = -1;
	a->waits = false;
}

static int
send_wish(struct ask *a, const struct wish *w, const char *path)
{
	const char *fields[UI_FIELDS_MAX];
	int e = 0;

	wish_fields(w, fields);
	if (strcmp(a->path, path) != 0)
		ask_close(a);
	snprintf(a->path, sizeof(a->path), "%s", path);
	if (a->admin.fd >= 0 && admin_ask(&a->admin, w->op, fields) == 0)
		return 0;
	/* A connection that was open may be of a frontend that has died. */
	ask_close(a);
	if ((e = admin_open(&a->admin, path)) != 0)
		return e;
	return admin_ask(&a->admin, w->op, fields);
}

void
ask_start(struct ask *a, struct ui *u, const char *path)
{
	if (a->waits) {
		ui_say(u, LOOK_WARN, "'%s' is not answered yet", a->words);
		return;
	}
	snprintf(a->words, sizeof(a->words), "%s", u->wish.words);
	if (send_wish(a, &u->wish, path) != 0) {
		ui_say(u, LOOK_BAD, "%s: %s", a->words, err_text());
		ask_close(a);
		return;
	}
	a->waits = true;
	a->since_ns = clock_mono();
	ui_say(u, LOOK_PLAIN, "%s: asked", a->words);
}

/* "pin roman: done, state resident, bytes 1234" */
static void
say_reply(struct ask *a, struct ui *u, const json_t *reply)
{
	char text[UI_TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%s: done", a->words);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)reply, key, value)
	{
		if (n < 0 || (size_t)n >= sizeof(text))
			break;
		if (json_is_string(value) && strcmp(key, "name") != 0 &&
		    strcmp(key, "key") != 0 && strcmp(key, "value") != 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
			    ", %.32s %.64s", key, json_string_value(value));
		else if (json_is_integer(value) && strcmp(key, "id") != 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n,
			    ", %.32s %" JSON_INTEGER_FORMAT, key,
			    json_integer_value(value));
	}
	ui_say(u, LOOK_GOOD, "%s", text);
}

void
ask_look(struct ask *a, struct ui *u)
{
	json_t *reply = NULL;

	if (!a->waits)
		return;
	switch (admin_look(&a->admin, &reply)) {
	case ADMIN_WAITS:
		if (clock_mono() - a->since_ns < PATIENCE)
			return;
		ui_say(u, LOOK_BAD, "%s: no answer in %d s", a->words,
		    (int)(PATIENCE / SECOND));
		ask_close(a);
		break;
	case ADMIN_DONE:
		say_reply(a, u, reply);
		json_decref(reply);
		break;
	case ADMIN_REFUSED:
		ui_say(u, LOOK_BAD, "%s: %s", a->words, err_text());
		break;
	case ADMIN_LOST:
		ui_say(u, LOOK_BAD, "%s: no answer: %s", a->words, err_text());
		ask_close(a);
		break;
	}
	a->waits = false;
}

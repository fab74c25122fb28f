/* Settings in operators' hands.  What they set lies in this process's segment,
 * over the settings of one version, and stays there when it dies. */
#include "base/err.h"
#include "base/log.h"
#include "base/must.h"
#include "frontend/admin.h"
#include "proc/settings.h"

#include <stdio.h>
#include <string.h>

/* A member that is a string without a zero byte. */
static bool
read_text(const json_t *root, const char *field, const char *want,
    const char **out, struct api_fail *fail)
{
	const json_t *v = json_object_get(root, field);

	if (v == NULL || json_is_null(v))
		return api_refuse(fail, API_MISSING_FIELD, field,
		    "%s: missing: want %s", field, want);
	return api_text_of(v, field, want, out, fail);
}

bool
admin_read_key(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	const char *key;
	struct conf c;

	if (!read_text(root, "key", "the name of a setting", &key, fail))
		return false;
	p->setting = conf_find(key);
	if (p->setting >= 0)
		return true;
	(void)settings_started(fe->g, &c);
	(void)conf_set(&c, key, "");
	return api_refuse(fail, API_UNKNOWN_SETTING, "key", "%s", err_text());
}

/* A value as conf_set takes it; numbers with all their digits. */
static bool
read_value(const json_t *root, char number[64], const char **out,
    struct api_fail *fail)
{
	const json_t *v = json_object_get(root, "value");

	*out = number;
	if (json_is_integer(v))
		snprintf(number, 64, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(number, 64, "%.17g", json_real_value(v));
	else
		return read_text(root, "value", "a string or a number", out,
		    fail);
	return true;
}

bool
admin_read_set(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	struct conf_row row;
	struct conf c;
	const char *value;
	char number[64];

	if (!admin_read_key(fe, root, p, fail) ||
	    !read_value(root, number, &value, fail))
		return false;
	p->version = settings_read(fe->g, &c).version;
	(void)conf_row(&c, p->setting, &row);
	if (conf_set_live(&c, row.key, value) != 0 || conf_check(&c) != 0)
		return api_refuse(fail,
		    row.live ? API_OUT_OF_RANGE : API_NEEDS_RESTART,
		    row.live ? "value" : "key", "%s", err_text());
	(void)conf_row(&c, p->setting, &row);
	must(strlen(row.value) < sizeof(p->value)); /* no text is live */
	strcpy(p->value, row.value);
	return true;
}

/* The value in the line of a key, up to its newline; NULL: there is none. */
static char *
find_line(struct overrides *o, const char *key)
{
	size_t n = strlen(key);
	char *at = o->lines;

	o->lines[sizeof(o->lines) - 1] = '\0';
	while (strncmp(at, key, n) != 0 || at[n] != '=')
		if ((at = strchr(at, '\n')) == NULL || *++at == '\0')
			return NULL;
	return at + n + 1;
}

static bool
is_value(const char *in_line, const char *value)
{
	size_t n = strcspn(in_line, "\n");

	return strlen(value) == n && strncmp(in_line, value, n) == 0;
}

/* Value "": without a line of its own.  false: there is no room. */
static bool
put_line(struct overrides *o, const char *key, const char *value)
{
	char *line = find_line(o, key), *end;
	size_t used, room;

	if (line != NULL) {
		end = strchrnul(line, '\n');
		end += *end != '\0';
		memmove(line - strlen(key) - 1, end, strlen(end) + 1);
	}
	used = strlen(o->lines);
	room = sizeof(o->lines) - used;
	return value[0] == '\0' ||
	    (size_t)snprintf(o->lines + used, room, "%s=%s\n", key, value) <
	    room;
}

bool
admin_start_set(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	struct overrides o;
	struct conf_row row;
	struct conf now;
	const char *line;

	(void)settings_read(fe->g, &now);
	(void)conf_row(&now, p->setting, &row);
	(void)sheet_read(fe->g->overrides, &o, sizeof(o));
	if (o.version != p->version)
		o = (struct overrides){ .version = p->version };
	if ((line = find_line(&o, row.key)) != NULL)
		snprintf(p->before, sizeof(p->before), "%.*s",
		    (int)strcspn(line, "\n"), line);
	if (!put_line(&o, row.key, p->value))
		return api_refuse(fail, API_OVERLOADED, "",
		    "no room for another setting: write them into the file");
	log_info("setting changed setting=%s was=%s now=%s by=operator",
	    row.key, row.value, p->value);
	p->sequence = sheet_write(fe->g->overrides, &o, sizeof(o));
	return true;
}

/* Nobody has obeyed it: what operators had set before counts again. */
void
admin_undo_set(struct frontend *fe, const struct pending *p)
{
	struct overrides o;
	struct conf_row row;
	const char *line;

	(void)conf_row(&fe->proc->conf, p->setting, &row);
	(void)sheet_read(fe->g->overrides, &o, sizeof(o));
	if (settings_stamp(fe->g).version != p->version ||
	    o.version != p->version ||
	    (line = find_line(&o, row.key)) == NULL ||
	    !is_value(line, p->value) || !put_line(&o, row.key, p->before))
		return;
	log_warn("what an operator set is taken back setting=%s value=%s",
	    row.key, p->value);
	(void)sheet_write(fe->g->overrides, &o, sizeof(o));
}

static void
put_setting(struct line_out *o, const struct conf_row *row, const char *value)
{
	line_put(o, "\"key\":");
	line_text(o, row->key, strlen(row->key));
	line_put(o, ",\"value\":");
	if (row->number)
		line_put(o, value);
	else
		line_text(o, value, strlen(value));
}

/* Answered when the scheduler obeys it. */
bool
admin_look_set(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	const struct rules_taken *t = fe->g->taken;
	struct conf_row row;
	uint64_t sequence;

	if (settings_stamp(fe->g).version != p->version)
		return api_refuse(fail, API_BUSY, "",
		    "the settings were read anew meanwhile, which replaces "
		    "what operators set: ask again");
	/* R2 pairs with R1: the version is that of this sequence, or later. */
	sequence = atomic_load_explicit(&t->sequence, memory_order_acquire);
	if ((int64_t)(sequence - p->sequence) < 0 ||
	    atomic_load_explicit(&t->version, memory_order_relaxed) !=
		p->version)
		return false;
	(void)conf_row(&fe->proc->conf, p->setting, &row);
	line_put(o, ",");
	put_setting(o, &row, p->value);
	return true;
}

bool
admin_look_get(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	struct conf_row row;
	struct conf c;

	(void)fail;
	(void)settings_read(fe->g, &c);
	(void)conf_row(&c, p->setting, &row);
	line_put(o, ",");
	put_setting(o, &row, row.value);
	line_fmt(o, ",\"from\":\"%s\",\"restart\":%s", row.from,
	    row.live ? "false" : "true");
	return true;
}

bool
admin_look_settings(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	struct settings_stamp stamp;
	struct conf_row row;
	struct conf c;
	int n = 0;

	(void)p, (void)fail;
	stamp = settings_read(fe->g, &c);
	line_fmt(o, ",\"version\":%ju,\"settings\":[",
	    (uintmax_t)stamp.version);
	for (int i = 0; conf_row(&c, i, &row); i++) {
		if (!row.live)
			continue;
		line_put(o, n++ > 0 ? ",{" : "{");
		put_setting(o, &row, row.value);
		line_fmt(o, ",\"from\":\"%s\"}", row.from);
	}
	line_put(o, "]");
	return true;
}

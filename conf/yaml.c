/* Reads settings from YAML: scalars at the top level and one level of
 * sections, nothing else.  Every complaint says file and line. */
#include "base/err.h"
#include "conf/conf.h"
#include "conf/params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define FILE_BYTES_MAX (1 << 20)

struct reading {
	yaml_parser_t parser;
	struct conf *conf;
	const char *path;
	char section[64]; /* "" at the top level */
	char key[64];	  /* read, its value not yet; "" none */
	bool seen[CONF_COUNT];
	int depth; /* of mappings */
	int line;  /* of the event in hand, from 1 */
};

static int
complain(const struct reading *r, const char *text)
{
	return err_set(ERR_CONFIG, "%s:%d: %s", r->path, r->line, text);
}

/* A setting that stands twice would silently be its last value. */
static int
note_seen(struct reading *r, const char *key)
{
	for (int i = 0; i < conf_nparams; i++) {
		if (strcmp(conf_params[i].key, key) != 0)
			continue;
		if (r->seen[i])
			return err_set(ERR_CONFIG, "%s:%d: %s: set twice",
			    r->path, r->line, key);
		r->seen[i] = true;
	}
	return 0;
}

static bool
is_section(const char *name)
{
	for (int i = 0; i < conf_nparams; i++)
		if (strcmp(conf_params[i].section, name) == 0)
			return true;
	return false;
}

static int
on_key(struct reading *r, const char *text, size_t n)
{
	if (n == 0 || n >= sizeof(r->key) || strlen(text) != n)
		return complain(r,
		    "a setting's name of 1 to 63 letters is "
		    "wanted here");
	memcpy(r->key, text, n + 1);
	return 0;
}

static int
on_value(struct reading *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	char key[160];
	int e;

	if (strlen(text) != ev->data.scalar.length)
		return complain(r, "a zero byte in a value");
	if (plain && (strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
		text = "";
	snprintf(key, sizeof(key), "%s%s%s", r->section,
	    r->section[0] ? "." : "", r->key);
	r->key[0] = '\0';
	/* "frontend:" with nothing below it is a section left empty. */
	if (text[0] == '\0' && r->section[0] == '\0' && is_section(key))
		return 0;
	if ((e = conf_set(r->conf, key, text)) != 0)
		return err_add("%s:%d", r->path, r->line);
	return note_seen(r, key);
}

static int
on_scalar(struct reading *r, const yaml_event_t *ev)
{
	if (r->depth == 0) {
		if (ev->data.scalar.length == 0)
			return 0; /* an empty file */
		return complain(r, "want 'setting: value' lines");
	}
	if (r->key[0] != '\0')
		return on_value(r, ev);
	return on_key(r, (const char *)ev->data.scalar.value,
	    ev->data.scalar.length);
}

static int
on_open(struct reading *r)
{
	if (r->depth == 0) {
		r->depth = 1;
		return 0;
	}
	if (r->key[0] == '\0')
		return complain(r, "a setting's name is wanted here");
	if (r->depth == 1 && is_section(r->key)) {
		memcpy(r->section, r->key, sizeof(r->section));
		r->key[0] = '\0';
		r->depth = 2;
		return 0;
	}
	if (r->depth == 1)
		return err_set(ERR_CONFIG, "%s:%d: '%s' is not a section",
		    r->path, r->line, r->key);
	return complain(r, "sections have no sections below them");
}

static int
on_close(struct reading *r)
{
	r->section[0] = '\0';
	r->depth--;
	return 0;
}

static int
on_event(struct reading *r, const yaml_event_t *ev)
{
	r->line = (int)ev->start_mark.line + 1;
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_MAPPING_START_EVENT:
		return on_open(r);
	case YAML_MAPPING_END_EVENT:
		return on_close(r);
	case YAML_SEQUENCE_START_EVENT:
		return complain(r, "a list; every setting has one value");
	case YAML_ALIAS_EVENT:
		return complain(r, "aliases (*name) are not taken");
	default:
		return 0;
	}
}

static int
bad_yaml(struct reading *r)
{
	const yaml_parser_t *p = &r->parser;

	r->line = (int)p->problem_mark.line + 1;
	return err_set(ERR_CONFIG, "%s:%d: not YAML: %s", r->path, r->line,
	    p->problem != NULL ? p->problem : "cannot be read");
}

static int
read_events(struct reading *r)
{
	bool more = true;
	int e = 0;

	while (e == 0 && more) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&r->parser, &ev))
			return bad_yaml(r);
		more = ev.type != YAML_STREAM_END_EVENT;
		e = on_event(r, &ev);
		yaml_event_delete(&ev);
	}
	return e;
}

/* The whole file first: its size is bounded, and a FIFO or a directory named
 * by mistake is an error here and no riddle in the parser. */
static int
slurp(const char *path, unsigned char **text, size_t *n)
{
	FILE *f = fopen(path, "re");
	int e = 0;

	*text = NULL;
	if (f == NULL)
		return err_sys(errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s",
		    path);
	if ((*text = malloc(FILE_BYTES_MAX)) == NULL)
		e = err_set(ERR_MEMORY, "%s: no memory to read it", path);
	else if ((*n = fread(*text, 1, FILE_BYTES_MAX, f)) == FILE_BYTES_MAX)
		e = err_set(ERR_CONFIG, "%s: over %d bytes", path,
		    FILE_BYTES_MAX - 1);
	else if (ferror(f))
		e = err_sys(errno == EISDIR ? ERR_CONFIG : ERR_IO, "%s", path);
	fclose(f);
	return e;
}

int
conf_read(struct conf *c, const char *path)
{
	struct reading *r = calloc(1, sizeof(*r));
	enum conf_from setter = conf_by(c, CONF_FROM_FILE);
	unsigned char *text = NULL;
	size_t n = 0;
	int e;

	if (r == NULL) {
		e = err_set(ERR_MEMORY, "%s: no memory to read it", path);
		goto out;
	}
	if ((e = slurp(path, &text, &n)) != 0)
		goto out;
	if (!yaml_parser_initialize(&r->parser)) {
		e = err_set(ERR_MEMORY, "%s: no memory to read it", path);
		goto out;
	}
	r->conf = c;
	r->path = path;
	yaml_parser_set_input_string(&r->parser, text, n);
	e = read_events(r);
	yaml_parser_delete(&r->parser);
out:
	(void)conf_by(c, setter);
	free(text);
	free(r);
	return e;
}

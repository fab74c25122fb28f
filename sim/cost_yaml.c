/* Reads a cost model from YAML: `term: number` lines at the top level, and a
 * name.  Every complaint says file and line, and what is wanted. */
#include "sim/cost.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "base/near.h"
#include "base/units.h"
#include "sim/terms.h"

#define NAME_LETTERS                                                           \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"

struct reading {
	yaml_parser_t parser;
	struct sim_cost *cost;
	const char *path;
	char key[64]; /* read, its value not yet; "" none */
	bool seen[SIM_TERMS_MAX], named;
	int depth; /* of mappings */
	int line;  /* of the event in hand, from 1 */
};

static int
complain(const struct reading *r, const char *text)
{
	return err_set(ERR_FORMAT, "%s:%d: %s", r->path, r->line, text);
}

static int
on_key(struct reading *r, const char *text, size_t n)
{
	if (n == 0 || n >= sizeof(r->key) || strlen(text) != n)
		return complain(r, "want the name of a cost term here");
	memcpy(r->key, text, n + 1);
	return 0;
}

static int
on_name(struct reading *r, const char *text)
{
	size_t n = strlen(text);

	if (r->named)
		return complain(r, "name: set twice");
	if (n == 0 || n >= SIM_COST_NAME_MAX || strspn(text, NAME_LETTERS) != n)
		return complain(r,
		    "name: want 1 to 63 of the letters A-Z a-z 0-9 . _ + -");
	memcpy(r->cost->name, text, n + 1);
	r->named = true;
	return 0;
}

/* The term that a wrong name was perhaps meant to be. */
static int
unknown(const struct reading *r)
{
	const char *best = NULL;
	int least = 0;

	for (int i = 0; i < sim_nterms; i++) {
		int d = near_distance(r->key, sim_terms[i].name);

		if (near_enough(r->key, d) && (best == NULL || d < least)) {
			best = sim_terms[i].name;
			least = d;
		}
	}
	if (best == NULL)
		return err_set(ERR_FORMAT, "%s:%d: no cost term '%s'", r->path,
		    r->line, r->key);
	return err_set(ERR_FORMAT,
	    "%s:%d: no cost term '%s'; did you mean '%s'?", r->path, r->line,
	    r->key, best);
}

static bool
parse(const struct sim_term *t, const char *text, double *v)
{
	uint64_t bytes;
	char *end;

	errno = 0;
	*v = strtod(text, &end);
	if (end != text && *end == '\0' && errno == 0 && isfinite(*v))
		return true;
	if (strcmp(t->unit, "bytes") != 0 || !units_parse_bytes(text, &bytes))
		return false;
	*v = (double)bytes;
	return true;
}

static int
on_value(struct reading *r, const char *text)
{
	const struct sim_term *t = sim_term_find(r->key);
	char why[256];
	double v;

	if (strcmp(r->key, "name") == 0)
		return on_name(r, text);
	if (t == NULL)
		return unknown(r);
	if (r->seen[t - sim_terms])
		return err_set(ERR_FORMAT, "%s:%d: %s: set twice", r->path,
		    r->line, t->name);
	if (!parse(t, text, &v))
		return err_set(ERR_FORMAT,
		    "%s:%d: %s: '%s': want a number, %g..%g %s", r->path,
		    r->line, t->name, text, t->least, t->most, t->unit);
	if (sim_term_check(t, v) != 0) {
		snprintf(why, sizeof(why), "%s", err_text());
		return complain(r, why);
	}
	*sim_term_of(r->cost, t) = v;
	r->seen[t - sim_terms] = true;
	return 0;
}

static int
on_scalar(struct reading *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	int e;

	if (r->depth == 0)
		return n == 0 ? 0 : complain(r, "want 'term: number' lines");
	if (r->key[0] == '\0')
		return on_key(r, text, n);
	if (strlen(text) != n)
		return complain(r, "a zero byte in a value");
	e = on_value(r, text);
	r->key[0] = '\0';
	return e;
}

static int
on_open(struct reading *r)
{
	if (r->depth++ == 0)
		return 0;
	return complain(r, "want a number here, not a section");
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
		r->depth--;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		return complain(r, "a list; every term has one value");
	case YAML_ALIAS_EVENT:
		return complain(r, "aliases (*name) are not taken");
	default:
		return 0;
	}
}

static int
read_events(struct reading *r)
{
	const yaml_parser_t *p = &r->parser;
	bool more = true;
	int e = 0;

	while (e == 0 && more) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&r->parser, &ev)) {
			r->line = (int)p->problem_mark.line + 1;
			return err_set(ERR_FORMAT, "%s:%d: not YAML: %s",
			    r->path, r->line,
			    p->problem != NULL ? p->problem : "unreadable");
		}
		more = ev.type != YAML_STREAM_END_EVENT;
		e = on_event(r, &ev);
		yaml_event_delete(&ev);
	}
	return e;
}

/* At the end: r->line is the last line. */
static int
all_there(const struct reading *r)
{
	if (!r->named)
		return complain(r, "'name' is missing: want 'name: TEXT'");
	for (int i = 0; i < sim_nterms; i++) {
		const struct sim_term *t = &sim_terms[i];

		if (!r->seen[i])
			return err_set(ERR_FORMAT,
			    "%s:%d: '%s' is missing: want %g..%g %s; %s",
			    r->path, r->line, t->name, t->least, t->most,
			    t->unit, t->help);
	}
	return 0;
}

int
sim_cost_read(struct sim_cost *c, const char *path)
{
	struct reading r = { .cost = c, .path = path };
	FILE *f = fopen(path, "re");
	int e;

	memset(c, 0, sizeof(*c));
	if (f == NULL)
		return err_sys(errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s",
		    path);
	if (!yaml_parser_initialize(&r.parser)) {
		fclose(f);
		return err_set(ERR_MEMORY, "%s: no memory to read it", path);
	}
	yaml_parser_set_input_file(&r.parser, f);
	e = read_events(&r);
	if (e == 0)
		e = all_there(&r);
	yaml_parser_delete(&r.parser);
	fclose(f);
	return e;
}

/* Reading the components of tokenizer.json: a step, or a Sequence of steps,
 * by a table of the kinds that a stage knows. */
#include "model/tok_in.h"

#include <string.h>

#include "base/err.h"

int
tok_get_text(const json_t *o, const char *key, struct tok_buf *b)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_string(v))
		return err_set(ERR_FORMAT, "%s: want a text", key);
	tok_buf_add(b, json_string_value(v), json_string_length(v));
	return b->failed ? err_set(ERR_MEMORY, "no memory for %s", key) : 0;
}

int
tok_get_bool(const json_t *o, const char *key, bool otherwise, bool *value)
{
	const json_t *v = json_object_get(o, key);

	*value = otherwise;
	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_boolean(v))
		return err_set(ERR_FORMAT, "%s: want true or false", key);
	*value = json_is_true(v);
	return 0;
}

int
tok_pattern_read(struct tok_step *s, const json_t *o)
{
	const json_t *p = json_object_get(o, "pattern");
	struct tok_buf regex = { 0 };
	int e;

	if (json_object_get(p, "String") != NULL) {
		if ((e = tok_get_text(p, "String", &s->from)) != 0)
			return err_add("pattern");
		if (s->from.n == 0)
			return err_set(ERR_UNSUPPORTED, "an empty pattern");
		return 0;
	}
	if (json_object_get(p, "Regex") == NULL)
		return err_set(ERR_FORMAT, "pattern: want String or Regex");
	if ((e = tok_get_text(p, "Regex", &regex)) == 0)
		e = tok_regex_open(&s->regex, regex.p, regex.n);
	tok_buf_free(&regex);
	return e;
}

static int
read_one(struct tok_steps *s, const struct tok_component *table,
    const char *name, const json_t *o)
{
	struct tok_step *step;

	if (s->n == TOK_STEPS_MAX)
		return err_set(ERR_LIMIT, "more than %d steps", TOK_STEPS_MAX);
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) != 0)
			continue;
		step = &s->step[s->n++];
		step->what = table;
		if (table->read != NULL && table->read(step, o) != 0)
			return err_add("%s", name);
		return 0;
	}
	return err_set(ERR_UNSUPPORTED, "type '%.64s' is not known", name);
}

static int
read_steps(struct tok_steps *s, const struct tok_component *table,
    const char *list, const json_t *o, int depth)
{
	const char *name = json_string_value(json_object_get(o, "type"));
	const json_t *steps, *v;
	size_t i;
	int e;

	if (name == NULL)
		return err_set(ERR_FORMAT, "want an object with a type");
	if (strcmp(name, "Sequence") != 0)
		return read_one(s, table, name, o);
	steps = json_object_get(o, list);
	if (!json_is_array(steps))
		return err_set(ERR_FORMAT, "Sequence: want %s", list);
	if (depth == TOK_DEPTH_MAX)
		return err_set(ERR_LIMIT, "Sequences more than %d deep", depth);
	json_array_foreach(steps, i, v) if ((e = read_steps(s, table, list, v,
						 depth + 1)) != 0) return e;
	return 0;
}

int
tok_steps_read(struct tok_steps *s, const struct tok_component *table,
    const char *stage, const char *list, const json_t *o)
{
	if (o == NULL || json_is_null(o))
		return 0;
	return read_steps(s, table, list, o, 0) ? err_add("%s", stage) : 0;
}

void
tok_steps_free(struct tok_steps *s)
{
	for (int i = 0; i < s->n; i++) {
		tok_regex_close(&s->step[i].regex);
		tok_buf_free(&s->step[i].from);
		tok_buf_free(&s->step[i].to);
	}
	s->n = 0;
}

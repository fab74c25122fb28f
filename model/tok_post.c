/* What is put around a text: the post-processor of tokenizer.json, or where
 * it says nothing, tokenizer_config.json. */
#include "model/tok_in.h"

#include <string.h>

#include "base/err.h"

static int
put(int32_t *ids, int *n, int32_t id)
{
	if (*n == TOK_AROUND_MAX)
		return err_set(ERR_LIMIT, "more than %d ids around a text",
		    TOK_AROUND_MAX);
	ids[(*n)++] = id;
	return 0;
}

/* {"SpecialToken": {"id": NAME}}: the ids that special_tokens gives NAME. */
static int
put_special(struct tok *t, const json_t *piece, const json_t *specials,
    bool after)
{
	const char *name = json_string_value(json_object_get(piece, "id"));
	const json_t *ids, *v;
	json_int_t id;
	size_t i;
	int e;

	ids = json_object_get(json_object_get(specials, name ? name : ""),
	    "ids");
	if (name == NULL || !json_is_array(ids))
		return err_set(ERR_FORMAT, "SpecialToken '%.64s' has no ids",
		    name ? name : "");
	json_array_foreach(ids, i, v)
	{
		id = json_is_integer(v) ? json_integer_value(v) : -1;
		if (id < 0 || (size_t)id >= t->nids ||
		    !(t->id[id].flags & TOK_ID_USED))
			return err_set(ERR_FORMAT,
			    "SpecialToken '%.64s': no token has its id", name);
		e = after ? put(t->after, &t->nafter, (int32_t)id) :
			    put(t->before, &t->nbefore, (int32_t)id);
		if (e != 0)
			return e;
	}
	return 0;
}

static int
read_template(struct tok *t, const json_t *o)
{
	const json_t *single = json_object_get(o, "single"), *v, *piece;
	const json_t *specials = json_object_get(o, "special_tokens");
	bool after = false;
	size_t i;
	int e;

	if (!json_is_array(single))
		return err_set(ERR_FORMAT, "single: want a list");
	json_array_foreach(single, i, v)
	{
		if ((piece = json_object_get(v, "SpecialToken")) != NULL) {
			if ((e = put_special(t, piece, specials, after)) != 0)
				return e;
		} else if (json_object_get(v, "Sequence") != NULL && !after) {
			after = true;
		} else {
			return err_set(ERR_UNSUPPORTED,
			    "single: piece %zu is not known", i);
		}
	}
	if (!after)
		return err_set(ERR_FORMAT, "single: no Sequence");
	t->around_known = true;
	return 0;
}

static int
read_post(struct tok *t, const json_t *o, int depth)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const json_t *list = json_object_get(o, "processors"), *v;
	size_t i;
	int e;

	if (type == NULL)
		return err_set(ERR_FORMAT, "want an object with a type");
	if (strcmp(type, "ByteLevel") == 0)
		return 0; /* concerns offsets alone */
	if (strcmp(type, "TemplateProcessing") == 0) {
		if (t->around_known)
			return err_set(ERR_UNSUPPORTED, "two templates");
		return read_template(t, o) ? err_add("%s", type) : 0;
	}
	if (strcmp(type, "Sequence") != 0)
		return err_set(ERR_UNSUPPORTED, "type '%.64s' is not known",
		    type);
	if (!json_is_array(list) || depth == TOK_DEPTH_MAX)
		return err_set(ERR_FORMAT, "Sequence: want processors");
	json_array_foreach(list, i,
	    v) if ((e = read_post(t, v, depth + 1)) != 0) return e;
	return 0;
}

int
tok_post_read(struct tok *t, const json_t *o)
{
	if (o == NULL || json_is_null(o))
		return 0;
	return read_post(t, o, 0) ? err_add("post_processor") : 0;
}

/* The id of a text that is exactly one token, or -1. */
static int32_t
id_of(const struct tok *t, const char *text, size_t n)
{
	for (size_t i = 0; i < t->nids; i++)
		if ((t->id[i].flags & TOK_ID_USED) && t->id[i].n == n &&
		    memcmp(t->spelled.p + t->id[i].at, text, n) == 0)
			return (int32_t)i;
	return -1;
}

/* "bos_token": a text, or an object with its content. */
static int32_t
named(const struct tok *t, const json_t *config, const char *key,
    int32_t otherwise)
{
	const json_t *v = json_object_get(config, key);

	if (json_is_object(v))
		v = json_object_get(v, "content");
	if (!json_is_string(v))
		return otherwise;
	return id_of(t, json_string_value(v), json_string_length(v));
}

/* LlamaTokenizer, which reads tokenizer.model, adds BOS unless told not to;
 * a tokenizer.json without a template adds nothing unless told to. */
int
tok_config_read(struct tok *t, const json_t *config, int32_t bos, int32_t eos)
{
	bool add_bos, add_eos;
	int32_t id;
	int e;

	if (t->around_known)
		return 0;
	if ((e = tok_get_bool(config, "add_bos_token", t->sp.on, &add_bos)) ||
	    (e = tok_get_bool(config, "add_eos_token", false, &add_eos)))
		return e;
	if (add_bos) {
		if ((id = named(t, config, "bos_token", bos)) >= 0)
			e = put(t->before, &t->nbefore, id);
		else if (!t->sp.on)
			e = err_set(ERR_FORMAT,
			    "add_bos_token, but bos_token "
			    "is no token");
	}
	if (e == 0 && add_eos) {
		if ((id = named(t, config, "eos_token", eos)) >= 0)
			e = put(t->after, &t->nafter, id);
		else
			e = err_set(ERR_FORMAT,
			    "add_eos_token, but eos_token "
			    "is no token");
	}
	return e;
}

/* Attention windows, and what ends and colours a text: the parts of
 * config.json and generation_config.json that are lists. */
#include "model/shape_config.h"

#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "model/fields.h"

#define WINDOW_MAX (1 << 24)
#define MISTRAL_WINDOW 4096
#define QWEN_FULL_LAYERS 28

/* Newer files say layer by layer. */
static int
read_layer_types(struct shape *s, const json_t *types)
{
	if (json_array_size(types) != (size_t)s->layers)
		return err_set(ERR_FORMAT, "layer_types: want a list of %d",
		    s->layers);
	for (int i = 0; i < s->layers; i++) {
		const char *type = json_string_value(
		    json_array_get(types, (size_t)i));

		if (type != NULL && strcmp(type, "sliding_attention") == 0)
			s->windowed[i] = 1;
		else if (type != NULL && strcmp(type, "full_attention") == 0)
			s->windowed[i] = 0;
		else
			return err_set(ERR_UNSUPPORTED,
			    "layer_types: layer %d: %.40s: want "
			    "full_attention or sliding_attention",
			    i, type == NULL ? "not a text" : type);
	}
	return 0;
}

static int
read_size(struct shape *s, const json_t *config)
{
	bool on = s->family == SHAPE_MISTRAL;
	int e;

	if (on && json_object_get(config, "sliding_window") == NULL)
		s->window = MISTRAL_WINDOW;
	if (s->family != SHAPE_LLAMA && !on &&
	    (e = field_bool(config, "use_sliding_window", &on)) != 0)
		return e;
	if (on)
		return field_int(config, "sliding_window", 1, WINDOW_MAX,
		    &s->window);
	return 0;
}

static bool
any_windowed(const struct shape *s)
{
	return memchr(s->windowed, 1, (size_t)s->layers) != NULL;
}

int
shape_window_read(struct shape *s, const json_t *config)
{
	const json_t *types = field(config, "layer_types");
	int first = s->family == SHAPE_MISTRAL ? 0 : QWEN_FULL_LAYERS, e;

	if ((e = read_size(s, config)) != 0 ||
	    (e = field_int(config, "max_window_layers", 0, INT_MAX, &first)) !=
		0)
		return e;
	if (s->family == SHAPE_MISTRAL)
		first = 0;
	for (int i = first; s->window > 0 && i < s->layers; i++)
		s->windowed[i] = 1;
	if (types != NULL && (e = read_layer_types(s, types)) != 0)
		return e;
	if (any_windowed(s) && s->window == 0)
		return err_set(ERR_UNSUPPORTED,
		    "layer_types: sliding_attention, but no sliding_window is "
		    "set for this family");
	/* One that is never full is none. */
	if (s->window >= s->context || !any_windowed(s)) {
		s->window = 0;
		memset(s->windowed, 0, sizeof(s->windowed));
	}
	return 0;
}

static int
add_eos(struct shape *s, const json_t *id)
{
	if (!json_is_integer(id) || json_integer_value(id) < 0 ||
	    json_integer_value(id) > INT_MAX)
		return err_set(ERR_FORMAT,
		    "eos_token_id: want token ids, 0 or more");
	if (s->neos == SHAPE_EOS_MAX)
		return err_set(ERR_LIMIT, "eos_token_id: more than %d",
		    SHAPE_EOS_MAX);
	s->eos[s->neos++] = (int)json_integer_value(id);
	return 0;
}

static int
read_eos(struct shape *s, const json_t *ids)
{
	size_t n = json_array_size(ids);
	int e = 0;

	if (!json_is_array(ids))
		return add_eos(s, ids);
	for (size_t i = 0; i < n && e == 0; i++)
		e = add_eos(s, json_array_get(ids, i));
	return e;
}

static int
read_default(const json_t *generation, const char *name, double least,
    double most, bool *has, float *value)
{
	double number = 0;
	int e = field_number(generation, name, least, most, &number);

	*has = e == 0 && field(generation, name) != NULL;
	*value = (float)number;
	return e;
}

static int
read_defaults(struct shape *s, const json_t *generation)
{
	int e;

	if ((e = read_default(generation, "temperature", 0, 100,
		 &s->has_temperature, &s->temperature)) != 0 ||
	    (e = read_default(generation, "top_p", 1e-6, 1, &s->has_top_p,
		 &s->top_p)) != 0 ||
	    (e = read_default(generation, "repetition_penalty", 1e-3, 100,
		 &s->has_repetition, &s->repetition)) != 0)
		return e;
	s->has_top_k = field(generation, "top_k") != NULL;
	return field_int(generation, "top_k", 0, INT_MAX, &s->top_k);
}

int
shape_generation_read(struct shape *s, const json_t *config,
    const json_t *generation)
{
	const json_t *eos = field(generation, "eos_token_id");
	int e = 0;

	if (eos == NULL)
		eos = field(config, "eos_token_id");
	if (eos != NULL)
		e = read_eos(s, eos);
	s->bos = -1;
	if (e != 0 ||
	    (e = field_int(config, "bos_token_id", 0, INT_MAX, &s->bos)) != 0)
		return e;
	if ((e = read_defaults(s, generation)) != 0)
		return err_add("generation_config.json");
	return 0;
}

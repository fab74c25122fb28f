/* Which modules PEFT would have adapted: target_modules, exclude_modules and
 * the layers. */
#include "model/adapter_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "model/fields.h"

#define LAYERS_PATTERNS_MAX 64

static int
check_texts(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!json_is_string(json_array_get(list, i)))
			return err_set(ERR_FORMAT, "%s: want texts", name);
	return 0;
}

static int
read_names(struct lora_names *names, const json_t *config, const char *name)
{
	const json_t *value = field(config, name);

	if (value == NULL)
		return 0;
	if (json_is_array(value)) {
		names->list = value;
		return check_texts(value, name);
	}
	if (!json_is_string(value))
		return err_set(ERR_FORMAT, "%s: want a text or a list", name);
	names->is_pattern = true;
	if (pattern_compile(&names->pattern, json_string_value(value),
		PATTERN_WHOLE) != 0)
		return err_add("%s", name);
	return 0;
}

static int
read_targets(struct lora *l)
{
	const json_t *value = field(l->json, "target_modules");

	if (json_is_string(value) &&
	    strcasecmp(json_string_value(value), "all-linear") == 0) {
		l->targets.all_linear = true;
		return 0;
	}
	return read_names(&l->targets, l->json, "target_modules");
}

/* layers_pattern, a text or a list of them, as patterns. */
static int
read_layers_pattern(struct lora *l)
{
	const json_t *value = field(l->json, "layers_pattern");
	size_t n = json_is_array(value) ? json_array_size(value) : 1;
	int e;

	if (value == NULL || field_is_empty(value))
		return 0;
	if (n > LAYERS_PATTERNS_MAX)
		return err_set(ERR_LIMIT, "layers_pattern: more than %d",
		    LAYERS_PATTERNS_MAX);
	if ((l->layers.list = calloc(n, sizeof(*l->layers.list))) == NULL)
		return err_set(ERR_MEMORY, "no memory for layers_pattern");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(
		    json_is_array(value) ? json_array_get(value, i) : value);

		if (text == NULL)
			return err_set(ERR_FORMAT,
			    "layers_pattern: want a text or a list of them");
		e = pattern_compile(&l->layers.list[i], text, PATTERN_LAYER);
		if (e != 0)
			return err_add("layers_pattern");
		l->layers.n++;
	}
	return 0;
}

static int
read_layers(struct lora *l)
{
	const json_t *value = field(l->json, "layers_to_transform");

	if (value == NULL ||
	    (json_is_array(value) && json_array_size(value) == 0))
		return 0;
	if (!json_is_integer(value) && !json_is_array(value))
		return err_set(ERR_FORMAT,
		    "layers_to_transform: want an integer or a list of them");
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_integer(json_array_get(value, i)))
			return err_set(ERR_FORMAT,
			    "layers_to_transform: want integers");
	if (l->targets.is_pattern || l->targets.all_linear)
		return err_set(ERR_UNSUPPORTED,
		    "layers_to_transform: only with a list of target_modules");
	l->layer_list = value;
	return read_layers_pattern(l);
}

int
lora_read_targets(struct lora *l)
{
	int e;

	if ((e = read_targets(l)) != 0 ||
	    (e = read_names(&l->excluded, l->json, "exclude_modules")) != 0)
		return e;
	return read_layers(l);
}

void
lora_free_targets(struct lora *l)
{
	pattern_free(&l->targets.pattern);
	pattern_free(&l->excluded.pattern);
	lora_free_patterns(&l->layers);
}

enum likeness { UNLIKE, ENDS_SO, IS_SO };

static enum likeness
like(const char *module, const char *entry)
{
	size_t n = strlen(entry), all = strlen(module);

	if (n > all || strcmp(module + all - n, entry) != 0)
		return UNLIKE;
	if (n == all)
		return IS_SO;
	return module[all - n - 1] == '.' ? ENDS_SO : UNLIKE;
}

static enum likeness
like_any(const char *module, const json_t *list)
{
	enum likeness best = UNLIKE;

	for (size_t i = 0; i < json_array_size(list); i++) {
		enum likeness one = like(module,
		    json_string_value(json_array_get(list, i)));

		best = one > best ? one : best;
	}
	return best;
}

/* The number of the layer that a module is in, -1: in none. */
static int
layer_of(const struct lora *l, const char *module, int *layer)
{
	static const char front[] = "model.layers.";

	*layer = -1;
	if (l->layers.n == 0) {
		if (strncmp(module, front, sizeof(front) - 1) == 0)
			*layer = (int)strtol(module + sizeof(front) - 1, NULL,
			    10);
		return 0;
	}
	for (int i = 0; i < l->layers.n && *layer < 0; i++)
		if (pattern_layer(&l->layers.list[i], module, layer) != 0)
			return err_add("layers_pattern");
	return 0;
}

static int
in_layers(const struct lora *l, const char *module, bool *in)
{
	int layer, e = layer_of(l, module, &layer);

	*in = json_is_integer(l->layer_list) && layer >= 0 &&
	    json_integer_value(l->layer_list) == layer;
	for (size_t i = 0; i < json_array_size(l->layer_list); i++)
		*in |= layer >= 0 &&
		    json_integer_value(json_array_get(l->layer_list, i)) ==
			layer;
	return e;
}

static int
is_excluded(const struct lora *l, const char *module, bool *excluded)
{
	*excluded = like_any(module, l->excluded.list) != UNLIKE;
	if (l->excluded.is_pattern &&
	    pattern_match(&l->excluded.pattern, module, excluded) != 0)
		return err_add("exclude_modules");
	return 0;
}

int
lora_expects(const struct lora *l, const char *module, enum shape_linear linear,
    bool *expects)
{
	enum likeness likeness;
	bool excluded;
	int e = is_excluded(l, module, &excluded);

	*expects = false;
	if (e != 0 || excluded)
		return e;
	if (l->targets.is_pattern) {
		e = pattern_match(&l->targets.pattern, module, expects);
		return e == 0 ? 0 : err_add("target_modules");
	}
	if (l->targets.all_linear) {
		*expects = linear < LINEAR_LAYER_COUNT;
		return 0;
	}
	/* Nothing named: the default of these model types. */
	if (l->targets.list == NULL)
		likeness = linear == LINEAR_Q || linear == LINEAR_V ? ENDS_SO :
								      UNLIKE;
	else
		likeness = like_any(module, l->targets.list);
	*expects = likeness != UNLIKE;
	if (likeness == ENDS_SO && l->layer_list != NULL)
		return in_layers(l, module, expects);
	return 0;
}

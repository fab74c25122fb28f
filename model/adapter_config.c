/* Ranks and scales of adapter_config.json. */
#include "model/adapter_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "model/adapter_file.h"
#include "model/beneath.h"
#include "model/fields.h"

#define CONFIG_BYTES_MAX (1u << 20)
#define ALPHA_MAX 1e9
#define PATTERNS_MAX 4096
#define REGEXES_MAX 64 /* each is tried on every module */

static int
read_pattern(struct lora_patterns *ps, const char *key, const json_t *value,
    double least, double most, bool whole)
{
	double number = json_number_value(value);
	int e;

	if (!(whole ? json_is_integer(value) : json_is_number(value)) ||
	    number < least || number > most)
		return err_set(ERR_FORMAT, "'%.80s': want %s, %g to %g", key,
		    whole ? "an integer" : "a number", least, most);
	e = pattern_compile(&ps->list[ps->n], key, PATTERN_TAIL);
	if (e == 0)
		ps->values[ps->n++] = number;
	return e;
}

static int
count_regexes(const struct lora_patterns *ps)
{
	int n = 0;

	for (int i = 0; i < ps->n; i++)
		n += ps->list[i].code != NULL;
	return n;
}

int
lora_read_patterns(struct lora_patterns *ps, const json_t *config,
    const char *name, double least, double most, bool whole)
{
	const json_t *object = field(config, name);
	size_t n = json_object_size(object);
	const char *key;
	json_t *value;

	if (object == NULL)
		return 0;
	if (!json_is_object(object))
		return err_set(ERR_FORMAT, "%s: want an object", name);
	if (n == 0)
		return 0;
	if (n > PATTERNS_MAX)
		return err_set(ERR_LIMIT, "%s: more than %d entries", name,
		    PATTERNS_MAX);
	ps->list = calloc(n, sizeof(*ps->list));
	ps->values = calloc(n, sizeof(*ps->values));
	if (ps->list == NULL || ps->values == NULL)
		return err_set(ERR_MEMORY, "no memory for %s", name);
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (read_pattern(ps, key, value, least, most, whole) != 0)
			return err_add("%s", name);
		if (count_regexes(ps) > REGEXES_MAX)
			return err_set(ERR_LIMIT,
			    "%s: more than %d regular expressions", name,
			    REGEXES_MAX);
	}
	return 0;
}

void
lora_free_patterns(struct lora_patterns *ps)
{
	for (int i = 0; i < ps->n; i++)
		pattern_free(&ps->list[i]);
	free(ps->list);
	free(ps->values);
	*ps = (struct lora_patterns){ 0 };
}

/* The value of the first that matches; else it stays as it is. */
static int
look_up(const struct lora_patterns *ps, const char *module, double *value)
{
	for (int i = 0; i < ps->n; i++) {
		bool matches;
		int e = pattern_match(&ps->list[i], module, &matches);

		if (e != 0)
			return e;
		if (matches) {
			*value = ps->values[i];
			return 0;
		}
	}
	return 0;
}

int
lora_rank(const struct lora *l, const char *module, int *rank)
{
	double value = l->r;

	if (look_up(&l->ranks, module, &value) != 0)
		return err_add("rank_pattern");
	*rank = (int)value;
	return 0;
}

int
lora_scale(const struct lora *l, const char *module, int rank, float *scale)
{
	double alpha = l->alpha;

	if (look_up(&l->alphas, module, &alpha) != 0)
		return err_add("alpha_pattern");
	*scale = (float)(alpha / (l->rslora ? sqrt(rank) : rank));
	return 0;
}

/* One number for the fields that decide what is computed. */
static uint64_t
hash_config(const json_t *config)
{
	static const char *const names[] = { "r", "lora_alpha", "use_rslora",
		"rank_pattern", "alpha_pattern", "target_modules",
		"exclude_modules", "layers_to_transform", "layers_pattern" };
	uint64_t hash = HASH_START;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *value = field(config, names[i]);
		char *text = value == NULL ?
		    NULL :
		    json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		hash = hash_text(hash, names[i]);
		hash = hash_text(hash, text == NULL ? "-" : text);
		free(text);
	}
	return hash;
}

static int
read_all(struct lora *l, struct adapter *a)
{
	const char *base = "";
	int e;

	if ((e = lora_check_fields(l->json, a)) != 0 ||
	    (e = field_int(l->json, "r", 1, ADAPTER_RANK_MAX, &l->r)) != 0 ||
	    (e = field_number(l->json, "lora_alpha", -ALPHA_MAX, ALPHA_MAX,
		 &l->alpha)) != 0 ||
	    (e = field_bool(l->json, "use_rslora", &l->rslora)) != 0 ||
	    (e = field_text(l->json, "base_model_name_or_path", &base)) != 0 ||
	    (e = lora_read_patterns(&l->ranks, l->json, "rank_pattern", 1,
		 ADAPTER_RANK_MAX, true)) != 0 ||
	    (e = lora_read_patterns(&l->alphas, l->json, "alpha_pattern",
		 -ALPHA_MAX, ALPHA_MAX, false)) != 0)
		return e;
	lora_note(a->base_name, sizeof(a->base_name), "%.200s", base);
	a->alpha = (float)l->alpha;
	a->rslora = l->rslora;
	a->config_hash = hash_config(l->json);
	return lora_read_targets(l);
}

int
lora_read(struct lora *l, struct adapter *a, int dirfd)
{
	int e;

	*l = (struct lora){ .r = 8, .alpha = 8 };
	e = beneath_json(&l->json, dirfd, ADAPTER_CONFIG, CONFIG_BYTES_MAX,
	    false);
	if (e == 0)
		e = read_all(l, a);
	if (e != 0)
		lora_close(l);
	return e;
}

void
lora_close(struct lora *l)
{
	lora_free_patterns(&l->ranks);
	lora_free_patterns(&l->alphas);
	lora_free_targets(l);
	json_decref(l->json);
	*l = (struct lora){ 0 };
}

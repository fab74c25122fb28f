/* The names of an adapter's tensors: PEFT's, and how other tools vary them. */
#include "model/adapter_match.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/adapter_config.h"

#define COMPARE_FLOATS 4096

int
match_places(const struct shape *s)
{
	return 2 + s->layers * LINEAR_LAYER_COUNT;
}

int
match_place(int layer, enum shape_linear linear)
{
	if (linear >= LINEAR_LAYER_COUNT)
		return (int)linear - LINEAR_LAYER_COUNT;
	return 2 + layer * LINEAR_LAYER_COUNT + (int)linear;
}

static const struct ending {
	const char *text;
	bool is_b, embeds;
} endings[] = {
	{ ".lora_A.weight", false, false },
	{ ".lora_B.weight", true, false },
	{ ".lora_A.default.weight", false, false },
	{ ".lora_B.default.weight", true, false },
	{ ".lora_embedding_A", false, true },
	{ ".lora_embedding_B", true, true },
	{ ".lora_embedding_A.default", false, true },
	{ ".lora_embedding_B.default", true, true },
};

/* Tensors that mean more than a plain LoRA, by a part of their name, and the
 * field that asks for them.  They are refused even where others may be left
 * over: without them the answers would be others. */
static const struct {
	const char *part, *field;
} special[] = {
	{ "lora_magnitude_vector", "use_dora" },
	{ "lora_B.bias", "lora_bias" },
	{ "lora_B.default.bias", "lora_bias" },
	{ "trainable_tokens", "trainable_token_indices" },
	{ "modules_to_save", "modules_to_save" },
};

/* Copies of the base's own tensors that PEFT may save beside an adapter. */
static const struct {
	const char *ending;
	enum shape_weight weight;
} copies[] = {
	{ "embed_tokens.base_layer.weight", WEIGHT_EMBED },
	{ "embed_tokens.weight", WEIGHT_EMBED },
	{ "lm_head.base_layer.weight", WEIGHT_HEAD },
	{ "lm_head.weight", WEIGHT_HEAD },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Where text ends with end, at a word's border; NULL: it does not. */
static const char *
find_end(const char *text, const char *end)
{
	size_t all = strlen(text), n = strlen(end);
	const char *at = text + all - n;

	if (n > all || strcmp(at, end) != 0)
		return NULL;
	return at == text || at[-1] == '.' || end[0] == '.' ? at : NULL;
}

/* What may stand before a module's own name: wrappers alone, so that another
 * tower's layers (vision, audio) are never taken for ours. */
static bool
is_wrapping(const char *text, size_t n)
{
	static const char *const words[] = { "base_model.", "model.",
		"language_model." };

	while (n > 0) {
		size_t taken = 0;

		for (size_t i = 0; i < COUNT(words) && taken == 0; i++) {
			size_t len = strlen(words[i]);

			if (len <= n && strncmp(text, words[i], len) == 0)
				taken = len;
		}
		if (taken == 0)
			return false;
		text += taken;
		n -= taken;
	}
	return true;
}

/* "3.self_attn.q_proj" of n bytes: the place of this module, or -1. */
static int
layer_place(const char *text, size_t n, const struct shape *s)
{
	char *dot;
	long layer = strtol(text, &dot, 10);

	if (text[0] < '0' || text[0] > '9' ||
	    (text[0] == '0' && dot != text + 1) || *dot != '.' ||
	    layer >= s->layers)
		return -1;
	for (int i = 0; i < LINEAR_LAYER_COUNT; i++) {
		char name[SHAPE_NAME_MAX];
		const char *want = strchr(shape_module_name(name,
					      (enum shape_linear)i,
					      (int)layer) +
			strlen("model.layers."),
		    '.');
		size_t len = strlen(want);

		if ((size_t)(dot - text) + len == n &&
		    strncmp(dot, want, len) == 0)
			return match_place((int)layer, (enum shape_linear)i);
	}
	return -1;
}

/* The place of the module that the first n bytes of text name, or -1. */
static int
module_place(const char *text, size_t n, bool embeds, const struct shape *s)
{
	static const char layers[] = "layers.";
	static const char *const whole[] = { "lm_head", "embed_tokens" };

	for (size_t i = 0; i < COUNT(whole); i++) {
		size_t len = strlen(whole[i]);

		if (len <= n && strncmp(text + n - len, whole[i], len) == 0 &&
		    is_wrapping(text, n - len))
			return embeds == (i == 1) ?
			    match_place(-1,
				(enum shape_linear)(LINEAR_HEAD + i)) :
			    -1;
	}
	for (size_t at = 0; !embeds && at + sizeof(layers) - 1 < n; at++)
		if (strncmp(text + at, layers, sizeof(layers) - 1) == 0 &&
		    is_wrapping(text, at))
			return layer_place(text + at + sizeof(layers) - 1,
			    n - at - (sizeof(layers) - 1), s);
	return -1;
}

/* The place of a tensor, or -1; *is_b says which half it is. */
static int
find_place(const char *name, const struct shape *s, bool *is_b)
{
	for (size_t i = 0; i < COUNT(endings); i++) {
		const char *end = find_end(name, endings[i].text);

		if (end == NULL)
			continue;
		*is_b = endings[i].is_b;
		return module_place(name, (size_t)(end - name),
		    endings[i].embeds, s);
	}
	return -1;
}

static int
check_special(const struct tensor *t)
{
	for (size_t i = 0; i < COUNT(special); i++)
		if (strstr(t->name, special[i].part) != NULL)
			return err_set(ERR_UNSUPPORTED, "%s: %s: not supported",
			    t->name, special[i].field);
	return 0;
}

static int
same_numbers(bool *same, const struct tensors *ours, const struct tensor *t,
    const struct tensors *base, const struct tensor *b)
{
	float mine[COMPARE_FLOATS], theirs[COMPARE_FLOATS];
	int e;

	*same = t->elements == b->elements;
	for (uint64_t at = 0; *same && at < t->elements; at += COMPARE_FLOATS) {
		uint64_t n = t->elements - at < COMPARE_FLOATS ?
		    t->elements - at :
		    COMPARE_FLOATS;

		if ((e = tensors_read_f32(ours, t, at, n, mine)) != 0 ||
		    (e = tensors_read_f32(base, b, at, n, theirs)) != 0)
			return e;
		*same = memcmp(mine, theirs, n * sizeof(mine[0])) == 0;
	}
	return 0;
}

/* A copy of the base's embedding or head: *is_copy if it is one and equal. */
static int
check_copy(bool *is_copy, const struct adapter *a, const struct tensor *t,
    const struct shape *s, const struct tensors *base)
{
	char name[SHAPE_NAME_MAX];
	const struct tensor *b;
	size_t i = 0;
	int e;

	*is_copy = false;
	while (i < COUNT(copies) && find_end(t->name, copies[i].ending) == NULL)
		i++;
	if (i == COUNT(copies))
		return 0;
	shape_weight_name(name,
	    copies[i].weight == WEIGHT_HEAD && s->tied ? WEIGHT_EMBED :
							 copies[i].weight,
	    0);
	b = base == NULL ? NULL : tensors_find(base, name);
	if (b != NULL &&
	    (e = same_numbers(is_copy, &a->tensors, t, base, b)) != 0)
		return e;
	if (*is_copy)
		return 0;
	return err_set(ERR_UNSUPPORTED, "%s: modules_to_save: not supported",
	    t->name);
}

static int
check_left_over(struct adapter *a, int nleft, const char *first,
    const struct adapter_rules *rules)
{
	if (a->nmatched == 0)
		return err_set(ERR_UNSUPPORTED,
		    "no tensor matches the base model: every request would be "
		    "answered by the base");
	if (nleft == 0)
		return 0;
	if (!rules->allow_partial)
		return err_set(ERR_UNSUPPORTED,
		    "%d of %d tensors match no module of the base model, the "
		    "first is %s",
		    nleft, a->tensors.count, first);
	lora_note(a->warnings, sizeof(a->warnings),
	    "%d of %d tensors match no module", nleft, a->tensors.count);
	return 0;
}

static int
put(struct match *m, bool is_b, const struct tensor *t)
{
	const struct tensor **half = is_b ? &m->b : &m->a;

	if (*half != NULL)
		return err_set(ERR_FORMAT, "%s and %s are for the same module",
		    (*half)->name, t->name);
	if (t->dtype == TENSOR_OTHER)
		return err_set(ERR_UNSUPPORTED,
		    "%s: dtype %s: want F16, BF16 or F32", t->name,
		    t->dtype_name);
	*half = t;
	return 0;
}

int
match_tensors(struct match *matches, struct adapter *a, const struct shape *s,
    const struct adapter_rules *rules)
{
	const char *first = NULL;
	int nleft = 0, e;

	for (int i = 0; i < a->tensors.count; i++) {
		const struct tensor *t = &a->tensors.list[i];
		bool is_b = false, is_copy = false;
		int place = find_place(t->name, s, &is_b);

		if (place >= 0) {
			if ((e = put(&matches[place], is_b, t)) != 0)
				return e;
			a->nmatched++;
			continue;
		}
		if ((e = check_special(t)) != 0 ||
		    (e = check_copy(&is_copy, a, t, s, rules->base)) != 0)
			return e;
		if (is_copy) {
			lora_note(a->warnings, sizeof(a->warnings),
			    "%.80s equals the base's", t->name);
			continue;
		}
		first = nleft++ == 0 ? t->name : first;
	}
	return check_left_over(a, nleft, first, rules);
}

/* Names and sizes of what a model is made of. */
#include "model/shape.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

static const char *const families[] = { "llama", "mistral", "qwen2", "qwen3" };

static const struct {
	const char *name;
	bool layered;
} weights[WEIGHT_COUNT] = {
#define WEIGHT(id, layered, name, has, rows, cols) { name, layered },
#include "model/weights.tbl"
#undef WEIGHT
};

static const char *const linears[LINEAR_COUNT] = { "q_proj", "k_proj", "v_proj",
	"o_proj", "gate_proj", "up_proj", "down_proj", "lm_head",
	"embed_tokens" };

_Static_assert(WEIGHT_Q + (int)LINEAR_EMBED == (int)WEIGHT_EMBED &&
	WEIGHT_Q_BIAS + (int)LINEAR_DOWN == (int)WEIGHT_DOWN_BIAS,
    "weights.tbl is in the order of enum shape_linear");

const char *
shape_family_name(enum shape_family family)
{
	return families[family];
}

const char *
shape_linear_name(enum shape_linear linear)
{
	return linears[linear];
}

bool
shape_weight_layered(enum shape_weight w)
{
	return weights[w].layered;
}

bool
shape_has(const struct shape *s, enum shape_weight w)
{
	const bool there[WEIGHT_COUNT] = {
#define WEIGHT(id, layered, name, has, rows, cols) has,
#include "model/weights.tbl"
#undef WEIGHT
	};

	return there[w];
}

int
shape_rows(const struct shape *s, enum shape_weight w)
{
	const int q_rows = s->heads * s->head_dim;
	const int kv_rows = s->kv_heads * s->head_dim;
	const int hidden = s->hidden, inter = s->inter, vocab = s->vocab;
	const int head_dim = s->head_dim;
	const int size[WEIGHT_COUNT] = {
#define WEIGHT(id, layered, name, has, rows, cols) rows,
#include "model/weights.tbl"
#undef WEIGHT
	};

	return size[w];
}

int
shape_cols(const struct shape *s, enum shape_weight w)
{
	const int q_rows = s->heads * s->head_dim;
	const int hidden = s->hidden, inter = s->inter;
	const int size[WEIGHT_COUNT] = {
#define WEIGHT(id, layered, name, has, rows, cols) cols,
#include "model/weights.tbl"
#undef WEIGHT
	};

	return size[w];
}

int
shape_in(const struct shape *s, enum shape_linear linear)
{
	if (linear == LINEAR_EMBED)
		return s->vocab;
	return shape_cols(s, (enum shape_weight)(WEIGHT_Q + (int)linear));
}

int
shape_out(const struct shape *s, enum shape_linear linear)
{
	if (linear == LINEAR_EMBED)
		return s->hidden;
	return shape_rows(s, (enum shape_weight)(WEIGHT_Q + (int)linear));
}

char *
shape_weight_name(char *out, enum shape_weight w, int layer)
{
	int n;

	must(w < WEIGHT_COUNT);
	if (weights[w].layered)
		n = snprintf(out, SHAPE_NAME_MAX, "model.layers.%d.%s", layer,
		    weights[w].name);
	else
		n = snprintf(out, SHAPE_NAME_MAX, "%s", weights[w].name);
	must(n < SHAPE_NAME_MAX);
	return out;
}

char *
shape_module_name(char *out, enum shape_linear linear, int layer)
{
	shape_weight_name(out, (enum shape_weight)(WEIGHT_Q + (int)linear),
	    layer);
	*strrchr(out, '.') = '\0'; /* without ".weight" */
	return out;
}

uint64_t
shape_kv_floats(const struct shape *s)
{
	return 2 * (uint64_t)s->layers * (uint64_t)s->kv_heads *
	    (uint64_t)s->head_dim;
}

uint64_t
shape_parameters(const struct shape *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < WEIGHT_COUNT; i++) {
		enum shape_weight w = (enum shape_weight)i;
		uint64_t each = shape_has(s, w) ?
		    (uint64_t)shape_rows(s, w) * (uint64_t)shape_cols(s, w) :
		    0;

		sum += weights[w].layered ? each * (uint64_t)s->layers : each;
	}
	return sum;
}

static uint64_t
up_to(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

uint64_t
shape_region_bytes(const struct shape *s, uint64_t each)
{
	uint64_t sum = SHAPE_REGION_SPARE;

	for (int i = 0; i < WEIGHT_COUNT; i++) {
		enum shape_weight w = (enum shape_weight)i;
		uint64_t rows = (uint64_t)shape_rows(s, w);
		uint64_t cols = (uint64_t)shape_cols(s, w);
		uint64_t layers = weights[w].layered ? (uint64_t)s->layers : 1;

		if (shape_has(s, w))
			sum += layers *
			    up_to(rows * cols * (cols == 1 ? 4 : each),
				SHAPE_REGION_ALIGN);
	}
	return up_to(sum, SHAPE_REGION_UNIT);
}

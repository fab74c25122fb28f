/* Models of random weights. */
#include "model/synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/synth_fill.h"

/* Logits of a trained model spread by a few units. */
#define LOGIT_DEVIATION 3.0
#define NORM_DEVIATION 0.05
#define BIAS_DEVIATION 0.1

static const struct {
	const char *name;
	enum shape_family family;
	int hidden, inter, layers, heads, kv_heads, head_dim, vocab, context;
	double eps, theta;
	bool tied;
} known[] = {
#define SHAPE(name, family, hidden, inter, layers, heads, kv, head, vocab,     \
    context, eps, theta, tied)                                                 \
	{ name, SHAPE_##family, hidden, inter, layers, heads, kv, head, vocab, \
		context, eps, theta, tied },
#include "model/synth_shapes.tbl"
#undef SHAPE
};

const char *
synth_shapes(void)
{
	return ""
#define SHAPE(name, family, hidden, inter, layers, heads, kv, head, vocab,     \
    context, eps, theta, tied)                                                 \
	name " "
#include "model/synth_shapes.tbl"
#undef SHAPE
	    ;
}

int
synth_shape(struct shape *s, const char *name)
{
	size_t i = 0, n = sizeof(known) / sizeof(known[0]);

	while (i < n && strcmp(known[i].name, name) != 0)
		i++;
	if (i == n)
		return err_set(ERR_USAGE, "no shape '%s': want one of %s", name,
		    synth_shapes());
	*s = (struct shape){
		.family = known[i].family,
		.hidden = known[i].hidden,
		.inter = known[i].inter,
		.layers = known[i].layers,
		.vocab = known[i].vocab,
		.heads = known[i].heads,
		.kv_heads = known[i].kv_heads,
		.head_dim = known[i].head_dim,
		.rotary_dim = known[i].head_dim,
		.context = known[i].context,
		.rms_eps = (float)known[i].eps,
		.qkv_bias = known[i].family == SHAPE_QWEN2,
		.tied = known[i].tied,
		.rope = ROPE_DEFAULT,
		.rope_theta = known[i].theta,
		.rope_factor = 1,
		.rope_attention = 1,
		.bos = -1,
		.eos = { SYNTH_END },
		.neos = 1,
	};
	return 0;
}

static struct synth_law
law_of(const struct shape *s, enum shape_weight w)
{
	double cols = shape_cols(s, w);

	if (w >= WEIGHT_Q_NORM) /* it and all behind it are norms */
		return (struct synth_law){ 1, NORM_DEVIATION };
	if (w >= WEIGHT_Q_BIAS)
		return (struct synth_law){ 0, BIAS_DEVIATION };
	if (w == WEIGHT_HEAD || w == WEIGHT_EMBED)
		return (struct synth_law){ 0, LOGIT_DEVIATION / sqrt(cols) };
	return (struct synth_law){ 0, 1 / sqrt(cols) };
}

struct plan {
	struct tensor_out *list;
	struct synth_law *laws;
	char (*names)[SHAPE_NAME_MAX];
	int n;
};

static void
add(struct plan *p, const struct shape *s, enum shape_weight w, int layer,
    enum tensor_dtype dtype)
{
	int cols = shape_cols(s, w);

	p->list[p->n] = (struct tensor_out){
		.name = shape_weight_name(p->names[p->n], w, layer),
		.dtype = dtype,
		.ndim = cols == 1 ? 1 : 2,
		.shape = { (uint64_t)shape_rows(s, w), (uint64_t)cols },
	};
	p->laws[p->n++] = law_of(s, w);
}

/* Layer by layer, as files of trained models are. */
static void
add_all(struct plan *p, const struct shape *s, enum tensor_dtype dtype)
{
	add(p, s, WEIGHT_EMBED, 0, dtype);
	for (int l = 0; l < s->layers; l++)
		for (int i = 0; i < WEIGHT_COUNT; i++) {
			enum shape_weight w = (enum shape_weight)i;

			if (shape_weight_layered(w) && shape_has(s, w))
				add(p, s, w, l, dtype);
		}
	add(p, s, WEIGHT_NORM, 0, dtype);
	if (shape_has(s, WEIGHT_HEAD))
		add(p, s, WEIGHT_HEAD, 0, dtype);
}

static int
write_weights(const struct shape *s, const char *dir, enum tensor_dtype dtype,
    uint64_t seed)
{
	size_t most = (size_t)s->layers * WEIGHT_COUNT + 3;
	struct plan p = {
		.list = calloc(most, sizeof(*p.list)),
		.laws = calloc(most, sizeof(*p.laws)),
		.names = calloc(most, sizeof(*p.names)),
	};
	int e;

	if (p.list == NULL || p.laws == NULL || p.names == NULL) {
		e = err_set(ERR_MEMORY, "no memory for %zu tensors", most);
	} else {
		add_all(&p, s, dtype);
		e = synth_tensors(dir, "model.safetensors", p.list, p.laws, p.n,
		    seed);
	}
	free(p.list);
	free(p.laws);
	free(p.names);
	return e;
}

int
synth_model(const char *shape_name, const char *dir, enum tensor_dtype dtype,
    uint64_t seed)
{
	struct shape s;
	int e;

	if ((e = synth_shape(&s, shape_name)) != 0 ||
	    (e = synth_dir(dir)) != 0 || (e = shape_write(&s, dir)) != 0 ||
	    (e = synth_tokenizer(dir, s.vocab)) != 0)
		return e;
	return write_weights(&s, dir, dtype, seed);
}

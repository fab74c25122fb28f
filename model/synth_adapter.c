/* Adapters of random weights. */
#include "model/synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/adapter.h"
#include "model/adapter_file.h"
#include "model/synth_fill.h"

#define NAME_BYTES (SHAPE_NAME_MAX + 48)

/* An adapter changes what a layer gives by this share of it: enough to be
 * seen in the answers, little enough to leave them sane. */
#define SHARE 0.3

struct plan {
	const struct shape *shape;
	const struct synth_lora *lora;
	double scale;
	struct tensor_out *list;
	struct synth_law *laws;
	char (*names)[NAME_BYTES];
	int n;
};

static bool
is_target(const char *targets, enum shape_linear linear)
{
	const char *name = shape_linear_name(linear);
	size_t n = strlen(name);

	if (targets == NULL)
		return linear < LINEAR_LAYER_COUNT;
	for (const char *at = targets; at != NULL;) {
		if (strncmp(at, name, n) == 0 &&
		    (at[n] == ',' || at[n] == '\0'))
			return true;
		at = strchr(at, ',');
		at = at == NULL ? NULL : at + 1;
	}
	return false;
}

/* Every name in the list is one. */
static int
check_targets(const char *targets)
{
	size_t want = 0, have = 0;

	if (targets == NULL)
		return 0;
	for (int i = 0; i < LINEAR_COUNT; i++)
		if (is_target(targets, (enum shape_linear)i))
			have += strlen(
				    shape_linear_name((enum shape_linear)i)) +
			    1;
	want = strlen(targets) + 1;
	if (have == want)
		return 0;
	return err_set(ERR_USAGE,
	    "targets '%s': want q_proj, k_proj, v_proj, o_proj, gate_proj, "
	    "up_proj, down_proj, lm_head, embed_tokens, each once, with commas "
	    "between",
	    targets);
}

static void
add(struct plan *p, enum shape_linear linear, int layer, bool is_b)
{
	int in = shape_in(p->shape, linear), out = shape_out(p->shape, linear);
	double a = 1 / sqrt(in), b;
	char module[SHAPE_NAME_MAX];
	bool embeds = linear == LINEAR_EMBED;
	uint64_t rank = (uint64_t)p->lora->rank;

	b = SHARE / (p->scale * sqrt((double)p->lora->rank));
	/* Of the embedding A's column is read, not multiplied, and what is
	 * added to is as small as synth_model makes it. */
	if (embeds) {
		a = 1;
		b *= 3 / sqrt(out);
	}
	shape_module_name(module, linear, layer);
	snprintf(p->names[p->n], NAME_BYTES, "base_model.model.%s.lora_%s%s%s",
	    module, embeds ? "embedding_" : "", is_b ? "B" : "A",
	    embeds ? "" : ".weight");
	p->list[p->n] = (struct tensor_out){
		.name = p->names[p->n],
		.dtype = p->lora->dtype,
		.ndim = 2,
		.shape = { is_b ? (uint64_t)out : rank,
		    is_b ? rank : (uint64_t)in },
	};
	p->laws[p->n++] = (struct synth_law){ 0, is_b ? b : a };
}

static void
add_all(struct plan *p)
{
	for (int i = 0; i < LINEAR_COUNT; i++) {
		enum shape_linear linear = (enum shape_linear)i;
		bool layered = linear < LINEAR_LAYER_COUNT;

		if (!is_target(p->lora->targets, linear))
			continue;
		for (int l = 0; l < (layered ? p->shape->layers : 1); l++) {
			add(p, linear, l, false);
			add(p, linear, l, true);
		}
	}
}

static json_t *
make_config(const struct synth_lora *lora, const char *base, double alpha)
{
	json_t *targets = json_array();

	for (int i = 0; i < LINEAR_COUNT; i++)
		if (is_target(lora->targets, (enum shape_linear)i))
			json_array_append_new(targets,
			    json_string(
				shape_linear_name((enum shape_linear)i)));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:f, s:f, s:s, s:i, s:o, "
			 "s:s, s:b}",
	    "base_model_name_or_path", base, "bias", "none", "peft_type",
	    "LORA", "inference_mode", 1, "init_lora_weights", 1, "lora_alpha",
	    alpha, "lora_dropout", 0.0, "task_type", "CAUSAL_LM", "r",
	    lora->rank, "target_modules", targets, "peft_version", "0.18.0",
	    "use_rslora", lora->rslora);
}

static int
write_files(struct plan *p, const char *model_dir, const char *dir,
    double alpha)
{
	int e;

	if (p->list == NULL || p->laws == NULL || p->names == NULL)
		return err_set(ERR_MEMORY, "no memory for an adapter");
	add_all(p);
	if ((e = synth_dir(dir)) != 0 ||
	    (e = synth_json(make_config(p->lora, model_dir, alpha), dir,
		 ADAPTER_CONFIG)) != 0)
		return e;
	return synth_tensors(dir, ADAPTER_TENSORS, p->list, p->laws, p->n,
	    p->lora->seed);
}

int
synth_adapter(const char *model_dir, const char *dir,
    const struct synth_lora *lora)
{
	double alpha = lora->alpha != 0 ? lora->alpha : 2.0 * lora->rank;
	struct shape s;
	struct plan p = { .shape = &s, .lora = lora };
	size_t most;
	int e;

	if (lora->rank < 1 || lora->rank > ADAPTER_RANK_MAX)
		return err_set(ERR_USAGE, "rank %d: want 1 to %d", lora->rank,
		    ADAPTER_RANK_MAX);
	if ((e = check_targets(lora->targets)) != 0 ||
	    (e = shape_read(&s, model_dir)) != 0)
		return e;
	p.scale = alpha / (lora->rslora ? sqrt(lora->rank) : lora->rank);
	most = 2 * ((size_t)s.layers * LINEAR_LAYER_COUNT + 2);
	p.list = calloc(most, sizeof(*p.list));
	p.laws = calloc(most, sizeof(*p.laws));
	p.names = calloc(most, sizeof(*p.names));
	e = write_files(&p, model_dir, dir, alpha);
	free(p.list);
	free(p.laws);
	free(p.names);
	return e;
}

/* config.json and generation_config.json from a shape. */
#include "model/shape_config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "model/fields.h"

static const char *const architectures[] = {
	[SHAPE_LLAMA] = "LlamaForCausalLM",
	[SHAPE_MISTRAL] = "MistralForCausalLM",
	[SHAPE_QWEN2] = "Qwen2ForCausalLM",
	[SHAPE_QWEN3] = "Qwen3ForCausalLM",
};

/* Null if there is none. */
static json_t *
rope_scaling(const struct shape *s)
{
	if (s->rope == ROPE_LINEAR)
		return json_pack("{s:s, s:f}", "rope_type", "linear", "factor",
		    s->rope_factor);
	if (s->rope == ROPE_LLAMA3)
		return json_pack("{s:s, s:f, s:f, s:f, s:f}", "rope_type",
		    "llama3", "factor", s->rope_factor, "low_freq_factor",
		    s->rope_low, "high_freq_factor", s->rope_high,
		    "original_max_position_embeddings", s->rope_original);
	if (s->rope == ROPE_YARN)
		return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:b}",
		    "rope_type", "yarn", "factor", s->rope_factor, "beta_fast",
		    s->rope_beta_fast, "beta_slow", s->rope_beta_slow,
		    "attention_factor", s->rope_attention,
		    "original_max_position_embeddings", s->rope_original,
		    "truncate", s->rope_truncate);
	return json_null();
}

static json_t *
eos_ids(const struct shape *s)
{
	json_t *ids = s->neos == 0 ? json_null() : json_array();

	for (int i = 0; i < s->neos; i++)
		json_array_append_new(ids, json_integer(s->eos[i]));
	return ids;
}

/* Layer by layer; only where some differ from others. */
static int
add_window(json_t *config, const struct shape *s)
{
	json_t *types;
	int bad = json_object_set_new(config, "sliding_window",
	    s->window > 0 ? json_integer(s->window) : json_null());

	if (s->family != SHAPE_MISTRAL)
		bad |= json_object_set_new(config, "use_sliding_window",
		    json_boolean(s->window > 0));
	if (s->window == 0 || s->family == SHAPE_LLAMA)
		return bad;
	types = json_array();
	for (int i = 0; i < s->layers; i++)
		bad |= json_array_append_new(types,
		    json_string(s->windowed[i] ? "sliding_attention" :
						 "full_attention"));
	return bad | json_object_set_new(config, "layer_types", types);
}

static json_t *
make_config(const struct shape *s)
{
	json_t *config =
	    json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
		"architectures", architectures[s->family], "model_type",
		shape_family_name(s->family), "hidden_size", s->hidden,
		"intermediate_size", s->inter, "num_hidden_layers", s->layers,
		"num_attention_heads", s->heads, "num_key_value_heads",
		s->kv_heads, "head_dim", s->head_dim, "vocab_size", s->vocab,
		"max_position_embeddings", s->context);
	json_t *rest =
	    json_pack("{s:s, s:f, s:f, s:f, s:o, s:b, s:b, s:b, s:o, s:o}",
		"hidden_act", "silu", "rms_norm_eps", (double)s->rms_eps,
		"rope_theta", s->rope_theta, "partial_rotary_factor",
		(double)s->rotary_dim / s->head_dim, "rope_scaling",
		rope_scaling(s), "attention_bias", s->o_bias, "mlp_bias",
		s->mlp_bias, "tie_word_embeddings", s->tied, "bos_token_id",
		s->bos < 0 ? json_null() : json_integer(s->bos), "eos_token_id",
		eos_ids(s));

	if (json_object_update(config, rest) != 0 ||
	    add_window(config, s) != 0) {
		json_decref(config);
		config = NULL;
	}
	json_decref(rest);
	return config;
}

static json_t *
make_generation(const struct shape *s)
{
	json_t *g = json_pack("{s:o, s:o}", "bos_token_id",
	    s->bos < 0 ? json_null() : json_integer(s->bos), "eos_token_id",
	    eos_ids(s));

	if (s->has_temperature)
		json_object_set_new(g, "temperature",
		    json_real((double)s->temperature));
	if (s->has_top_p)
		json_object_set_new(g, "top_p", json_real((double)s->top_p));
	if (s->has_top_k)
		json_object_set_new(g, "top_k", json_integer(s->top_k));
	if (s->has_repetition)
		json_object_set_new(g, "repetition_penalty",
		    json_real((double)s->repetition));
	return g;
}

/* Takes the object. */
static int
write_object(json_t *object, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int e = 0;

	if (object == NULL)
		return err_set(ERR_MEMORY, "no memory for %s", name);
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    (int)sizeof(path))
		e = err_set(ERR_LIMIT, "%s: the path is too long", dir);
	else if (json_dump_file(object, path, JSON_INDENT(2)) != 0)
		e = err_sys(ERR_IO, "%s", path);
	json_decref(object);
	return e;
}

int
shape_write(const struct shape *s, const char *model_dir)
{
	int e = write_object(make_config(s), model_dir, "config.json");

	if (e == 0)
		e = write_object(make_generation(s), model_dir,
		    "generation_config.json");
	return e;
}

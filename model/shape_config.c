/* config.json and generation_config.json of the four families. */
#include "model/shape_config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "model/beneath.h"
#include "model/fields.h"

#define CONFIG_BYTES_MAX (1u << 20)
#define HIDDEN_MAX (1 << 18)
#define INTER_MAX (1 << 20)
#define HEADS_MAX 4096
#define HEAD_DIM_MAX 1024
#define VOCAB_MAX (1 << 24)
#define CONTEXT_MAX (1 << 24)

/* What a family takes for what its file does not say.  kv_heads 0: as many as
 * heads.  head_dim 0: hidden / heads. */
static const struct family {
	const char *architecture;
	int kv_heads, head_dim, context;
	bool attention_bias; /* the file may ask for it: q, k, v and o */
	bool qkv_bias;	     /* always there, whatever the file says */
	bool mlp_bias;	     /* the file may ask for it */
	bool qk_norm;
} families[] = {
	[SHAPE_LLAMA] = { "LlamaForCausalLM", 0, 0, 2048, true, false, true,
	    false },
	[SHAPE_MISTRAL] = { "MistralForCausalLM", 8, 0, 131072, false, false,
	    false, false },
	[SHAPE_QWEN2] = { "Qwen2ForCausalLM", 32, 0, 32768, false, true, false,
	    false },
	[SHAPE_QWEN3] = { "Qwen3ForCausalLM", 32, 128, 32768, true, false,
	    false, true },
};

#define NFAMILIES ((int)(sizeof(families) / sizeof(families[0])))

static int
read_family(struct shape *s, const json_t *config)
{
	const char *name = json_string_value(
	    json_array_get(json_object_get(config, "architectures"), 0));

	for (int i = 0; name != NULL && i < NFAMILIES; i++)
		if (strcmp(name, families[i].architecture) == 0) {
			s->family = (enum shape_family)i;
			return 0;
		}
	return err_set(ERR_UNSUPPORTED,
	    "architectures: %.80s: want LlamaForCausalLM, MistralForCausalLM, "
	    "Qwen2ForCausalLM or Qwen3ForCausalLM",
	    name == NULL ? "none named" : name);
}

/* What would be computed wrongly if it were passed over. */
static int
check_supported(const json_t *config)
{
	const json_t *quantized = field(config, "quantization_config");
	const char *act = "silu", *method = "not named";
	int e;

	if (quantized != NULL) {
		(void)field_text(quantized, "quant_method", &method);
		return err_set(ERR_UNSUPPORTED,
		    "quantization_config: quant_method %.40s: want weights in "
		    "F32, F16 or BF16",
		    method);
	}
	if ((e = field_text(config, "hidden_act", &act)) != 0)
		return e;
	if (strcmp(act, "silu") != 0)
		return err_set(ERR_UNSUPPORTED, "hidden_act: %.40s: want silu",
		    act);
	return 0;
}

static int
read_heads(struct shape *s, const json_t *config, const struct family *f)
{
	bool silent = json_object_get(config, "num_key_value_heads") == NULL;
	int e;

	s->kv_heads = silent && f->kv_heads != 0 ? f->kv_heads : s->heads;
	s->head_dim = f->head_dim;
	if ((e = field_int(config, "num_key_value_heads", 1, HEADS_MAX,
		 &s->kv_heads)) != 0 ||
	    (e = field_int(config, "head_dim", 2, HEAD_DIM_MAX,
		 &s->head_dim)) != 0)
		return e;
	if (s->heads % s->kv_heads != 0)
		return err_set(ERR_FORMAT,
		    "num_key_value_heads: %d does not divide the %d heads",
		    s->kv_heads, s->heads);
	if (s->head_dim != 0)
		return 0;
	s->head_dim = s->hidden / s->heads;
	if (s->hidden % s->heads != 0 || s->head_dim < 2 ||
	    s->head_dim > HEAD_DIM_MAX)
		return err_set(ERR_FORMAT,
		    "hidden_size: %d over %d heads is no head_dim of 2 to %d",
		    s->hidden, s->heads, HEAD_DIM_MAX);
	return 0;
}

static int
read_sizes(struct shape *s, const json_t *config, const struct family *f)
{
	double eps = 1e-6;
	int e;

	s->context = f->context;
	if ((e = field_need(config, "hidden_size", 1, HIDDEN_MAX,
		 &s->hidden)) != 0 ||
	    (e = field_need(config, "intermediate_size", 1, INTER_MAX,
		 &s->inter)) != 0 ||
	    (e = field_need(config, "num_hidden_layers", 1, SHAPE_LAYERS_MAX,
		 &s->layers)) != 0 ||
	    (e = field_need(config, "num_attention_heads", 1, HEADS_MAX,
		 &s->heads)) != 0 ||
	    (e = field_need(config, "vocab_size", 1, VOCAB_MAX, &s->vocab)) !=
		0 ||
	    (e = field_int(config, "max_position_embeddings", 1, CONTEXT_MAX,
		 &s->context)) != 0 ||
	    (e = field_number(config, "rms_norm_eps", 0, 1, &eps)) != 0 ||
	    (e = field_bool(config, "tie_word_embeddings", &s->tied)) != 0)
		return e;
	s->rms_eps = (float)eps;
	return read_heads(s, config, f);
}

static int
read_biases(struct shape *s, const json_t *config, const struct family *f)
{
	bool attention = false;
	int e;

	if ((e = field_bool(config, "attention_bias", &attention)) != 0 ||
	    (e = field_bool(config, "mlp_bias", &s->mlp_bias)) != 0)
		return e;
	s->o_bias = f->attention_bias && attention;
	s->qkv_bias = f->qkv_bias || s->o_bias;
	s->mlp_bias = f->mlp_bias && s->mlp_bias;
	s->qk_norm = f->qk_norm;
	return 0;
}

static int
read_config(struct shape *s, const json_t *config)
{
	const struct family *f;
	int e;

	if ((e = read_family(s, config)) != 0 ||
	    (e = check_supported(config)) != 0)
		return e;
	f = &families[s->family];
	if ((e = read_sizes(s, config, f)) != 0 ||
	    (e = read_biases(s, config, f)) != 0 ||
	    (e = shape_rope_read(s, config)) != 0)
		return e;
	return shape_window_read(s, config);
}

static int
read_files(struct shape *s, int dirfd, json_t **config, json_t **generation)
{
	int e = beneath_json(config, dirfd, "config.json", CONFIG_BYTES_MAX,
	    true);

	if (e != 0)
		return e;
	if (read_config(s, *config) != 0)
		return err_add("config.json");
	e = beneath_json(generation, dirfd, "generation_config.json",
	    CONFIG_BYTES_MAX, true);
	if (e != 0 && e != ERR_NOT_FOUND)
		return e;
	return shape_generation_read(s, *config, *generation);
}

int
shape_read(struct shape *s, const char *model_dir)
{
	json_t *config = NULL, *generation = NULL;
	int dirfd, e;

	*s = (struct shape){ 0 };
	if ((e = beneath_dir(&dirfd, AT_FDCWD, model_dir)) != 0)
		return e;
	e = read_files(s, dirfd, &config, &generation);
	json_decref(config);
	json_decref(generation);
	close(dirfd);
	return e == 0 ? 0 : err_add("%s", model_dir);
}

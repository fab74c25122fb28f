/*
 * shape.h -- what kind of model a Hugging Face directory holds.
 *
 * Reads config.json and generation_config.json of Llama, Mistral, Qwen2 and
 * Qwen3 dense models; refuses what it would compute wrongly.  A shape is plain
 * data without pointers, so that it can lie in shared memory.
 *
 * Memory   The caller's; nothing is kept.
 * Threads  No state of its own.
 * Waiting  shape_read, for the files.
 */
#ifndef MODEL_SHAPE_H
#define MODEL_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_EOS_MAX 8
#define SHAPE_LAYERS_MAX 512

enum shape_family { SHAPE_LLAMA, SHAPE_MISTRAL, SHAPE_QWEN2, SHAPE_QWEN3 };
enum shape_rope { ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3, ROPE_YARN };

struct shape {
	enum shape_family family;
	int hidden, inter, layers, vocab;
	int heads, kv_heads, head_dim;
	int context;	/* max_position_embeddings */
	int rotary_dim; /* head_dim * partial_rotary_factor, even */
	float rms_eps;
	bool qkv_bias, o_bias, mlp_bias;
	bool qk_norm; /* RMSNorm over head_dim of q and k, before RoPE */
	bool tied;    /* the output head is the embedding */
	/* Where windowed[i], the token at q of layer i sees only the keys k with
	 * q - window < k <= q. */
	int window; /* 0: none */
	uint8_t windowed[SHAPE_LAYERS_MAX];

	enum shape_rope rope;
	double rope_theta, rope_factor;
	double rope_low, rope_high;	       /* llama3 */
	double rope_original;		       /* llama3, yarn: L */
	double rope_beta_fast, rope_beta_slow; /* yarn */
	double rope_attention;		       /* multiplies cos and sin */
	bool rope_truncate;		       /* yarn */

	int bos; /* -1: none named */
	int eos[SHAPE_EOS_MAX], neos;
	/* Defaults of generation_config.json; has_* tells which it names. */
	bool has_temperature, has_top_p, has_top_k, has_repetition;
	float temperature, top_p, repetition;
	int top_k;
};

/* ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED (says what and what is known). */
int shape_read(struct shape *, const char *model_dir);

/* Writes config.json and generation_config.json that shape_read reads back. */
int shape_write(const struct shape *, const char *model_dir);

/* Inverse frequencies f_i of RoPE, i < rotary_dim / 2, scaling applied. */
void shape_rope_frequencies(const struct shape *, double *f);

/* A linear layer that an adapter may change, and its size.  The first seven
 * exist once a layer; the last two once a model. */
enum shape_linear {
	LINEAR_Q,
	LINEAR_K,
	LINEAR_V,
	LINEAR_O,
	LINEAR_GATE,
	LINEAR_UP,
	LINEAR_DOWN,
	LINEAR_LAYER_COUNT,
	LINEAR_HEAD = LINEAR_LAYER_COUNT,
	LINEAR_EMBED,
	LINEAR_COUNT
};
int shape_in(const struct shape *, enum shape_linear);
int shape_out(const struct shape *, enum shape_linear);
const char *shape_linear_name(enum shape_linear); /* "q_proj" ... */

/* Every tensor of a checkpoint.  WEIGHT_Q + linear is the weight of a linear
 * layer, (out, in) but for the embedding, which is (in, out); WEIGHT_Q_BIAS +
 * linear its bias (the first seven alone). */
enum shape_weight {
#define WEIGHT(id, layered, name, has, rows, cols) WEIGHT_##id,
#include "model/weights.tbl"
#undef WEIGHT
	WEIGHT_COUNT
};

#define SHAPE_NAME_MAX 64 /* no tensor's name is longer, end included */

bool shape_weight_layered(enum shape_weight); /* once a layer, or once */
bool shape_has(const struct shape *, enum shape_weight);
int shape_rows(const struct shape *, enum shape_weight);
int shape_cols(const struct shape *, enum shape_weight); /* 1: a vector */

/* "model.layers.3.self_attn.q_proj.weight"; layer counts only where layered.
 * Returns out, SHAPE_NAME_MAX bytes. */
char *shape_weight_name(char *out, enum shape_weight, int layer);

/* "model.layers.3.self_attn.q_proj", "lm_head", "model.embed_tokens". */
char *shape_module_name(char *out, enum shape_linear, int layer);

struct tensors;

/* 0 if every weight is there with its shape and a dtype we compute with, and
 * no other tensor but the rotary_emb.inv_freq of old files; else ERR_FORMAT or
 * ERR_UNSUPPORTED, naming the tensor. */
int shape_check_weights(const struct shape *, const struct tensors *);

/* What the model is, as people read it (several lines).  tensors may be NULL:
 * then nothing is said of the files. */
void shape_report(const struct shape *, const struct tensors *, char *out,
    size_t size);

const char *shape_family_name(enum shape_family); /* "llama" ... */

/* Floats of K and V together that one token adds to the cache. */
uint64_t shape_kv_floats(const struct shape *);

/* Parameters of the model, tied weights counted once. */
uint64_t shape_parameters(const struct shape *);

/* Bytes in which all weights find room, whatever their order: matrices in
 * numbers of `each` bytes, vectors in floats, each beginning on
 * SHAPE_REGION_ALIGN bytes, and SHAPE_REGION_SPARE to spare; in whole
 * SHAPE_REGION_UNIT.  Matrices that are joined (q k v; gate up) take no more. */
#define SHAPE_REGION_ALIGN 256u
#define SHAPE_REGION_SPARE (1u << 20)
#define SHAPE_REGION_UNIT (2u << 20)
uint64_t shape_region_bytes(const struct shape *, uint64_t each);

#endif

/*
 * adapter_config.h -- adapter_config.json: what PEFT says of an adapter.
 *
 * The tensors say what is adapted; this says with which rank and scale, and
 * what is expected to be there.  What it asks for and we do not compute is
 * refused by name.  For the files of adapter*.c alone.
 *
 * Memory   lora_read allocates, lora_close frees; fine for a zeroed struct.
 */
#ifndef MODEL_ADAPTER_CONFIG_H
#define MODEL_ADAPTER_CONFIG_H

#include <jansson.h>

#include "model/adapter.h"
#include "model/pattern.h"

/* Patterns, each with a number (of rank_pattern, alpha_pattern) or without. */
struct lora_patterns {
	struct pattern *list;
	double *values;
	int n;
};

/* Which modules: those whose name is or ends in an entry, or a pattern. */
struct lora_names {
	const json_t *list; /* of texts; NULL: none */
	struct pattern pattern;
	bool is_pattern, all_linear;
};

struct lora {
	json_t *json;
	int r;
	double alpha;
	bool rslora;
	struct lora_patterns ranks, alphas, layers;
	struct lora_names targets, excluded;
	const json_t *layer_list; /* layers_to_transform: int, list or NULL */
};

/* Reads and judges adapter_config.json below dirfd; fills base_name, ignored,
 * alpha, rslora and config_hash of the adapter. */
int lora_read(struct lora *, struct adapter *, int dirfd);
void lora_close(struct lora *);

/* Refuses the fields that change what is computed; notes those passed over. */
int lora_check_fields(const json_t *config, struct adapter *);

/* The targets, exclusions and layers; needs json to be read. */
int lora_read_targets(struct lora *);
void lora_free_targets(struct lora *);
int lora_read_patterns(struct lora_patterns *, const json_t *config,
    const char *field, double least, double most, bool whole);
void lora_free_patterns(struct lora_patterns *);

/* Rank and scale of a module, "model.layers.0.self_attn.q_proj". */
int lora_rank(const struct lora *, const char *module, int *rank);
int lora_scale(const struct lora *, const char *module, int rank, float *scale);

/* Whether PEFT would put an adapter on this module. */
int lora_expects(const struct lora *, const char *module, enum shape_linear,
    bool *expects);

/* Appends a sentence to a list of them; what does not fit is left out. */
void lora_note(char *list, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

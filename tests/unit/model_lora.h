/*
 * model_lora.h -- adapters that tests make, for a model of two small layers.
 */
#ifndef TESTS_UNIT_MODEL_LORA_H
#define TESTS_UNIT_MODEL_LORA_H

#include "model/adapter.h"

#define LORA_FRONT "base_model.model.model.layers."
#define LORA_TENSORS_MAX 64
#define LORA_NAME_BYTES 128

/* Fields of a good adapter_config.json, without the braces. */
#define LORA_GOOD                                                              \
	"\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":4,"                     \
	"\"target_modules\":[\"q_proj\",\"v_proj\"]"

/* Tensors to be written. */
struct lora_files {
	struct tensor_out list[LORA_TENSORS_MAX];
	char names[LORA_TENSORS_MAX][LORA_NAME_BYTES];
	int n;
};

/* Two layers, hidden 8, two heads of 4 and one of keys and values, 12 in the
 * middle, 10 words, a head of its own. */
struct shape lora_shape(void);

/* Adds a tensor of random numbers, and returns them: rows * cols floats. */
float *lora_tensor(struct lora_files *, const char *name, int rows, int cols);

/* Adds A and B of a module, "0.self_attn.q_proj" of the layers. */
void lora_pair(struct lora_files *, const char *module, int rank, int in,
    int out);

/* q and v of both layers, of rank 2: what LORA_GOOD expects. */
void lora_good(struct lora_files *);

/* Writes both files to directory name; a NULL is not written. */
void lora_write(const char *name, const char *config,
    const struct lora_files *);
void lora_free(struct lora_files *);

/* Opens it; 0 or the error. */
int lora_open(struct adapter *, const char *name, struct adapter_rules);

/* Fails unless opening, or then packing, ends with a sentence like this. */
void lora_refused(const char *name, struct adapter_rules, const char *why);

/* Packs it into malloced memory of *bytes; NULL: the error is set. */
struct adapter_image *lora_pack(const struct adapter *, enum tensor_dtype,
    uint32_t page_bytes, struct adapter_rules, uint64_t *bytes);

#endif

/*
 * synth.h -- models and adapters of random numbers, as files.
 *
 * For measuring and for tests: the sizes of real models, the files that
 * Hugging Face and PEFT write, numbers from a seed.  Weights are drawn so that
 * activations and logits keep the size that they have in trained models.  The
 * tokenizer has a token a byte, one that ends a text, and words that no text
 * becomes, so that any answer can be read.
 *
 * Memory   A few MiB: files larger than the machine's memory are written.
 * Waiting  As long as the disk does.
 */
#ifndef MODEL_SYNTH_H
#define MODEL_SYNTH_H

#include <stddef.h>
#include <stdint.h>

#include "model/shape.h"
#include "model/tensors.h"

/* "tiny, tinyllama-1.1b, ..." for people. */
const char *synth_shapes(void);

/* The shape of this name.  ERR_USAGE: none, and which there are. */
int synth_shape(struct shape *, const char *name);

/* Writes a model of a named shape to directory dir, which is made if it is not
 * there.  dtype: F32, F16 or BF16. */
int synth_model(const char *shape_name, const char *dir,
    enum tensor_dtype dtype, uint64_t seed);

struct synth_lora {
	int rank;
	double alpha; /* 0: twice the rank */
	bool rslora;
	enum tensor_dtype dtype;
	/* Names with commas between, "q_proj,v_proj", among them lm_head and
	 * embed_tokens; NULL: the seven of each layer. */
	const char *targets;
	uint64_t seed;
};

/* Writes an adapter for the model in model_dir to dir, made if it is not
 * there.  ERR_USAGE: rank or targets. */
int synth_adapter(const char *model_dir, const char *dir,
    const struct synth_lora *);

#endif

/*
 * synth_fill.h -- random tensors to a file; for the files of synth*.c alone.
 */
#ifndef MODEL_SYNTH_FILL_H
#define MODEL_SYNTH_FILL_H

#include <jansson.h>

#include "model/tensors.h"

/* How the numbers of one tensor are drawn: from a normal distribution. */
struct synth_law {
	double mean, deviation;
};

/* Writes the tensors, each by its law; what one holds is a function of the
 * seed and its name alone. */
int synth_tensors(const char *dir, const char *file, const struct tensor_out *,
    const struct synth_law *, int count, uint64_t seed);

/* Makes a directory, unless it is there. */
int synth_dir(const char *dir);

/* Writes a JSON file; takes the object, which may be NULL for want of memory. */
int synth_json(json_t *, const char *dir, const char *file);

/* tokenizer.json and tokenizer_config.json for a vocabulary of this size, at
 * least SYNTH_END + 1. */
int synth_tokenizer(const char *dir, int vocab);

#define SYNTH_END 256 /* the token that ends a text */

#endif

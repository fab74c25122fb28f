/*
 * fingerprint.h -- which base model this is, in 32 bytes.
 *
 * SHA-256 over the names, dtypes and shapes of all its tensors, in the order of
 * their files, and the first numbers of each: enough to tell a model from its
 * finetunes and from other sizes, and read in a moment.
 *
 * Memory   None is kept.
 */
#ifndef MODEL_FINGERPRINT_H
#define MODEL_FINGERPRINT_H

#include "model/tensors.h"

#define FINGERPRINT_BYTES 32

/* ERR_IO; ERR_MEMORY. */
int model_fingerprint(const struct tensors *,
    unsigned char out[FINGERPRINT_BYTES]);

#endif

/*
 * weights.h -- a model's weights, packed for the processor that computes.
 *
 * Linear layers become panels (cpu/matrix.h) of bf16 or f32; norms and biases
 * are f32.  A tied embedding is kept once, as the head.  Files are read with
 * pread by all threads of the pool, panel by panel, so that loading costs
 * little more than reading.
 *
 * Memory   One private anonymous mapping, in huge pages where the kernel can.
 * Threads  After opening, any number may read.
 */
#ifndef GPUEXEC_CPU_WEIGHTS_H
#define GPUEXEC_CPU_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuexec/cpu/matrix.h"
#include "gpuexec/cpu/pool.h"
#include "model/shape.h"
#include "model/tensors.h"

struct weights_layer {
	struct cpu_matrix linear[LINEAR_LAYER_COUNT];
	float *input_norm, *post_norm;
	float *q_norm, *k_norm; /* NULL: none */
};

struct weights {
	struct weights_layer *layers;
	struct cpu_matrix head;
	float *norm;
	void *embed; /* (vocab, hidden); NULL: the head's rows */
	bool half;   /* bf16, else f32 */
	int hidden;
	void *memory; /* all of the above lies here */
	size_t bytes;
};

/* dtype F32 or BF16; OTHER: bf16 if all linear layers of the files are, else
 * f32.  ERR_NOT_FOUND, ERR_FORMAT, ERR_UNSUPPORTED, ERR_IO, ERR_MEMORY. */
int weights_open(struct weights *, const char *model_dir, const struct shape *,
    enum tensor_dtype dtype, struct pool *);
void weights_close(struct weights *);

/* Bytes that weights of this kind will take. */
size_t weights_bytes(const struct shape *, enum tensor_dtype);

/* The embedding of a token, as floats. */
void weights_embed(const struct weights *, int token, float *out);

#endif

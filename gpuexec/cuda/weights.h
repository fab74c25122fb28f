/*
 * weights.h -- a model's weights in the front of the device pool.
 *
 * As Hugging Face stores them, (out, in) row-major, of dtype; q, k and v of a
 * layer are one matrix, gate and up are one.  Norms and biases are float.  A
 * tied embedding is kept once.  Everything begins on CUDA_WEIGHTS_ALIGN bytes.
 *
 *	[ embed | head | norm | layer 0 | layer 1 | ... ]
 *
 * The region outlives the process: a mark in our segment says what is in it,
 * under which pool, with a checksum.  Whoever comes next recognises the files
 * by their identity, adds up the region with a kernel, and reads nothing.
 *
 * Memory   The region is the pool's; cuda_weights_open allocates the table of
 *          layers, and staging for as long as it reads.
 */
#ifndef GPUEXEC_CUDA_WEIGHTS_H
#define GPUEXEC_CUDA_WEIGHTS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/shape.h"
#include "model/tensors.h"
#include "shm/pool.h"

#define CUDA_WEIGHTS_ALIGN 256

struct cuda_layer {
	void *qkv, *o, *gate_up, *down;
	float *qkv_bias, *o_bias, *gate_up_bias, *down_bias; /* NULL: none */
	float *input_norm, *post_norm;
	float *q_norm, *k_norm; /* NULL: none */
};

struct cuda_weights {
	struct cuda_layer *layers;
	void *embed, *head; /* the same, if tied */
	float *norm;
	enum tensor_dtype dtype; /* BF16 or F16 */
	void *region;
	uint64_t bytes; /* of it that are used */
	bool attached;	/* were there already */
};

/* Bytes of the region that weights of this kind take. */
uint64_t cuda_weights_bytes(const struct shape *, enum tensor_dtype);

/* Fills a region of room bytes, or finds it filled as the mark says it was under
 * this pool; the mark is brought up to date (NULL: there is none).  files NULL:
 * the region is laid out and left as it is.  Waits for the stream.  ERR_* as
 * tensors_read; ERR_LIMIT: the region is too small; ERR_DEVICE. */
int cuda_weights_open(struct cuda_weights *, const struct shape *,
    const struct tensors *files, enum tensor_dtype, void *region, uint64_t room,
    struct weights_mark *, uint64_t pool, cudaStream_t);
void cuda_weights_close(struct cuda_weights *);

#endif

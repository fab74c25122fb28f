/*
 * kernels.h -- the kernels of the cuda backend, as the host calls them.
 *
 * One family a file, each with its formula, what bounds it, and its definition
 * in cpu/reference/.  Every launcher queues its work on the stream and returns
 * 0 or ERR_DEVICE; nothing waits.  Shapes are (rows, cols), row-major, without
 * padding unless an ld is given.  All pointers are device addresses.
 *
 * `dtype` is that of weights, of activations between operations, and of keys
 * and values: TENSOR_BF16 or TENSOR_F16.  Sums are float, the residual stream
 * h is float.
 *
 * `rows_max` and the like bound the grid; how many there are, the kernels read
 * in the step (step.h).
 */
#ifndef GPUEXEC_CUDA_KERNELS_H
#define GPUEXEC_CUDA_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuexec/cuda/step.h"
#include "model/shape.h"
#include "model/tensors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Blocks for so many items, at most `each` a multiprocessor: kernels that take
 * item after item. */
int cuda_grid(int items, int each);

/* Compute capability of the device, 90 for 9.0. */
int cuda_capability(void);

/* embed.cu: h[r,:] = table[token[r],:]	table (vocab, cols) of dtype, h float */
int cuda_embed(cudaStream_t, float *h, const void *table, int cols,
    enum tensor_dtype, const struct cuda_step *, int rows_max);

/* norm.cu: x[r,:] = rmsnorm(h[r,:]) * w, x of dtype, w float.  picked: row r is
 * that of logits_row[r], for r < nlogits. */
int cuda_rmsnorm(cudaStream_t, void *x, const float *h, const float *w,
    int cols, float eps, enum tensor_dtype, bool picked,
    const struct cuda_step *, int rows_max);

/* bias.cu: y[r,:] += bias */
int cuda_add_bias(cudaStream_t, float *y, size_t ldy, const float *bias,
    int cols, const struct cuda_step *, int rows_max);

/* rope.cu: from the product of q, k and v of each row to q of dtype and keys
 * and values in their blocks: bias, norms of q and k heads, rotary positions.
 *
 * A KV block holds block_tokens positions of all layers, of dtype:
 *
 *	layer 0: K [kv_heads][block_tokens][head_dim], V likewise
 *	layer 1: ... */
struct cuda_rope {
	const float *qkv;  /* (rows, (heads + 2 kv_heads) * head_dim) */
	void *q;	   /* (rows, heads * head_dim) of dtype */
	const float *bias; /* ((heads + 2 kv_heads) * head_dim); NULL: none */
	const float *q_norm, *k_norm; /* (head_dim); NULL: none */
	const float *frequency;	      /* [rotary_dim / 2] */
	float eps, scale;	      /* cos and sin are multiplied by scale */
	int heads, kv_heads, head_dim, rotary_dim, block_tokens, layer;
	enum tensor_dtype dtype;
};
int cuda_rope_keep(cudaStream_t, const struct cuda_rope *,
    const struct cuda_step *, int rows_max);

/* attend_alone.cu, attend_tile.cu: out[r,h] = softmax(q K^T / sqrt(head_dim)) V
 * over positions (position[r] - window, position[r]] (window 0: all below), of
 * key head h / (heads / kv_heads).  The first does the rows in `alone`, the
 * second those in `tile`.  head_dim is even, at most CUDA_HEAD_MAX. */
#define CUDA_HEAD_MAX 256
struct cuda_attend {
	const void *q;	/* (rows, heads * head_dim) of dtype */
	void *out;	/* likewise */
	float *partial; /* cuda_partial_floats of all splits */
	int heads, kv_heads, head_dim, block_tokens, layer, window;
	enum tensor_dtype dtype;
};
size_t cuda_partial_floats(int splits, int heads, int head_dim);
int cuda_attend_alone(cudaStream_t, const struct cuda_attend *,
    const struct cuda_step *, int splits_max, int alone_max);
int cuda_attend_tile(cudaStream_t, const struct cuda_attend *,
    const struct cuda_step *, int tiles_max);

/* silu.cu: y[r,i] = silu(g[r,i]) * g[r, cols + i]	g (rows, 2 cols) float,
 * y (rows, cols) of dtype */
int cuda_silu_mul(cudaStream_t, void *y, const float *g, int cols,
    enum tensor_dtype, const struct cuda_step *, int rows_max);

/* lora_shrink.cu: t = x A^T; lora_expand.cu: y[r, column + o] += t B; for the
 * rows of the pieces and up to CUDA_PRODUCTS linear layers that share x.  Exactly
 * the rank of each module is computed; rows in no piece are not touched.  t stays
 * float. */
#define CUDA_PRODUCTS 3
struct cuda_lora_product {
	enum shape_linear linear;
	int out, column;
};
struct cuda_lora {
	const struct cuda_adapter *adapters;
	int layers, layer; /* of the model; which */
	int nproducts;
	struct cuda_lora_product product[CUDA_PRODUCTS];
	const void *x; /* (rows, in) of dtype */
	int in;
	float *t; /* (rows, CUDA_PRODUCTS, ADAPTER_RANK_MAX) */
	float *y; /* (rows, ldy) */
	size_t ldy;
	enum tensor_dtype dtype; /* of x; an adapter's numbers have their own */
	bool head;		 /* rows are logits rows, pieces head_piece */
};
int cuda_lora_shrink(cudaStream_t, const struct cuda_lora *,
    const struct cuda_step *, int pieces_max);
int cuda_lora_expand(cudaStream_t, const struct cuda_lora *,
    const struct cuda_step *, int pieces_max);

/* lora_embed.cu: t in place of the first, where A lies by token, (vocab, rank):
 * t[r,:] = A[token[r],:] */
int cuda_lora_look_up(cudaStream_t, const struct cuda_lora *,
    const struct cuda_step *, int pieces_max);

/* sample.cu: picks[i] = sample_pick of pick[i]; logits (nlogits, ld) float.
 * The same token as sample_pick for the same logits.  work: of
 * cuda_sample_bytes. */
size_t cuda_sample_bytes(int picks_max, int vocab);
int cuda_sample(cudaStream_t, struct cuda_picked *picks, const float *logits,
    size_t ld, int vocab, void *work, const struct cuda_step *, int picks_max);

/* done.cu: *done = *number, when all that was queued before is visible to the
 * host; both in memory of the host that the device can reach. */
int cuda_done(cudaStream_t, uint64_t *done, const uint64_t *number);

/* checksum.cu: sums[i] = checksum_part of bytes [i, i + 1) * CHECKSUM_PART
 * (base/checksum.h); the last part may be shorter. */
int cuda_checksum(cudaStream_t, uint64_t *sums, const void *from,
    uint64_t bytes);

/* Likewise of bytes in pages, each page in parts of its own: cuda_parts of them.
 * page: addresses, on the device. */
int cuda_checksum_pages(cudaStream_t, uint64_t *sums, const uint64_t *page,
    uint64_t page_bytes, uint64_t bytes);
int cuda_parts(uint64_t bytes, uint64_t page_bytes);

#ifdef __cplusplus
}
#endif

#endif

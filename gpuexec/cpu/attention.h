/*
 * attention.h -- keys, values and queries of one layer, over paged memory.
 *
 * A KV block holds block_tokens positions of all layers:
 *
 *	layer 0: K [kv_heads][head_dim][block_tokens]
 *		 V [kv_heads][block_tokens][head_dim]
 *	layer 1: ...
 *
 * K is turned, so that the scores of neighbouring keys are one vector.  The
 * first loop writes K and V of all rows, the second reads them; queries of one
 * sequence that share a key head go together in tiles.
 *
 * Memory   Tiles and scratch are the caller's, sized once.
 * Threads  One caller; the pool's threads inside.
 */
#ifndef GPUEXEC_CPU_ATTENTION_H
#define GPUEXEC_CPU_ATTENTION_H

#include "gpuexec/cpu/kernels.h"
#include "gpuexec/cpu/pool.h"

/* A row of the step: one token of one sequence. */
struct cpu_row {
	int position;
	void *const *blocks; /* of its sequence, by position / block_tokens */
};

/* Neighbouring rows of one sequence whose queries share a tile: queries
 * [query, query + n) of the sequence, group by group; query i is row
 * row + i / group, head i % group of the key head's group. */
struct cpu_attend_tile {
	int row; /* first row of the sequence */
	int query, n;
};

struct cpu_attention {
	const struct cpu_kernels *kernels;
	struct pool *pool;
	int heads, kv_heads, head_dim, rotary_dim, block_tokens;
	int layer, window;	      /* 0: none */
	bool half;		      /* KV in bf16 */
	float eps;		      /* of q and k norms */
	const float *q_norm, *k_norm; /* NULL: none */

	const struct cpu_row *row;
	int rows;
	const float *cos, *sin; /* (rows, rotary_dim / 2) */
	float *q, *k, *v;	/* (rows, heads * head_dim) ..., changed */
	size_t ld;		/* of all three */
	float *out;		/* (rows, heads * head_dim) */
	size_t ldout;
	const struct cpu_attend_tile *tiles;
	int ntiles;
	float *scratch; /* [threads][CPU_QUERIES][scratch_ld] */
	size_t scratch_ld;
};

/* Bytes of a KV block. */
size_t cpu_block_bytes(int block_tokens, int layers, int kv_heads, int head_dim,
    bool half);

/* Floats of scratch a query needs for so many positions. */
size_t cpu_scratch_ld(int context, int block_tokens);

/* Norms and turns q and k, scales q by 1/sqrt(head_dim), writes K and V. */
void cpu_attention_keep(struct cpu_attention *);

/* out = softmax(q K^T) V, over positions up to each row's own. */
void cpu_attention_run(struct cpu_attention *);

#endif

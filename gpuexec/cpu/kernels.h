/*
 * kernels.h -- the inner loops, once for each kind of processor.
 *
 * kernels_body.h is written once over a handful of vector operations and
 * compiled for AVX-512, AVX2 with FMA, and plain C; the best that the processor
 * has is chosen at start.
 *
 * The rule of all of them: **each number is added up in an order that depends
 * on the model alone**, not on how many rows a step has, where a prompt was cut,
 * or which thread came first.  So the same prefix gives the same bits whatever
 * runs beside it.  A product sums over k from 0 upwards in one accumulator; a
 * reduction along a row has one accumulator a lane and joins the lanes as a
 * fixed tree; attention starts its lanes at a position that is a multiple of
 * CPU_LANES.  Kernels of different processors may differ in the last bits.
 *
 * Weights lie in panels of CPU_PANEL outputs, k by k, so that one layout is
 * read in order by one row and by many:
 *
 *	f32    float w[k][32]
 *	bf16   uint32_t w[k][16]: output j in the low half, j + 16 in the high
 *
 * bf16 becomes f32 by a shift and a mask in a register; sums are f32.
 *
 * Threads  Pure.
 */
#ifndef GPUEXEC_CPU_KERNELS_H
#define GPUEXEC_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_PANEL 32	/* outputs of a panel */
#define CPU_LANES 16	/* widest vector, in floats */
#define CPU_QUERIES 8	/* queries of an attention tile */
#define CPU_ROWS_MAX 14 /* rows of the largest product tile */

/* One tile of a product: y[r][j] (+)= bias[j] + sum_k x[r][k] w[k][j]. */
struct cpu_tile {
	const float *x;
	size_t ldx;
	const void *w;	   /* one panel */
	const float *bias; /* CPU_PANEL, or NULL */
	float *y;
	size_t ldy;
	int cols;	   /* k */
	bool add;	   /* to what y holds, else instead of it */
	const void *ahead; /* panel that comes next, or NULL: fetched early */
};

/* Queries that share a key head, and the keys they look at. */
struct cpu_attend {
	const float *q[CPU_QUERIES]; /* head_dim each, scaled */
	float *out[CPU_QUERIES];
	int first[CPU_QUERIES]; /* keys first <= position < end */
	int end[CPU_QUERIES];
	int n;			   /* queries */
	void *const *blocks;	   /* KV blocks by position / block_tokens */
	size_t k_offset, v_offset; /* bytes, of this layer and head */
	int block_tokens, head_dim;
	float *scratch;	   /* CPU_QUERIES * scratch_ld */
	size_t scratch_ld; /* >= positions + 2 * lanes + block */
};

struct cpu_kernels {
	const char *name;
	int rows; /* of the largest tile, <= CPU_ROWS_MAX */
	/* Tiles of 1 .. rows rows. */
	void (*tile_f32)(const struct cpu_tile *, int rows);
	void (*tile_bf16)(const struct cpu_tile *, int rows);
	/* K in a block as [head_dim][block_tokens], V as
	 * [block_tokens][head_dim]. */
	void (*attend_f32)(const struct cpu_attend *);
	void (*attend_bf16)(const struct cpu_attend *);
	/* y = x / sqrt(mean(x^2) + eps) * w */
	void (*rmsnorm)(float *y, const float *x, const float *w, int cols,
	    float eps);
	/* gate = gate / (1 + exp(-gate)) * up */
	void (*silu_mul)(float *gate, const float *up, int cols);
	/* t[r][j] = sum_k x[r][k] a[j][k] */
	void (*shrink_f32)(float *t, size_t ldt, const float *x, size_t ldx,
	    int rows, const void *const *a, int ranks, int cols);
	void (*shrink_bf16)(float *t, size_t ldt, const float *x, size_t ldx,
	    int rows, const void *const *a, int ranks, int cols);
	/* y[r][c] += sum_j t[r][j] b[j][c] for from <= c < to */
	void (*expand_f32)(float *y, size_t ldy, const float *t, size_t ldt,
	    int rows, const void *const *b, int ranks, int from, int to);
	void (*expand_bf16)(float *y, size_t ldy, const float *t, size_t ldt,
	    int rows, const void *const *b, int ranks, int from, int to);
};

/* NULL where this machine or build has it not. */
const struct cpu_kernels *cpu_kernels_avx512(void);
const struct cpu_kernels *cpu_kernels_avx2(void);
const struct cpu_kernels *cpu_kernels_plain(void);

/* The best there is; CHAMELEON_KERNELS in the environment (plain, avx2,
 * avx512) asks for another, for tests. */
const struct cpu_kernels *cpu_kernels_pick(void);

static inline float
cpu_widen(uint16_t v)
{
	union {
		uint32_t u;
		float f;
	} x = { (uint32_t)v << 16 };

	return x.f;
}

/* Floats between the starts of two rows of so many numbers: whole panels, and
 * a cache line more, so that neighbouring rows use different cache sets. */
static inline size_t
cpu_stride(int cols)
{
	return ((size_t)cols + CPU_PANEL - 1) / CPU_PANEL * CPU_PANEL + 16;
}

#endif

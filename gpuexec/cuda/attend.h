/*
 * attend.h -- what both attention kernels are made of; for *.cu alone.
 *
 * Keys and values of one head lie in blocks anywhere (`struct paged`).  A warp
 * copies rows of them into shared memory and multiplies on tensor cores: 16
 * queries by KEYS keys, S = Q K^T, then O += P V, as in mma.h.  Rows in shared
 * memory are 16 bytes longer than DIM numbers, so that eight rows that are read
 * together lie in different banks.
 *
 * head_dim is a multiple of 8 here, at most DIM; numbers behind it are zeros in
 * shared memory, never read elsewhere.  attend_plain does any head_dim, one
 * query of a warp, in plain float.
 *
 * Scores stay unscaled; weights are 2^(scale (s - most)), scale = log2(e) /
 * sqrt(head_dim).  `most` is -INFINITY until a key was seen.
 */
#ifndef GPUEXEC_CUDA_ATTEND_H
#define GPUEXEC_CUDA_ATTEND_H

#include <math.h>

#include "gpuexec/cuda/mma.h"

#define WARPS 4
#define THREADS (WARPS * WARP)
#define QUERIES 16 /* of a warp */

template <int DIM> struct stride {
	static const int numbers = DIM + 8;
};

/* Keys and values of one head, of one sequence. */
struct paged {
	const uint64_t *block; /* that of position 0 first */
	size_t key;    /* where this head's keys begin in a block, bytes */
	unsigned span; /* from a key to its value, bytes */
	int block_tokens, head_dim;
};

template <typename T>
static __device__ __forceinline__ struct paged
paged_of(const struct cuda_attend &a, const struct cuda_step *step, int row,
    int kv_head)
{
	unsigned head = (unsigned)sizeof(T) * a.block_tokens * a.head_dim;
	struct paged p;

	p.block = step->block + step->row_block[row];
	p.key = ((size_t)a.layer * 2 * a.kv_heads + kv_head) * head;
	p.span = a.kv_heads * head;
	p.block_tokens = a.block_tokens;
	p.head_dim = a.head_dim;
	return p;
}

/* The address of a position's key; its value is p.span behind it. */
template <typename T>
static __device__ __forceinline__ const char *
key_at(const struct paged &p, int position)
{
	unsigned block = (unsigned)position / p.block_tokens;
	unsigned token = position - block * p.block_tokens;

	return (const char *)p.block[block] + p.key +
	    sizeof(T) * token * p.head_dim;
}

/* 16 bytes that are there, on 16 bytes: where a copy of zeros points. */
static __device__ __forceinline__ const char *
some_unit(const struct paged &p)
{
	return (const char *)((uintptr_t)p.block & ~(uintptr_t)15);
}

/* The first position that a query at `position` sees. */
static __device__ __forceinline__ int
first_seen(int position, int window)
{
	return window > 0 && position >= window ? position - window + 1 : 0;
}

static __device__ __forceinline__ float
scale_of(int head_dim)
{
	return 1.44269504f / sqrtf((float)head_dim);
}

/* Begins to copy keys and values of positions [first, first + ROWS), a warp
 * together; positions outside [low, high] become zeros, their blocks need not
 * exist.  A lane finds the place of one row and tells the others. */
template <typename T, int DIM, int ROWS>
static __device__ __forceinline__ void
copy_rows(struct copies *copies, T *k, T *v, const struct paged &p, int first,
    int low, int high)
{
	const int units = DIM / 8; /* of 16 bytes, in a row */
	int lane = threadIdx.x % WARP, mine = first + lane;
	unsigned long long at = 0;

	if (lane < ROWS && mine >= low && mine <= high)
		at = (unsigned long long)key_at<T>(p, mine);
#pragma unroll 4
	for (int i = 0; i < ROWS * units / WARP; i++) {
		int row = (i * WARP + lane) / units;
		int n = (i * WARP + lane) % units * 8;
		int to = row * stride<DIM>::numbers + n;
		const char *key = (const char *)__shfl_sync(ALL_LANES, at, row);
		bool have = key != NULL && n < p.head_dim;

		if (have)
			key += sizeof(T) * n;
		else
			key = some_unit(p);
		copy_later(copies, k + to, key, have);
		copy_later(copies, v + to, have ? key + p.span : key, have);
	}
}

/* A query's words of an A: numbers 16 d + 2t.. and 16 d + 8 + 2t.. of `from`
 * in q[d][half] and q[d][2 + half]; NULL: zeros. */
template <typename T, int DIM>
static __device__ __forceinline__ void
take_query(uint32_t (*q)[4], int half, const T *from, int head_dim)
{
	int t = threadIdx.x % 4;

#pragma unroll
	for (int d = 0; d < DIM / 16; d++)
#pragma unroll
		for (int i = 0; i < 2; i++) {
			int n = d * 16 + i * 8 + 2 * t;

			q[d][2 * i + half] = from != NULL && n < head_dim ?
			    *(const uint32_t *)(from + n) :
			    0;
		}
}

/* s = Q K^T for KEYS rows of keys. */
template <typename T, int DIM, int KEYS>
static __device__ __forceinline__ void
score_keys(float (*s)[4], const uint32_t (*q)[4], const T *k)
{
	int lane = threadIdx.x % WARP;
	const T *at = k + (lane / 16 * 8 + lane % 8) * stride<DIM>::numbers +
	    lane / 8 % 2 * 8;

#pragma unroll
	for (int n = 0; n < KEYS / 8; n++)
		s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
#pragma unroll
	for (int d = 0; d < DIM / 16; d++)
#pragma unroll
		for (int n = 0; n < KEYS / 16; n++) {
			uint32_t b[4];

			load_matrices(b,
			    at + n * 16 * stride<DIM>::numbers + d * 16);
			mma<T>(s[2 * n], q[d], b);
			mma<T>(s[2 * n + 1], q[d], b + 2);
		}
}

/* O += P V for KEYS rows of values. */
template <typename T, int DIM, int KEYS>
static __device__ __forceinline__ void
add_values(float (*o)[4], const uint32_t (*p)[4], const T *v)
{
	int lane = threadIdx.x % WARP;
	const T *at = v + lane % 16 * stride<DIM>::numbers + lane / 16 * 8;

#pragma unroll
	for (int n = 0; n < KEYS / 16; n++)
#pragma unroll
		for (int d = 0; d < DIM / 16; d++) {
			uint32_t b[4];

			load_matrices_turned(b,
			    at + n * 16 * stride<DIM>::numbers + d * 16);
			mma<T>(o[2 * d], p[n], b);
			mma<T>(o[2 * d + 1], p[n], b + 2);
		}
}

/* What a query has seen so far; `sum` is this lane's part. */
struct seen {
	float most, sum;
};

/* Scores of KEYS keys of the query in row g + 8 half, turned into weights, in
 * place.  Returns what the query's output so far is to be multiplied by. */
template <int KEYS>
static __device__ __forceinline__ float
weigh(float (*s)[4], int half, struct seen *seen, float scale)
{
	float most = seen->most, base, fade;

#pragma unroll
	for (int n = 0; n < KEYS / 8; n++)
		most = fmaxf(most, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
	most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1));
	most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
	/* No key seen yet: -INFINITY less itself would be no number. */
	base = most == -INFINITY ? 0 : most * scale;
	fade = power_of_two(seen->most * scale - base);
	seen->most = most;
	seen->sum *= fade;
#pragma unroll
	for (int n = 0; n < KEYS / 8; n++)
#pragma unroll
		for (int i = 2 * half; i < 2 * half + 2; i++) {
			s[n][i] = power_of_two(fmaf(s[n][i], scale, -base));
			seen->sum += s[n][i];
		}
	return fade;
}

/* The four lanes of a query together. */
static __device__ __forceinline__ float
sum_of_query(float part)
{
	part += __shfl_xor_sync(ALL_LANES, part, 1);
	return part + __shfl_xor_sync(ALL_LANES, part, 2);
}

/* ---- any head_dim ----------------------------------------------------- */

#define PLAIN_PAIRS (CUDA_HEAD_MAX / 2 / WARP)

/* A warp's query: numbers 2 (lane + WARP i) and the next of its output, not yet
 * divided by sum.  most is in units of the weights' exponent. */
struct plain {
	float most, sum;
	float out[PLAIN_PAIRS][2];
};

template <typename T>
static __device__ __forceinline__ float
plain_score(const T *q, const T *key, int head_dim)
{
	float sum = 0;

	for (int d = threadIdx.x % WARP; d < head_dim; d += WARP)
		sum += widen(q[d]) * widen(key[d]);
	for (int by = WARP / 2; by > 0; by /= 2)
		sum += __shfl_xor_sync(ALL_LANES, sum, by);
	return sum * scale_of(head_dim);
}

/* Over positions [low, high]; none of them: most -INFINITY, sum and out 0. */
template <typename T>
static __device__ void
attend_plain(struct plain *to, const T *q, const struct paged &p, int low,
    int high)
{
	to->most = -INFINITY;
	to->sum = 0;
	for (int i = 0; i < PLAIN_PAIRS; i++)
		to->out[i][0] = to->out[i][1] = 0;
	for (int at = low; at <= high; at++) {
		const char *key = key_at<T>(p, at);
		const T *value = (const T *)(key + p.span);
		float score = plain_score(q, (const T *)key, p.head_dim);
		float most = fmaxf(to->most, score);
		float fade = power_of_two(to->most - most);
		float weight = power_of_two(score - most);

		to->most = most;
		to->sum = to->sum * fade + weight;
#pragma unroll
		for (int i = 0; i < PLAIN_PAIRS; i++) {
			int d = 2 * (threadIdx.x % WARP + WARP * i);

			if (d >= p.head_dim)
				break;
			for (int j = 0; j < 2; j++)
				to->out[i][j] = to->out[i][j] * fade +
				    weight * widen(value[d + j]);
		}
	}
}

/* ---- a kernel for each head_dim --------------------------------------- */

/* A head_dim takes the least of these that it fits. */
#define ATTEND_DIMS(DO) DO(32) DO(64) DO(80) DO(96) DO(128) DO(256)

static inline bool
attend_is_plain(const struct cuda_attend *a)
{
	return a->head_dim % 8 != 0;
}

#endif

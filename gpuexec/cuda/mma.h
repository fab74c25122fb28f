/*
 * mma.h -- tensor cores and copies past the registers; for *.cu alone.
 *
 * The only place with instructions written out (PTX, of sm_80 and later).
 * Each stands behind a function that has a twin in plain code, for a compiler
 * that makes no code for a GPU.
 *
 * mma multiplies a tile of a warp, C (16, 8) += A (16, 16) B (16, 8).  With
 * g = lane / 4 and t = lane % 4, a lane has, two 16-bit numbers in a word:
 *
 *	A	(g, 2t..), (g + 8, 2t..), (g, 2t + 8..), (g + 8, 2t + 8..)
 *	B	(2t.., g), (2t + 8.., g)	(down a column)
 *	C	(g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)	float
 *
 * so that C, rounded, is one half of the A of a second product.
 *
 * Threads  All lanes of a warp call together; blocks have one dimension.
 * Source   PTX ISA 8.x: mma.m16n8k16, ldmatrix, cp.async.
 */
#ifndef GPUEXEC_CUDA_MMA_H
#define GPUEXEC_CUDA_MMA_H

#include "gpuexec/cuda/number.h"

#define WARP 32
#define ALL_LANES 0xffffffffu

#ifdef __CUDACC__

/* ---- as a GPU does it ------------------------------------------------- */

static __device__ __forceinline__ unsigned
shared_address(const void *p)
{
	return (unsigned)__cvta_generic_to_shared(p);
}

#define MMA(kind)                                                              \
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." kind "." kind    \
		     ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "            \
		     "{%0,%1,%2,%3};"                                          \
		     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])          \
		     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),  \
		     "r"(b[1]))

template <typename T>
static __device__ __forceinline__ void mma(float *c, const uint32_t *a,
    const uint32_t *b);

template <>
__device__ __forceinline__ void
mma<bf16>(float *c, const uint32_t *a, const uint32_t *b)
{
	MMA("bf16");
}

template <>
__device__ __forceinline__ void
mma<f16>(float *c, const uint32_t *a, const uint32_t *b)
{
	MMA("f16");
}

#define LDMATRIX(turn)                                                         \
	asm volatile("ldmatrix.sync.aligned.m8n8.x4" turn                      \
		     ".shared.b16 {%0,%1,%2,%3}, [%4];"                        \
		     : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])      \
		     : "r"(shared_address(row))                                \
		     : "memory")

/* Four matrices (8, 8) of 16-bit numbers from shared memory.  Lane 8m + i says
 * where row i of matrix m begins, 8 numbers, on 16 bytes.  to[m] = (g, 2t..) */
static __device__ __forceinline__ void
load_matrices(uint32_t *to, const void *row)
{
	LDMATRIX("");
}

/* Turned over: to[m] = (2t.., g) */
static __device__ __forceinline__ void
load_matrices_turned(uint32_t *to, const void *row)
{
	LDMATRIX(".trans");
}

/* Copies from global to shared memory that this thread has begun. */
struct copies {
};

static __device__ __forceinline__ void
copies_begin(struct copies *)
{
}

/* 16 bytes, both ends on 16 bytes; have: false for zeros, `from` is not read.
 * Past L1: what is read once should not push out what is read again. */
static __device__ __forceinline__ void
copy_later(struct copies *, void *to, const void *from, bool have)
{
	asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
		     :
		     : "r"(shared_address(to)), "l"(from), "r"(have ? 16 : 0)
		     : "memory");
}

/* Ends a batch of copies, maybe an empty one. */
static __device__ __forceinline__ void
copies_close(struct copies *)
{
	asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Until at most N batches of this thread are under way; a barrier must follow
 * before others look.  A kernel waits for all before it ends. */
template <int N>
static __device__ __forceinline__ void
copies_wait(struct copies *)
{
	asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

/* Two numbers rounded into a word, the first in the low half. */
template <typename T>
static __device__ __forceinline__ uint32_t pair(float first, float second);

template <>
__device__ __forceinline__ uint32_t
pair<bf16>(float first, float second)
{
	uint32_t word;

	asm("cvt.rn.bf16x2.f32 %0, %1, %2;"
	    : "=r"(word)
	    : "f"(second), "f"(first));
	return word;
}

template <>
__device__ __forceinline__ uint32_t
pair<f16>(float first, float second)
{
	uint32_t word;

	asm("cvt.rn.f16x2.f32 %0, %1, %2;"
	    : "=r"(word)
	    : "f"(second), "f"(first));
	return word;
}

/* 2^v to 2^-22 of it; what is below the normal floats is 0. */
static __device__ __forceinline__ float
power_of_two(float v)
{
	float power;

	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(v));
	return power;
}

#else

/* ---- in plain code ---------------------------------------------------- */

#include <math.h>
#include <string.h>

#define TWIN_WORDS 6 /* that a lane gives the others */
#define COPIES_MAX 128

/* What each lane of this warp gives, until twin_over. */
static inline uint32_t (*twin_give(const uint32_t *mine, int n))[TWIN_WORDS]
{
	__shared__ uint32_t given[1024 / WARP][WARP][TWIN_WORDS];
	uint32_t(*warp)[TWIN_WORDS] = given[threadIdx.x / WARP];

	memcpy(warp[threadIdx.x % WARP], mine, n * sizeof(*mine));
	__syncwarp();
	return warp;
}

static inline void
twin_over(void)
{
	__syncwarp();
}

template <typename T>
static inline float
twin_half(uint32_t word, int second)
{
	uint16_t bits = (uint16_t)(second ? word >> 16 : word);
	T v;

	memcpy((void *)&v, &bits, sizeof(bits));
	return widen(v);
}

/* Words of A: (row, k) is with lane row % 8 * 4 + k % 8 / 2, in word
 * row / 8 + k / 8 * 2; of B: (k, column) with column * 4 + k % 8 / 2, in word
 * k / 8, behind A's four. */
template <typename T>
static inline void
mma(float *c, const uint32_t *a, const uint32_t *b)
{
	uint32_t mine[TWIN_WORDS] = { a[0], a[1], a[2], a[3], b[0], b[1] };
	uint32_t(*of)[TWIN_WORDS] = twin_give(mine, TWIN_WORDS);
	int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;

	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 16; k++) {
			int from = k % 8 / 2, column = 2 * t + i % 2;

			c[i] +=
			    twin_half<T>(of[g * 4 + from][i / 2 + k / 8 * 2],
				k % 2) *
			    twin_half<T>(of[column * 4 + from][4 + k / 8],
				k % 2);
		}
	twin_over();
}

/* Row i of matrix m, as its lane said where it is. */
static inline const uint16_t *
twin_row(uint32_t (*of)[TWIN_WORDS], int m, int i)
{
	const uint16_t *row;

	memcpy(&row, of[8 * m + i], sizeof(row));
	return row;
}

static inline void
load_matrices(uint32_t *to, const void *row)
{
	int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
	uint32_t mine[2], (*of)[TWIN_WORDS];

	memcpy(mine, &row, sizeof(row));
	of = twin_give(mine, 2);
	for (int m = 0; m < 4; m++)
		memcpy(&to[m], twin_row(of, m, g) + 2 * t, sizeof(to[m]));
	twin_over();
}

static inline void
load_matrices_turned(uint32_t *to, const void *row)
{
	int g = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
	uint32_t mine[2], (*of)[TWIN_WORDS];

	memcpy(mine, &row, sizeof(row));
	of = twin_give(mine, 2);
	for (int m = 0; m < 4; m++)
		to[m] = twin_row(of, m, 2 * t)[g] |
		    (uint32_t)twin_row(of, m, 2 * t + 1)[g] << 16;
	twin_over();
}

/* A copy happens as late as it may, and until then its place is poisoned: who
 * does not wait sees it. */
struct copies {
	struct {
		void *to;
		const void *from; /* NULL: zeros */
		int batch;
	} list[COPIES_MAX];
	int n, batch;
};

static inline void
copies_begin(struct copies *c)
{
	c->n = c->batch = 0;
}

static inline void
copy_later(struct copies *c, void *to, const void *from, bool have)
{
	if (c->n == COPIES_MAX)
		__builtin_trap();
	c->list[c->n].to = to;
	c->list[c->n].from = have ? from : NULL;
	c->list[c->n++].batch = c->batch;
	memset(to, 0xff, 16);
}

static inline void
copies_close(struct copies *c)
{
	c->batch++;
}

template <int N>
static inline void
copies_wait(struct copies *c)
{
	int kept = 0;

	for (int i = 0; i < c->n; i++)
		if (c->list[i].batch >= c->batch - N)
			c->list[kept++] = c->list[i];
		else if (c->list[i].from == NULL)
			memset(c->list[i].to, 0, 16);
		else
			memcpy(c->list[i].to, c->list[i].from, 16);
	c->n = kept;
}

template <typename T>
static inline uint32_t
pair(float first, float second)
{
	T v[2] = { narrow<T>(first), narrow<T>(second) };
	uint32_t word;

	memcpy(&word, v, sizeof(word));
	return word;
}

static inline float
power_of_two(float v)
{
	return exp2f(v);
}

#endif

#endif

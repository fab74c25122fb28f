/*
 * mma.h -- tensor cores and copies past the registers; for *.cu alone.
 *
 * The only place with instructions written out (PTX, of sm_80 and later).
 * Each stands behind a function that has a twin in plain code (mma_plain.h), for
 * a compiler that makes no code for a GPU.
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

/* The 128 bytes around an address will be read soon. */
static __device__ __forceinline__ void
fetch_to_l2(const void *at)
{
	asm volatile("prefetch.global.L2 [%0];" : : "l"(at));
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
#include "gpuexec/cuda/mma_plain.h"
#endif

#endif

/*
 * attend_partial.h -- what a split of a row's attention leaves for the join;
 * for *.cu alone.
 *
 *	partial	[splits_max][heads] most, sum
 *		[splits_max][heads][head_dim] sum of weight * V
 *
 * Weights are 2^(exponent - most), sum is theirs; most is -INFINITY and all
 * else 0 where no position is seen.
 */
#ifndef GPUEXEC_CUDA_ATTEND_PARTIAL_H
#define GPUEXEC_CUDA_ATTEND_PARTIAL_H

#include "gpuexec/cuda/mma.h"

/* attend_join.cu: after the splits, on the same stream. */
int cuda_attend_join(cudaStream_t, const struct cuda_attend *,
    const struct cuda_step *, int splits_max, int alone_max);

/* Of most; sum is next. */
static __device__ __forceinline__ float *
partial_stat(const struct cuda_attend &a, int split, int head)
{
	return a.partial + ((size_t)split * a.heads + head) * 2;
}

static __device__ __forceinline__ float *
partial_out(const struct cuda_attend &a, int splits_max, int split, int head)
{
	return a.partial + (size_t)splits_max * a.heads * 2 +
	    ((size_t)split * a.heads + head) * a.head_dim;
}

/* Two numbers of an output, divided by sum. */
template <typename T>
static __device__ __forceinline__ void
put_out(const struct cuda_attend &a, int row, int head, int d, float sum,
    const float *out)
{
	float share = sum > 0 ? 1 / sum : 0;
	T *to = (T *)a.out + ((size_t)row * a.heads + head) * a.head_dim + d;

	*(uint32_t *)to = pair<T>(out[0] * share, out[1] * share);
}

#endif

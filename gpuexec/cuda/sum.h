/*
 * sum.h -- sums over the threads of a warp or a block; for *.cu alone.
 *
 * The order is fixed by the number of threads, so that a row's sum is the same
 * bits whatever else is computed.
 */
#ifndef GPUEXEC_CUDA_SUM_H
#define GPUEXEC_CUDA_SUM_H

#include "gpuexec/cuda/number.h"

/* Of the warp's 32 lanes, all of which call; all get it. */
static __device__ __forceinline__ float
warp_sum(float v)
{
	for (int by = 16; by > 0; by /= 2)
		v += __shfl_xor_sync(0xffffffffu, v, by);
	return v;
}

/* Of a block of THREADS threads (a multiple of 32, one dimension), all of which
 * call; all get it.  part: shared memory, of THREADS / 32 floats. */
template <int THREADS>
static __device__ __forceinline__ float
block_sum(float v, float *part)
{
	float all = 0;

	v = warp_sum(v);
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = v;
	__syncthreads();
	for (int i = 0; i < THREADS / 32; i++)
		all += part[i];
	return all;
}

#endif

/*
 * number.h -- bf16 and f16 beside float; for *.cu alone.
 */
#ifndef GPUEXEC_CUDA_NUMBER_H
#define GPUEXEC_CUDA_NUMBER_H

#include "gpuexec/cuda/launch.h"

typedef __nv_bfloat16 bf16;
typedef __half f16;

/* Rounded to nearest, ties to even. */
template <typename T> static __device__ __forceinline__ T narrow(float);

template <>
__device__ __forceinline__ bf16
narrow<bf16>(float v)
{
	return __float2bfloat16_rn(v);
}

template <>
__device__ __forceinline__ f16
narrow<f16>(float v)
{
	return __float2half_rn(v);
}

template <>
__device__ __forceinline__ float
narrow<float>(float v)
{
	return v;
}

static __device__ __forceinline__ float
widen(bf16 v)
{
	return __bfloat162float(v);
}

static __device__ __forceinline__ float
widen(f16 v)
{
	return __half2float(v);
}

static __device__ __forceinline__ float
widen(float v)
{
	return v;
}

/* Does `what` with T the type of the dtype: one of the two that weights have. */
#define CUDA_BY_DTYPE(dtype, T, ...)                                           \
	do {                                                                   \
		if ((dtype) == TENSOR_BF16) {                                  \
			typedef bf16 T;                                        \
			__VA_ARGS__;                                           \
		} else {                                                       \
			typedef f16 T;                                         \
			__VA_ARGS__;                                           \
		}                                                              \
	} while (0)

#endif

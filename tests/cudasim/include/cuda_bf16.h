/* bfloat16, as far as the kernels use it. */
#ifndef CUDASIM_BF16_H
#define CUDASIM_BF16_H

#include <cudasim_half.h>

CUDASIM_HALF(__nv_bfloat16, __nv_bfloat162, tensor_bf16, tensor_from_bf16)

static inline __nv_bfloat16
__float2bfloat16_rn(float v)
{
	return __nv_bfloat16(v);
}
static inline __nv_bfloat16
__float2bfloat16(float v)
{
	return __nv_bfloat16(v);
}
static inline float
__bfloat162float(__nv_bfloat16 v)
{
	return v;
}
static inline __nv_bfloat162
__floats2bfloat162_rn(float x, float y)
{
	return { __nv_bfloat16(x), __nv_bfloat16(y) };
}
static inline float2
__bfloat1622float2(__nv_bfloat162 v)
{
	return { v.x, v.y };
}

#endif

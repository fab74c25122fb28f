/* Half precision, as far as the kernels use it. */
#ifndef CUDASIM_FP16_H
#define CUDASIM_FP16_H

#include <cudasim_half.h>

CUDASIM_HALF(__half, __half2, tensor_f16, tensor_from_f16)

static inline __half
__float2half_rn(float v)
{
	return __half(v);
}
static inline __half
__float2half(float v)
{
	return __half(v);
}
static inline float
__half2float(__half v)
{
	return v;
}
static inline __half2
__floats2half2_rn(float x, float y)
{
	return { __half(x), __half(y) };
}
static inline float2
__half22float2(__half2 v)
{
	return { v.x, v.y };
}

#endif

/* The inner loops for processors with AVX-512. */
#include "gpuexec/cpu/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute                                                        \
    push(__attribute__((                                                       \
	     target("avx512f,avx512bw,avx512dq,avx512vl,fma,avx2"))),          \
	apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,avx2")
#endif

#define VEC __m512
#define LANES 16
#define TILE_ROWS 14
#define VALUE_VECS 2 /* vectors of V that an attention tile holds */
#define KERNELS_NAME "avx512"
#define KERNELS_TABLE kernels_avx512

static inline VEC
v_set(float x)
{
	return _mm512_set1_ps(x);
}

static inline VEC
v_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

static inline void
v_store(float *p, VEC v)
{
	_mm512_storeu_ps(p, v);
}

static inline VEC
v_add(VEC a, VEC b)
{
	return _mm512_add_ps(a, b);
}

static inline VEC
v_mul(VEC a, VEC b)
{
	return _mm512_mul_ps(a, b);
}

static inline VEC
v_div(VEC a, VEC b)
{
	return _mm512_div_ps(a, b);
}

static inline VEC
v_max(VEC a, VEC b)
{
	return _mm512_max_ps(a, b);
}

/* a * b + c, rounded once. */
static inline VEC
v_fma(VEC a, VEC b, VEC c)
{
	return _mm512_fmadd_ps(a, b, c);
}

/* LANES bf16 numbers that lie side by side. */
static inline VEC
v_bf16(const uint16_t *p)
{
	__m256i half = _mm256_loadu_si256((const __m256i *)p);

	return _mm512_castsi512_ps(
	    _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* LANES pairs of a bf16 panel. */
static inline void
v_pair(const uint32_t *p, VEC *low, VEC *high)
{
	__m512i both = _mm512_loadu_si512(p);

	*low = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
	*high = _mm512_castsi512_ps(
	    _mm512_and_si512(both, _mm512_set1_epi32(-65536)));
}

static inline float
v_sum(VEC v)
{
	return _mm512_reduce_add_ps(v);
}

static inline float
v_most(VEC v)
{
	return _mm512_reduce_max_ps(v);
}

static inline VEC
v_round(VEC v)
{
	return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT);
}

/* v * 2^n; n whole. */
static inline VEC
v_scale(VEC v, VEC n)
{
	return _mm512_scalef_ps(v, n);
}

/* 0 where x < least, else v; not a number stays visible. */
static inline VEC
v_keep(VEC v, VEC x, VEC least)
{
	return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, least, _CMP_NLT_UQ),
	    v);
}

#include "gpuexec/cpu/kernels_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC reset_options
#endif

const struct cpu_kernels *
cpu_kernels_avx512(void)
{
	bool there = __builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");

	return there ? &kernels_avx512 : NULL;
}

#else

const struct cpu_kernels *
cpu_kernels_avx512(void)
{
	return NULL;
}

#endif

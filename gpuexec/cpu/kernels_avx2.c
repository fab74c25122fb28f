/* The inner loops for processors with AVX2 and FMA. */
#include "gpuexec/cpu/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))),              \
    apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define VEC __m256
#define LANES 8
#define TILE_ROWS 6
#define VALUE_VECS 1
#define KERNELS_NAME "avx2"
#define KERNELS_TABLE kernels_avx2

static inline VEC
v_set(float x)
{
	return _mm256_set1_ps(x);
}

static inline VEC
v_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

static inline void
v_store(float *p, VEC v)
{
	_mm256_storeu_ps(p, v);
}

static inline VEC
v_add(VEC a, VEC b)
{
	return _mm256_add_ps(a, b);
}

static inline VEC
v_mul(VEC a, VEC b)
{
	return _mm256_mul_ps(a, b);
}

static inline VEC
v_div(VEC a, VEC b)
{
	return _mm256_div_ps(a, b);
}

static inline VEC
v_max(VEC a, VEC b)
{
	return _mm256_max_ps(a, b);
}

/* a * b + c, rounded once. */
static inline VEC
v_fma(VEC a, VEC b, VEC c)
{
	return _mm256_fmadd_ps(a, b, c);
}

/* LANES bf16 numbers that lie side by side. */
static inline VEC
v_bf16(const uint16_t *p)
{
	__m128i half = _mm_loadu_si128((const __m128i *)p);

	return _mm256_castsi256_ps(
	    _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

/* LANES pairs of a bf16 panel. */
static inline void
v_pair(const uint32_t *p, VEC *low, VEC *high)
{
	__m256i both = _mm256_loadu_si256((const __m256i *)p);

	*low = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
	*high = _mm256_castsi256_ps(
	    _mm256_and_si256(both, _mm256_set1_epi32(-65536)));
}

static inline float
v_sum(VEC v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(v),
	    _mm256_extractf128_ps(v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float
v_most(VEC v)
{
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(v),
	    _mm256_extractf128_ps(v, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline VEC
v_round(VEC v)
{
	return _mm256_round_ps(v,
	    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* v * 2^n; n whole, the result a normal number. */
static inline VEC
v_scale(VEC v, VEC n)
{
	__m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n),
					     _mm256_set1_epi32(127)),
	    23);

	return _mm256_mul_ps(v, _mm256_castsi256_ps(bits));
}

/* 0 where x < least, else v; not a number stays visible. */
static inline VEC
v_keep(VEC v, VEC x, VEC least)
{
	return _mm256_and_ps(v, _mm256_cmp_ps(x, least, _CMP_NLT_UQ));
}

#include "gpuexec/cpu/kernels_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC reset_options
#endif

const struct cpu_kernels *
cpu_kernels_avx2(void)
{
	bool there = __builtin_cpu_supports("avx2") &&
	    __builtin_cpu_supports("fma");

	return there ? &kernels_avx2 : NULL;
}

#else

const struct cpu_kernels *
cpu_kernels_avx2(void)
{
	return NULL;
}

#endif

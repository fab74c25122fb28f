/* The inner loops in plain C, for processors that we have no better for. */
#include "gpuexec/cpu/kernels.h"

#include <math.h>
#include <string.h>

#define LANES 4
#define TILE_ROWS 4
#define VALUE_VECS 1
#define KERNELS_NAME "plain"
#define KERNELS_TABLE kernels_plain

struct lanes {
	float f[LANES];
};

#define VEC struct lanes
#define EACH(expression)                                                       \
	do {                                                                   \
		for (int i = 0; i < LANES; i++)                                \
			expression;                                            \
	} while (0)

static inline VEC
v_set(float x)
{
	VEC v;

	EACH(v.f[i] = x);
	return v;
}

static inline VEC
v_load(const float *p)
{
	VEC v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
v_store(float *p, VEC v)
{
	memcpy(p, &v, sizeof(v));
}

static inline VEC
v_add(VEC a, VEC b)
{
	EACH(a.f[i] += b.f[i]);
	return a;
}

static inline VEC
v_mul(VEC a, VEC b)
{
	EACH(a.f[i] *= b.f[i]);
	return a;
}

static inline VEC
v_div(VEC a, VEC b)
{
	EACH(a.f[i] /= b.f[i]);
	return a;
}

static inline VEC
v_max(VEC a, VEC b)
{
	EACH(a.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i]);
	return a;
}

/* a * b + c; rounded twice, since few such processors have better. */
static inline VEC
v_fma(VEC a, VEC b, VEC c)
{
	EACH(c.f[i] += a.f[i] * b.f[i]);
	return c;
}

/* LANES bf16 numbers that lie side by side. */
static inline VEC
v_bf16(const uint16_t *p)
{
	VEC v;

	EACH(v.f[i] = cpu_widen(p[i]));
	return v;
}

/* LANES pairs of a bf16 panel. */
static inline void
v_pair(const uint32_t *p, VEC *low, VEC *high)
{
	EACH(low->f[i] = cpu_widen((uint16_t)p[i]));
	EACH(high->f[i] = cpu_widen((uint16_t)(p[i] >> 16)));
}

static inline float
v_sum(VEC v)
{
	return (v.f[0] + v.f[2]) + (v.f[1] + v.f[3]);
}

static inline float
v_most(VEC v)
{
	float most = v.f[0];

	EACH(most = v.f[i] > most ? v.f[i] : most);
	return most;
}

static inline VEC
v_round(VEC v)
{
	EACH(v.f[i] = rintf(v.f[i]));
	return v;
}

/* v * 2^n; n whole. */
static inline VEC
v_scale(VEC v, VEC n)
{
	EACH(v.f[i] = ldexpf(v.f[i], (int)n.f[i]));
	return v;
}

/* 0 where x < least, else v; not a number stays visible. */
static inline VEC
v_keep(VEC v, VEC x, VEC least)
{
	EACH(v.f[i] = x.f[i] < least.f[i] ? 0 : v.f[i]);
	return v;
}

#include "gpuexec/cpu/kernels_body.h"

const struct cpu_kernels *
cpu_kernels_plain(void)
{
	return &kernels_plain;
}

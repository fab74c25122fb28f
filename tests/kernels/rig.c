#include "tests/kernels/rig.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define TAKEN_MAX 256

cudaStream_t rig_stream;

static void *taken[TAKEN_MAX];
static int ntaken;

static void
ok(cudaError_t e, const char *what)
{
	ck_assert_msg(e == cudaSuccess, "%s: %s", what, cudaGetErrorString(e));
}

void
rig_begin(void)
{
	ntaken = 0;
	ok(cudaStreamCreateWithFlags(&rig_stream, cudaStreamNonBlocking),
	    "stream");
}

void
rig_end(void)
{
	rig_wait();
	while (ntaken > 0)
		ok(cudaFree(taken[--ntaken]), "free");
	ok(cudaStreamDestroy(rig_stream), "stream");
}

void
rig_wait(void)
{
	ok(cudaStreamSynchronize(rig_stream), "wait");
}

void *
rig_new(size_t bytes)
{
	void *p;

	ck_assert_int_lt(ntaken, TAKEN_MAX);
	ok(cudaMalloc(&p, bytes == 0 ? 1 : bytes), "malloc");
	ok(cudaMemsetAsync(p, 0xff, bytes == 0 ? 1 : bytes, rig_stream),
	    "poison");
	rig_wait(); /* other streams may use it next */
	taken[ntaken++] = p;
	return p;
}

void
rig_write(void *device, const void *from, size_t bytes)
{
	ok(cudaMemcpyAsync(device, from, bytes, cudaMemcpyHostToDevice,
	       rig_stream),
	    "write");
	rig_wait();
}

void *
rig_put(const void *from, size_t bytes)
{
	void *p = rig_new(bytes);

	rig_write(p, from, bytes);
	return p;
}

void
rig_get(void *to, const void *device, size_t bytes)
{
	rig_wait();
	ok(cudaMemcpy(to, device, bytes, cudaMemcpyDeviceToHost), "get");
}

/* ---- numbers ---------------------------------------------------------- */

/* Of a normal float that fits; what is below half's least normal number is
 * rounded to a multiple of its least one. */
static uint16_t
to_half(float f)
{
	uint16_t sign = signbit(f) ? 0x8000 : 0;
	int exponent;
	float a = fabsf(f), m;

	if (a == 0)
		return sign;
	if (isnan(f))
		return 0x7fff;
	m = frexpf(a, &exponent);
	if (exponent < -13)
		return sign | (uint16_t)rintf(ldexpf(a, 24));
	a = rintf(ldexpf(m, 11));
	if (a == 2048) {
		a = 1024;
		exponent++;
	}
	if (exponent > 16)
		return sign | 0x7c00;
	return sign |
	    (uint16_t)((unsigned)(exponent + 14) << 10 | ((unsigned)a & 1023));
}

static float
from_half(uint16_t h)
{
	int exponent = h >> 10 & 31;
	float m = (float)(h & 1023), f;

	if (exponent == 31)
		f = m == 0 ? INFINITY : NAN;
	else if (exponent == 0)
		f = ldexpf(m, -24);
	else
		f = ldexpf(m + 1024, exponent - 25);
	return h & 0x8000 ? -f : f;
}

void *
rig_put_as(enum tensor_dtype dtype, const float *from, size_t n, float *rounded)
{
	uint16_t *half;
	void *p;

	if (dtype == TENSOR_F32) {
		if (rounded != NULL)
			memmove(rounded, from, n * sizeof(*from));
		return rig_put(from, n * sizeof(*from));
	}
	half = malloc(n * sizeof(*half) + 1);
	for (size_t i = 0; i < n; i++) {
		half[i] = dtype == TENSOR_BF16 ? tensor_bf16(from[i]) :
						 to_half(from[i]);
		if (rounded != NULL)
			rounded[i] = dtype == TENSOR_BF16 ?
			    tensor_from_bf16(half[i]) :
			    from_half(half[i]);
	}
	p = rig_put(half, n * sizeof(*half));
	free(half);
	return p;
}

void
rig_get_as(enum tensor_dtype dtype, float *to, const void *device, size_t n)
{
	uint16_t *half;

	if (dtype == TENSOR_F32) {
		rig_get(to, device, n * sizeof(*to));
		return;
	}
	half = malloc(n * sizeof(*half) + 1);
	rig_get(half, device, n * sizeof(*half));
	for (size_t i = 0; i < n; i++)
		to[i] = dtype == TENSOR_BF16 ? tensor_from_bf16(half[i]) :
					       from_half(half[i]);
	free(half);
}

float *
rig_noise(struct rng *rng, size_t n)
{
	float *p = malloc((n + 1) * sizeof(*p));

	for (size_t i = 0; i < n; i++)
		p[i] = (float)rng_normal(rng);
	return p;
}

void
rig_near(float have, float want, float size, float share, const char *what)
{
	ck_assert_msg(fabsf(have - want) <= share * (size + fabsf(want)),
	    "%s: %g, want %g", what, (double)have, (double)want);
}

/* ---- steps ------------------------------------------------------------ */

static const void *
part(const void *from, int32_t n, size_t size)
{
	return from == NULL ? NULL : rig_put(from, (size_t)n * size);
}

const struct cuda_step *
rig_step(const struct cuda_step *s, size_t blocks)
{
	struct cuda_step d = *s;

	d.token = part(s->token, s->rows, sizeof(*s->token));
	d.position = part(s->position, s->rows, sizeof(*s->position));
	d.row_block = part(s->row_block, s->rows, sizeof(*s->row_block));
	d.block = part(s->block, (int32_t)blocks, sizeof(*s->block));
	d.logits_row = part(s->logits_row, s->nlogits, sizeof(*s->logits_row));
	d.piece = part(s->piece, s->npieces, sizeof(*s->piece));
	d.head_piece = part(s->head_piece, s->nhead_pieces,
	    sizeof(*s->head_piece));
	d.split = part(s->split, s->nsplits, sizeof(*s->split));
	d.alone = part(s->alone, s->nalone, sizeof(*s->alone));
	d.tile = part(s->tile, s->ntiles, sizeof(*s->tile));
	d.pick = part(s->pick, s->npicks, sizeof(*s->pick));
	return rig_put(&d, sizeof(d));
}

/* Bias, head norms, rotary positions, and keys and values into their blocks,
 * against the definitions one after the other. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "tests/kernels/rig.h"

Suite *suite_rope(void);

#define LAYERS 3
#define LAYER 1
#define BLOCKS_MAX 50

struct rope_case {
	int heads, kv_heads, head_dim, rotary_dim, block_tokens;
	bool bias, norms;
	float scale;
};

static const struct rope_case cases[] = {
	{ 4, 2, 32, 32, 16, false, false, 1 },
	{ 8, 1, 64, 64, 7, true, false, 1 },
	{ 3, 3, 80, 40, 1, false, true, 1.3f },
	{ 8, 4, 128, 128, 16, true, true, 0.8f },
	{ 5, 5, 20, 10, 64, true, false, 1 },
	{ 2, 2, 256, 256, 32, false, true, 1 },
};
#define NCASES ((int)(sizeof(cases) / sizeof(cases[0])))

static struct rng rng;

/* Rows of two sequences; blocks of the second come first, and in disorder. */
static const int32_t positions[] = { 0, 1, 15, 16, 40, 6, 7 };
static const int32_t row_block[] = { 3, 3, 3, 3, 3, 0, 0 };
#define ROWS 7
#define MOST 9

static void
defined(const struct rope_case *c, float *x, const float *b,
    const float *q_norm, const float *k_norm, const double *frequency)
{
	int heads = c->heads + c->kv_heads, all = heads + c->kv_heads;
	int d = c->head_dim, position;

	for (int r = 0; r < ROWS; r++) {
		float *row = x + (size_t)(r * all * d);

		for (int i = 0; c->bias && i < all * d; i++)
			row[i] += b[i];
		if (c->norms) {
			ref_rmsnorm(row, row, q_norm, c->heads, d, 1e-6f);
			for (int h = c->heads; h < heads; h++)
				ref_rmsnorm(row + h * d, row + h * d, k_norm, 1,
				    d, 1e-6f);
		}
		position = positions[r];
		ref_rope(row, &position, frequency, 1, heads, d, c->rotary_dim,
		    c->scale);
	}
}

/* What one case has on the host. */
static float *qkv, *bias, *norms;
static float narrow[CUDA_HEAD_MAX / 2];
static uint64_t block[BLOCKS_MAX];

static struct cuda_rope
put_case(const struct rope_case *c, enum tensor_dtype dtype)
{
	int d = c->head_dim, all = c->heads + 2 * c->kv_heads;
	size_t n = (size_t)(ROWS * all * d) * sizeof(float);
	size_t half = (size_t)d * sizeof(float);

	return (struct cuda_rope){
		.qkv = rig_put(qkv, n),
		.q = rig_new((size_t)(MOST * c->heads * d) * 2),
		.bias = c->bias ? rig_put(bias, n / ROWS) : NULL,
		.q_norm = c->norms ? rig_put(norms, half) : NULL,
		.k_norm = c->norms ? rig_put(norms + d, half) : NULL,
		.frequency = rig_put(narrow,
		    (size_t)(c->rotary_dim / 2) * sizeof(*narrow)),
		.eps = 1e-6f,
		.scale = c->scale,
		.heads = c->heads,
		.kv_heads = c->kv_heads,
		.head_dim = d,
		.rotary_dim = c->rotary_dim,
		.block_tokens = c->block_tokens,
		.layer = LAYER,
		.dtype = dtype,
	};
}

static void
compare_queries(const struct rope_case *c, const struct cuda_rope *o,
    float share)
{
	int n = c->heads * c->head_dim;
	int all = (c->heads + 2 * c->kv_heads) * c->head_dim;
	float *q = malloc((size_t)(MOST * n) * sizeof(*q));

	rig_get_as(o->dtype, q, o->q, (size_t)(MOST * n));
	for (int r = 0; r < ROWS; r++)
		for (int i = 0; i < n; i++)
			rig_near(q[r * n + i], qkv[r * all + i], 1, share, "q");
	for (int i = ROWS * n; i < MOST * n; i++)
		ck_assert(q[i] != q[i]);
	free(q);
}

static void
compare_kept(const struct rope_case *c, const struct cuda_rope *o, float share)
{
	int d = c->head_dim, all = (c->heads + 2 * c->kv_heads) * d;
	int one = c->block_tokens * d, layer = LAYER * 2 * c->kv_heads;
	size_t n = (size_t)(LAYERS * 2 * c->kv_heads * one);
	float *kept = malloc(n * sizeof(*kept));

	for (int r = 0; r < ROWS; r++) {
		int p = positions[r], b = row_block[r] + p / c->block_tokens;
		const float *want = qkv + r * all + c->heads * d;

		rig_get_as(o->dtype, kept, (void *)(uintptr_t)block[b], n);
		for (int i = 0; i < 2 * c->kv_heads * d; i++)
			rig_near(kept[(layer + i / d) * one +
				     p % c->block_tokens * d + i % d],
			    want[i], 1, share, "key or value");
		/* Another layer's place is not touched. */
		ck_assert(kept[0] != kept[0]);
	}
	free(kept);
}

START_TEST(rows_become_queries_keys_and_values)
{
	const struct rope_case *c = &cases[_i / 2];
	enum tensor_dtype dtype = _i % 2 ? TENSOR_F16 : TENSOR_BF16;
	float share = (_i % 2 ? 0x1p-11f : 0x1p-8f) + 1e-4f;
	int d = c->head_dim, all = c->heads + 2 * c->kv_heads;
	size_t bytes = (size_t)(LAYERS * 2 * c->kv_heads * c->block_tokens *
			   d) *
	    2;
	double frequency[CUDA_HEAD_MAX / 2];
	struct cuda_step step = { .rows = ROWS,
		.position = positions,
		.row_block = row_block,
		.block = block };
	struct cuda_rope o;

	rng_seed(&rng, (uint64_t)_i);
	rig_begin();
	qkv = rig_noise(&rng, (size_t)(ROWS * all * d));
	bias = rig_noise(&rng, (size_t)(all * d));
	norms = rig_noise(&rng, (size_t)(2 * d));
	for (int i = 0; i < c->rotary_dim / 2; i++) {
		narrow[i] = (float)pow(10000, -2.0 * i / c->rotary_dim);
		frequency[i] = (double)narrow[i];
	}
	for (int b = 0; b < BLOCKS_MAX; b++)
		block[b] = (uint64_t)(uintptr_t)rig_new(bytes);
	o = put_case(c, dtype);
	ck_assert_int_eq(cuda_rope_keep(rig_stream, &o,
			     rig_step(&step, BLOCKS_MAX), MOST),
	    0);
	defined(c, qkv, bias, norms, norms + d, frequency);
	compare_queries(c, &o, share);
	compare_kept(c, &o, share);
	free(qkv);
	free(bias);
	free(norms);
	rig_end();
}
END_TEST

Suite *
suite_rope(void)
{
	Suite *s = suite_create("rope");
	TCase *c = tcase_create("rope");

	tcase_add_loop_test(c, rows_become_queries_keys_and_values, 0,
	    2 * NCASES);
	suite_add_tcase(s, c);
	return s;
}

/* What goes along rows, against its definition: embedding, norm, bias. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "tests/kernels/rig.h"

Suite *suite_rows(void);

#define ROWS 3
#define MOST 5 /* the grid is larger than the step */
#define VOCAB 17

static const int widths[] = { 1, 2, 31, 128, 344, 1026, 4096 };
#define NWIDTHS ((int)(sizeof(widths) / sizeof(widths[0])))

static const enum tensor_dtype dtypes[] = { TENSOR_BF16, TENSOR_F16 };
static const float roundings[] = { 0x1p-8f, 0x1p-11f };

static struct rng rng;
static int cols;
static enum tensor_dtype dtype;
static float rounding;

static void
begin(int i)
{
	rng_seed(&rng, (uint64_t)i);
	cols = widths[i / 2];
	dtype = dtypes[i % 2];
	rounding = roundings[i % 2];
	rig_begin();
}

static void
still_poison(const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert(v[i] != v[i]);
}

START_TEST(an_embedding_is_a_row_of_the_table)
{
	static const int32_t token[ROWS] = { VOCAB - 1, 0, 5 };
	size_t n;
	float *table, *rounded, *have, *want;
	const struct cuda_step *step;
	void *there, *h;

	begin(_i);
	n = (size_t)cols;
	table = rig_noise(&rng, n * VOCAB);
	rounded = malloc(n * VOCAB * sizeof(*rounded));
	have = malloc(n * MOST * sizeof(*have));
	want = malloc(n * ROWS * sizeof(*want));
	there = rig_put_as(dtype, table, n * VOCAB, rounded);
	h = rig_new(n * MOST * sizeof(float));
	step = rig_step(&(struct cuda_step){ .rows = ROWS, .token = token }, 0);
	ck_assert_int_eq(cuda_embed(rig_stream, h, there, cols, dtype, step,
			     MOST),
	    0);
	rig_get(have, h, n * MOST * sizeof(*have));
	ref_embed(want, rounded, token, ROWS, cols);
	ck_assert_mem_eq(have, want, n * ROWS * sizeof(*want));
	still_poison(have + n * ROWS, n * (MOST - ROWS));
	free(table);
	free(rounded);
	free(have);
	free(want);
	rig_end();
}
END_TEST

/* picked: logits rows 0 and 1 are rows 2 and 0 of the step. */
static void
norm_rows(bool picked)
{
	static const int32_t logits_row[] = { 2, 0 };
	size_t n = (size_t)cols;
	int rows = picked ? 2 : ROWS;
	float *h = rig_noise(&rng, n * ROWS), *w = rig_noise(&rng, n);
	float *have = malloc(n * MOST * sizeof(*have));
	float *want = malloc(n * sizeof(*want));
	const struct cuda_step
	    *step = rig_step(&(struct cuda_step){ .rows = ROWS,
				 .nlogits = 2,
				 .logits_row = logits_row },
		0);
	void *x = rig_new(n * MOST * 2);

	ck_assert_int_eq(cuda_rmsnorm(rig_stream, x,
			     rig_put(h, n * ROWS * sizeof(*h)),
			     rig_put(w, n * sizeof(*w)), cols, 1e-5f, dtype,
			     picked, step, MOST),
	    0);
	rig_get_as(dtype, have, x, n * MOST);
	for (int r = 0; r < rows; r++) {
		const float *from = h +
		    n * (size_t)(picked ? logits_row[r] : r);

		ref_rmsnorm(want, from, w, 1, cols, 1e-5f);
		for (int c = 0; c < cols; c++)
			rig_near(have[(size_t)r * n + (size_t)c], want[c],
			    1e-3f, rounding + 1e-5f, "norm");
	}
	still_poison(have + n * (size_t)rows, n * (size_t)(MOST - rows));
	free(h);
	free(w);
	free(have);
	free(want);
}

START_TEST(a_norm_is_as_defined)
{
	begin(_i);
	norm_rows(false);
	norm_rows(true);
	rig_end();
}
END_TEST

START_TEST(a_rows_norm_does_not_depend_on_its_company)
{
	size_t n, last;
	float *h, *w, *all, *alone;
	void *weight, *x;

	begin(_i);
	n = (size_t)cols;
	last = n * (ROWS - 1);
	h = rig_noise(&rng, n * ROWS);
	w = rig_noise(&rng, n);
	all = malloc(n * ROWS * sizeof(*all));
	alone = malloc(n * sizeof(*alone));
	weight = rig_put(w, n * sizeof(*w));
	x = rig_new(n * ROWS * 2);
	ck_assert_int_eq(cuda_rmsnorm(rig_stream, x,
			     rig_put(h, n * ROWS * sizeof(*h)), weight, cols,
			     1e-5f, dtype, false,
			     rig_step(&(struct cuda_step){ .rows = ROWS }, 0),
			     MOST),
	    0);
	rig_get_as(dtype, all, x, n * ROWS);
	ck_assert_int_eq(cuda_rmsnorm(rig_stream, x,
			     rig_put(h + last, n * sizeof(*h)), weight, cols,
			     1e-5f, dtype, false,
			     rig_step(&(struct cuda_step){ .rows = 1 }, 0), 1),
	    0);
	rig_get_as(dtype, alone, x, n);
	ck_assert_mem_eq(alone, all + last, n * sizeof(*alone));
	free(h);
	free(w);
	free(all);
	free(alone);
	rig_end();
}
END_TEST

START_TEST(a_bias_is_added_and_nothing_beside_it)
{
	size_t n, ld;
	float *y, *bias, *have;
	const struct cuda_step *step;
	void *there;

	begin(_i);
	n = (size_t)cols;
	ld = n + 3 + (size_t)(_i % 2); /* on 16 bytes, and not */
	y = rig_noise(&rng, ld * MOST);
	bias = rig_noise(&rng, n);
	have = malloc(ld * MOST * sizeof(*have));
	there = rig_put(y, ld * MOST * sizeof(*y));
	step = rig_step(&(struct cuda_step){ .rows = ROWS }, 0);
	ck_assert_int_eq(cuda_add_bias(rig_stream, there, ld,
			     rig_put(bias, n * sizeof(*bias)), cols, step,
			     MOST),
	    0);
	rig_get(have, there, ld * MOST * sizeof(*have));
	for (size_t r = 0; r < MOST; r++)
		for (size_t c = 0; c < ld; c++)
			ck_assert(have[r * ld + c] ==
			    (r < ROWS && c < n ? y[r * ld + c] + bias[c] :
						 y[r * ld + c]));
	free(y);
	free(bias);
	free(have);
	rig_end();
}
END_TEST

Suite *
suite_rows(void)
{
	Suite *s = suite_create("rows");
	TCase *c = tcase_create("rows");

	tcase_add_loop_test(c, an_embedding_is_a_row_of_the_table, 0,
	    2 * NWIDTHS);
	tcase_add_loop_test(c, a_norm_is_as_defined, 0, 2 * NWIDTHS);
	tcase_add_loop_test(c, a_rows_norm_does_not_depend_on_its_company, 0,
	    2 * NWIDTHS);
	tcase_add_loop_test(c, a_bias_is_added_and_nothing_beside_it, 0,
	    2 * NWIDTHS);
	suite_add_tcase(s, c);
	return s;
}

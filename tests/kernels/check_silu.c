/* SwiGLU's gate against its definition. */
#include <check.h>
#include <stdlib.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "tests/kernels/rig.h"

Suite *suite_silu(void);

static const enum tensor_dtype dtypes[] = { TENSOR_BF16, TENSOR_F16 };
static const float roundings[] = { 0x1p-8f, 0x1p-11f };

START_TEST(rows_of_the_step_are_as_defined_and_no_others_are_touched)
{
	static const int cols[] = { 1, 31, 344, 1000 };
	enum tensor_dtype dtype = dtypes[_i % 2];
	int n = cols[_i / 2], rows = 3, most = 5;
	struct rng rng;
	float *g, *want = malloc((size_t)n * sizeof(*want));
	float *have = malloc((size_t)(n * most) * sizeof(*have));
	const struct cuda_step *step;
	void *device, *y;

	rng_seed(&rng, (uint64_t)_i);
	rig_begin();
	g = rig_noise(&rng, (size_t)(2 * n * most));
	device = rig_put(g, (size_t)(2 * n * most) * sizeof(*g));
	y = rig_new((size_t)(n * most) * 2);
	step = rig_step(&(struct cuda_step){ .rows = rows }, 0);
	ck_assert_int_eq(cuda_silu_mul(rig_stream, y, device, n, dtype, step,
			     most),
	    0);
	rig_get_as(dtype, have, y, (size_t)(n * most));
	for (int r = 0; r < rows; r++) {
		ref_silu_mul(want, g + 2 * n * r, g + 2 * n * r + n, n);
		for (int i = 0; i < n; i++)
			rig_near(have[r * n + i], want[i], 1e-3f,
			    roundings[_i % 2], "silu");
	}
	for (int i = rows * n; i < most * n; i++)
		ck_assert(have[i] != have[i]);
	free(g);
	free(want);
	free(have);
	rig_end();
}
END_TEST

Suite *
suite_silu(void)
{
	Suite *s = suite_create("silu");
	TCase *c = tcase_create("silu");

	tcase_add_loop_test(c,
	    rows_of_the_step_are_as_defined_and_no_others_are_touched, 0, 8);
	suite_add_tcase(s, c);
	return s;
}

/* Promises of policy/size.h: every form against numbers made by hand. */
#include "policy/size.h"

#include <check.h>

#include "base/rng.h"

Suite *suite_size(void);

#define CLOSE 1e-12

static const struct size_scale per = {
	.prompt_max = 1000,
	.answer_max = 500,
	.adapter_max = 256,
	.adapter_min = 16,
	.a = 0.4,
	.b = 0.6,
	.c = 1,
};

static const struct {
	struct size_view v;
	double wrs, linear, output;
} golden[] = {
	/* (.4 * .5 + .6 * .5) * .5, (.5 + .5) / 2 */
	{ { 500, 250, 128, 7 }, 0.25, 0.5, 0.5 },
	/* (.4 * .1 + .6 * .1) / 16, (.1 + .0625) / 2 */
	{ { 100, 50, 16, 7 }, 0.00625, 0.08125, 0.1 },
	/* the base model weighs as the smallest adapter */
	{ { 100, 50, 0, 7 }, 0.00625, 0.08125, 0.1 },
	{ { 1000, 500, 0, 7 }, 0.0625, 0.53125, 1 },
	/* (.4 * 1 + .6 * .2) * .25, (.52 + .25) / 2 */
	{ { 1000, 100, 64, 7 }, 0.13, 0.385, 0.2 },
	/* what is over a maximum counts as the maximum */
	{ { 2000, 1000, 512, 7 }, 1, 1, 1 },
	{ { 0, 5000, 256, 7 }, 0.6, 0.8, 1 },
};

static double
size(const char *form, const struct size_view *v, const struct size_scale *s)
{
	const struct size_policy *p = size_find(form);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, form);
	return p->size(v, s);
}

START_TEST(each_form_is_its_formula)
{
	const struct size_view *v = &golden[_i].v;

	ck_assert_double_eq_tol(size("wrs", v, &per), golden[_i].wrs, CLOSE);
	ck_assert_double_eq_tol(size("linear", v, &per), golden[_i].linear,
	    CLOSE);
	ck_assert_double_eq_tol(size("output", v, &per), golden[_i].output,
	    CLOSE);
	ck_assert_double_eq(size("cost", v, &per), 7);
}
END_TEST

START_TEST(without_adapters_at_all_only_lengths_count)
{
	struct size_scale bare = per;
	struct size_view v = { 500, 125, 0, 0 };

	bare.adapter_max = bare.adapter_min = 0;
	ck_assert_double_eq_tol(size("wrs", &v, &bare), 0.35, CLOSE);
	ck_assert_double_eq_tol(size("linear", &v, &bare), 0.675, CLOSE);
}
END_TEST

START_TEST(a_sum_without_weights_is_nothing)
{
	struct size_scale none = per;

	none.a = none.b = none.c = 0;
	ck_assert_double_eq(size("linear", &golden[0].v, &none), 0);
}
END_TEST

/* More of anything never makes a request smaller; none is over 1. */
START_TEST(sizes_grow_with_each_part_up_to_one)
{
	static const char *const form[] = { "wrs", "linear", "output" };
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < 10000; i++) {
		const char *f = form[i % 3];
		struct size_view v = { (uint32_t)rng_below(&r, 1500),
			(uint32_t)rng_below(&r, 700), rng_below(&r, 300), 0 };
		double before = size(f, &v, &per), after;

		v.prompt += (uint32_t)rng_below(&r, 2) * 10;
		v.predicted += (uint32_t)rng_below(&r, 2) * 10;
		v.adapter_bytes += rng_below(&r, 2) * 10;
		after = size(f, &v, &per);
		ck_assert(before >= 0 && before <= after);
		ck_assert(after <= 1 + CLOSE);
	}
}
END_TEST

START_TEST(an_unknown_form_is_none)
{
	ck_assert_ptr_null(size_find("product"));
	ck_assert_ptr_null(size_find(""));
}
END_TEST

Suite *
suite_size(void)
{
	Suite *s = suite_create("size");
	TCase *c = tcase_create("size");

	tcase_add_loop_test(c, each_form_is_its_formula, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_test(c, without_adapters_at_all_only_lengths_count);
	tcase_add_test(c, a_sum_without_weights_is_nothing);
	tcase_add_test(c, sizes_grow_with_each_part_up_to_one);
	tcase_add_test(c, an_unknown_form_is_none);
	suite_add_tcase(s, c);
	return s;
}

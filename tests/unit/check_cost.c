/* Promises of policy/cost: what it finds, what it keeps to, what it forgets. */
#include <check.h>
#include <math.h>

#include "base/rng.h"
#include "policy/cost.h"

Suite *suite_cost(void);

static const double guess[COST_TERMS] = { 0.01, 1e-4, 0.02, 1e-5 };

/* n requests that take what truth says, times 1 +- noise. */
static void
live(struct cost *c, const double truth[COST_TERMS], double noise, int n,
    uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed);
	for (int i = 0; i < n; i++) {
		double prompt = 1 + floor(rng_exponential(&rng, 1000));
		double answer = 1 + floor(rng_exponential(&rng, 200));
		double adapter = 32 << rng_below(&rng, 5);
		double seconds = truth[0] + truth[1] * prompt +
		    truth[2] * answer + truth[3] * adapter;

		cost_learn(c, prompt, answer, adapter,
		    seconds * fmax(0, 1 + noise * rng_normal(&rng)));
		for (int k = 0; k < COST_TERMS; k++)
			ck_assert(c->coef[k] >= 0 && isfinite(c->coef[k]));
	}
}

START_TEST(before_any_request_the_guess_holds)
{
	struct cost c;

	cost_init(&c, guess);
	ck_assert_uint_eq(c.seen, 0);
	ck_assert_double_eq_tol(cost_seconds(&c, 1000, 100, 64),
	    0.01 + 0.1 + 2 + 0.00064, 1e-12);
}
END_TEST

START_TEST(one_request_moves_it_and_breaks_nothing)
{
	struct cost c;

	cost_init(&c, guess);
	cost_learn(&c, 1000, 100, 64, 5);
	ck_assert_double_gt(cost_seconds(&c, 1000, 100, 64), 3.5);
	ck_assert_double_lt(cost_seconds(&c, 1000, 100, 64), 5);
	ck_assert_double_ge(cost_seconds(&c, 0, 0, 0), 0);
}
END_TEST

START_TEST(planted_coefficients_are_found)
{
	static const double truth[] = { 0.05, 3e-4, 0.011, 2e-4 };
	struct cost c;

	cost_init(&c, guess);
	live(&c, truth, 0, 1000, 1);
	ck_assert_uint_eq(c.seen, 1000);
	for (int k = 0; k < COST_TERMS; k++)
		ck_assert_double_eq_tol(c.coef[k] / truth[k], 1, 0.05);
	live(&c, truth, 0.2, 4000, 2);
	ck_assert_double_eq_tol(cost_seconds(&c, 1000, 200, 128) /
		(0.05 + 0.3 + 2.2 + 0.0256),
	    1, 0.05);
}
END_TEST

/* What falls with the adapter's size or is there from the start: the fit would
 * be negative. */
START_TEST(no_coefficient_is_below_nought)
{
	static const double falls[] = { 1, 1e-3, 0.01, -1e-3 };
	static const double starts[] = { -0.05, 1e-3, 0.01, 1e-4 };
	static const double below[COST_TERMS] = { -1, -1, -1, -1 };
	struct cost c;

	cost_init(&c, guess);
	live(&c, falls, 0, 1000, 3);
	ck_assert_double_eq(c.coef[3], 0);
	ck_assert_double_eq_tol(c.coef[2], 0.01, 1e-3);
	cost_init(&c, guess);
	live(&c, starts, 0, 1000, 4);
	ck_assert_double_eq(c.coef[0], 0);
	cost_init(&c, below);
	ck_assert_double_eq(cost_seconds(&c, 10, 10, 10), 0);
}
END_TEST

/* Without a negative term there is no better fit: no small step helps. */
START_TEST(what_it_keeps_to_is_the_best_of_its_kind)
{
	static const double truth[] = { 0.02, 2e-4, 0.01, -5e-4 };
	struct cost c;

	cost_init(&c, guess);
	live(&c, truth, 0.1, 300, 5);
	for (int k = 0; k < COST_TERMS; k++) {
		double ridge = COST_GUESS_WORTH * c.xx[k][k] / c.xx[0][0];
		double slope = 0;

		for (int j = 0; j < COST_TERMS; j++)
			slope += c.xx[k][j] * c.coef[j];
		slope += ridge * (c.coef[k] - c.guess[k]) - c.xy[k];
		slope /= c.xx[k][k];
		if (c.coef[k] > 0)
			ck_assert_double_eq_tol(slope, 0, 1e-9);
		else
			ck_assert_double_ge(slope, 0);
	}
}
END_TEST

START_TEST(old_evidence_fades)
{
	static const double before[] = { 0.05, 3e-4, 0.03, 2e-4 };
	static const double now[] = { 0.05, 3e-4, 0.01, 2e-4 };
	struct cost c;

	cost_init(&c, guess);
	live(&c, before, 0, 3000, 7);
	ck_assert_double_eq_tol(c.coef[2], 0.03, 1e-3);
	live(&c, now, 0, 512, 8);
	ck_assert_double_eq_tol(c.coef[2], 0.02, 2.5e-3);
	live(&c, now, 0, 3000, 9);
	ck_assert_double_eq_tol(c.coef[2], 0.01, 1e-3);
}
END_TEST

START_TEST(a_term_that_never_came_keeps_its_guess)
{
	struct cost c;

	cost_init(&c, guess);
	for (int i = 1; i <= 200; i++)
		cost_learn(&c, i, 10 + i % 7, 0, 0.001 * i);
	ck_assert_double_eq_tol(c.coef[3], guess[3], 1e-15);
}
END_TEST

START_TEST(what_is_no_time_is_left_out)
{
	struct cost c;

	cost_init(&c, guess);
	cost_learn(&c, 10, 10, 10, -1);
	cost_learn(&c, 10, 10, 10, NAN);
	cost_learn(&c, 10, 10, 10, INFINITY);
	ck_assert_uint_eq(c.seen, 0);
	ck_assert_double_eq(c.coef[2], guess[2]);
}
END_TEST

Suite *
suite_cost(void)
{
	Suite *s = suite_create("cost");
	TCase *c = tcase_create("cost");

	tcase_add_test(c, before_any_request_the_guess_holds);
	tcase_add_test(c, one_request_moves_it_and_breaks_nothing);
	tcase_add_test(c, planted_coefficients_are_found);
	tcase_add_test(c, no_coefficient_is_below_nought);
	tcase_add_test(c, what_it_keeps_to_is_the_best_of_its_kind);
	tcase_add_test(c, old_evidence_fades);
	tcase_add_test(c, a_term_that_never_came_keeps_its_guess);
	tcase_add_test(c, what_is_no_time_is_left_out);
	suite_add_tcase(s, c);
	return s;
}

/* Fitting: planted coefficients come back, whatever a shared machine adds. */
#include "base/err.h"
#include "base/rng.h"
#include "sim/fit.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_fit(void);

#define ROWS 3000

static double x[ROWS * FIT_STEP_TERMS], y[ROWS];
static struct rng rng;

/* What is planted: as cost.tbl has them. */
static const double planted[FIT_STEP_TERMS] = { 0.4, 0.15, 0.012, 0.03, 0.2,
	0.02, 0.05, 0.02, 0.3, 0.6 };

/* Like steps of an engine: answers alone, prompts alone, and both. */
static struct sim_step
draw_step(void)
{
	struct sim_step s = { 0 };
	uint32_t kind = (uint32_t)rng_below(&rng, 3);

	if (kind != 1)
		s.decode_rows = 1 + (uint32_t)rng_below(&rng, 64);
	if (kind != 0)
		s.prompt_tokens = 1 + (uint32_t)rng_below(&rng, 448);
	s.decode_context = s.decode_rows * (1 + rng_below(&rng, 400));
	s.prompt_pairs = s.prompt_tokens * rng_below(&rng, 300);
	if (rng_below(&rng, 2) == 0)
		return s;
	s.adapters = 1 + (uint32_t)rng_below(&rng, 16);
	s.lora_rows = s.decode_rows + s.prompt_tokens;
	s.decode_ranks = s.decode_rows * (4 + rng_below(&rng, 60));
	s.prompt_ranks = s.prompt_tokens * (4 + rng_below(&rng, 60));
	return s;
}

/* noise: share up or down; one in `outlier` takes three to thirty times. */
static struct fit_data
plant(const double *c, double noise, uint32_t outlier)
{
	for (int i = 0; i < ROWS; i++) {
		struct sim_step s = draw_step();
		double *row = x + i * FIT_STEP_TERMS;

		fit_step_row(&s, row);
		y[i] = 0;
		for (int j = 0; j < FIT_STEP_TERMS; j++)
			y[i] += row[j] * c[j];
		y[i] *= 1 + noise * (2 * rng_unit(&rng) - 1);
		if (outlier > 0 && rng_below(&rng, outlier) == 0)
			y[i] *= 3 + 27 * rng_unit(&rng);
	}
	return (struct fit_data){ x, y, ROWS, FIT_STEP_TERMS, NULL };
}

static void
near(const double *c, const double *want, double share)
{
	for (int j = 0; j < FIT_STEP_TERMS; j++)
		ck_assert_msg(fabs(c[j] - want[j]) <= share * want[j] + 1e-9,
		    "term %d: %g, planted %g", j, c[j], want[j]);
}

static void
seed(void)
{
	rng_seed(&rng, 7);
}

START_TEST(planted_coefficients_come_back)
{
	struct fit_data d = plant(planted, 0, 0);
	double c[FIT_STEP_TERMS];

	ck_assert_int_eq(fit_robust(&d, 0, c), 0);
	near(c, planted, 1e-6);
	ck_assert_int_eq(fit_robust(&d, 0.05, c), 0);
	near(c, planted, 1e-6);
}
END_TEST

/* The terms that make up most of a step; and what all of them foretell. */
START_TEST(noise_and_outliers_move_them_little)
{
	struct fit_data d = plant(planted, 0.1, 30);
	double c[FIT_STEP_TERMS];
	struct fit_error e;

	ck_assert_int_eq(fit_robust(&d, 0.05, c), 0);
	ck_assert(fabs(c[0] / planted[0] - 1) < 0.15);
	ck_assert(fabs(c[2] / planted[2] - 1) < 0.05);
	ck_assert(fabs(c[3] / planted[3] - 1) < 0.15);
	d = plant(planted, 0, 0); /* other steps, as they should be */
	ck_assert_int_eq(fit_errors(&d, c, NULL, &e), 0);
	ck_assert(e.mean < 0.02 && e.p90 < 0.05);
	ck_assert(fabs(e.total - 1) < 0.02);
}
END_TEST

START_TEST(noise_leaves_the_mean_where_it_is)
{
	struct fit_data d = plant(planted, 0.5, 0);
	struct fit_error e;
	double c[FIT_STEP_TERMS];

	ck_assert_int_eq(fit_robust(&d, 0, c), 0);
	ck_assert_int_eq(fit_errors(&d, c, NULL, &e), 0);
	ck_assert_uint_eq(e.n, ROWS);
	ck_assert(fabs(e.total - 1) < 0.03);
	ck_assert(e.mean > 0.1 && e.mean < e.p90);
}
END_TEST

START_TEST(the_total_is_kept_when_asked_for)
{
	struct fit_data d = plant(planted, 0.1, 30);
	double c[FIT_STEP_TERMS], factor;
	struct fit_error e;

	ck_assert_int_eq(fit_robust(&d, 0.05, c), 0);
	ck_assert_int_eq(fit_errors(&d, c, NULL, &e), 0);
	ck_assert(e.total < 0.9);
	factor = fit_keep_total(&d, c);
	ck_assert(fabs(factor * e.total - 1) < 1e-9);
	ck_assert_int_eq(fit_errors(&d, c, NULL, &e), 0);
	ck_assert(fabs(e.total - 1) < 1e-9);
}
END_TEST

START_TEST(none_is_ever_negative)
{
	for (int turn = 0; turn < 20; turn++) {
		double real[FIT_STEP_TERMS], c[FIT_STEP_TERMS];
		struct fit_data d;

		for (int j = 0; j < FIT_STEP_TERMS; j++)
			real[j] = rng_below(&rng, 2) * planted[j];
		real[0] = 0.4;
		d = plant(real, 0.3, 10);
		/* Times that have nothing to do with the terms. */
		for (int i = 0; i < ROWS; i += 3)
			y[i] = 0.01 + rng_unit(&rng);
		ck_assert_int_eq(fit_robust(&d, 0.05, c), 0);
		for (int j = 0; j < FIT_STEP_TERMS; j++)
			ck_assert(c[j] >= 0 && isfinite(c[j]));
	}
}
END_TEST

START_TEST(what_pulls_below_zero_stays_at_zero)
{
	/* y = 3 - x, of two terms: the best without a minus is the mean. */
	static const double rows[] = { 1, 0, 1, 1, 1, 2 };
	static const double times[] = { 3, 2, 1 };
	static const double weight[] = { 1, 1, 1 };
	struct fit_data d = { rows, times, 3, 2, NULL };
	double c[2];

	fit_squares(&d, weight, c);
	ck_assert(fabs(c[0] - 2) < 1e-9);
	ck_assert(c[1] == 0);
}
END_TEST

START_TEST(terms_without_rows_or_of_their_own_do_no_harm)
{
	/* The second is never there, the third is twice the first. */
	static const double rows[] = { 1, 0, 2, 2, 0, 4, 5, 0, 10 };
	static const double times[] = { 5, 10, 25 };
	static const double weight[] = { 1, 1, 1 };
	struct fit_data d = { rows, times, 3, 3, NULL };
	double c[3];

	fit_squares(&d, weight, c);
	ck_assert(c[1] == 0);
	ck_assert(fabs(c[0] + 2 * c[2] - 5) < 1e-9);
}
END_TEST

START_TEST(too_few_samples_are_refused)
{
	struct fit_data d = plant(planted, 0, 0);
	double c[FIT_STEP_TERMS];

	d.n = 19;
	ck_assert_int_eq(fit_robust(&d, 0.05, c), ERR_USAGE);
}
END_TEST

START_TEST(errors_are_counted_where_they_are_asked_for)
{
	static const double rows[] = { 1, 1, 1, 1 };
	static const double times[] = { 1, 2, 4, 100 };
	static const unsigned char which[] = { 1, 1, 1, 0 };
	struct fit_data d = { rows, times, 4, 1, NULL };
	const double c[] = { 2 };
	struct fit_error e;

	ck_assert_int_eq(fit_errors(&d, c, which, &e), 0);
	ck_assert_uint_eq(e.n, 3);
	ck_assert(fabs(e.mean - 0.5) < 1e-12);
	ck_assert(fabs(e.total - 6.0 / 7) < 1e-12);
	ck_assert(e.p50 == 0.5);
	ck_assert(e.p90 <= 1 && e.p90 >= 0.5);
}
END_TEST

START_TEST(a_model_keeps_the_coefficients_of_its_steps)
{
	struct sim_cost cost = { 0 };
	double c[FIT_STEP_TERMS];

	fit_step_set(&cost, planted);
	ck_assert(cost.attend_token_us == 0.2 && cost.step_fixed_ms == 0.4);
	ck_assert(cost.mixed_steps == 1);
	fit_step_get(&cost, c);
	ck_assert_mem_eq(c, planted, sizeof(c));
}
END_TEST

Suite *
suite_fit(void)
{
	Suite *s = suite_create("fit");
	TCase *c = tcase_create("fit");

	tcase_add_checked_fixture(c, seed, NULL);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, planted_coefficients_come_back);
	tcase_add_test(c, noise_and_outliers_move_them_little);
	tcase_add_test(c, noise_leaves_the_mean_where_it_is);
	tcase_add_test(c, the_total_is_kept_when_asked_for);
	tcase_add_test(c, none_is_ever_negative);
	tcase_add_test(c, what_pulls_below_zero_stays_at_zero);
	tcase_add_test(c, terms_without_rows_or_of_their_own_do_no_harm);
	tcase_add_test(c, too_few_samples_are_refused);
	tcase_add_test(c, errors_are_counted_where_they_are_asked_for);
	tcase_add_test(c, a_model_keeps_the_coefficients_of_its_steps);
	suite_add_tcase(s, c);
	return s;
}

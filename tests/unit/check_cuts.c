/* Promises of policy/cuts.h: the best classes there are, and where they end. */
#include "policy/cuts.h"

#include <check.h>
#include <float.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_cuts(void);

#define CLOSE 1e-9
#define BRUTE 10 /* sizes of which all partitions are tried */

static struct cuts_scratch scratch;

static const struct {
	int n, most;
	enum cuts_rule rule;
	double sizes[10];
	int classes;
	double at[3], within[4];
} golden[] = {
	/* means 6; 1.5 and 10.5; the halves of one pair; all of them */
	{ 4, 4, CUTS_ELBOW, { 10, 1, 11, 2 }, 2, { 6 }, { 82, 1, .5, 0 } },
	{ 4, 4, CUTS_LITERAL, { 10, 1, 11, 2 }, 4, { 1.5, 6, 10.5 },
	    { 82, 1, .5, 0 } },
	{ 4, 1, CUTS_LITERAL, { 10, 1, 11, 2 }, 1, { 0 }, { 82, 1, .5, 0 } },
	{ 9, 4, CUTS_ELBOW, { 100, 0, 1, 2, 101, 102, 200, 201, 202 }, 3,
	    { 51, 151 }, { 60006, 15006, 6, 4.5 } },
	{ 9, 2, CUTS_ELBOW, { 100, 0, 1, 2, 101, 102, 200, 201, 202 }, 2,
	    { 76 }, { 60006, 15006, 6, 4.5 } },
	/* equal sizes are never parted: no more classes than distinct ones */
	{ 1, 4, CUTS_LITERAL, { 7 }, 1, { 0 }, { 0 } },
	{ 5, 4, CUTS_LITERAL, { 7, 7, 7, 7, 7 }, 1, { 0 }, { 0 } },
	{ 5, 4, CUTS_ELBOW, { 7, 7, 7, 7, 7 }, 1, { 0 }, { 0 } },
	{ 4, 4, CUTS_LITERAL, { 1, 2, 1, 1 }, 2, { 1.5 }, { .75 } },
	{ 6, 4, CUTS_LITERAL, { 4, 1, 4, 2, 1, 2 }, 3, { 1.5, 3 },
	    { 28. / 3, 1, 0, 0 } },
};

START_TEST(classes_and_cuts_are_those_made_by_hand)
{
	double sizes[10];
	struct cuts c;

	memcpy(sizes, golden[_i].sizes, sizeof(sizes));
	cuts_make(&c, sizes, golden[_i].n, golden[_i].most, golden[_i].rule,
	    &scratch);
	ck_assert_int_eq(c.classes, golden[_i].classes);
	for (int k = 0; k < c.classes - 1; k++)
		ck_assert_double_eq_tol(c.at[k], golden[_i].at[k], CLOSE);
	for (int k = 0; k < CUTS_CLASSES_MAX; k++)
		ck_assert_double_eq_tol(c.within[k], golden[_i].within[k],
		    CLOSE);
}
END_TEST

START_TEST(a_size_equal_to_a_cut_is_of_the_larger_class)
{
	struct cuts c = { .classes = 3, .at = { 2, 5, 9 } };

	ck_assert_int_eq(cuts_class(&c, -1), 0);
	ck_assert_int_eq(cuts_class(&c, 1.999), 0);
	ck_assert_int_eq(cuts_class(&c, 2), 1);
	ck_assert_int_eq(cuts_class(&c, 5), 2);
	ck_assert_int_eq(cuts_class(&c, 100), 2);
}
END_TEST

START_TEST(equal_classes_are_equally_wide)
{
	struct cuts c;

	cuts_equal(&c, 2, 10, 4);
	ck_assert_int_eq(c.classes, 4);
	for (int k = 0; k < 3; k++)
		ck_assert_double_eq_tol(c.at[k], 4 + 2 * k, CLOSE);
	cuts_equal(&c, 3, 3, 4);
	ck_assert_int_eq(c.classes, 1);
	ck_assert_int_eq(cuts_class(&c, 3), 0);
}
END_TEST

/* Sum of squares of n sizes in classes of[n]. */
static double
squares(const double *sizes, const int *of, int n)
{
	double sum[CUTS_CLASSES_MAX] = { 0 }, all = 0;
	int count[CUTS_CLASSES_MAX] = { 0 };

	for (int i = 0; i < n; i++) {
		sum[of[i]] += sizes[i];
		count[of[i]]++;
	}
	for (int i = 0; i < n; i++) {
		double d = sizes[i] - sum[of[i]] / count[of[i]];

		all += d * d;
	}
	return all;
}

/* Tries every class for each size from `at` on; used: classes so far. */
static void
brute(const double *sizes, int *of, int n, int at, int used, double *best)
{
	if (at == n) {
		double sum = squares(sizes, of, n);

		for (int k = used - 1; k < CUTS_CLASSES_MAX; k++)
			if (sum < best[k])
				best[k] = sum;
		return;
	}
	for (int k = 0; k <= used && k < CUTS_CLASSES_MAX; k++) {
		of[at] = k;
		brute(sizes, of, n, at + 1, k == used ? used + 1 : used, best);
	}
}

/* Whether the cuts part the sizes as well as the sums of squares say. */
static void
cuts_keep_their_word(const struct cuts *c, const double *sizes, int n)
{
	int of[CUTS_SAMPLE_MAX];

	for (int i = 0; i < n; i++)
		of[i] = cuts_class(c, sizes[i]);
	ck_assert_double_eq_tol(squares(sizes, of, n),
	    c->within[c->classes - 1], CLOSE);
	for (int k = 1; k < c->classes - 1; k++)
		ck_assert_double_lt(c->at[k - 1], c->at[k]);
}

/* One half of the samples has many equal sizes. */
START_TEST(no_partition_is_better)
{
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 20; round++) {
		double sizes[BRUTE], best[CUTS_CLASSES_MAX];
		int of[BRUTE], n = 1 + (int)rng_below(&r, BRUTE);
		struct cuts c;

		for (int i = 0; i < n; i++)
			sizes[i] = round % 2 == 0 ? rng_unit(&r) :
						    (double)rng_below(&r, 6);
		for (int k = 0; k < CUTS_CLASSES_MAX; k++)
			best[k] = DBL_MAX;
		brute(sizes, of, n, 0, 0, best);
		cuts_make(&c, sizes, n, 1 + round % 4, round / 4 % 2, &scratch);
		for (int k = 0; k < CUTS_CLASSES_MAX; k++)
			ck_assert_double_eq_tol(c.within[k], best[k], CLOSE);
		cuts_keep_their_word(&c, sizes, n);
	}
}
END_TEST

/* The same by trying every place for the last class to begin. */
static double
plain(const double *sizes, int n, double best[][CUTS_SAMPLE_MAX + 1], int k)
{
	for (int to = 1; to <= n; to++) {
		double sum = 0, square = 0;

		best[k][to] = DBL_MAX;
		for (int from = to - 1; from >= 0; from--) {
			double all;

			sum += sizes[from];
			square += sizes[from] * sizes[from];
			all = square - sum * sum / (to - from);
			if (k > 0 && from > 0)
				all += best[k - 1][from];
			if ((k > 0 || from == 0) && all < best[k][to])
				best[k][to] = all;
		}
	}
	return best[k][n];
}

START_TEST(a_full_sample_is_cut_as_well_as_by_trying_all)
{
	static double best[CUTS_CLASSES_MAX][CUTS_SAMPLE_MAX + 1];
	static double sizes[CUTS_SAMPLE_MAX];
	struct cuts c;
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < CUTS_SAMPLE_MAX; i++)
		sizes[i] = _i % 2 == 0 ? rng_exponential(&r, 0.2) :
					 (double)rng_below(&r, 32) / 32;
	cuts_make(&c, sizes, CUTS_SAMPLE_MAX, 4, _i / 2, &scratch);
	for (int k = 0; k < CUTS_CLASSES_MAX; k++)
		ck_assert_double_eq_tol(c.within[k],
		    plain(sizes, CUTS_SAMPLE_MAX, best, k), 1e-6);
	cuts_keep_their_word(&c, sizes, CUTS_SAMPLE_MAX);
}
END_TEST

/* Of an even spread k classes leave 1/k^2 of the squares: 1, 1/4, 1/9, 1/16.
 * The third removes 14 in a hundred of the first's, the fourth 5. */
START_TEST(an_even_spread_has_three_classes_by_the_elbow)
{
	static double sizes[CUTS_SAMPLE_MAX];
	struct cuts c;

	for (int i = 0; i < CUTS_SAMPLE_MAX; i++)
		sizes[i] = 1000 + i;
	cuts_make(&c, sizes, CUTS_SAMPLE_MAX, 4, CUTS_ELBOW, &scratch);
	ck_assert_int_eq(c.classes, 3);
	for (int k = 1; k <= 4; k++)
		ck_assert_double_eq_tol(c.within[k - 1] / c.within[0],
		    1. / (k * k), 1e-4);
	cuts_make(&c, sizes, CUTS_SAMPLE_MAX, 4, CUTS_LITERAL, &scratch);
	ck_assert_int_eq(c.classes, 4);
}
END_TEST

START_TEST(rules_have_names)
{
	ck_assert_int_eq(cuts_find("elbow"), CUTS_ELBOW);
	ck_assert_int_eq(cuts_find("literal"), CUTS_LITERAL);
	ck_assert_int_eq(cuts_find("knee"), -1);
}
END_TEST

Suite *
suite_cuts(void)
{
	Suite *s = suite_create("cuts");
	TCase *c = tcase_create("cuts");

	tcase_add_loop_test(c, classes_and_cuts_are_those_made_by_hand, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_test(c, a_size_equal_to_a_cut_is_of_the_larger_class);
	tcase_add_test(c, equal_classes_are_equally_wide);
	tcase_add_loop_test(c, no_partition_is_better, 0, 10);
	tcase_add_loop_test(c, a_full_sample_is_cut_as_well_as_by_trying_all, 0,
	    4);
	tcase_add_test(c, an_even_spread_has_three_classes_by_the_elbow);
	tcase_add_test(c, rules_have_names);
	suite_add_tcase(s, c);
	return s;
}

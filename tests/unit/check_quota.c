/* Promises of policy/quota.h: the formula, the rules, and no token lost. */
#include "policy/quota.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_quota(void);

#define SLO 5.0

static const struct {
	struct quota_class class[3];
	int n;
	int64_t total;
	enum quota_rule rule;
	int left;
	int64_t quota[3];
	bool overloaded;
} golden[] = {
	/* minima 100 and 200, 300 over: in proportion, in halves, as 6 to 1 */
	{ { { 100, 2, .3 }, { 200, 4, .05 } }, 2, 600, QUOTA_NEED, 2,
	    { 200, 400 }, false },
	{ { { 100, 2, .3 }, { 200, 4, .05 } }, 2, 600, QUOTA_EQUAL, 2,
	    { 250, 350 }, false },
	{ { { 100, 2, .3 }, { 200, 4, .05 } }, 2, 600, QUOTA_ARRIVALS, 2,
	    { 357, 243 }, false },
	{ { { 100, 2, .3 }, { 200, 4, .05 } }, 2, 300, QUOTA_NEED, 2,
	    { 100, 200 }, false },
	/* the formula asks for 30 and 10, one request each takes 100 and 50 */
	{ { { 100, 1, .1 }, { 50, 1, 0 } }, 2, 300, QUOTA_NEED, 2, { 200, 100 },
	    false },
	/* parts of a token: largest first, then the lower index */
	{ { { 0, 0, 0 } }, 3, 100, QUOTA_EQUAL, 3, { 34, 33, 33 }, false },
	{ { { 0, 0, 0 } }, 3, 101, QUOTA_NEED, 3, { 34, 34, 33 }, false },
	{ { { 0, 0, 0 } }, 3, 9, QUOTA_ARRIVALS, 3, { 3, 3, 3 }, false },
	{ { { 10.5, 0, 0 }, { 3, 0, 0 } }, 2, 14, QUOTA_NEED, 2, { 11, 3 },
	    false },
	/* minima 500 and 500: one request each, 300 over as 400 to 300 */
	{ { { 100, 10, .3 }, { 200, 5, .3 } }, 2, 600, QUOTA_EQUAL, 2,
	    { 271, 329 }, true },
	/* not even one each: the two largest become one, which needs 840 */
	{ { { 100, 1, .1 }, { 200, 2, .2 }, { 400, 3, .3 } }, 3, 500,
	    QUOTA_NEED, 2, { 100, 400 }, true },
	/* the same, and then all fit: 10 and 100, 40 over in halves */
	{ { { 10, 0, 1 }, { 100, 0, 1 }, { 90, 0, 1 } }, 3, 150, QUOTA_EQUAL, 2,
	    { 30, 120 }, true },
	{ { { 100, 1, 1 }, { 200, 1, 1 } }, 2, 150, QUOTA_NEED, 1, { 150 },
	    true },
	{ { { 100, 1, 1 } }, 1, 0, QUOTA_NEED, 1, { 0 }, true },
	{ { { 100, 1, 1 } }, 1, 1000, QUOTA_NEED, 1, { 1000 }, false },
};

START_TEST(shares_are_those_made_by_hand)
{
	struct quota_class class[3];
	int64_t quota[CUTS_CLASSES_MAX];
	bool overloaded;
	int n;

	memcpy(class, golden[_i].class, sizeof(class));
	n = quota_share(class, golden[_i].n, golden[_i].total, SLO,
	    golden[_i].rule, quota, &overloaded);
	ck_assert_int_eq(n, golden[_i].left);
	ck_assert_int_eq(overloaded, golden[_i].overloaded);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(quota[i], golden[_i].quota[i]);
}
END_TEST

START_TEST(the_least_is_the_formula)
{
	struct quota_class c = { 100, 2, .3 };

	ck_assert_double_eq_tol(quota_least(&c, 5), 100, 1e-9);
	ck_assert_double_eq_tol(quota_least(&c, 2), 160, 1e-9);
	c = (struct quota_class){ 640, 1.5, 2 };
	ck_assert_double_eq_tol(quota_least(&c, 5), 2112, 1e-9);
	c.arrivals = 0;
	ck_assert_double_eq_tol(quota_least(&c, 5), 192, 1e-9);
}
END_TEST

START_TEST(two_that_become_one_are_both_of_them)
{
	struct quota_class class[] = { { 100, 1, 1 }, { 200, 5, 2 },
		{ 150, 6, 4 } };
	int64_t quota[CUTS_CLASSES_MAX];
	bool overloaded;

	ck_assert_int_eq(quota_share(class, 3, 400, SLO, QUOTA_NEED, quota,
			     &overloaded),
	    2);
	ck_assert_double_eq(class[1].largest, 200);
	ck_assert_double_eq(class[1].seconds, 6);
	ck_assert_double_eq(class[1].arrivals, 6);
	ck_assert_double_eq(class[0].largest, 100);
}
END_TEST

static void
draw(struct rng *r, struct quota_class *class, int n)
{
	for (int i = 0; i < n; i++)
		class[i] = (struct quota_class){
			(double)rng_below(r, 1000) + rng_unit(r),
			rng_unit(r) * 4,
			rng_unit(r) * (double)rng_below(r, 3),
		};
}

/* The sum of the tokens of one request each, and of the minima. */
static void
needs(const struct quota_class *class, int n, double *ones, double *minima)
{
	*ones = *minima = 0;
	for (int i = 0; i < n; i++) {
		double one = ceil(class[i].largest);

		*ones += one;
		*minima += fmax(one, quota_least(&class[i], SLO));
	}
}

/* Whatever the classes: all of the total is shared out, each quota admits its
 * largest request unless only one is left, and queues are merged only as far as
 * is needed for that. */
START_TEST(no_token_is_lost_and_no_queue_starves)
{
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 3000; round++) {
		struct quota_class class[CUTS_CLASSES_MAX];
		int n = 1 + (int)rng_below(&r, CUTS_CLASSES_MAX), left;
		int64_t quota[CUTS_CLASSES_MAX], sum = 0;
		int64_t total = (int64_t)rng_below(&r, 8000);
		double ones, minima;
		bool overloaded;

		draw(&r, class, n);
		needs(class, n, &ones, &minima);
		left = quota_share(class, n, total, SLO,
		    (enum quota_rule)rng_below(&r, 3), quota, &overloaded);
		ck_assert_int_eq(overloaded, minima > (double)total);
		ck_assert(left == n || ones > (double)total);
		ck_assert(left >= 1 && left <= n);
		needs(class, left, &ones, &minima);
		ck_assert(left == 1 || ones <= (double)total);
		for (int i = 0; i < left; i++) {
			ck_assert(
			    left == 1 || (double)quota[i] >= class[i].largest);
			ck_assert(minima > (double)total ||
			    (double)quota[i] + 1 > quota_least(&class[i], SLO));
			sum += quota[i];
		}
		ck_assert_int_eq(sum, total);
	}
}
END_TEST

START_TEST(rules_have_names)
{
	ck_assert_int_eq(quota_find("need"), QUOTA_NEED);
	ck_assert_int_eq(quota_find("equal"), QUOTA_EQUAL);
	ck_assert_int_eq(quota_find("arrivals"), QUOTA_ARRIVALS);
	ck_assert_int_eq(quota_find("fair"), -1);
}
END_TEST

Suite *
suite_quota(void)
{
	Suite *s = suite_create("quota");
	TCase *c = tcase_create("quota");

	tcase_add_loop_test(c, shares_are_those_made_by_hand, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_test(c, the_least_is_the_formula);
	tcase_add_test(c, two_that_become_one_are_both_of_them);
	tcase_add_loop_test(c, no_token_is_lost_and_no_queue_starves, 0, 4);
	tcase_add_test(c, rules_have_names);
	suite_add_tcase(s, c);
	return s;
}

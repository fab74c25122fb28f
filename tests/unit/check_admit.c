/* Promises of policy/admit.h: the orders within a queue, and who may go before
 * a head that lacks memory.  The turn over queues: check_admit_turn.c. */
#include "policy/admit.h"

#include <check.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_admit(void);

START_TEST(fifo_goes_by_arrival_then_by_submission_then_by_slot)
{
	static const char *const kinds[] = { "fifo", "chameleon", "static" };
	admit_before_f *before = admit_find(kinds[_i])->before;
	struct admit_view a = { .slot = 3, .arrived_ns = 10, .order = 5 };
	struct admit_view b = { .slot = 2, .arrived_ns = 11, .order = 4 };

	a.predicted = 9; /* which does not matter here */
	ck_assert(before(&a, &b) && !before(&b, &a));
	b.arrived_ns = 10;
	ck_assert(before(&b, &a) && !before(&a, &b));
	b.order = 5;
	ck_assert(before(&b, &a) && !before(&a, &b));
	ck_assert(!before(&a, &a));
}
END_TEST

START_TEST(sjf_goes_by_predicted_answer_then_as_fifo)
{
	admit_before_f *before = admit_find("sjf")->before;
	struct admit_view a = { .slot = 1, .arrived_ns = 10, .predicted = 8 };
	struct admit_view b = { .slot = 2, .arrived_ns = 11, .predicted = 7 };

	ck_assert(before(&b, &a) && !before(&a, &b));
	b.predicted = 8;
	ck_assert(before(&a, &b) && !before(&b, &a));
	b.arrived_ns = 10;
	ck_assert(before(&a, &b) && !before(&b, &a));
	ck_assert(!before(&a, &a));
}
END_TEST

START_TEST(policies_say_how_many_queues_there_are)
{
	ck_assert_int_eq(admit_find("chameleon")->queues, ADMIT_CUTS);
	ck_assert_int_eq(admit_find("static")->queues, ADMIT_EQUAL);
	ck_assert_int_eq(admit_find("sjf")->queues, ADMIT_ONE);
	ck_assert_int_eq(admit_find("fifo")->queues, ADMIT_ONE);
	ck_assert_ptr_null(admit_find("lifo"));
	ck_assert_ptr_null(admit_find(""));
}
END_TEST

START_TEST(who_is_over_before_the_memory_is_free_may_bypass)
{
	ck_assert(admit_bypass(2.0, 1.9));
	ck_assert(!admit_bypass(2.0, 2.0));
	ck_assert(!admit_bypass(2.0, 2.1));
	ck_assert(!admit_bypass(0, 0.1));
	ck_assert(admit_bypass(-1, 1000)); /* it never is */
}
END_TEST

START_TEST(memory_is_free_when_enough_has_ended)
{
	struct admit_end ends[] = { { 3, 10 }, { 1, 5 }, { 2, 0 }, { 1, 1 } };

	ck_assert_double_eq(admit_free_in(ends, 4, 7, 7), 0);
	ck_assert_double_eq(admit_free_in(ends, 4, 7, 8), 1);
	ck_assert_double_eq(admit_free_in(ends, 4, 7, 13), 1);
	ck_assert_double_eq(admit_free_in(ends, 4, 7, 14), 3);
	ck_assert_double_eq(admit_free_in(ends, 4, 7, 23), 3);
	ck_assert(admit_free_in(ends, 4, 7, 24) < 0);
	ck_assert(admit_free_in(ends, 0, 0, 1) < 0);
}
END_TEST

/* One that should have ended counts as one that ends now. */
START_TEST(no_end_is_in_the_past)
{
	struct admit_end ends[] = { { -5, 10 }, { 4, 10 } };

	ck_assert_double_eq(admit_free_in(ends, 2, 0, 10), 0);
	ck_assert_double_eq(admit_free_in(ends, 2, 0, 11), 4);
}
END_TEST

/* What is free at a moment t. */
static int64_t
free_at(const struct admit_end *ends, int n, int64_t has, double t)
{
	for (int i = 0; i < n; i++)
		if (ends[i].end_s <= t)
			has += ends[i].gives;
	return has;
}

/* The first of the moments at which anything ends. */
static double
brute(const struct admit_end *ends, int n, int64_t has, int64_t need)
{
	double best = -1;

	if (free_at(ends, n, has, 0) >= need)
		return 0;
	for (int i = 0; i < n; i++)
		if (free_at(ends, n, has, ends[i].end_s) >= need &&
		    ends[i].end_s > 0 && (best < 0 || ends[i].end_s < best))
			best = ends[i].end_s;
	return best;
}

START_TEST(no_earlier_moment_has_enough)
{
	struct rng r;

	rng_seed(&r, 3);
	for (int round = 0; round < 20000; round++) {
		struct admit_end ends[8];
		int n = (int)rng_below(&r, 9);
		int64_t has = (int64_t)rng_below(&r, 5);
		int64_t need = (int64_t)rng_below(&r, 30);
		double want;

		for (int i = 0; i < n; i++)
			ends[i] = (struct admit_end){
				(double)rng_below(&r, 6) - 1,
				(int64_t)rng_below(&r, 7),
			};
		want = brute(ends, n, has, need);
		ck_assert_double_eq(admit_free_in(ends, n, has, need), want);
	}
}
END_TEST

Suite *
suite_admit(void)
{
	Suite *s = suite_create("admit");
	TCase *c = tcase_create("admit");

	tcase_add_loop_test(c,
	    fifo_goes_by_arrival_then_by_submission_then_by_slot, 0, 3);
	tcase_add_test(c, sjf_goes_by_predicted_answer_then_as_fifo);
	tcase_add_test(c, policies_say_how_many_queues_there_are);
	tcase_add_test(c, who_is_over_before_the_memory_is_free_may_bypass);
	tcase_add_test(c, memory_is_free_when_enough_has_ended);
	tcase_add_test(c, no_end_is_in_the_past);
	tcase_add_test(c, no_earlier_moment_has_enough);
	suite_add_tcase(s, c);
	return s;
}

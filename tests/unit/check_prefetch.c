/* Promises of policy/prefetch.h: when an adapter is expected. */
#include "policy/prefetch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_prefetch(void);

#define GAPS 1000

static struct prefetch_history history;

/* A use at start, then one after each gap; returns the time of the last. */
static nsec
uses(nsec start, const nsec *gap, int n)
{
	nsec now = start;

	memset(&history, 0, sizeof(history));
	prefetch_note(&history, now);
	for (int i = 0; i < n; i++)
		prefetch_note(&history, now += gap[i]);
	return now;
}

START_TEST(few_uses_tell_nothing)
{
	nsec load, keep,
	    gap[PREFETCH_LEAST] = { SECOND, SECOND, SECOND, SECOND };

	memset(&history, 0, sizeof(history));
	ck_assert(!prefetch_window(&history, &load, &keep));
	(void)uses(SECOND, gap, 0);
	ck_assert(!prefetch_window(&history, &load, &keep));
	(void)uses(SECOND, gap, PREFETCH_LEAST - 1);
	ck_assert(!prefetch_window(&history, &load, &keep));
	(void)uses(SECOND, gap, PREFETCH_LEAST);
	ck_assert(prefetch_window(&history, &load, &keep));
}
END_TEST

static const struct {
	int n;
	nsec gap_s[8];
	bool tells;
	nsec load_s, keep_s; /* after the last use */
} golden[] = {
	{ 4, { 7, 7, 7, 7 }, true, 7, 8 },
	{ 4, { 0, 0, 0, 0 }, true, 0, 1 },
	{ 5, { 30, 10, 50, 20, 40 }, true, 10, 51 },
	{ 4, { 5, 599, 5, 5 }, true, 5, 600 },
	/* beyond ten minutes: kept for as long as the bins go */
	{ 4, { 5, 600, 5, 5 }, true, 5, 600 },
	{ 4, { 700, 800, 900, 20 }, true, 20, 600 },
	{ 5, { 700, 800, 900, 600, 1000 }, false, 0, 0 },
};

START_TEST(windows_are_those_made_by_hand)
{
	nsec gap[8], last, load = 0, keep = 0;
	bool tells;

	for (int i = 0; i < golden[_i].n; i++)
		gap[i] = golden[_i].gap_s[i] * SECOND;
	last = uses(123456789, gap, golden[_i].n);
	tells = prefetch_window(&history, &load, &keep);
	ck_assert_int_eq(tells, golden[_i].tells);
	if (!tells)
		return;
	ck_assert_int_eq(load, last + golden[_i].load_s * SECOND);
	ck_assert_int_eq(keep, last + golden[_i].keep_s * SECOND);
}
END_TEST

static int
ascending(const void *va, const void *vb)
{
	const nsec *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

/* The seconds of the gap below or at which lie so many percent. */
static nsec
percentile(const nsec *sorted, int n, int percent)
{
	return sorted[(n * percent + 99) / 100 - 1] / SECOND;
}

START_TEST(percentiles_are_those_of_the_sorted_list)
{
	nsec gap[GAPS], last, load = 0, keep = 0, first, final;
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 50; round++) {
		int n = PREFETCH_LEAST +
		    (int)rng_below(&r, GAPS - PREFETCH_LEAST);
		double mean = rng_exponential(&r, 100);
		bool tells;

		for (int i = 0; i < n; i++)
			gap[i] = (nsec)(rng_exponential(&r, mean) * SECOND);
		last = uses(1, gap, n);
		qsort(gap, (size_t)n, sizeof(gap[0]), ascending);
		first = percentile(gap, n, 5);
		final = percentile(gap, n, 99);
		tells = prefetch_window(&history, &load, &keep);
		ck_assert_int_eq(tells, first < PREFETCH_BINS);
		if (!tells)
			continue;
		ck_assert_int_eq(load, last + first * SECOND);
		ck_assert_int_eq(keep,
		    last +
			(final < PREFETCH_BINS ? final + 1 : PREFETCH_BINS) *
			    SECOND);
	}
}
END_TEST

static uint32_t
counted(void)
{
	uint32_t sum = history.beyond;

	for (int i = 0; i < PREFETCH_BINS; i++)
		sum += history.gap[i];
	return sum;
}

/* Far more uses than a count can hold, of two kinds of gap. */
START_TEST(no_count_overflows)
{
	nsec now = 1, load, keep;

	memset(&history, 0, sizeof(history));
	for (int i = 0; i < 300000; i++) {
		prefetch_note(&history, now);
		ck_assert(i % 1000 != 0 || history.total == counted());
		now += i % 2 == 0 ? 3 * SECOND : _i * SECOND;
	}
	ck_assert_uint_eq(history.total, counted());
	ck_assert_uint_gt(history.total, UINT16_MAX / 2);
	ck_assert(prefetch_window(&history, &load, &keep));
	ck_assert_int_eq(load, history.last_ns + 3 * SECOND);
}
END_TEST

START_TEST(what_came_lately_prevails)
{
	nsec now = 1, load, keep;

	memset(&history, 0, sizeof(history));
	for (int i = 0; i < 60000; i++)
		prefetch_note(&history, now += 20 * SECOND);
	for (int i = 0; i < 500000; i++)
		prefetch_note(&history, now += 300 * SECOND);
	ck_assert(prefetch_window(&history, &load, &keep));
	ck_assert_int_eq(load, now + 300 * SECOND);
}
END_TEST

/* A simulated clock starts there. */
START_TEST(a_first_use_at_zero_counts)
{
	nsec gap[] = { SECOND + 1, SECOND, SECOND, SECOND }, load, keep;

	(void)uses(0, gap, 4);
	ck_assert_uint_eq(history.total, 4);
	ck_assert(prefetch_window(&history, &load, &keep));
}
END_TEST

START_TEST(kinds_have_names)
{
	ck_assert_int_eq(prefetch_find("off"), PREFETCH_OFF);
	ck_assert_int_eq(prefetch_find("queue"), PREFETCH_QUEUE);
	ck_assert_int_eq(prefetch_find("histogram"), PREFETCH_HISTOGRAM);
	ck_assert_int_eq(prefetch_find("on"), -1);
}
END_TEST

Suite *
suite_prefetch(void)
{
	Suite *s = suite_create("prefetch");
	TCase *c = tcase_create("prefetch");

	tcase_add_test(c, few_uses_tell_nothing);
	tcase_add_loop_test(c, windows_are_those_made_by_hand, 0,
	    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_loop_test(c, percentiles_are_those_of_the_sorted_list, 0, 4);
	tcase_add_loop_test(c, no_count_overflows, 599, 601);
	tcase_add_test(c, what_came_lately_prevails);
	tcase_add_test(c, a_first_use_at_zero_counts);
	tcase_add_test(c, kinds_have_names);
	suite_add_tcase(s, c);
	return s;
}

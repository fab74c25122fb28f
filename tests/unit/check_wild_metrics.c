/* Metrics of segments full of noise. */
#include "monitor/metrics.h"
#include "tests/unit/wild_rig.h"

#include <check.h>

Suite *suite_wild_metrics(void);

#define ROUNDS 60

START_TEST(noise_makes_a_page_of_metrics_all_the_same)
{
	static struct sight sight;

	sight_open(&sight, &wild_as[PROC_MONITOR]);
	for (int i = 0; i < ROUNDS; i++) {
		struct page page = { 0 };

		wild_fill();
		ck_assert_int_eq(sight_look(&sight), 0);
		metrics_page(&sight, &page);
		ck_assert(!page.broken);
		page_free(&page);
	}
	sight_close(&sight);
}
END_TEST

Suite *
suite_wild_metrics(void)
{
	Suite *s = suite_create("wild_metrics");
	TCase *t = tcase_create("noise");

	tcase_add_checked_fixture(t, wild_make, wild_drop);
	tcase_add_test(t, noise_makes_a_page_of_metrics_all_the_same);
	suite_add_tcase(s, t);
	return s;
}

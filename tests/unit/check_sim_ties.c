/* sim/: where several need what each other has, somebody goes on at once. */
#include <check.h>

#include "tests/unit/sim_rig.h"

Suite *suite_sim_ties(void);

/* Room for an adapter and a request. */
static void
set_up(void)
{
	rig_open();
	rig_cost("pool_bytes", 2000);
}

START_TEST(two_of_one_moment_do_not_wait_for_each_other)
{
	rig_ask(0, 1, 10, 1);
	rig_ask(0, 2, 10, 1);
	rig_run();
	ck_assert_double_lt(rig_placed(0), 100);
	ck_assert_double_lt(rig_placed(1), 100);
}
END_TEST

START_TEST(one_that_runs_alone_takes_what_idle_adapters_keep)
{
	rig_set("policy.resident_min_percent", "60");
	rig_ask(0, 1, 10, 1);
	rig_ask(100, -1, 10, 120); /* 13 blocks, 10 a chunk */
	rig_run();
	ck_assert_uint_eq(rig_result.completed, 2);
}
END_TEST

START_TEST(an_idle_engine_waits_for_no_age_limit)
{
	rig_set("policy.admission", "sjf");
	rig_set("policy.predictor", "oracle");
	rig_set("policy.slo_ms", "20000");
	for (int i = 0; i < 8; i++)
		rig_ask(i, i, 10, 40 - (uint32_t)i);
	rig_run();
	for (int i = 0; i < 8; i++)
		ck_assert_double_lt(rig_placed(i), 8 * 500);
}
END_TEST

Suite *
suite_sim_ties(void)
{
	Suite *s = suite_create("sim_ties");
	TCase *t = tcase_create("ties");

	tcase_add_checked_fixture(t, set_up, rig_close);
	tcase_add_test(t, two_of_one_moment_do_not_wait_for_each_other);
	tcase_add_test(t, one_that_runs_alone_takes_what_idle_adapters_keep);
	tcase_add_test(t, an_idle_engine_waits_for_no_age_limit);
	suite_add_tcase(s, t);
	return s;
}

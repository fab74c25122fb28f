/* sim/: operators and clients act while it runs. */
#include <check.h>

#include "sim/world.h"
#include "tests/unit/sim_rig.h"

Suite *suite_sim_acts(void);

#define is_ms(got, want) ck_assert_double_eq_tol(got, want, 1e-6)

static const struct sim_outcome *
outcome(int i)
{
	return &rig_result.outcomes[i];
}

START_TEST(a_client_that_goes_while_it_waits_is_not_served)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 3); /* 15, 26, 37 */
	rig_ask(1, -1, 10, 1);
	rig_ask(2, -1, 10, 1);
	rig_act(20, SIM_ACT_LEAVE, 1, NULL);
	rig_run();
	ck_assert_uint_eq(outcome(1)->failed, SIM_LEFT);
	ck_assert_uint_eq(outcome(1)->tokens, 0);
	ck_assert_uint_eq(rig_result.completed, 2);
	is_ms(rig_placed(2), 37);
}
END_TEST

START_TEST(a_client_that_goes_while_it_is_served_makes_room)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 50);
	rig_ask(1, -1, 10, 1);
	rig_act(20, SIM_ACT_LEAVE, 0, NULL);
	rig_run();
	ck_assert_uint_eq(outcome(0)->failed, SIM_LEFT);
	ck_assert_uint_eq(outcome(0)->tokens, 1); /* that of 26 is dropped */
	is_ms(rig_placed(1), 26);
}
END_TEST

START_TEST(a_client_may_go_before_there_is_a_slot)
{
	rig.slots = 1;
	rig_ask(0, -1, 10, 3);
	rig_ask(1, -1, 10, 1);
	rig_ask(2, -1, 10, 1);
	rig_act(5, SIM_ACT_LEAVE, 1, NULL);
	rig_act(6, SIM_ACT_LEAVE, 1, NULL); /* has gone */
	rig_run();
	ck_assert_uint_eq(outcome(1)->failed, SIM_LEFT);
	is_ms(rig_placed(2), 37);
}
END_TEST

START_TEST(who_has_ended_or_not_come_does_not_leave)
{
	rig_ask(0, -1, 10, 1);
	rig_ask(30, -1, 10, 1);
	rig_act(20, SIM_ACT_LEAVE, 0, NULL);
	rig_act(20, SIM_ACT_LEAVE, 1, NULL);
	rig_run();
	ck_assert_uint_eq(rig_result.completed, 2);
}
END_TEST

START_TEST(natural_ends_alone_teach)
{
	struct sim *m;

	rig_ask(0, -1, 10, 5);
	rig_ask(0, -1, 10, 50);
	rig_ask(500, -1, 10, 1);
	rig_act(300, SIM_ACT_LEAVE, 1, NULL);
	ck_assert_int_eq(sim_world_make(&m, &rig, &rig_result), 0);
	while (m->ended < 2)
		ck_assert(sim_advance(m));
	while (m->now < 450 * MILLISECOND)
		ck_assert(sim_advance(m));
	ck_assert_uint_eq(outcome(1)->failed, SIM_LEFT);
	ck_assert_uint_gt(outcome(1)->tokens, 0);
	ck_assert_uint_eq(m->meters.finished, 1);
	ck_assert_uint_eq(m->meters.predict_total, 1);
	sim_world_free(m);
}
END_TEST

START_TEST(a_deadline_is_kept_at_the_next_sweep)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 200);
	rig_ask(1, -1, 10, 1);
	rig_asks[1].deadline = 500 * MILLISECOND;
	rig_run();
	ck_assert_uint_eq(outcome(1)->failed, DENIED_DEADLINE);
	ck_assert_uint_eq(outcome(0)->failed, 0);
	ck_assert_uint_eq(rig_result.failed, 1);
}
END_TEST

START_TEST(an_adapter_is_loaded_and_unloaded_on_command)
{
	rig_act(0, SIM_ACT_LOAD, 3, NULL); /* there at 13 */
	rig_act(100, SIM_ACT_UNLOAD, 3, NULL);
	rig_ask(50, 3, 10, 1);
	rig_ask(150, 3, 10, 1);
	rig_run();
	ck_assert_uint_eq(outcome(0)->hit, 1);
	ck_assert_uint_eq(outcome(1)->hit, 0);
	ck_assert_uint_eq(rig_result.loads, 2);
}
END_TEST

/* Four adapters, one after another, in a pool that has room for two beside a
 * request. */
static void
crowd(double from_ms)
{
	for (int i = 0; i < 4; i++)
		rig_ask(from_ms + 100 * i, 4 + i, 10, 1);
}

START_TEST(a_pinned_adapter_stays_until_it_is_unpinned)
{
	rig_cost("pool_bytes", 3000);
	rig_act(0, SIM_ACT_PIN, 3, NULL);
	rig_act(600, SIM_ACT_UNPIN, 3, NULL);
	crowd(50);
	rig_ask(500, 3, 10, 1);
	crowd(650);
	rig_ask(1100, 3, 10, 1);
	rig_run();
	ck_assert_uint_eq(outcome(4)->hit, 1);
	ck_assert_uint_eq(outcome(9)->hit, 0);
}
END_TEST

START_TEST(other_rules_are_in_force_from_then_on)
{
	struct conf sjf = rig.conf;

	ck_assert_int_eq(conf_set(&sjf, "policy.admission", "sjf"), 0);
	ck_assert_int_eq(conf_set(&sjf, "policy.predictor", "oracle"), 0);
	rig_set("policy.admission", "fifo");
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 3); /* until 37 */
	rig_ask(1, -1, 10, 9); /* until 37 + 15 + 88 */
	rig_ask(2, -1, 10, 5);
	rig_asks[2].max_tokens = 20;
	rig_ask(60, -1, 10, 2);
	rig_act(50, SIM_ACT_RULES, 0, &sjf);
	rig_run();
	is_ms(rig_placed(1), 37);
	is_ms(rig_placed(3), 140);
	is_ms(rig_placed(2), 140 + 15 + 11);
}
END_TEST

START_TEST(an_outcome_says_from_which_queue_it_came)
{
	rig_set("policy.age_max_ms", "30");
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 3); /* until 37 */
	rig_ask(1, -1, 10, 1); /* waits for 36 ms */
	rig_ask(60, -1, 10, 1);
	rig_run();
	ck_assert_uint_eq(outcome(0)->class, 1);
	ck_assert_uint_eq(outcome(1)->class, 0);
	ck_assert_uint_eq(outcome(2)->class, 1);
	ck_assert_uint_eq(rig_result.promoted, 1);
	ck_assert_double_gt(rig_result.late_share, 0);
	ck_assert_double_lt(rig_result.late_share, 1);
}
END_TEST

Suite *
suite_sim_acts(void)
{
	Suite *s = suite_create("sim_acts");
	TCase *t = tcase_create("acts");

	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, a_client_that_goes_while_it_waits_is_not_served);
	tcase_add_test(t, a_client_that_goes_while_it_is_served_makes_room);
	tcase_add_test(t, a_client_may_go_before_there_is_a_slot);
	tcase_add_test(t, who_has_ended_or_not_come_does_not_leave);
	tcase_add_test(t, natural_ends_alone_teach);
	tcase_add_test(t, a_deadline_is_kept_at_the_next_sweep);
	tcase_add_test(t, an_adapter_is_loaded_and_unloaded_on_command);
	tcase_add_test(t, a_pinned_adapter_stays_until_it_is_unpinned);
	tcase_add_test(t, other_rules_are_in_force_from_then_on);
	tcase_add_test(t, an_outcome_says_from_which_queue_it_came);
	suite_add_tcase(s, t);
	return s;
}

/* How long steps took, and what clients felt between tokens. */
#include <check.h>

#include "tests/unit/house.h"

Suite *suite_gpuexec_times(void);

static struct histogram_view
view(enum histogram_id id)
{
	struct histogram_view v;

	histogram_read(house_segs.histogram[id], &v);
	return v;
}

static struct histogram_view
gaps(void)
{
	return view(HISTOGRAM_GPUEXEC_tbt);
}

/* From its first token to its last. */
static uint64_t
lasted(uint32_t slot)
{
	const struct slot_result *r = &house_segs.result[slot];

	return (uint64_t)(r->last_ns - r->first_ns);
}

START_TEST(each_gap_between_two_tokens_is_counted)
{
	house_submit(0, 5, 12);
	house_place(0, 16, 1, 1);
	house_turns(1); /* the first token follows none */
	ck_assert_uint_eq(house_x_of(0).low, 1);
	ck_assert_uint_eq(gaps().total, 0);
	for (uint32_t slot = 1; slot < 3; slot++) {
		house_submit(slot, 4, 12);
		house_place(slot, 16, 1, 1);
	}
	house_turns(40);
	for (uint32_t slot = 0; slot < 3; slot++) {
		const struct slot_result *r = &house_segs.result[slot];

		ck_assert_uint_eq(house_x_of(slot).low, 12);
		ck_assert_int_gt(r->longest_ns, 0);
		ck_assert_uint_le((uint64_t)r->longest_ns, lasted(slot));
		ck_assert_uint_ge((uint64_t)r->longest_ns, lasted(slot) / 11);
	}
	ck_assert_uint_eq(gaps().total, 3 * 11);
	ck_assert_uint_eq(gaps().sum, lasted(0) + lasted(1) + lasted(2));
}
END_TEST

START_TEST(who_was_held_has_felt_a_long_gap)
{
	nsec away = 1000 * SECOND;

	house_submit(0, 9, 10);
	house_place(0, 16, 1, 1);
	house_turns(5);
	house_say(house_segs.s, 0, S_HELD);
	house_turns(2);
	ck_assert_uint_eq(house_x_of(0).state, X_HELD);
	/* As if its last token were that long ago. */
	house_segs.result[0].last_ns -= away;
	house_place(0, 16, 2, 1);
	house_turns(20);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_uint_eq(gaps().total, 9);
	ck_assert_int_ge(house_segs.result[0].longest_ns, away);
	ck_assert_uint_eq(gaps().sum, lasted(0) + (uint64_t)away);
	/* The next one in the slot begins anew. */
	house_say(house_segs.f, 0, F_CLOSED);
	house_turns(1);
	house_say(house_segs.s, 0, S_REL);
	house_submit(0, 4, 3);
	house_place(0, 16, 1, 1);
	house_turns(10);
	ck_assert_uint_eq(gaps().total, 11);
	ck_assert_int_lt(house_segs.result[0].longest_ns, away);
}
END_TEST

START_TEST(steps_are_counted_with_their_rows)
{
	house_submit(0, 20, 6);
	house_place(0, 16, 1, 1);
	house_turns(20);
	ck_assert_uint_eq(view(HISTOGRAM_GPUEXEC_step).total,
	    house_meters.steps);
	ck_assert_uint_eq(view(HISTOGRAM_GPUEXEC_step).sum,
	    house_meters.step_ns);
	ck_assert_uint_eq(view(HISTOGRAM_GPUEXEC_step_tokens).total,
	    house_meters.steps);
	/* The last token of an answer is computed, never read. */
	ck_assert_uint_eq(view(HISTOGRAM_GPUEXEC_step_tokens).sum, 20 + 5);
}
END_TEST

Suite *
suite_gpuexec_times(void)
{
	Suite *s = suite_create("gpuexec_times");
	TCase *t = tcase_create("times");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, house_set_up, house_tear_down);
	tcase_add_test(t, each_gap_between_two_tokens_is_counted);
	tcase_add_test(t, who_was_held_has_felt_a_long_gap);
	tcase_add_test(t, steps_are_counted_with_their_rows);
	suite_add_tcase(s, t);
	return s;
}

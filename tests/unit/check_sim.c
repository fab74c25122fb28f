/* sim/: timelines that can be worked out by hand. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "shm/slot.h"
#include "sim/gaps.h"
#include "tests/unit/sim_rig.h"

Suite *suite_sim(void);

#define is_ms(value, want) ck_assert_double_eq_tol(value, want, 1e-6)

START_TEST(a_prompt_takes_what_its_tokens_cost)
{
	rig_ask(7, -1, 100, 3);
	rig_run();
	is_ms(rig_placed(0), 7);
	is_ms(rig_first(0), 7 + 5 + 100);
	is_ms(rig_last(0), 7 + 105 + 2 * 11);
	ck_assert_uint_eq(rig_result.completed, 1);
	ck_assert_uint_eq(rig_result.steps, 3);
	ck_assert_uint_eq(rig_result.tokens, 3);
	ck_assert_uint_eq(rig_result.gaps.n, 2);
	is_ms(sim_gaps_mean_ms(&rig_result.gaps), 11);
	is_ms(rig_result.duration_s * 1e3, rig_last(0));
}
END_TEST

START_TEST(two_share_their_steps)
{
	rig_ask(0, -1, 20, 3);
	rig_ask(0, -1, 30, 4);
	rig_run();
	is_ms(rig_first(0), 5 + 50);
	is_ms(rig_first(1), 5 + 50);
	is_ms(rig_last(0), 55 + 2 * 12);
	is_ms(rig_last(1), 55 + 2 * 12 + 11);
}
END_TEST

START_TEST(answers_wait_for_a_prompt_in_a_step_of_its_own)
{
	rig_ask(0, -1, 20, 3);	/* 25, 36, then waits */
	rig_ask(30, -1, 30, 1); /* prompt from 36 to 71 */
	rig_run();
	is_ms(rig_first(0), 25);
	is_ms(rig_placed(1), 30);
	is_ms(rig_first(1), 36 + 35);
	is_ms(rig_last(0), 71 + 11);
	is_ms(clock_ms(rig_result.outcomes[0].gap_max_ns), 46);
}
END_TEST

START_TEST(a_mixed_step_serves_prompts_and_answers)
{
	rig_cost("mixed_steps", 1);
	rig_ask(0, -1, 10, 4);	/* 25, 36, 72, 84 */
	rig_ask(26, -1, 20, 3); /* 72, 84, 95 */
	rig_run();
	is_ms(rig_first(0), 10 + 5 + 10);
	is_ms(rig_first(1), 36 + 10 + 5 + 1 + 20);
	is_ms(rig_last(0), 72 + 12);
	is_ms(rig_last(1), 84 + 11);
}
END_TEST

START_TEST(a_long_prompt_is_cut_into_steps)
{
	rig_cost("mixed_steps", 1);
	rig_cost("step_tokens", 8);
	rig_ask(0, -1, 20, 1);
	rig_run();
	is_ms(rig_first(0), 23 + 23 + 19);
	ck_assert_uint_eq(rig_result.steps, 3);
}
END_TEST

START_TEST(context_and_ranks_cost_what_they_say)
{
	rig_cost("attend_token_us", 1000);
	rig_cost("prefill_attend_us", 100);
	rig_cost("lora_step_ms", 2);
	rig_cost("lora_adapter_ms", 4);
	rig_cost("lora_prefill_rank_us", 10);
	rig_cost("lora_decode_rank_us", 500);
	rig_ask(0, 3, 10, 3);
	rig_run();
	/* 13 ms of load; 45 pairs, 10 tokens of rank 8. */
	is_ms(rig_first(0), 13 + 5 + 10 + 4.5 + 2 + 4 + 0.8);
	/* Rows that read 11 and 12 tokens. */
	is_ms(rig_last(0), rig_first(0) + 2 * (11 + 2 + 4 + 4) + 11 + 12);
}
END_TEST

START_TEST(a_miss_waits_for_its_load_and_a_hit_does_not)
{
	rig_ask(0, 5, 10, 1);
	rig_ask(100, 5, 10, 1);
	rig_run();
	is_ms(clock_ms(rig_result.outcomes[0].adapter_ns), 3 + 2 + 8);
	is_ms(clock_ms(rig_result.outcomes[0].load_wait_ns), 13);
	is_ms(rig_placed(0), 13);
	is_ms(rig_first(0), 13 + 15);
	is_ms(rig_first(1), 100 + 15);
	is_ms(clock_ms(rig_result.outcomes[1].load_wait_ns), 0);
	ck_assert_uint_eq(rig_result.outcomes[0].hit, 0);
	ck_assert_uint_eq(rig_result.outcomes[1].hit, 1);
	ck_assert_uint_eq(rig_result.hits, 1);
	ck_assert_uint_eq(rig_result.with_adapter, 2);
	ck_assert_uint_eq(rig_result.loads, 1);
	ck_assert_uint_eq(rig_result.load_bytes, 800);
	ck_assert_uint_eq(rig_result.miss_bytes, 800);
}
END_TEST

START_TEST(bytes_copied_twice_take_the_link_twice_as_long)
{
	rig_set("loader.link_copies", "2");
	rig_ask(0, 5, 10, 1);
	rig_run();
	is_ms(rig_placed(0), 3 + 2 + 16);
	ck_assert_uint_eq(rig_result.load_bytes, 1600);
}
END_TEST

START_TEST(a_link_held_to_a_rate_is_no_faster)
{
	rig_set("loader.link_bytes_per_s", "50000");
	rig_ask(0, 5, 10, 1);
	rig_run();
	is_ms(rig_placed(0), 3 + 2 + 16);
}
END_TEST

START_TEST(loads_share_threads_and_queue_for_the_link)
{
	rig_cost("load_threads", 2);
	for (int i = 0; i < 3; i++)
		rig_ask(0, i, 10, 1);
	rig_run();
	/* Read to 3, 3 and 6; the link is free at 3, 13 and 23. */
	is_ms(clock_ms(rig_result.outcomes[0].adapter_ns), 13);
	is_ms(clock_ms(rig_result.outcomes[1].adapter_ns), 23);
	is_ms(clock_ms(rig_result.outcomes[2].adapter_ns), 33);
}
END_TEST

START_TEST(a_step_waits_for_what_is_left_of_a_stall)
{
	rig_cost("load_stall_ms", 4);
	rig_cost("load_stall_factor", 1.2);
	rig_ask(0, -1, 10, 4); /* 15, 26, 50, then a prompt */
	/* Copied from 23 to 33; its stall begins with the step at 26. */
	rig_ask(20, 2, 10, 1);
	rig_run();
	is_ms(rig_placed(1), 33);
	is_ms(rig_first(1), 26 + 16 + 11 + 15);
	is_ms(rig_last(0), 68 + 11);
}
END_TEST

START_TEST(stalls_follow_one_another)
{
	rig_cost("load_threads", 2);
	rig_cost("load_stall_factor", 2);
	rig_ask(0, -1, 10, 2); /* a step until 15 */
	rig_ask(1, 1, 10, 1);  /* copied from 4 to 14 */
	rig_ask(1, 2, 10, 1);  /* from 14 to 24 */
	rig_run();
	/* Two stalls of 20 ms before the next step, that of one prompt. */
	is_ms(rig_first(1), 15 + 40 + 15);
	is_ms(rig_first(2), 70 + 15);
}
END_TEST

START_TEST(an_idle_engine_pays_for_no_stall)
{
	rig_cost("load_stall_ms", 40);
	rig_ask(0, 2, 10, 1); /* copied from 3 to 13, while nothing runs */
	rig_run();
	is_ms(rig_first(0), 13 + 15);
}
END_TEST

START_TEST(a_full_batch_lets_others_wait)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 3);
	rig_ask(1, -1, 10, 1);
	rig_run();
	is_ms(rig_last(0), 15 + 22);
	is_ms(rig_placed(1), 37);
	is_ms(rig_first(1), 37 + 15);
	is_ms(rig_result.worst_wait_s * 1e3, 36);
}
END_TEST

START_TEST(what_finds_no_memory_waits_for_it)
{
	rig_cost("pool_bytes", 2000); /* 20 blocks, each needs 12 */
	rig_ask(0, -1, 100, 3);
	rig_ask(0, -1, 100, 3);
	rig_run();
	is_ms(rig_first(0), 105);
	is_ms(rig_placed(1), rig_last(0));
	is_ms(rig_first(1), rig_last(0) + 105);
}
END_TEST

START_TEST(what_fits_no_pool_is_denied)
{
	rig_cost("pool_bytes", 2000);
	rig_ask(0, -1, 190, 30);
	rig_ask(0, -1, 10, 1);
	rig_run();
	ck_assert_uint_eq(rig_result.outcomes[0].failed, DENIED_MEMORY);
	ck_assert_uint_eq(rig_result.failed, 1);
	ck_assert_uint_eq(rig_result.completed, 1);
}
END_TEST

START_TEST(without_a_slot_a_request_waits_outside)
{
	rig.slots = 1;
	rig_ask(0, -1, 10, 3);
	rig_ask(1, -1, 10, 1);
	rig_run();
	is_ms(clock_ms(rig_result.outcomes[1].seen_ns), 37);
	is_ms(rig_first(1), 37 + 15);
	is_ms(rig_result.worst_wait_s * 1e3, 36);
}
END_TEST

START_TEST(the_scheduler_answers_after_its_time)
{
	rig_cost("scheduler_ms", 2);
	rig_ask(1, -1, 10, 2);
	rig_run();
	is_ms(rig_placed(0), 3);
	is_ms(rig_first(0), 3 + 15);
	is_ms(rig_last(0), 18 + 11);
}
END_TEST

START_TEST(warm_up_counts_in_nothing)
{
	rig.warm_up_s = 0.05;
	rig_ask(0, 5, 10, 2);
	rig_ask(100, 5, 10, 2);
	rig_run();
	ck_assert_uint_eq(rig_result.requests, 1);
	ck_assert_uint_eq(rig_result.hits, 1);
	ck_assert_uint_eq(rig_result.miss_bytes, 0);
	ck_assert_uint_eq(rig_result.gaps.n, 1);
	is_ms(rig_result.duration_s * 1e3, 100 + 15 + 11 - 50);
}
END_TEST

START_TEST(memory_is_looked_at_each_second)
{
	rig_ask(0, 5, 10, 200); /* over two seconds */
	rig_run();
	ck_assert_uint_eq(rig_result.nsamples, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct sim_sample *s = &rig_result.samples[i];

		is_ms(s->at_s, i);
		ck_assert_uint_eq(s->kv_bytes + s->adapter_bytes +
			s->idle_bytes,
		    10000);
	}
	ck_assert_uint_eq(rig_result.samples[1].running, 1);
	ck_assert_uint_eq(rig_result.samples[1].adapter_bytes, 800);
	/* 28 + 88 * 11 ms: 99 tokens in ten blocks, and one ahead. */
	ck_assert_uint_eq(rig_result.samples[1].kv_bytes, 1100);
}
END_TEST

START_TEST(the_same_setup_gives_the_same_result)
{
	struct sim_result again;

	rig_draw(7, 400, 80);
	rig_run();
	ck_assert_int_eq(sim_run(&rig, &again), 0);
	ck_assert_int_eq(memcmp(again.outcomes, rig_result.outcomes,
			     400 * sizeof(*again.outcomes)),
	    0);
	ck_assert_int_eq(memcmp(&again.gaps, &rig_result.gaps,
			     sizeof(again.gaps)),
	    0);
	ck_assert_uint_eq(again.load_bytes, rig_result.load_bytes);
	sim_result_free(&again);
}
END_TEST

START_TEST(no_work_is_a_result_too)
{
	rig_run();
	ck_assert_uint_eq(rig_result.requests, 0);
	ck_assert_uint_eq(rig_result.steps, 0);
}
END_TEST

START_TEST(what_cannot_be_simulated_is_refused)
{
	rig_ask(0, -1, 10, 2);
	rig_cost("chunk_bytes", 90);
	ck_assert_int_eq(sim_run(&rig, &rig_result), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "chunk_bytes"));
	rig_cost("chunk_bytes", 1000);
	rig_asks[0].max_tokens = 1;
	sim_result_free(&rig_result);
	ck_assert_int_eq(sim_run(&rig, &rig_result), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "request 0"));
}
END_TEST

START_TEST(gaps_are_told_to_half_a_percent)
{
	struct sim_gaps *g = calloc(1, sizeof(*g));

	for (int i = 1; i <= 1000; i++)
		sim_gaps_add(g, i * MILLISECOND);
	ck_assert_double_eq_tol(sim_gaps_quantile_ms(g, 0.5), 500, 2.5);
	ck_assert_double_eq_tol(sim_gaps_quantile_ms(g, 0.99), 990, 5);
	ck_assert_double_eq_tol(sim_gaps_quantile_ms(g, 1), 1000, 5);
	ck_assert_double_eq_tol(sim_gaps_mean_ms(g), 500.5, 1e-9);
	sim_gaps_join(g, g);
	ck_assert_uint_eq(g->n, 2000);
	free(g);
}
END_TEST

Suite *
suite_sim(void)
{
	Suite *s = suite_create("sim");
	TCase *t = tcase_create("timelines");

	tcase_add_checked_fixture(t, rig_open, rig_close);
	tcase_add_test(t, a_prompt_takes_what_its_tokens_cost);
	tcase_add_test(t, two_share_their_steps);
	tcase_add_test(t, answers_wait_for_a_prompt_in_a_step_of_its_own);
	tcase_add_test(t, a_mixed_step_serves_prompts_and_answers);
	tcase_add_test(t, a_long_prompt_is_cut_into_steps);
	tcase_add_test(t, context_and_ranks_cost_what_they_say);
	tcase_add_test(t, a_miss_waits_for_its_load_and_a_hit_does_not);
	tcase_add_test(t, bytes_copied_twice_take_the_link_twice_as_long);
	tcase_add_test(t, a_link_held_to_a_rate_is_no_faster);
	tcase_add_test(t, loads_share_threads_and_queue_for_the_link);
	tcase_add_test(t, a_step_waits_for_what_is_left_of_a_stall);
	tcase_add_test(t, stalls_follow_one_another);
	tcase_add_test(t, an_idle_engine_pays_for_no_stall);
	tcase_add_test(t, a_full_batch_lets_others_wait);
	tcase_add_test(t, what_finds_no_memory_waits_for_it);
	tcase_add_test(t, what_fits_no_pool_is_denied);
	tcase_add_test(t, without_a_slot_a_request_waits_outside);
	tcase_add_test(t, the_scheduler_answers_after_its_time);
	tcase_add_test(t, warm_up_counts_in_nothing);
	tcase_add_test(t, memory_is_looked_at_each_second);
	tcase_add_test(t, the_same_setup_gives_the_same_result);
	tcase_add_test(t, no_work_is_a_result_too);
	tcase_add_test(t, what_cannot_be_simulated_is_refused);
	tcase_add_test(t, gaps_are_told_to_half_a_percent);
	suite_add_tcase(s, t);
	return s;
}

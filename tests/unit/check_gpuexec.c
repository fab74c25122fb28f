/* The executor against words: what is placed is computed, what is closed or
 * held is let go, what is not legal harms nobody else. */
#include <check.h>
#include <string.h>

#include "tests/unit/house.h"

Suite *suite_gpuexec(void);

/* ---- promises --------------------------------------------------------- */

START_TEST(what_is_placed_is_computed_to_its_end)
{
	for (uint32_t slot = 0; slot < 3; slot++) {
		house_submit(slot, 10 + (int)slot, 12);
		house_place(slot, 16, 1, 1);
	}
	house_turns(40);
	for (uint32_t slot = 0; slot < 3; slot++) {
		struct word x = house_x_of(slot);
		const struct slot_result *r = &house_segs.result[slot];

		ck_assert_uint_eq(x.state, X_FIN);
		ck_assert_uint_eq(x.gen, 1);
		ck_assert_uint_eq(x.low, 12);
		ck_assert_uint_eq(r->finish, FINISH_LENGTH);
		ck_assert_int_eq(r->stop_id, -1);
		ck_assert(r->started_ns > 0 && r->started_ns <= r->first_ns);
		ck_assert(r->first_ns < r->last_ns);
		house_same_as_alone(slot, NULL, 12);
	}
	ck_assert_uint_eq(house_meters.output_tokens, 36);
	ck_assert_uint_eq(house_launched, house_completed);
	ck_assert_uint_eq(house_gx.nlive, 0);
	memset(&house_meters, 0, sizeof(house_meters));
}
END_TEST

START_TEST(a_placement_of_another_life_is_not_obeyed)
{
	house_submit(0, 5, 4);
	house_place(0, 16, 1, 2);
	house_turns(3);
	ck_assert_uint_eq(house_x_of(0).state, X_NONE);
	house_place(0, 16, 2, 1);
	house_turns(8);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
}
END_TEST

START_TEST(a_full_house_starts_the_rest_when_there_is_room)
{
	for (uint32_t slot = 0; slot < 5; slot++) {
		house_submit(slot, 4, 3);
		house_place(slot, 16, 1, 1);
	}
	house_turns(1);
	ck_assert_uint_eq(house_x_of(4).state, X_NONE);
	house_turns(20);
	for (uint32_t slot = 0; slot < 5; slot++)
		ck_assert_uint_eq(house_x_of(slot).state, X_FIN);
}
END_TEST

START_TEST(a_closed_request_is_acknowledged_and_commits_no_more)
{
	struct word x;

	house_submit(0, 5, 30);
	house_place(0, 16, 1, 1);
	house_turns(5);
	x = house_x_of(0);
	ck_assert_uint_eq(x.state, X_RUN);
	house_say(house_segs.f, 0, F_CLOSED);
	house_turns(3);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_uint_eq(house_x_of(0).low, x.low);
	ck_assert_uint_eq(house_segs.result[0].finish, FINISH_CLOSED);
	ck_assert_uint_eq(house_gx.nlive, 0);
	/* Also one that was never started, placed in another life. */
	house_submit(1, 5, 30);
	house_place(1, 16, 1, 9);
	house_say(house_segs.f, 1, F_CLOSED);
	house_turns(1);
	ck_assert_uint_eq(house_x_of(1).state, X_FIN);
	ck_assert_uint_eq(house_x_of(1).low, 0);
}
END_TEST

START_TEST(a_held_request_keeps_its_tokens_and_goes_on)
{
	struct word x;

	house_submit(0, 9, 20);
	house_place(0, 16, 1, 1);
	house_turns(8);
	house_say(house_segs.s, 0, S_HELD);
	house_turns(2);
	x = house_x_of(0);
	ck_assert_uint_eq(x.state, X_HELD);
	ck_assert_uint_eq(x.round, 1);
	ck_assert_uint_gt(x.low, 2);
	/* Other blocks, the next round. */
	house_place(0, 0, 2, 1);
	for (uint32_t i = 0; i < 16; i++)
		segs_blocks(&house_segs, 0)[i] = 200 - i;
	word_store(&house_segs.b[0], (struct word){ x.gen, 0, 2, 16 });
	house_turns(40);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_uint_eq(house_x_of(0).low, 20);
	house_same_as_alone(0, NULL, 20);
}
END_TEST

START_TEST(a_new_life_goes_on_where_the_words_say)
{
	house_submit(0, 9, 20);
	house_place(0, 16, 1, 1);
	house_turns(8);
	ck_assert_uint_gt(house_x_of(0).low, 2);
	gx_close(&house_gx); /* as good as killed: nothing is written */
	house_launched++;    /* inside a step */
	house_begin_life(2);
	ck_assert_uint_eq(house_launched, house_completed);
	house_turns(3);
	ck_assert_uint_lt(house_x_of(0).low, 20);
	ck_assert_uint_eq(house_gx.nlive, 0);
	house_place(0, 16, 2, 2);
	house_turns(40);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	house_same_as_alone(0, NULL, 20);
	/* Killed between the last token and FIN. */
	house_submit(1, 4, 5);
	house_place(1, 16, 1, 2);
	house_turns(20);
	word_store(&house_segs.x[1], (struct word){ 1, X_RUN, 1, 5 });
	house_place(1, 16, 2, 2);
	house_turns(1);
	ck_assert_uint_eq(house_x_of(1).state, X_FIN);
	ck_assert_uint_eq(house_x_of(1).low, 5);
}
END_TEST

START_TEST(without_a_block_for_its_next_token_it_sits_out)
{
	house_submit(0, 6, 20);
	house_place(0, 2, 1, 1);
	house_turns(10);
	/* 8 positions: the prompt's 6 and 2 tokens; the third is known. */
	ck_assert_uint_eq(house_x_of(0).state, X_RUN);
	ck_assert_uint_eq(house_x_of(0).low, 3);
	ck_assert_uint_gt(house_meters.sat_out, 0);
	house_grant(0, 16, 2); /* of another round */
	house_turns(2);
	ck_assert_uint_eq(house_x_of(0).low, 3);
	house_grant(0, 16, 1);
	house_turns(20);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	house_same_as_alone(0, NULL, 20);
}
END_TEST

START_TEST(stop_ids_end_it_but_not_before_min_tokens)
{
	int32_t first;

	house_submit(0, 6, 20);
	house_place(0, 16, 1, 1);
	house_turns(12);
	first = segs_tok(&house_segs, 0)[4];
	house_say(house_segs.f, 0, F_CLOSED);
	house_turns(1);
	house_say(house_segs.s, 0, S_REL);
	house_submit(0, 6, 20);
	house_segs.request[0].nstop_ids = 1;
	house_segs.request[0].stop_ids[0] = first;
	house_place(0, 16, 1, 1);
	house_turns(30);
	ck_assert_uint_eq(house_segs.result[0].finish, FINISH_STOP);
	ck_assert_int_eq(house_segs.result[0].stop_id, first);
	ck_assert_int_eq(segs_tok(&house_segs, 0)[house_x_of(0).low - 1],
	    first);
	ck_assert_uint_le(house_x_of(0).low, 5);
	house_say(house_segs.f, 0, F_CLOSED);
	house_say(house_segs.s, 0, S_REL);
	house_submit(0, 6, 20);
	house_segs.request[0].nstop_ids = 1;
	house_segs.request[0].stop_ids[0] = first;
	house_segs.request[0].min_tokens = 18;
	house_place(0, 16, 1, 1);
	house_turns(40);
	ck_assert_uint_ge(house_x_of(0).low, 18);
	for (int i = 0; i < 18; i++)
		ck_assert_int_ne(segs_tok(&house_segs, 0)[i], first);
}
END_TEST

START_TEST(with_logprobs_it_waits_for_a_client_that_is_behind)
{
	house_submit(0, 4, 50);
	house_segs.request[0].flags = SLOT_LOGPROBS;
	house_segs.request[0].ntop = 3;
	house_place(0, 16, 1, 1);
	house_turns(60);
	ck_assert_uint_eq(house_x_of(0).low, SLOT_WINDOW);
	ck_assert_int_eq(segs_logprobs(&house_segs, 0, 5)->ntop, 3);
	ck_assert_int_eq(segs_logprobs(&house_segs, 0, 5)->top_id[0],
	    segs_tok(&house_segs, 0)[5]);
	atomic_store(&house_segs.told[0], 7);
	house_turns(60);
	ck_assert_uint_eq(house_x_of(0).low, SLOT_WINDOW + 7);
	atomic_store(&house_segs.told[0], SLOT_WINDOW);
	house_turns(60);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
}
END_TEST

START_TEST(an_adapter_is_used_under_its_own_generation_alone)
{
	house_submit(0, 7, 9);
	house_segs.request[0].adapter = 2;
	house_segs.ticket[0] = (struct slot_ticket){ .adapter = 2,
		.want_gen = 5 };
	house_place(0, 16, 1, 1);
	house_turns(4); /* not there */
	ck_assert_uint_eq(house_x_of(0).state, X_RUN);
	ck_assert_uint_eq(house_x_of(0).low, 0);
	house_load_adapter(4); /* there, but of another generation */
	house_turns(4);
	ck_assert_uint_eq(house_x_of(0).low, 0);
	house_load_adapter(5);
	house_submit(1, 7, 9); /* the base model beside it */
	house_place(1, 16, 1, 1);
	house_turns(30);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_uint_eq(house_segs.result[0].adapter_gen, 5);
	house_same_as_alone(0, ADAPTER, 9);
	house_same_as_alone(1, NULL, 9);
}
END_TEST

static void
submit_with_adapter(uint32_t slot, uint32_t gen, int nprompt)
{
	house_submit(slot, nprompt, 9);
	house_segs.request[slot].adapter = 2;
	house_segs.ticket[slot] = (struct slot_ticket){ .adapter = 2,
		.want_gen = gen };
	house_place(slot, 16, 1, 1);
}

START_TEST(who_follows_its_adapter_gets_the_same_answer)
{
	int layers = forward_shape(house_gx.forward)->layers;

	submit_with_adapter(0, 5, 2);
	submit_with_adapter(1, 5, 2);
	house_submit(2, 6, 9); /* the base model goes on beside them */
	house_place(2, 16, 1, 1);
	for (int i = 0; i < layers; i++) {
		house_load_layers(5, i);
		house_turns(2);
		ck_assert_int_eq(house_gx.follow.n, 2);
		ck_assert_int_eq(house_gx.follow.layers, i);
		ck_assert_uint_eq(house_x_of(0).low, 0);
	}
	ck_assert_uint_ge(house_x_of(2).low, 2);
	house_load_adapter(5);
	house_turns(20);
	ck_assert_int_eq(house_gx.follow.n, 0);
	house_same_as_alone(0, ADAPTER, 9);
	house_same_as_alone(1, ADAPTER, 9);
	house_same_as_alone(2, NULL, 9);
	ck_assert_uint_eq(house_launched, house_completed);
}
END_TEST

START_TEST(who_follows_waits_for_nobody_and_keeps_nobody)
{
	house_load_layers(5, 0);
	submit_with_adapter(0, 5, 4);
	submit_with_adapter(1, 5, 3);
	house_turns(3);
	ck_assert_int_eq(house_gx.follow.n, 2);
	ck_assert(!gx_follow_waits(&house_gx));
	/* One is gone: the other begins again, and nothing of the first is
	 * written any more. */
	house_say(house_segs.f, 0, F_CLOSED);
	house_turns(2);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_int_eq(house_gx.follow.n, 1);
	/* Its adapter goes, as when it could not be copied to the end. */
	word_store_place(&house_segs.have[2],
	    (struct place_word){ 5, HAVE_FAILED, 0, 10u << 8 });
	house_turns(2);
	ck_assert_int_eq(house_gx.follow.n, 0);
	ck_assert_uint_eq(house_x_of(1).low, 0);
	/* And comes again, under the same generation: not by any old layers. */
	house_load_adapter(5);
	house_turns(20);
	house_same_as_alone(1, ADAPTER, 9);
}
END_TEST

START_TEST(a_damaged_image_ends_its_requests_and_no_other)
{
	house_load_adapter(5);
	memset(device_address(house_gx.device, 10 * CHUNK + 48), 0xff, 64);
	for (uint32_t slot = 0; slot < 2; slot++) {
		house_submit(slot, 7, 9);
		house_segs.request[slot].adapter = slot == 0 ? 2 : SLOT_BASE;
		house_segs.ticket[slot] = (struct slot_ticket){
			.adapter = house_segs.request[slot].adapter,
			.want_gen = 5
		};
		house_place(slot, 16, 1, 1);
	}
	house_turns(30);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	ck_assert_uint_eq(house_segs.result[0].finish, FINISH_ADAPTER);
	ck_assert_uint_eq(house_segs.result[1].finish, FINISH_LENGTH);
	house_same_as_alone(1, NULL, 9);
}
END_TEST

/* One bad thing a turn of the loop, a good request beside it. */
static void
spoil(int i)
{
	struct slot_request *q = &house_segs.request[0];
	struct sample_params *p = (void *)q->sampling;

	switch (i) {
	case 0:
		segs_prompt(&house_segs, 0)[3] = 96;
		break;
	case 1:
		segs_prompt(&house_segs, 0)[0] = -1;
		break;
	case 2:
		q->nprompt = 1 << 30;
		break;
	case 3:
		q->nprompt = 0;
		break;
	case 4:
		q->max_tokens = 1 << 30;
		break;
	case 5:
		q->nstop_ids = 100;
		break;
	case 6:
		q->ntop = 21;
		break;
	case 7:
		p->nbias = 1 << 20;
		break;
	case 8:
		p->temperature = -1;
		break;
	case 9:
		q->adapter = 77;
		house_segs.ticket[0].adapter = 77;
		break;
	case 10:
		house_segs.ticket[0].adapter = 1;
		break;
	case 11:
		segs_blocks(&house_segs, 0)[0] = UINT32_MAX;
		break;
	case 12:
		p->nbias = 1;
		p->bias[0].id = -5;
		break;
	}
}

START_TEST(what_is_not_legal_ends_its_request_and_no_other)
{
	for (int i = 0; i < 13; i++) {
		house_submit(0, 7, 5);
		house_submit(1, 7, 5);
		house_place(0, 16, 1, 1);
		house_place(1, 16, 1, 1);
		spoil(i);
		house_turns(20);
		ck_assert_msg(house_x_of(0).state == X_FIN, "spoilt thing %d",
		    i);
		ck_assert_uint_eq(house_x_of(0).low, 0);
		ck_assert(house_segs.result[0].finish == FINISH_NUMBERS ||
		    house_segs.result[0].finish == FINISH_ADAPTER);
		ck_assert_uint_eq(house_segs.result[1].finish, FINISH_LENGTH);
		for (uint32_t slot = 0; slot < 2; slot++) {
			house_say(house_segs.f, slot, F_CLOSED);
			house_say(house_segs.s, slot, S_REL);
		}
	}
}
END_TEST

START_TEST(a_grant_beyond_the_list_is_cut_and_hints_are_only_hints)
{
	struct ring_tx tx;

	house_scheduler_end(&tx);
	house_submit(0, 7, 5);
	house_place(0, 16, 1, 1);
	word_store(&house_segs.b[0], (struct word){ 1, 0, 1, WORD_LOW_MASK });
	ring_push(&tx, UINT64_MAX);
	ring_push(&tx, SLOTS);
	ring_push(&tx, 5);
	ring_push(&tx, 0); /* the only one that is true */
	memset(&house_meters, 0, sizeof(house_meters));
	gx_hints(&house_gx);
	ck_assert_uint_eq(house_x_of(0).state, X_RUN);
	ck_assert_uint_eq(house_meters.stale_hints, 3);
	house_turns(20);
	ck_assert_uint_eq(house_x_of(0).state, X_FIN);
	house_same_as_alone(0, NULL, 5);
}
END_TEST

/* What sample n of the last so many says; n from 1. */
static struct step_note
sample_of(uint64_t number)
{
	struct step_note note;

	ck_assert(sample_get_step(house_segs.step_samples, number, &note));
	return note;
}

START_TEST(every_step_leaves_a_sample_in_the_terms_of_the_cost_model)
{
	struct step_note note;

	house_load_adapter(5);
	house_segs.info[2].rank = 4;
	house_submit(0, 5, 3);
	house_place(0, 16, 1, 1);
	house_submit(1, 4, 3);
	house_segs.request[1].adapter = 2;
	house_segs.ticket[1] = (struct slot_ticket){ .adapter = 2,
		.want_gen = 5 };
	house_place(1, 16, 1, 1);
	house_turns(1); /* 7 rows: 5 of one prompt, 2 of the other */
	note = sample_of(1);
	ck_assert_uint_eq(note.decode_rows, 0);
	ck_assert_uint_eq(note.prompt_tokens, 7);
	ck_assert_uint_eq(note.prompt_pairs, 10 + 1);
	ck_assert_uint_eq(note.lora_rows, 2);
	ck_assert_uint_eq(note.adapters, 1);
	ck_assert_uint_eq(note.prompt_ranks, 8);
	ck_assert_int_eq(note.gap_ns, 0);
	ck_assert(note.started_ns > 0 && note.took_ns > 0);
	house_turns(1);
	note = sample_of(2);
	ck_assert_uint_eq(note.decode_rows, 1);
	ck_assert_uint_eq(note.decode_context, 6);
	ck_assert_uint_eq(note.prompt_tokens, 2);
	ck_assert_uint_eq(note.prompt_pairs, 2 * 2 + 1);
	ck_assert_int_gt(note.gap_ns, 0);
	house_turns(1);
	note = sample_of(3);
	ck_assert_uint_eq(note.decode_rows, 2);
	ck_assert_uint_eq(note.decode_context, 7 + 5);
	ck_assert_uint_eq(note.decode_ranks, 4);
	ck_assert_uint_eq(note.prompt_ranks, 0);
	house_turns(10);
	ck_assert_uint_eq(sample_last_step(house_segs.step_samples),
	    house_completed);
}
END_TEST

START_TEST(a_sample_that_is_being_written_is_none)
{
	struct step_note note;

	house_submit(0, 5, 3);
	house_place(0, 16, 1, 1);
	house_turns(10);
	ck_assert(sample_get_step(house_segs.step_samples, 2, &note));
	atomic_store(&house_segs.step_samples[2].number, 0);
	ck_assert(!sample_get_step(house_segs.step_samples, 2, &note));
	ck_assert(!sample_get_step(house_segs.step_samples, 0, &note));
	ck_assert(
	    !sample_get_step(house_segs.step_samples, 1 + SAMPLE_STEPS, &note));
}
END_TEST

Suite *
suite_gpuexec(void)
{
	Suite *s = suite_create("gpuexec");
	TCase *t = tcase_create("words");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, house_set_up, house_tear_down);
	tcase_add_test(t, what_is_placed_is_computed_to_its_end);
	tcase_add_test(t, a_placement_of_another_life_is_not_obeyed);
	tcase_add_test(t, a_full_house_starts_the_rest_when_there_is_room);
	tcase_add_test(t, a_closed_request_is_acknowledged_and_commits_no_more);
	tcase_add_test(t, a_held_request_keeps_its_tokens_and_goes_on);
	tcase_add_test(t, a_new_life_goes_on_where_the_words_say);
	tcase_add_test(t, without_a_block_for_its_next_token_it_sits_out);
	tcase_add_test(t, stop_ids_end_it_but_not_before_min_tokens);
	tcase_add_test(t, with_logprobs_it_waits_for_a_client_that_is_behind);
	tcase_add_test(t, an_adapter_is_used_under_its_own_generation_alone);
	tcase_add_test(t, who_follows_its_adapter_gets_the_same_answer);
	tcase_add_test(t, who_follows_waits_for_nobody_and_keeps_nobody);
	tcase_add_test(t, a_damaged_image_ends_its_requests_and_no_other);
	tcase_add_test(t, what_is_not_legal_ends_its_request_and_no_other);
	tcase_add_test(t,
	    a_grant_beyond_the_list_is_cut_and_hints_are_only_hints);
	tcase_add_test(t,
	    every_step_leaves_a_sample_in_the_terms_of_the_cost_model);
	tcase_add_test(t, a_sample_that_is_being_written_is_none);
	suite_add_tcase(s, t);
	return s;
}

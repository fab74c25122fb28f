/* The scheduler's part in what is elastic: loads that are followed or called off,
 * and memory that goes back. */
#include <check.h>

#include "tests/unit/sched_world.h"

Suite *suite_scheduler_memory(void);

START_TEST(who_follows_its_adapter_starts_before_all_of_it_is_there)
{
	uint32_t slot;

	world_open(1);
	slot = world_submit(3, 4, 3);
	world_turn();
	world_loader(3);
	world_turn();
	ck_assert_uint_eq(world_s(slot).state, S_REL);
	word_store(&world.layers[3],
	    (struct word){ word_load_place(&world.want[3]).gen, 0, 0, 1 });
	world_turn();
	ck_assert_uint_eq(word_load_place(&world.have[3]).state, HAVE_LOADING);
	ck_assert_uint_eq(world_s(slot).state, S_PLACED);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world.denied[DENIED_ADAPTER], 0);
	/* It ends with those who have begun, should the rest never come. */
	(void)world_submit(5, 4, 3);
	world_turn();
	world_loader(5);
	word_store(&world.layers[5],
	    (struct word){ word_load_place(&world.want[5]).gen, 0, 0,
		LAYERS + 1 });
	world.fails[5] = true;
	world_turn();
	world_loader(5);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world.denied[DENIED_ADAPTER], 1);
	ck_assert_uint_eq(word_load_place(&world.want[5]).state, WANT_OUT);
	world_close();
}
END_TEST

START_TEST(a_load_for_which_nobody_waits_any_more_is_called_off)
{
	uint32_t slot;

	world_open(1);
	slot = world_submit(3, 4, 3);
	world_turn();
	world_loader(3);
	world_close_slot(slot);
	world_turn();
	ck_assert_uint_eq(word_load_place(&world.want[3]).state, WANT_OUT);
	ck_assert_uint_eq(world.meters.left_unwanted, 1);
	ck_assert(world_settle(100));
	world_close();
}
END_TEST

/* Without a hint. */
static void
heed(void)
{
	for (int i = 0; i < 3; i++) {
		world_turn();
		sch_tick(world.core, world.now);
	}
}

/* A load or a pin that an operator takes back before it is there. */
START_TEST(a_load_that_is_taken_back_is_called_off)
{
	enum dir_ask asked = _i == 0 ? ASK_LOAD : ASK_PIN;

	world_open(1);
	world.ask[3] = dir_ask(1, 1, _i == 1, 0, asked);
	heed();
	world_loader(3);
	ck_assert_uint_eq(word_load_place(&world.want[3]).state, WANT_IN);
	world.ask[3] = dir_ask(1, 2, false, 0, _i == 0 ? ASK_NONE : ASK_UNPIN);
	heed();
	ck_assert_uint_eq(word_load_place(&world.want[3]).state, WANT_OUT);
	ck_assert_uint_eq(world.meters.left_unwanted, 1);
	world_close();
}
END_TEST

static bool
is_wanted_in(uint32_t a)
{
	return word_load_place(&world.want[a]).state == WANT_IN;
}

/* One that was loaded stays where idle ones are dropped; once it has gone, no new
 * scheduler brings it again. */
START_TEST(a_load_that_is_done_is_not_done_again)
{
	world_open(1);
	world_rules("chameleon", "none");
	world_restart();
	world.ask[3] = dir_ask(1, 1, false, 0, ASK_LOAD);
	world_rounds(6);
	ck_assert(is_wanted_in(3));
	world.ask[3] = dir_ask(1, 2, false, 0, ASK_LOADED);
	for (int i = 0; i < 2; i++) {
		world_rounds(6);
		ck_assert(is_wanted_in(3));
		world_restart();
	}
	world.ask[3] = dir_ask(1, 3, false, 0, ASK_UNLOAD);
	world_rounds(6);
	world.ask[3] = dir_ask(1, 4, false, 0, ASK_LOADED);
	world_restart();
	world_rounds(6);
	ck_assert(!is_wanted_in(3));
	/* Asked again, it comes. */
	world.ask[3] = dir_ask(1, 5, false, 0, ASK_LOAD);
	world_rounds(6);
	ck_assert(is_wanted_in(3));
	world_close();
}
END_TEST

/* A load long over keeps no later one alive for which nobody waits. */
START_TEST(one_that_was_loaded_and_has_gone_comes_for_requests_alone)
{
	uint32_t slot;

	world_open(1);
	world.ask[3] = dir_ask(1, 1, false, 0, ASK_LOADED);
	heed();
	ck_assert(!is_wanted_in(3));
	slot = world_submit(3, 4, 3);
	world_turn();
	ck_assert(is_wanted_in(3));
	world_loader(3);
	world_close_slot(slot);
	world_turn();
	ck_assert(!is_wanted_in(3));
	ck_assert_uint_eq(world.meters.left_unwanted, 1);
	world_close();
}
END_TEST

/* Of a pool of six chunks idle adapters have five, and one runs in the sixth. */
START_TEST(idle_adapters_keep_their_share_while_others_run)
{
	uint32_t runs, waits, least = _i == 0 ? 0 : 3;

	world_open(5);
	world.rules.resident_min_percent = _i == 0 ? 0 : 50;
	world_restart();
	for (int32_t a = 2; a < 5; a++) {
		(void)world_submit(a, 3, 2);
		ck_assert(world_settle(100));
	}
	runs = world_submit(SLOT_BASE, 3, 13);
	world_rounds(2);
	ck_assert_uint_eq(world_s(runs).state, S_PLACED);
	waits = world_submit(SLOT_BASE, 42, 2); /* three chunks */
	world_rounds(4);
	ck_assert_uint_eq(world_s(runs).state, S_PLACED);
	ck_assert_uint_eq(world_s(waits).state, least == 0 ? S_PLACED : S_REL);
	ck_assert_uint_ge(is_wanted_in(2) + is_wanted_in(3) +
		3u * is_wanted_in(4),
	    least);
	/* Once nobody runs they give way. */
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world.denied[DENIED_MEMORY], 0);
	world_close();
}
END_TEST

/* More than fit, asked at once: each comes, and then goes for the next. */
START_TEST(loads_asked_at_once_all_come)
{
	bool came[ADAPTERS] = { false };
	int n = 0;

	world_open(3);
	for (uint32_t a = 0; a < ADAPTERS; a++)
		world.ask[a] = dir_ask(1, 1, false, 0, ASK_LOAD);
	for (int i = 0; i < 400; i++) {
		world_rounds(1);
		for (uint32_t a = 0; a < ADAPTERS; a++)
			came[a] |= word_load_place(&world.have[a]).state ==
			    HAVE_RESIDENT;
	}
	for (uint32_t a = 0; a < ADAPTERS; a++)
		n += came[a];
	ck_assert_int_eq(n, ADAPTERS);
	world_close();
}
END_TEST

static uint32_t
chunks_with(enum chunk_owner owner)
{
	uint32_t n = 0;

	for (uint32_t c = 0; c < CHUNKS; c++)
		n += word_load_place(&world.chunk[c]).state == owner;
	return n;
}

static void
tick_later(nsec by)
{
	world.now += by;
	sch_tick(world.core, world.now);
}

START_TEST(memory_that_a_window_did_not_need_goes_back)
{
	nsec window;

	world_open(1);
	window = world.w.return_ns;
	(void)world_submit(SLOT_BASE, 20, 20); /* 10 blocks: 3 chunks */
	ck_assert(world_settle(200));
	tick_later(window); /* what was free all of this window is bare */
	tick_later(1);
	ck_assert_uint_eq(chunks_with(CHUNK_RETURNING), 0);
	tick_later(window);
	ck_assert_uint_eq(chunks_with(CHUNK_RETURNING), 3);
	/* They are nobody's until the loader has answered, and then anybody's:
	 * a request that needs all there is gets it. */
	(void)world_submit(SLOT_BASE, 60, 4);
	ck_assert(world_settle(400));
	ck_assert_uint_eq(world.given_back, 3);
	ck_assert_uint_eq(chunks_with(CHUNK_RETURNING), 0);
	ck_assert_uint_eq(world.denied[DENIED_MEMORY], 0);
	/* A new scheduler waits for those that the old one has begun. */
	tick_later(2 * window);
	tick_later(window);
	ck_assert_uint_gt(chunks_with(CHUNK_RETURNING), 0);
	world_restart();
	world_rounds(40);
	tick_later(1);
	ck_assert_uint_eq(chunks_with(CHUNK_RETURNING), 0);
	world_close();
}
END_TEST

Suite *
suite_scheduler_memory(void)
{
	Suite *s = suite_create("scheduler_memory");
	TCase *c = tcase_create("memory");

	tcase_add_test(c,
	    who_follows_its_adapter_starts_before_all_of_it_is_there);
	tcase_add_test(c, a_load_for_which_nobody_waits_any_more_is_called_off);
	tcase_add_loop_test(c, a_load_that_is_taken_back_is_called_off, 0, 2);
	tcase_add_test(c, a_load_that_is_done_is_not_done_again);
	tcase_add_test(c,
	    one_that_was_loaded_and_has_gone_comes_for_requests_alone);
	tcase_add_loop_test(c, idle_adapters_keep_their_share_while_others_run,
	    0, 2);
	tcase_add_test(c, loads_asked_at_once_all_come);
	tcase_add_test(c, memory_that_a_window_did_not_need_goes_back);
	suite_add_tcase(s, c);
	return s;
}

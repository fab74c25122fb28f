/* Promises of the scheduler, against an engine made of arrays. */
#include <check.h>

#include "tests/unit/sched_world.h"

Suite *suite_scheduler(void);

static bool
runs(uint32_t slot)
{
	return world_s(slot).state == S_PLACED &&
	    world_s(slot).gen == word_load(&world.f[slot]).gen;
}

static bool
is_denied(uint32_t slot, enum slot_denied why)
{
	struct word s = world_s(slot);

	return s.state == S_DENIED && s.low == (uint32_t)why &&
	    s.gen == word_load(&world.f[slot]).gen;
}

static bool
is_in(uint32_t a)
{
	return word_load_place(&world.want[a]).state == WANT_IN;
}

/* The loader's moves for a load, and the scheduler's turn. */
static void
bring(uint32_t a)
{
	world_turn();
	do
		world_loader(a);
	while (word_load_place(&world.have[a]).state == HAVE_LOADING);
	world_turn();
}

START_TEST(a_request_is_placed_runs_and_is_released)
{
	uint32_t i;

	world_open(1);
	i = world_submit(SLOT_BASE, 5, 10);
	world_turn();
	ck_assert(runs(i));
	ck_assert_uint_eq(world_s(i).low, 1);
	ck_assert_uint_eq(word_load(&world.b[i]).low, 3);
	ck_assert(world_settle(100));
	ck_assert_uint_eq(world_x(i).low, 10);
	ck_assert_uint_eq(world.meters.finished, 1);
	world_rounds(3);
	for (int c = 0; c < CHUNKS; c++)
		ck_assert_uint_eq(word_load_place(&world.chunk[c]).state,
		    CHUNK_FREE);
	world_close();
}
END_TEST

START_TEST(equals_go_in_the_order_of_their_arrival)
{
	uint32_t slot[6];

	world_open(2);
	world.plan.batch_max = 1;
	for (int i = 0; i < 6; i++)
		slot[i] = world_submit(SLOT_BASE, 3, 4);
	for (int i = 0; i < 6; i++) {
		if (i == 3)
			world_restart();
		while (!runs(slot[i]))
			world_rounds(1);
		for (int k = i + 1; k < 6; k++)
			ck_assert(!runs(slot[k]));
	}
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(who_waits_for_its_adapter_is_overtaken_while_it_loads)
{
	uint32_t cold, warm;

	world_open(3);
	cold = world_submit(0, 4, 4);
	warm = world_submit(SLOT_BASE, 4, 4);
	world_turn();
	ck_assert(runs(warm));
	ck_assert(!runs(cold));
	ck_assert(is_in(0));
	bring(0);
	ck_assert(runs(cold));
	ck_assert_uint_eq(world.ticket[cold].source, SLOT_DISK);
	ck_assert_uint_eq(world.meters.misses, 1);
	ck_assert(world_settle(100));
	world_close();
}
END_TEST

START_TEST(who_lacks_memory_is_not_overtaken)
{
	uint32_t first, big, small;

	world_open(4);
	first = world_submit(SLOT_BASE, 40, 8);
	world_turn();
	big = world_submit(SLOT_BASE, 55, 4);
	small = world_submit(SLOT_BASE, 3, 4);
	world_turn();
	ck_assert(runs(first) && !runs(big) && !runs(small));
	while (!runs(big))
		world_rounds(1);
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(keys_and_values_win_over_idle_adapters)
{
	uint32_t i;

	world_open(5);
	for (int32_t a = 2; a < 5; a++) {
		(void)world_submit(a, 3, 2);
		ck_assert(world_settle(100));
	}
	ck_assert(is_in(2) && is_in(3) && is_in(4)); /* 5 chunks of 6 */
	i = world_submit(SLOT_BASE, 60, 4);
	world_rounds(4);
	ck_assert(runs(i));
	ck_assert_uint_ge(world.meters.evictions, 2);
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(what_would_not_fit_an_empty_pool_is_denied_at_once)
{
	uint32_t i;

	world_open(6);
	i = world_submit(4, 3, 50); /* 4 chunks beside 3 of the adapter */
	world_turn();
	ck_assert(is_denied(i, DENIED_MEMORY));
	i = world_submit(4, 3, 40);
	world_turn();
	ck_assert(!is_denied(i, DENIED_MEMORY));
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(a_payload_that_is_not_legal_is_denied)
{
	uint32_t i;

	world_open(7);
	i = world_submit(SLOT_BASE, 60, 10);
	world_turn();
	ck_assert(is_denied(i, DENIED_DAMAGED));
	i = world_submit(SLOT_BASE, 0, 10);
	world_turn();
	ck_assert(is_denied(i, DENIED_DAMAGED));
	ck_assert(world_settle(20));
	world_close();
}
END_TEST

START_TEST(the_oldest_is_never_squashed_and_all_come_to_their_end)
{
	uint32_t slot[4];

	world_open(8);
	for (int i = 0; i < 4; i++)
		slot[i] = world_submit(SLOT_BASE, 4, 60 - 4);
	ck_assert(world_settle(2000));
	ck_assert_uint_gt(world.meters.squashed, 0);
	ck_assert_uint_eq(world.ticket[slot[0]].squashes, 0);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(world_x(slot[i]).low, 56);
	world_close();
}
END_TEST

START_TEST(after_a_death_of_gpuexec_tokens_are_kept)
{
	uint32_t i, n;

	world_open(9);
	i = world_submit(1, 4, 30);
	world_rounds(12);
	n = world_x(i).low;
	ck_assert_uint_gt(n, 0);
	world_gpuexec_dies();
	world_turn();
	ck_assert(runs(i));
	ck_assert_uint_eq(world_s(i).low, 2);
	ck_assert_uint_eq(world_s(i).round, 2);
	ck_assert_uint_eq(world.ticket[i].deaths, 1);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world_x(i).low, 30);
	world_close();
}
END_TEST

START_TEST(suspects_run_one_at_a_time_and_poison_is_denied)
{
	uint32_t a, b;

	world_open(10);
	a = world_submit(SLOT_BASE, 4, 50);
	b = world_submit(SLOT_BASE, 4, 50);
	for (int death = 0; death < 2; death++) {
		world_rounds(6);
		ck_assert(runs(a) && runs(b));
		world_gpuexec_dies();
	}
	world_rounds(6);
	ck_assert(runs(a) != runs(b));
	world_gpuexec_dies();
	world_turn();
	ck_assert(is_denied(a, DENIED_POISON) || is_denied(b, DENIED_POISON));
	world_rounds(6);
	ck_assert(runs(a) || runs(b));
	world_restart();
	ck_assert(world_settle(300));
	ck_assert_uint_eq(world.denied[DENIED_POISON], 1);
	world_close();
}
END_TEST

START_TEST(a_deadline_ends_who_waits_and_who_runs)
{
	uint32_t a, b;

	world_open(11);
	world.plan.batch_max = 1;
	a = world_submit(SLOT_BASE, 4, 50);
	b = world_submit(SLOT_BASE, 4, 50);
	world.request[a].deadline_ns = world.request[b].deadline_ns = world
									  .now +
	    4 * MILLISECOND;
	world_turn();
	ck_assert(runs(a));
	world.now += 10 * MILLISECOND;
	sch_tick(world.core, world.now);
	ck_assert(is_denied(a, DENIED_DEADLINE));
	ck_assert(is_denied(b, DENIED_DEADLINE));
	ck_assert(world_settle(50));
	world_close();
}
END_TEST

START_TEST(a_failed_adapter_denies_its_waiters_and_may_be_tried_again)
{
	uint32_t i;

	world_open(12);
	world.fails[0] = true;
	i = world_submit(0, 4, 4);
	bring(0);
	sch_tick(world.core, world.now);
	ck_assert(is_denied(i, DENIED_ADAPTER));
	ck_assert(!is_in(0));
	ck_assert(world_settle(50));
	i = world_submit(0, 4, 4);
	ck_assert(world_settle(50));
	ck_assert_uint_eq(world_x(i).low, 4);
	world_close();
}
END_TEST

START_TEST(a_retired_adapter_finishes_what_runs_and_leaves)
{
	uint32_t i, j;

	world_open(13);
	i = world_submit(0, 4, 20);
	world_rounds(6);
	world.entry[0] = dir_entry(1, DIR_RETIRED);
	j = world_submit(1, 4, 4);
	world.entry[1] = dir_entry(2, DIR_LISTED); /* the index is another's */
	world_rounds(3);
	ck_assert(is_denied(j, DENIED_UNLOADED) ||
	    world.denied[DENIED_UNLOADED] == 1);
	ck_assert(is_in(0));
	ck_assert(world_settle(100));
	ck_assert_uint_eq(world_x(i).low, 20);
	world_rounds(3);
	ck_assert(!is_in(0));
	world_close();
}
END_TEST

START_TEST(an_operator_loads_and_unloads)
{
	uint32_t i;

	world_open(14);
	world.ask[3] = dir_entry(1, 0) | 1u << 16 | ASK_LOAD;
	world_rounds(4);
	ck_assert(is_in(3));
	world.ask[3] = dir_entry(1, 0) | 2u << 16 | ASK_UNLOAD;
	world_rounds(4);
	ck_assert(!is_in(3));
	/* An unload that waits for a request is taken back in time. */
	i = world_submit(3, 4, 40);
	world_rounds(6);
	world.ask[3] = dir_ask(1, 3, false, 0, ASK_UNLOAD);
	world_rounds(2);
	world.ask[3] = dir_ask(1, 4, false, 0, ASK_NONE);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world_x(i).low, 40);
	world_rounds(4);
	ck_assert(is_in(3));
	world.ask[2] = dir_entry(7, 0) | 1u << 16 | ASK_LOAD; /* stale */
	world_rounds(4);
	ck_assert(!is_in(2));
	world_close();
}
END_TEST

/* A request that finds no room beside pinned adapters. */
static void
beside_pins(uint64_t seed)
{
	world_open(seed);
	for (uint32_t a = 2; a < 5; a++)
		world.ask[a] = dir_ask(1, 1, true, 0, ASK_PIN);
	world_rounds(12);
	ck_assert(is_in(2) && is_in(3) && is_in(4)); /* 5 chunks of 6 */
	(void)world_submit(SLOT_BASE, 60, 4);
}

START_TEST(what_pins_leave_no_room_for_is_denied)
{
	beside_pins(16);
	ck_assert(world_settle(20));
	ck_assert_uint_eq(world.denied[DENIED_PINNED], 1);
	world_close();
}
END_TEST

/* The words are read once more first: no hint of it has come. */
START_TEST(pins_that_have_just_gone_deny_nobody)
{
	beside_pins(17);
	for (uint32_t a = 2; a < 5; a++)
		world.ask[a] = dir_ask(1, 2, false, 0, ASK_UNPIN);
	for (int i = 0; i < 4; i++)
		(void)sch_step(world.core, world.now += MILLISECOND);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world.denied[DENIED_PINNED], 0);
	world_close();
}
END_TEST

START_TEST(a_place_is_given_on_only_behind_its_fence)
{
	uint32_t i;

	world_open(15);
	(void)world_submit(4, 3, 2);
	ck_assert(world_settle(50));
	(void)world_submit(5, 3, 2);
	ck_assert(world_settle(50)); /* 5 of 6 chunks are adapters' */
	world.launched = 100;	     /* a step is under way */
	world.completed = 99;
	i = world_submit(SLOT_BASE, 50, 4);
	for (int k = 0; k < 5; k++) {
		for (uint32_t a = 0; a < ADAPTERS; a++)
			world_loader(a);
		world_turn();
	}
	ck_assert(!runs(i));
	world.completed = 100;
	world_turn();
	world_turn();
	ck_assert(runs(i));
	ck_assert(world_settle(50));
	world_close();
}
END_TEST

START_TEST(a_new_scheduler_gives_nothing_away_that_a_step_may_use)
{
	uint32_t i;

	world_open(16);
	world.launched = 7; /* by whom, for whom: its predecessor knew */
	world.completed = 6;
	world_restart();
	i = world_submit(SLOT_BASE, 5, 4);
	world_turn();
	sch_tick(world.core, world.now);
	ck_assert(!runs(i));
	world.completed = 7;
	world_turn();
	ck_assert(runs(i));
	ck_assert(world_settle(50));
	world_close();
}
END_TEST

START_TEST(what_was_predicted_is_counted_over_all_lives)
{
	world_open(17);
	for (uint64_t life = 1; life <= 3; life++) {
		(void)world_submit(SLOT_BASE, 5, 4);
		ck_assert(world_settle(100));
		ck_assert_uint_eq(world.meters.predict_total, life);
		ck_assert_uint_le(world.meters.predict_near, life);
		world_restart();
	}
	world_close();
}
END_TEST

/* One random move of anybody. */
static void
move(uint32_t deaths)
{
	struct rng *r = &world.rng;
	uint32_t i = (uint32_t)rng_below(r, SLOTS);
	uint32_t a = (uint32_t)rng_below(r, ADAPTERS);

	switch (rng_below(r, 16)) {
	case 0:
		if (world.submitted < 120)
			(void)world_submit((int32_t)a - 1,
			    1 + (int32_t)rng_below(r, 20),
			    1 + (int32_t)rng_below(r, 40));
		break;
	case 1:
		if (rng_below(r, 20) == 0 &&
		    word_load(&world.f[i]).state == F_SUB)
			world_close_slot(i);
		break;
	case 2:
		world_frontend(i);
		break;
	case 3:
	case 4:
	case 5:
		world_loader(a);
		world.fails[a] = rng_below(r, 30) == 0;
		break;
	case 6:
	case 7:
		world_device();
		break;
	case 8:
		if (rng_below(r, 200) < deaths)
			world_restart();
		if (rng_below(r, 400) < deaths)
			world_gpuexec_dies();
		break;
	case 9:
	case 10:
	case 11:
		world_turn();
		break;
	default:
		world_gpuexec(i);
	}
}

START_TEST(laws_hold_under_random_schedules)
{
	world_open(1000 + (uint64_t)_i);
	world.lose_hints = (uint32_t)(_i % 3) * 40;
	world.rules.eviction = evict_find(_i % 2 == 0 ? "lru" : "first");
	world.rules.spare_blocks = 1 + (uint32_t)_i % 3;
	world_restart();
	for (int n = 0; n < 20000; n++)
		move(_i < 4 ? 0 : 4);
	ck_assert_uint_gt(world.submitted, 50);
	ck_assert_msg(world_settle(3000), "seed %d: %u of %u ended", _i,
	    world.ended, world.submitted);
	world_rounds(3);
	ck_assert_uint_eq(world.meters.running, 0);
	ck_assert_uint_eq(world.meters.waiting, 0);
	ck_assert_uint_eq(world.meters.kv_blocks_used, 0);
	world_close();
}
END_TEST

/* A word of another process, with something in it. */
static void
scribble(void)
{
	struct rng *r = &world.rng;
	uint32_t i = (uint32_t)rng_below(r, SLOTS);
	uint32_t a = (uint32_t)rng_below(r, ADAPTERS);
	_Atomic uint64_t *word[] = { &world.f[i], &world.x[i], &world.have[a],
		&world.entry[a], &world.ask[a] };
	_Atomic uint64_t *w = word[rng_below(r, 5)];

	switch (rng_below(r, 4)) {
	case 0:
		*w = rng_next(r);
		break;
	case 1:
		*w ^= 1ull << rng_below(r, 64);
		break;
	case 2:
		world.info[a].bytes = rng_next(r) >> rng_below(r, 64);
		break;
	default:
		world.request[i].nprompt = (int32_t)rng_next(r);
		world.request[i].max_tokens = (int32_t)rng_below(r, 100);
		world.request[i].adapter = (int32_t)rng_below(r, 12) - 2;
	}
}

START_TEST(garbage_in_the_words_of_others_is_survived)
{
	world_open(5000 + (uint64_t)_i);
	for (int n = 0; n < 4000; n++) {
		(void)world_submit((int32_t)rng_below(&world.rng, 9) - 1, 5,
		    20);
		scribble();
		world.now += MILLISECOND;
		world.launched++;
		world.completed++;
		(void)sch_step(world.core, world.now);
		sch_tick(world.core, world.now);
		if (n % 100 == 0) {
			sch_close(world.core);
			ck_assert_int_eq(sch_open(&world.core, &world.w,
					     &world.rules, world.now),
			    0);
		}
	}
	world_close();
}
END_TEST

Suite *
suite_scheduler(void)
{
	Suite *s = suite_create("scheduler");
	TCase *c = tcase_create("promises"), *r = tcase_create("random");

	tcase_add_test(c, a_request_is_placed_runs_and_is_released);
	tcase_add_test(c, equals_go_in_the_order_of_their_arrival);
	tcase_add_test(c,
	    who_waits_for_its_adapter_is_overtaken_while_it_loads);
	tcase_add_test(c, who_lacks_memory_is_not_overtaken);
	tcase_add_test(c, keys_and_values_win_over_idle_adapters);
	tcase_add_test(c, what_would_not_fit_an_empty_pool_is_denied_at_once);
	tcase_add_test(c, a_payload_that_is_not_legal_is_denied);
	tcase_add_test(c,
	    the_oldest_is_never_squashed_and_all_come_to_their_end);
	tcase_add_test(c, after_a_death_of_gpuexec_tokens_are_kept);
	tcase_add_test(c, suspects_run_one_at_a_time_and_poison_is_denied);
	tcase_add_test(c, a_deadline_ends_who_waits_and_who_runs);
	tcase_add_test(c,
	    a_failed_adapter_denies_its_waiters_and_may_be_tried_again);
	tcase_add_test(c, a_retired_adapter_finishes_what_runs_and_leaves);
	tcase_add_test(c, an_operator_loads_and_unloads);
	tcase_add_test(c, what_pins_leave_no_room_for_is_denied);
	tcase_add_test(c, pins_that_have_just_gone_deny_nobody);
	tcase_add_test(c, a_place_is_given_on_only_behind_its_fence);
	tcase_add_test(c,
	    a_new_scheduler_gives_nothing_away_that_a_step_may_use);
	tcase_add_test(c, what_was_predicted_is_counted_over_all_lives);
	suite_add_tcase(s, c);
	tcase_add_loop_test(r, laws_hold_under_random_schedules, 0, 24);
	tcase_add_loop_test(r, garbage_in_the_words_of_others_is_survived, 0,
	    8);
	tcase_set_timeout(r, 60);
	suite_add_tcase(s, r);
	return s;
}

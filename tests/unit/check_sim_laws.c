/* sim/: laws hold over many worlds, and each is seen to be broken when it is. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "scheduler/sch.h"
#include "sim/world.h"
#include "tests/unit/sim_rig.h"

Suite *suite_sim_laws(void);

static struct sim *m;

/* Until request i has been placed, and its step is under way. */
static void
until_runs(uint64_t i)
{
	ck_assert_int_eq(sim_world_make(&m, &rig, &rig_result), 0);
	while (m->ahead[i] != SIM_NONE || !m->stepping)
		ck_assert(sim_advance(m));
}

static const char *
breach(void)
{
	while (sim_advance(m))
		;
	ck_assert_msg(m->broken, "no law is broken");
	sim_world_free(m);
	return rig_result.breach;
}

#define breaks(sentence)                                                       \
	do {                                                                   \
		const char *text = breach();                                   \
		ck_assert_msg(strstr(text, sentence) != NULL, "%s", text);     \
	} while (0)

/* Settings that a seed decides. */
static void
vary(uint64_t seed)
{
	static const int32_t ranks[] = { 1, 2, 4, 8, 16, 30 };
	struct rng r;

	rng_seed(&r, seed ^ 0x5eed);
	rig_open();
	rig_cost("mixed_steps", (double)(seed % 2));
	rig_cost("pool_bytes", 5000 + 1000 * (double)rng_below(&r, 20));
	rig_cost("batch_max", 1 + (double)rng_below(&r, 12));
	rig_cost("load_threads", 1 + (double)rng_below(&r, 3));
	rig_cost("load_read_ms", (double)rng_below(&r, 40));
	rig_cost("load_stall_factor", rng_unit(&r));
	rig_cost("scheduler_ms", rng_below(&r, 2) ? 0 : 3 * rng_unit(&r));
	rig_cost("step_tokens", 32 + (double)rng_below(&r, 400));
	rig.slots = 4 + (uint32_t)rng_below(&r, 60);
	for (uint32_t a = 0; a < RIG_ADAPTERS; a++)
		rig_rank(a, ranks[rng_below(&r, 6)]);
	rig_set("policy.slo_ms", "3000");
	rig_draw(seed, 300, 60 + (double)rng_below(&r, 600));
}

START_TEST(laws_hold_in_many_worlds)
{
	uint64_t seed = 1 + (uint64_t)_i;

	vary(seed);
	rig_run();
	ck_assert_uint_eq(rig_result.completed + rig_result.failed, 300);
	ck_assert(rig_result.worst_wait_s <= rig_result.starve_bound_s);
	ck_assert(rig_result.late_share <= 1);
	rig_close();
}
END_TEST

START_TEST(a_block_with_two_owners)
{
	rig_ask(0, -1, 30, 50);
	rig_ask(0, -1, 30, 50);
	until_runs(1);
	m->blocks[m->open[0] * m->plan.blocks_per_slot] =
	    m->blocks[m->open[1] * m->plan.blocks_per_slot];
	breaks("belongs to slots");
}
END_TEST

START_TEST(a_block_in_a_foreign_chunk)
{
	rig_ask(0, 1, 30, 50);
	until_runs(0);
	m->blocks[m->open[0] * m->plan.blocks_per_slot] =
	    dir_place_chunk(word_load_place(&m->want[1]).place) *
	    m->plan.blocks_per_chunk;
	breaks("lies in a foreign chunk");
}
END_TEST

START_TEST(an_adapter_on_top_of_another)
{
	struct place_word want;

	rig_ask(0, 1, 30, 50);
	rig_ask(0, 2, 30, 50);
	until_runs(1);
	want = word_load_place(&m->want[1]);
	want.place = word_load_place(&m->want[2]).place;
	word_store_place(&m->want[1], want);
	breaks("lies where another does");
}
END_TEST

START_TEST(an_adapter_in_too_small_a_place)
{
	rig_ask(0, 1, 30, 50);
	until_runs(0);
	m->info[1].bytes = 1001;
	breaks("is larger than its place");
}
END_TEST

START_TEST(an_adapter_that_leaves_under_a_request)
{
	struct place_word want;

	rig_ask(0, 1, 30, 50);
	until_runs(0);
	want = word_load_place(&m->want[1]);
	want.state = WANT_OUT;
	want.gen++;
	word_store_place(&m->want[1], want);
	breaks("adapter 1 leaves under");
}
END_TEST

START_TEST(a_request_that_is_lost)
{
	rig_ask(0, -1, 30, 50);
	rig_ask(2000, -1, 30, 50);
	until_runs(0);
	m->ended++;
	breaks("1 requests are open, 0 were submitted and have not ended");
}
END_TEST

START_TEST(an_answer_that_is_too_short)
{
	rig_ask(0, -1, 30, 50);
	until_runs(0);
	m->seat[m->live[0]].output = 20;
	breaks("request 0 has ended after 20 tokens of 50");
}
END_TEST

START_TEST(blocks_that_the_scheduler_forgets)
{
	struct word b;

	rig_ask(0, -1, 30, 400);
	until_runs(0);
	/* Fewer than it was given, until the next sweep compares. */
	while (m->now < 990 * MILLISECOND)
		ck_assert(sim_advance(m));
	b = word_load(&m->b[m->open[0]]);
	b.low--;
	word_store(&m->b[m->open[0]], b);
	breaks("the scheduler counts");
}
END_TEST

START_TEST(a_chunk_that_nobody_keeps)
{
	rig_ask(0, -1, 30, 1);
	rig_ask(5000, -1, 30, 1);
	ck_assert_int_eq(sim_world_make(&m, &rig, &rig_result), 0);
	while (m->now < 500 * MILLISECOND)
		ck_assert(sim_advance(m));
	word_store_place(&m->chunk[3],
	    (struct place_word){ 9, CHUNK_ADAPTER, 0, 0 });
	breaks("chunk 3 is kept by nobody");
}
END_TEST

START_TEST(an_old_request_that_is_overtaken)
{
	rig_set("policy.admission", "sjf");
	rig_set("policy.predictor", "oracle");
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 10);
	rig_ask(1, -1, 10, 60);
	for (int i = 0; i < 20; i++)
		rig_ask(50, -1, 10, 5);
	until_runs(0);
	m->age_max_ns = 100 * MILLISECOND;
	breaks("goes before request 1, which has waited");
}
END_TEST

START_TEST(a_wait_beyond_the_bound)
{
	rig_set("policy.age_max_ms", "10");
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 150); /* longer than a sweep */
	rig_ask(1, -1, 10, 1);
	until_runs(0);
	while (m->ended == 0) {
		ck_assert(sim_advance(m));
		m->ahead[1] = 1;
		m->aged_waiting = 1;
		m->aged = 2;
		/* As if all this had been short. */
		m->result->outcomes[0].placed_ns = m->now;
		m->service_longest = 0;
	}
	m->step_longest = 0;
	breaks("request 1 has waited");
}
END_TEST

START_TEST(one_that_would_fit_and_is_not_let_in)
{
	rig_cost("batch_max", 1);
	rig_set("policy.admission", "fifo");
	rig_ask(0, -1, 10, 60);
	rig_ask(1, -1, 10, 1);
	until_runs(0);
	m->running = 0;
	breaks("request 1 would fit without cached adapters");
}
END_TEST

START_TEST(a_pinned_adapter_that_leaves)
{
	rig_act(0, SIM_ACT_PIN, 3, NULL);
	rig_ask(0, -1, 10, 60);
	until_runs(0);
	while (!m->stays[3])
		ck_assert(sim_advance(m));
	resident_call_out(m->sch, 1 + 3, REASON_ADAPTER);
	breaks("adapter 3 leaves though it is pinned");
}
END_TEST

START_TEST(a_quota_that_does_not_add_up)
{
	rig_ask(0, -1, 10, 60);
	until_runs(0);
	m->sch->available[0]--;
	breaks("quotas or queues do not add up");
}
END_TEST

START_TEST(a_waiter_that_no_queue_counts)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 60);
	rig_ask(1, -1, 10, 1);
	until_runs(0);
	m->sch->waiting_in[1]--;
	breaks("quotas or queues do not add up");
}
END_TEST

START_TEST(a_wait_that_is_counted_twice)
{
	rig_cost("batch_max", 1);
	rig_ask(0, -1, 10, 60);
	rig_ask(1, -1, 10, 1);
	until_runs(0);
	while (m->sch->slot[1].phase != PHASE_WAITING)
		ck_assert(sim_advance(m));
	m->sch->waited[1].by_ns[WHY_BATCH] += SECOND;
	breaks("ns, the parts are");
}
END_TEST

START_TEST(nothing_moves)
{
	rig.laws = false; /* it is found all the same */
	rig_ask(0, -1, 400, 1);
	rig_ask(1, -1, 700, 1);
	ck_assert_int_eq(sim_world_make(&m, &rig, &rig_result), 0);
	m->launched = 5; /* and never completed: no fence passes */
	breaks("nothing moves while 1 requests are open");
}
END_TEST

START_TEST(a_breach_says_seed_step_and_events)
{
	rig.seed = 4711;
	rig_ask(0, 1, 30, 50);
	until_runs(0);
	m->ended++;
	sim_breach(m, "broken %d", 1);
	sim_breach(m, "later");
	ck_assert_ptr_nonnull(strstr(rig_result.breach,
	    "seed 4711, step 1, 0.013000 s: broken 1\n"));
	ck_assert_ptr_nonnull(strstr(rig_result.breach,
	    "0.000000 s  request 0 arrives, adapter 1\n"));
	ck_assert_ptr_nonnull(strstr(rig_result.breach,
	    "0.013000 s  step 1 begins with 30 rows"));
	ck_assert_ptr_null(strstr(rig_result.breach, "later"));
	sim_world_free(m);
}
END_TEST

Suite *
suite_sim_laws(void)
{
	Suite *s = suite_create("sim_laws");
	TCase *t = tcase_create("worlds"), *p = tcase_create("planted");

	tcase_add_loop_test(t, laws_hold_in_many_worlds, 0, 40);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(p, rig_open, rig_close);
	tcase_add_test(p, a_block_with_two_owners);
	tcase_add_test(p, a_block_in_a_foreign_chunk);
	tcase_add_test(p, an_adapter_on_top_of_another);
	tcase_add_test(p, an_adapter_in_too_small_a_place);
	tcase_add_test(p, an_adapter_that_leaves_under_a_request);
	tcase_add_test(p, a_request_that_is_lost);
	tcase_add_test(p, an_answer_that_is_too_short);
	tcase_add_test(p, blocks_that_the_scheduler_forgets);
	tcase_add_test(p, a_chunk_that_nobody_keeps);
	tcase_add_test(p, an_old_request_that_is_overtaken);
	tcase_add_test(p, a_wait_beyond_the_bound);
	tcase_add_test(p, one_that_would_fit_and_is_not_let_in);
	tcase_add_test(p, a_pinned_adapter_that_leaves);
	tcase_add_test(p, a_quota_that_does_not_add_up);
	tcase_add_test(p, a_waiter_that_no_queue_counts);
	tcase_add_test(p, a_wait_that_is_counted_twice);
	tcase_add_test(p, nothing_moves);
	tcase_add_test(p, a_breach_says_seed_step_and_events);
	suite_add_tcase(s, p);
	return s;
}

/* Promises of admission and eviction, whatever the policies: all orders, all
 * worths, by random schedules, and the paper's rules one by one. */
#include <check.h>
#include <stdio.h>

#include "scheduler/sch.h"
#include "tests/unit/sched_world.h"

Suite *suite_admission(void);

static const char *const admissions[] = { "chameleon", "static", "sjf",
	"fifo" };
static const char *const evictions[] = { "chameleon", "fairshare", "lru", "lfu",
	"gdsf", "value", "none", "queued", "first" };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool
runs(uint32_t slot)
{
	return world_s(slot).state == S_PLACED &&
	    world_s(slot).gen == word_load(&world.f[slot]).gen;
}

/* The rules as filled in by the caller, from now on. */
static void
rules_now(void)
{
	sch_rules_set(world.core, &world.rules, world.now);
	world_laws();
}

/* No unit or adapter goes before the one on top of its heap. */
static void
tops_are_right(void)
{
	const struct sch *h = world.core;

	for (uint32_t c = 0; c < h->nchunks && h->units.n > 0; c++)
		if (heap_has(&h->by_unit, c) && c != h->units.top)
			ck_assert(h->by_unit.before(h, h->units.top, c));
	for (uint32_t i = 0; i < h->nholding; i++) {
		uint32_t key = h->holding[i];
		uint32_t top = h->ones[h->key[key].class].top;

		if (heap_has(&h->by_one, key) && key != top)
			ck_assert(h->by_one.before(h, top, key));
		/* What protects it is what is so. */
		if (heap_has(&h->by_one, key))
			ck_assert_int_eq(h->one[key].view.level,
			    h->key[key].running > 0 || h->key[key].pinned ?
				EVICT_NEVER :
				h->key[key].waiting == 0 ? EVICT_FREELY :
				h->key[key].promised	 ? EVICT_PROMISED :
							   EVICT_QUEUED);
	}
}

static void
random_rules(struct rng *rng)
{
	struct sch_rules *r = &world.rules;

	r->reserve = (enum sch_reserve)rng_below(rng, 3);
	r->admit_every = rng_below(rng, 2) ? 1 : 5;
	r->lend_patient = rng_below(rng, 2);
	r->charge_first = rng_below(rng, 2);
	r->prefetch = (enum prefetch_kind)rng_below(rng, 3);
	r->bypass_max = (uint32_t)rng_below(rng, 3);
	r->squash_max = (uint32_t)rng_below(rng, 2);
	r->cuts = (enum cuts_rule)rng_below(rng, 2);
	r->surplus = (enum quota_rule)rng_below(rng, 3);
	r->refresh_ns = 20 * MILLISECOND;
	r->age_ns = (nsec)(5 + rng_below(rng, 100)) * MILLISECOND;
	r->slo_ns = 50 * MILLISECOND;
	r->resident_min_percent = (uint32_t)rng_below(rng, 50);
	r->predict.kind = (enum predict_kind)rng_below(rng, 3);
}

static void
some_move(struct rng *rng)
{
	switch (rng_below(rng, 6)) {
	case 0:
		(void)world_submit((int32_t)rng_below(rng, ADAPTERS + 1) - 1,
		    1 + (int32_t)rng_below(rng, 30),
		    1 + (int32_t)rng_below(rng, 20));
		break;
	case 1:
		world_loader((uint32_t)rng_below(rng, ADAPTERS));
		break;
	case 2:
		world_device();
		break;
	case 3:
		world_turn();
		tops_are_right();
		break;
	default:
		world_gpuexec((uint32_t)rng_below(rng, SLOTS));
		world_frontend((uint32_t)rng_below(rng, SLOTS));
	}
}

START_TEST(any_mix_of_policies_brings_every_request_to_its_end)
{
	const char *admission = admissions[(size_t)_i % COUNT(admissions)];
	const char *eviction = evictions[(size_t)_i / COUNT(admissions)];
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i);
	world_open((uint64_t)_i);
	world_rules(admission, eviction);
	random_rules(&rng);
	rules_now();
	for (int n = 0; n < 6000; n++) {
		some_move(&rng);
		if (rng_below(&rng, 400) == 0)
			world_restart();
		if (rng_below(&rng, 500) == 0) {
			random_rules(&rng);
			rules_now();
		}
	}
	ck_assert_msg(world_settle(3000), "%s, %s: not all ended", admission,
	    eviction);
	ck_assert_uint_eq(world.denied[DENIED_DAMAGED], 0);
	world_close();
}
END_TEST

START_TEST(nobody_younger_is_placed_before_one_past_the_age_limit)
{
	struct rng rng;
	nsec limit = 40 * MILLISECOND;

	rng_seed(&rng, (uint64_t)_i);
	world_open((uint64_t)_i);
	world_rules(admissions[(size_t)_i % COUNT(admissions)], "chameleon");
	world.rules.age_ns = limit;
	rules_now();
	for (int n = 0; n < 4000; n++) {
		struct sch *h = world.core;
		uint64_t placed = world.meters.placed;
		uint32_t oldest = NOBODY;

		some_move(&rng);
		if (world.meters.placed == placed)
			continue;
		for (uint32_t i = 0; i < SLOTS; i++)
			if (h->slot[i].phase == PHASE_WAITING &&
			    world.now - h->slot[i].view.arrived_ns > limit &&
			    h->key[h->slot[i].key].away == AWAY_HERE &&
			    h->key[h->slot[i].key].here_ns < world.now &&
			    (oldest == NOBODY || queue_older(h, i, oldest)))
				oldest = i;
		for (uint32_t i = 0; oldest != NOBODY && i < h->nlive; i++) {
			const struct sch_slot *p = &h->slot[h->live[i]];

			ck_assert(p->placed_ns != world.now ||
			    queue_older(h, h->live[i], oldest));
		}
	}
	ck_assert(world_settle(3000));
	world_close();
}
END_TEST

START_TEST(a_pinned_adapter_stays_whoever_needs_its_room)
{
	world_open(1);
	world.ask[4] = dir_ask(1, 1, true, 0, ASK_PIN);
	world_rounds(5);
	ck_assert_int_eq(word_load_place(&world.want[4]).state, WANT_IN);
	for (int k = 0; k < 40; k++) {
		(void)world_submit(k % 4, 20, 20);
		(void)world_submit(5, 10, 20);
		world_rounds(3);
		ck_assert_int_eq(word_load_place(&world.want[4]).state,
		    WANT_IN);
	}
	world_restart();
	world_rounds(20);
	ck_assert(((struct sch *)world.core)->key[5].pinned);
	world.ask[4] = dir_ask(1, 2, false, 0, ASK_UNPIN);
	for (int k = 0; k < 40; k++) {
		(void)world_submit(k % 4, 25, 20);
		world_rounds(3);
	}
	ck_assert_int_ne(word_load_place(&world.want[4]).state, WANT_IN);
	ck_assert(world_settle(500));
	world_close();
}
END_TEST

START_TEST(a_pinned_adapter_that_is_replaced_gives_its_room)
{
	world_open(1);
	world.ask[4] = dir_ask(1, 1, true, 0, ASK_PIN);
	world_rounds(5);
	ck_assert(((struct sch *)world.core)->key[5].pinned);
	world.entry[4] = dir_entry(1, DIR_KEPT); /* asked for by its number */
	for (int k = 0; k < 40; k++) {
		(void)world_submit(k % 4, 25, 20);
		world_rounds(3);
	}
	ck_assert_int_ne(word_load_place(&world.want[4]).state, WANT_IN);
	/* Rolled back to, it is what the pin was about. */
	world.entry[4] = dir_entry(1, DIR_LISTED);
	world_rounds(5);
	ck_assert(((struct sch *)world.core)->key[5].pinned);
	ck_assert(world_settle(500));
	world_close();
}
END_TEST

START_TEST(without_a_cache_an_adapter_goes_with_its_last_request)
{
	uint32_t slot;

	world_open(1);
	world_rules("fifo", "none");
	rules_now();
	slot = world_submit(0, 4, 3);
	world_rounds(3);
	ck_assert(runs(slot));
	ck_assert(world_settle(50));
	world_rounds(2);
	ck_assert_int_eq(word_load_place(&world.want[0]).state, WANT_OUT);
	world_close();
}
END_TEST

START_TEST(between_admissions_nobody_is_placed)
{
	uint32_t first, second;
	uint64_t at;

	world_open(1);
	world_rules("fifo", "lru");
	world.rules.admit_every = 10;
	rules_now();
	first = world_submit(SLOT_BASE, 4, 40);
	world_turn();
	ck_assert(runs(first));
	/* The first look after that is at once, then at every tenth step. */
	world_rounds(1);
	second = world_submit(SLOT_BASE, 4, 40);
	at = world.completed;
	while (!runs(second))
		world_rounds(1);
	ck_assert_uint_ge(world.completed - at, 8);
	ck_assert_uint_le(world.completed - at, 11);
	ck_assert_uint_gt(world.meters.why_interval, 0);
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(what_is_reserved_is_granted_at_once)
{
	static const uint32_t blocks[] = { 3, 6, 11 };
	uint32_t slot;

	world_open(1);
	world_rules("fifo", "lru");
	world.rules.reserve = (enum sch_reserve)_i;
	world.rules.predict.kind = PREDICT_ORACLE;
	rules_now();
	static uint32_t truth[SLOTS];
	for (int i = 0; i < SLOTS; i++)
		truth[i] = 20;
	((struct sch *)world.core)->w.truth = truth;
	((struct sch *)world.core)->rules.predict.accuracy = 1;
	slot = world_submit(SLOT_BASE, 4, 40);
	world_turn();
	ck_assert(runs(slot));
	ck_assert_uint_eq(word_load(&world.b[slot]).low, blocks[_i]);
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

/* Of queue 0 is who came of age, or was put there; an older one elsewhere, back from
 * running, must not drive out what was brought for it. */
START_TEST(queue_0_goes_first_whoever_is_older)
{
	uint32_t older, younger;

	world_open(1);
	world_rules("fifo", "chameleon");
	rules_now();
	older = world_submit(2, 3, 2);
	world.now += MILLISECOND;
	younger = world_submit(3, 3, 2);
	(void)sch_step(world.core, world.now);
	ck_assert(queue_before(world.core, older, younger));
	queue_move(world.core, younger, 0);
	ck_assert(queue_before(world.core, younger, older));
	ck_assert(!queue_before(world.core, older, younger));
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

/* Uses ten seconds apart, of an adapter that is out after each. */
START_TEST(what_is_expected_comes_early_if_it_could_stay)
{
	static const char *const eviction[] = { "chameleon", "queued", "none" };

	world_open(1);
	world_rules("chameleon", eviction[_i]);
	world.rules.prefetch = PREFETCH_HISTOGRAM;
	rules_now();
	for (uint32_t n = 1; n <= 5; n++) {
		(void)world_submit(2, 3, 2);
		ck_assert(world_settle(200));
		world.ask[2] = dir_ask(1, n, false, 0, ASK_UNLOAD);
		world_rounds(6);
		ck_assert_int_ne(word_load_place(&world.want[2]).state,
		    WANT_IN);
		ck_assert_uint_eq(world.meters.prefetched, 0);
		world.now += 10 * SECOND;
	}
	world_rounds(4);
	ck_assert_uint_eq(world.meters.prefetched, _i == 0 ? 1 : 0);
	world_close();
}
END_TEST

/* One runs, and one whose adapter finds no room beside it waits at the head of
 * the only queue, within its quota: it needs 18 of 17 blocks. */
static void
blocked_head(uint32_t *first, uint32_t *head)
{
	world_open(1);
	world_rules("chameleon", "chameleon");
	world.rules.prefetch = PREFETCH_OFF;
	rules_now();
	*first = world_submit(SLOT_BASE, 20, 8);
	world_turn();
	*head = world_submit(4, 18, 2);
	world_turn();
	ck_assert(runs(*first) && !runs(*head));
	ck_assert_int_ne(word_load_place(&world.want[4]).state, WANT_IN);
}

START_TEST(a_head_without_room_is_bypassed_by_one_that_ends_before)
{
	uint32_t first, head, brief;

	blocked_head(&first, &head);
	brief = world_submit(SLOT_BASE, 3, 4);
	world_turn();
	ck_assert(runs(brief));
	ck_assert_uint_eq(world.meters.bypassed, 1);
	ck_assert(!runs(head));
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(one_that_would_end_later_does_not_bypass)
{
	uint32_t first, head, longer;

	blocked_head(&first, &head);
	longer = world_submit(SLOT_BASE, 3, 20);
	world_turn();
	ck_assert(!runs(longer));
	ck_assert_uint_eq(world.meters.bypassed, 0);
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(a_head_is_bypassed_so_often_at_most)
{
	uint32_t first, head, brief[3];

	blocked_head(&first, &head);
	world.rules.bypass_max = 2;
	rules_now();
	for (int i = 0; i < 3; i++) {
		brief[i] = world_submit(SLOT_BASE, 3, 2);
		world_turn();
	}
	ck_assert(runs(brief[0]));
	ck_assert(runs(brief[1]));
	ck_assert(!runs(brief[2]));
	ck_assert(world_settle(200));
	world_close();
}
END_TEST

START_TEST(who_bypassed_is_put_back_when_the_head_could_start_but_for_it)
{
	uint32_t first, head, brief;

	blocked_head(&first, &head);
	brief = world_submit(SLOT_BASE, 22, 4);
	world_turn();
	ck_assert(runs(brief));
	/* The first ends; the other keeps one block too many. */
	world.stop_at[first] = 0;
	for (int i = 0; i < 3; i++)
		world_gpuexec(first);
	world_device();
	world_frontend(first);
	world_turn();
	world_turn();
	ck_assert_uint_eq(world_s(brief).state, S_HELD);
	ck_assert_uint_eq(world.meters.bypass_squashed, 1);
	ck_assert_uint_eq(world.ticket[brief].squashes, 1);
	ck_assert(world_settle(200));
	ck_assert_uint_eq(world.meters.bypass_squashed, 1);
	world_close();
}
END_TEST

START_TEST(queues_are_made_of_what_came)
{
	struct sch *h;
	struct rng rng;

	rng_seed(&rng, 1);
	world_open(1);
	world_rules("chameleon", "chameleon");
	world.rules.refresh_ns = 200 * MILLISECOND;
	rules_now();
	for (int i = 0; i < 3000; i++) {
		bool large = rng_below(&rng, 4) == 0;

		if (rng_below(&rng, 3) == 0)
			(void)world_submit(large ? 4 : 0, large ? 16 : 4,
			    large ? 10 : 2);
		world_rounds(1);
	}
	h = world.core;
	ck_assert_int_ge(h->nclasses, 2);
	for (int q = 1; q < h->nclasses; q++)
		ck_assert(world.queues[1 + q].from > world.queues[q].from);
	ck_assert_uint_eq(world.meters.queues_now, (uint64_t)h->nclasses);
	ck_assert_uint_gt(world.queues[1].admitted, 0);
	ck_assert_uint_gt(world.queues[2].admitted, 0);
	ck_assert(world_settle(500));
	world_close();
}
END_TEST

Suite *
suite_admission(void)
{
	Suite *s = suite_create("admission");
	TCase *c = tcase_create("admission");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c,
	    any_mix_of_policies_brings_every_request_to_its_end, 0,
	    (int)(COUNT(admissions) * COUNT(evictions)));
	tcase_add_loop_test(c,
	    nobody_younger_is_placed_before_one_past_the_age_limit, 0, 12);
	tcase_add_test(c, a_pinned_adapter_that_is_replaced_gives_its_room);
	tcase_add_test(c, a_pinned_adapter_stays_whoever_needs_its_room);
	tcase_add_test(c,
	    without_a_cache_an_adapter_goes_with_its_last_request);
	tcase_add_test(c, between_admissions_nobody_is_placed);
	tcase_add_test(c, queue_0_goes_first_whoever_is_older);
	tcase_add_loop_test(c, what_is_expected_comes_early_if_it_could_stay, 0,
	    3);
	tcase_add_loop_test(c, what_is_reserved_is_granted_at_once, 0, 3);
	tcase_add_test(c,
	    a_head_without_room_is_bypassed_by_one_that_ends_before);
	tcase_add_test(c, one_that_would_end_later_does_not_bypass);
	tcase_add_test(c, a_head_is_bypassed_so_often_at_most);
	tcase_add_test(c,
	    who_bypassed_is_put_back_when_the_head_could_start_but_for_it);
	tcase_add_test(c, queues_are_made_of_what_came);
	suite_add_tcase(s, c);
	return s;
}

/* Promises of the parts of a wait: where the time of a request went until it was
 * placed. */
#include <check.h>
#include <string.h>

#include "scheduler/sch.h"
#include "tests/unit/sched_steps.h"
#include "tests/unit/sched_world.h"

Suite *suite_waits(void);

static nsec
wait_of(uint32_t slot)
{
	return world.ticket[slot].placed_ns - world.ticket[slot].seen_ns;
}

/* All of its wait had this reason. */
static void
waited_for(uint32_t slot, enum sched_why why)
{
	ck_assert_int_gt(wait_of(slot), 0);
	ck_assert_int_eq(world.ticket[slot].wait.by_ns[why], wait_of(slot));
}

static void
end(void)
{
	ck_assert(world_settle(500));
	world_close();
}

START_TEST(who_starts_at_once_has_waited_for_nothing)
{
	static const struct wait_split nothing;
	uint32_t slot;

	steps_open("fifo", "lru");
	steps_until_runs(world_submit(0, 4, 4));
	ck_assert(world_settle(50));
	world.info[0].read_us = 7;
	slot = world_submit(0, 4, 4);
	world_turn();
	ck_assert(steps_runs(slot));
	ck_assert_uint_eq(world.ticket[slot].source, SLOT_RESIDENT);
	ck_assert_mem_eq(&world.ticket[slot].wait, &nothing, sizeof(nothing));
	ck_assert_uint_eq(world.ticket[slot].queue, 1);
	end();
}
END_TEST

START_TEST(a_wait_for_its_own_load_is_no_other_wait)
{
	const struct wait_split *w;
	uint32_t slot;

	steps_open("fifo", "lru");
	world.info[0].read_us = 5000;
	world.info[0].from_disk = 1;
	world.info[0].copy_us = 300;
	slot = world_submit(0, 4, 4);
	steps_until_runs(slot);
	w = &world.ticket[slot].wait;
	ck_assert_int_gt(w->loading_ns, 0);
	ck_assert_int_eq(w->loading_ns, wait_of(slot));
	ck_assert_int_eq(w->disk_ns, 5 * MILLISECOND);
	ck_assert_int_eq(w->host_ns, 0);
	ck_assert_int_eq(w->copy_ns, 300 * MICROSECOND);
	end();
}
END_TEST

START_TEST(who_comes_later_waits_for_its_own_part_of_a_full_batch)
{
	uint32_t first, second, third;

	steps_open("fifo", "lru");
	world.plan.batch_max = 1;
	first = world_submit(SLOT_BASE, 4, 30);
	second = world_submit(SLOT_BASE, 4, 4);
	world_rounds(3);
	world.now += 7 * MILLISECOND; /* in the middle of a turn's reason */
	third = world_submit(SLOT_BASE, 4, 4);
	ck_assert(steps_runs(first));
	steps_until_runs(second);
	waited_for(second, WHY_BATCH);
	steps_until_runs(third);
	waited_for(third, WHY_BATCH);
	ck_assert_int_lt(world.ticket[third].seen_ns,
	    world.ticket[second].placed_ns);
	end();
}
END_TEST

START_TEST(who_lacks_memory_says_so)
{
	uint32_t big;

	steps_open("fifo", "lru");
	steps_until_runs(world_submit(SLOT_BASE, 40, 8));
	big = world_submit(SLOT_BASE, 55, 4);
	steps_until_runs(big);
	waited_for(big, WHY_MEMORY);
	end();
}
END_TEST

/* Two of 54 tokens, and a quota of 96: the pool has room for both at first. */
START_TEST(who_is_beyond_its_quota_says_so)
{
	uint32_t second;

	steps_open("chameleon", "lru");
	steps_until_runs(world_submit(SLOT_BASE, 4, 50));
	second = world_submit(SLOT_BASE, 4, 50);
	steps_until_runs(second);
	waited_for(second, WHY_QUOTA);
	end();
}
END_TEST

START_TEST(who_stands_behind_a_head_that_lacks_its_adapter_says_so)
{
	const struct wait_split *w;
	uint32_t head, small;

	steps_open("fifo", "lru");
	steps_until_runs(world_submit(SLOT_BASE, 40, 8));
	head = world_submit(4, 18, 2);
	small = world_submit(SLOT_BASE, 3, 4);
	steps_until_runs(small);
	waited_for(small, WHY_ADAPTER);
	steps_until_runs(head);
	w = &world.ticket[head].wait;
	ck_assert_int_gt(w->by_ns[WHY_ADAPTER], 0);
	ck_assert_int_gt(w->loading_ns, 0);
	ck_assert_int_eq(w->by_ns[WHY_ADAPTER] + w->loading_ns, wait_of(head));
	end();
}
END_TEST

START_TEST(a_load_under_a_full_batch_counts_once)
{
	const struct wait_split *w;
	uint32_t slot;
	nsec here;

	steps_open("fifo", "lru");
	world.plan.batch_max = 1;
	world.rules.prefetch = PREFETCH_QUEUE;
	sch_rules_set(world.core, &world.rules, world.now);
	steps_until_runs(world_submit(SLOT_BASE, 4, 30));
	slot = world_submit(0, 4, 4);
	while (!resident_here(world.core, 1))
		world_rounds(1);
	here = world.core->key[1].here_ns;
	steps_until_runs(slot);
	w = &world.ticket[slot].wait;
	ck_assert_int_gt(w->loading_ns, 0);
	ck_assert_int_eq(w->loading_ns, here - world.ticket[slot].seen_ns);
	ck_assert_int_eq(w->by_ns[WHY_BATCH],
	    world.ticket[slot].placed_ns - here);
	end();
}
END_TEST

START_TEST(who_moves_between_queues_takes_its_wait_along)
{
	uint32_t slot;

	steps_open("fifo", "lru");
	world.plan.batch_max = 1;
	world.rules.age_ns = 10 * MILLISECOND;
	sch_rules_set(world.core, &world.rules, world.now);
	steps_until_runs(world_submit(SLOT_BASE, 4, 40));
	slot = world_submit(SLOT_BASE, 4, 4);
	world_rounds(3);
	ck_assert_uint_eq(world.waits[slot].queue, 1);
	world.rules.queues_max = 2; /* all queues are made anew */
	sch_rules_set(world.core, &world.rules, world.now);
	world_rounds(12);
	ck_assert_uint_eq(world.waits[slot].queue, 0);
	steps_until_runs(slot);
	waited_for(slot, WHY_BATCH);
	ck_assert_uint_eq(world.ticket[slot].queue, 0);
	end();
}
END_TEST

START_TEST(who_waits_behind_those_of_age_waits_for_what_they_wait_for)
{
	uint32_t old, young;

	steps_open("chameleon", "lru");
	world.rules.age_ns = 5 * MILLISECOND;
	sch_rules_set(world.core, &world.rules, world.now);
	steps_until_runs(world_submit(SLOT_BASE, 40, 20));
	old = world_submit(SLOT_BASE, 55, 4);
	world_rounds(8);
	young = world_submit(SLOT_BASE, 3, 4);
	world_rounds(1);
	ck_assert(!steps_runs(young) && !steps_runs(old));
	ck_assert_uint_eq(world.waits[old].queue, 0);
	ck_assert_uint_eq(world.queues[0].why, WHY_MEMORY);
	ck_assert_uint_eq(world.queues[1].why, WHY_MEMORY);
	end();
}
END_TEST

START_TEST(a_squash_changes_nothing_of_the_first_wait)
{
	struct slot_ticket before;
	uint32_t slot;

	steps_open("fifo", "lru");
	world.plan.batch_max = 1;
	steps_until_runs(world_submit(SLOT_BASE, 4, 10));
	slot = world_submit(SLOT_BASE, 4, 30);
	steps_until_runs(slot);
	world_rounds(2);
	before = world.ticket[slot];
	place_hold(world.core, slot, REASON_MEMORY);
	world_rounds(1);
	steps_until_runs(slot);
	ck_assert_uint_eq(world.ticket[slot].squashes, 1);
	ck_assert_int_eq(world.ticket[slot].placed_ns, before.placed_ns);
	ck_assert_mem_eq(&world.ticket[slot].wait, &before.wait,
	    sizeof(before.wait));
	end();
}
END_TEST

/* ---- any order of things, beside a clock for each request ---- */

#define LOADING WHY_COUNT

/* What each request that waits has waited for, from moment to moment. */
static struct beside {
	uint32_t gen;
	bool told; /* it has been placed or denied */
	nsec ns[WHY_COUNT + 1];
} beside[SLOTS];

static void
pass(nsec time)
{
	const struct sch *h = world.core;

	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct sch_slot *p = &h->slot[i];
		bool comes = h->key[p->key].away == AWAY_COMING;

		if (p->phase == PHASE_WAITING && !beside[i].told)
			beside[i]
			    .ns[comes ? LOADING : h->why[p->queue]] += time;
	}
	world.now += time;
}

static void
compare(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct slot_ticket *t = &world.ticket[i];
		struct word s = world_s(i);
		uint32_t gen = world.core->slot[i].gen;

		if (beside[i].gen != gen)
			beside[i] = (struct beside){ .gen = gen };
		if (beside[i].told || s.gen != gen)
			continue;
		beside[i].told = true;
		for (int w = 0; w < WHY_COUNT; w++)
			ck_assert_int_eq(t->wait.by_ns[w], beside[i].ns[w]);
		ck_assert_int_eq(t->wait.loading_ns, beside[i].ns[LOADING]);
	}
}

static void
random_rules(struct rng *rng)
{
	static const char *const admissions[] = { "chameleon", "static", "sjf",
		"fifo" };
	static const char *const evictions[] = { "chameleon", "none", "lru" };
	struct sch_rules *r = &world.rules;

	world_rules(admissions[rng_below(rng, 4)],
	    evictions[rng_below(rng, 3)]);
	r->admit_every = rng_below(rng, 3) ? 1 : 5;
	r->prefetch = (enum prefetch_kind)rng_below(rng, 3);
	r->bypass_max = (uint32_t)rng_below(rng, 3);
	r->lend_patient = rng_below(rng, 2);
	r->refresh_ns = 20 * MILLISECOND;
	r->age_ns = (nsec)(5 + rng_below(rng, 100)) * MILLISECOND;
	sch_rules_set(world.core, r, world.now);
}

static void
random_move(struct rng *rng)
{
	switch (rng_below(rng, 7)) {
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
	case 4:
		pass((nsec)rng_below(rng, 3) * MILLISECOND);
		(void)sch_step(world.core, world.now);
		if (rng_below(rng, 3) == 0)
			sch_tick(world.core, world.now);
		compare();
		world_laws();
		break;
	default:
		for (uint32_t i = 0; i < SLOTS; i++) {
			world_gpuexec(i);
			world_frontend(i);
		}
		world_device();
	}
}

START_TEST(every_part_of_a_wait_is_that_of_a_clock_beside_it)
{
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i);
	world_open((uint64_t)_i);
	memset(beside, 0, sizeof(beside));
	random_rules(&rng);
	for (int n = 0; n < 8000; n++) {
		random_move(&rng);
		if (rng_below(&rng, 300) == 0)
			random_rules(&rng);
	}
	ck_assert_uint_gt(world.meters.placed, 50);
	world_close();
}
END_TEST

Suite *
suite_waits(void)
{
	Suite *s = suite_create("waits");
	TCase *w = tcase_create("waits");

	tcase_add_test(w, who_starts_at_once_has_waited_for_nothing);
	tcase_add_test(w, a_wait_for_its_own_load_is_no_other_wait);
	tcase_add_test(w,
	    who_comes_later_waits_for_its_own_part_of_a_full_batch);
	tcase_add_test(w, who_lacks_memory_says_so);
	tcase_add_test(w, who_is_beyond_its_quota_says_so);
	tcase_add_test(w,
	    who_stands_behind_a_head_that_lacks_its_adapter_says_so);
	tcase_add_test(w, a_load_under_a_full_batch_counts_once);
	tcase_add_test(w, who_moves_between_queues_takes_its_wait_along);
	tcase_add_test(w,
	    who_waits_behind_those_of_age_waits_for_what_they_wait_for);
	tcase_add_test(w, a_squash_changes_nothing_of_the_first_wait);
	tcase_add_loop_test(w,
	    every_part_of_a_wait_is_that_of_a_clock_beside_it, 0, 24);
	tcase_set_timeout(w, 60);
	suite_add_tcase(s, w);
	return s;
}

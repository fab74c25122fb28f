/* Promises of what the scheduler tells those who look on: why an adapter left, how
 * it was used, what happened to a request, who waits where. */
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/sch.h"
#include "tests/unit/sched_steps.h"
#include "tests/unit/sched_world.h"

Suite *suite_told(void);

static void
end(void)
{
	ck_assert(world_settle(500));
	world_close();
}

/* ---- events ---- */

/* The last event of a kind; fails if there is none. */
static struct event_note
last_event(enum event_kind kind)
{
	struct event_note note = { .kind = EVENT_NONE };

	for (uint64_t n = world.events.last; n > 0; n--)
		if (event_get(&world.events, n, &note) && note.kind == kind)
			return note;
	ck_abort_msg("no event '%s'", event_name(kind));
	return note;
}

static uint32_t
events_of(enum event_kind kind)
{
	struct event_note note;
	uint32_t n = 0;

	for (uint64_t i = 1; i <= world.events.last; i++)
		n += event_get(&world.events, i, &note) && note.kind == kind;
	return n;
}

START_TEST(what_happens_to_a_request_is_one_event)
{
	struct event_note e;
	uint32_t slot;

	steps_open("fifo", "lru");
	(void)snprintf(world.info[4].name, DIR_NAME_MAX, "large");
	slot = world_submit(4, 3, 50); /* too large for an empty pool */
	world_turn();
	world_turn();
	e = last_event(EVENT_DENIED);
	ck_assert_int_eq(e.slot, (int32_t)slot);
	ck_assert_uint_eq(e.gen, word_load(&world.f[slot]).gen);
	ck_assert_uint_eq(e.value, DENIED_MEMORY);
	ck_assert_int_eq(e.adapter, 4);
	ck_assert_str_eq(e.text, "large");
	ck_assert_uint_eq(events_of(EVENT_DENIED), 1);
	slot = world_submit(SLOT_BASE, 4, 8);
	steps_until_runs(slot);
	place_hold(world.core, slot, REASON_BYPASS);
	e = last_event(EVENT_SQUASHED);
	ck_assert_uint_eq(e.reason, REASON_BYPASS);
	ck_assert_int_eq(e.adapter, -1);
	ck_assert_str_eq(e.text, "");
	ck_assert_int_eq(e.slot, (int32_t)slot);
	ck_assert_int_eq(e.at_ns, world.core->now);
	end();
}
END_TEST

START_TEST(a_name_without_an_end_is_cut)
{
	steps_open("fifo", "lru");
	memset(&world.info[0].name, 'x', sizeof(world.info[0].name));
	steps_until_runs(world_submit(0, 4, 4));
	ck_assert_uint_eq(strlen(last_event(EVENT_WANTED).text),
	    DIR_NAME_MAX - 1);
	end();
}
END_TEST

START_TEST(every_meter_that_has_an_event_agrees_with_it)
{
	const struct scheduler_meters *m = &world.meters;
	struct rng rng;

	rng_seed(&rng, 5);
	steps_open("chameleon", "chameleon");
	for (int i = 0; i < 40; i++) {
		(void)world_submit((int32_t)rng_below(&rng, ADAPTERS + 1) - 1,
		    1 + (int32_t)rng_below(&rng, 30),
		    1 + (int32_t)rng_below(&rng, 20));
		world_rounds(2);
	}
	ck_assert(world_settle(500));
	ck_assert_uint_lt(world.events.last, EVENTS_KEPT);
	ck_assert_uint_gt(m->evictions, 0);
	ck_assert_uint_eq(events_of(EVENT_DENIED), m->denied);
	ck_assert_uint_eq(events_of(EVENT_SQUASHED), m->squashed);
	ck_assert_uint_eq(events_of(EVENT_EVICTED),
	    m->evictions + m->left_idle + m->left_unload + m->left_gone +
		m->left_failed + m->left_unwanted);
	ck_assert_uint_ge(events_of(EVENT_WANTED), m->loads);
	world_close();
}
END_TEST

/* ---- why an adapter leaves ---- */

static void
once(int32_t adapter)
{
	(void)world_submit(adapter, 3, 2);
	ck_assert(world_settle(100));
}

static void
for_blocks(void)
{
	once(4);
	once(5);
	once(3);
	steps_until_runs(world_submit(SLOT_BASE, 8, 4));
}

static void
for_an_adapter(void)
{
	once(4);
	steps_until_runs(world_submit(SLOT_BASE, 20, 8));
	steps_until_runs(world_submit(5, 4, 4));
}

static void
for_nothing(void)
{
	world.rules.eviction = evict_find("none");
	sch_rules_set(world.core, &world.rules, world.now);
	once(4);
}

static void
for_an_operator(void)
{
	once(4);
	world.ask[4] = dir_ask(1, 1, false, 0, ASK_UNLOAD);
}

static void
for_other_files(void)
{
	once(4);
	world.entry[4] = dir_entry(1, DIR_RETIRED);
}

static void
for_a_failure(void)
{
	world.fails[4] = true;
	once(4);
}

/* Each makes adapter 4 leave, once; it has 9000 bytes. */
static const struct {
	void (*make)(void);
	enum event_reason reason;
	size_t meter;
} leavings[] = {
#define METER_AT(name) offsetof(struct scheduler_meters, name)
	{ for_blocks, REASON_KV, METER_AT(evictions_kv) },
	{ for_an_adapter, REASON_ADAPTER, METER_AT(evictions_adapter) },
	{ for_nothing, REASON_IDLE, METER_AT(left_idle) },
	{ for_an_operator, REASON_UNLOAD, METER_AT(left_unload) },
	{ for_other_files, REASON_GONE, METER_AT(left_gone) },
	{ for_a_failure, REASON_FAILED, METER_AT(left_failed) },
#undef METER_AT
};

START_TEST(an_adapter_that_leaves_says_why)
{
	const struct scheduler_meters *m = &world.meters;
	const struct adapter_meters *u = &world.uses[4];
	enum event_reason reason = leavings[_i].reason;
	bool room = reason == REASON_KV || reason == REASON_ADAPTER;
	struct event_note e;

	steps_open("fifo", "lru");
	leavings[_i].make();
	world_rounds(3);
	ck_assert_uint_eq(*(const _Atomic uint64_t *)((const char *)m +
			      leavings[_i].meter),
	    1);
	ck_assert_uint_eq(m->evictions_kv + m->evictions_adapter +
		m->left_idle + m->left_unload + m->left_gone + m->left_failed,
	    1);
	ck_assert_uint_eq(m->evictions, room);
	ck_assert_uint_eq(u->evictions_kv, reason == REASON_KV);
	ck_assert_uint_eq(u->evictions_adapter, reason == REASON_ADAPTER);
	ck_assert_uint_eq(u->left, !room);
	e = last_event(EVENT_EVICTED);
	ck_assert_uint_eq(e.reason, reason);
	ck_assert_int_eq(e.adapter, 4);
	ck_assert_int_eq(e.slot, -1);
	ck_assert_uint_eq(e.value, 9000);
	ck_assert_uint_eq(events_of(EVENT_EVICTED), 1);
	end();
}
END_TEST

/* ---- how an adapter is used ---- */

START_TEST(each_adapter_has_its_own_numbers)
{
	const struct adapter_meters *u = &world.uses[3];
	uint32_t slot;
	nsec took;

	steps_open("fifo", "lru");
	world.rules.follow = false; /* it runs when all of it is there */
	sch_rules_set(world.core, &world.rules, world.now);
	slot = world_submit(3, 4, 30);
	world_turn();
	steps_until_runs(slot);
	took = world.core->key[4].here_ns - world.core->key[4].called_ns;
	(void)world_submit(3, 4, 30);
	world_rounds(2);
	ck_assert_uint_eq(u->serial, 1);
	ck_assert_uint_eq(u->misses, 1);
	ck_assert_uint_eq(u->hits, 1);
	ck_assert_uint_eq(u->loads, 1);
	ck_assert_uint_eq(u->cold_ns, (uint64_t)took);
	ck_assert_int_gt(took, 0);
	ck_assert_uint_eq(u->running, 2);
	ck_assert_uint_eq(u->waiting, 0);
	ck_assert(u->worth > 0);
	ck_assert_int_gt(u->used_ns, world.ticket[slot].placed_ns);
	ck_assert_uint_eq(world.uses[2].misses, 0);
	ck_assert_uint_eq(world.meters.kv_chunks + world.meters.adapter_chunks,
	    3);
	end();
}
END_TEST

START_TEST(numbers_outlive_the_scheduler_but_not_the_entry)
{
	const struct adapter_meters *u = &world.uses[3];

	steps_open("fifo", "lru");
	once(3);
	once(3);
	world_restart();
	world_rounds(1);
	ck_assert_uint_eq(u->misses, 1);
	ck_assert_uint_eq(u->hits, 1);
	ck_assert_int_gt(u->used_ns, 0);
	world.entry[3] = dir_entry(2, DIR_LISTED);
	world_rounds(1);
	ck_assert_uint_eq(u->serial, 2);
	ck_assert_uint_eq(u->misses + u->hits + u->loads, 0);
	ck_assert_uint_eq(u->cold_ns, 0);
	ck_assert_int_eq(u->used_ns, 0);
	once(3);
	ck_assert_uint_eq(u->misses + u->hits, 1);
	end();
}
END_TEST

START_TEST(what_adapters_count_is_what_all_count)
{
	const struct scheduler_meters *m = &world.meters;
	uint64_t hits = 0, misses = 0, loads = 0, kv = 0, adapter = 0;
	struct rng rng;

	rng_seed(&rng, 9);
	steps_open("fifo", "gdsf");
	for (int i = 0; i < 60; i++) {
		(void)world_submit((int32_t)rng_below(&rng, ADAPTERS + 1) - 1,
		    1 + (int32_t)rng_below(&rng, 30),
		    1 + (int32_t)rng_below(&rng, 20));
		world_rounds(1);
	}
	ck_assert(world_settle(500));
	sch_tick(world.core, world.now);
	for (int a = 0; a < ADAPTERS; a++) {
		hits += world.uses[a].hits;
		misses += world.uses[a].misses;
		loads += world.uses[a].loads;
		kv += world.uses[a].evictions_kv;
		adapter += world.uses[a].evictions_adapter;
	}
	ck_assert_uint_gt(hits, 0);
	ck_assert_uint_eq(hits, m->hits);
	ck_assert_uint_eq(misses, m->misses);
	ck_assert_uint_eq(loads, m->loads);
	ck_assert_uint_eq(kv, m->evictions_kv);
	ck_assert_uint_eq(adapter, m->evictions_adapter);
	world_close();
}
END_TEST

START_TEST(what_waits_lies_open)
{
	const struct slot_wait *w;
	uint32_t slot;

	steps_open("fifo", "lru");
	world.plan.batch_max = 1;
	steps_until_runs(world_submit(2, 4, 20));
	slot = world_submit(2, 5, 9);
	world_rounds(1);
	w = &world.waits[slot];
	ck_assert_uint_eq(w->gen, word_load(&world.f[slot]).gen);
	ck_assert_uint_eq(w->queue, 1);
	ck_assert_uint_eq(w->predicted, 9);
	ck_assert(w->size > 0);
	ck_assert_int_eq(w->seen_ns, world.core->slot[slot].seen_ns);
	ck_assert_uint_eq(world.uses[2].waiting, 1);
	end();
}
END_TEST

Suite *
suite_told(void)
{
	Suite *s = suite_create("told");
	TCase *e = tcase_create("told");

	tcase_add_test(e, what_happens_to_a_request_is_one_event);
	tcase_add_test(e, a_name_without_an_end_is_cut);
	tcase_add_test(e, every_meter_that_has_an_event_agrees_with_it);
	tcase_add_loop_test(e, an_adapter_that_leaves_says_why, 0,
	    (int)(sizeof(leavings) / sizeof(leavings[0])));
	tcase_add_test(e, each_adapter_has_its_own_numbers);
	tcase_add_test(e, numbers_outlive_the_scheduler_but_not_the_entry);
	tcase_add_test(e, what_adapters_count_is_what_all_count);
	tcase_add_test(e, what_waits_lies_open);
	suite_add_tcase(s, e);
	return s;
}

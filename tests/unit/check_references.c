/* References are released exactly once: operators ask for everything, adapters are
 * replaced, requests cancelled, processes die, in any order; in the end nobody has
 * anything, and no request has been placed with another version than its own. */
#include "scheduler/sch.h"
#include "tests/unit/sched_world.h"

#include <check.h>

#define MOVES 15000

static uint32_t replaced, placed;

static struct place_word
want_of(uint32_t a)
{
	return word_load_place(&world.want[a]);
}

/* As the frontend does; a dead one's successor asks for the same again. */
static void
ask(uint32_t a, enum dir_ask what, uint32_t weight)
{
	uint64_t was = world.ask[a];
	uint32_t serial = dir_serial(world.entry[a]);
	bool its = dir_serial(was) == serial;
	bool pinned = its && dir_ask_pinned(was);

	if (what == ASK_PIN || what == ASK_UNPIN)
		pinned = what == ASK_PIN;
	if (weight == 0)
		weight = its ? dir_ask_weight(was) : 0;
	world.ask[a] = dir_ask(serial, dir_ask_count(was) + 1, pinned, weight,
	    what);
}

static uint32_t
pinned(void)
{
	uint32_t n = 0;

	for (uint32_t a = 0; a < ADAPTERS; a++)
		n += dir_ask_pinned(world.ask[a]) &&
		    dir_serial(world.ask[a]) == dir_serial(world.entry[a]);
	return n;
}

static void
operate(uint32_t a)
{
	static const enum dir_ask asks[] = { ASK_NONE, ASK_LOAD, ASK_UNLOAD,
		ASK_PIN, ASK_UNPIN, ASK_WEIGH, ASK_LOADED };
	enum dir_ask what = asks[rng_below(&world.rng, 7)];

	/* A request of full context must find room: small ones, and one. */
	if (what == ASK_PIN && (pinned() > 0 || world.info[a].bytes > 4096))
		return;
	ask(a, what,
	    what == ASK_WEIGH ? 1 + (uint32_t)rng_below(&world.rng, 10000) : 0);
}

static bool
is_named(uint32_t a)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (word_load(&world.f[i]).state == F_SUB &&
		    world.request[i].adapter == (int32_t)a)
			return true;
	return false;
}

/* As the loader does: LISTED, KEPT and back, RETIRED, and another version when
 * nobody has a use for that any more. */
static void
replace(uint32_t a)
{
	enum dir_state state = dir_entry_state(world.entry[a]);
	uint32_t serial = dir_serial(world.entry[a]);
	struct place_word want = want_of(a);
	struct place_word have = word_load_place(&world.have[a]);

	if (state == DIR_RETIRED && want.state == WANT_OUT &&
	    want.gen == have.gen && !is_named(a)) {
		world.info[a].bytes = 500 + rng_below(&world.rng, 9000);
		world.entry[a] = dir_entry(serial + 1, DIR_LISTED);
		replaced++;
	} else if (state == DIR_LISTED) {
		world.entry[a] = dir_entry(serial,
		    rng_below(&world.rng, 2) == 0 ? DIR_KEPT : DIR_RETIRED);
	} else if (state == DIR_KEPT) {
		world.entry[a] = dir_entry(serial,
		    rng_below(&world.rng, 2) == 0 ? DIR_LISTED : DIR_RETIRED);
	}
}

/* Its open requests are closed by the next one, which asks again. */
static void
frontend_dies(void)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		if (word_load(&world.f[i]).state == F_SUB)
			world_close_slot(i);
	for (uint32_t a = 0; a < ADAPTERS; a++)
		ask(a, dir_ask_command(world.ask[a]), 0);
}

/* The memory of the device is gone: gpuexec goes, and all is copied again. */
static void
holder_dies(void)
{
	world_gpuexec_dies();
	for (uint32_t a = 0; a < ADAPTERS; a++) {
		struct place_word have = word_load_place(&world.have[a]);

		if (have.state != HAVE_RESIDENT)
			continue;
		word_store(&world.layers[a],
		    (struct word){ have.gen, 0, 0, 0 });
		have.state = HAVE_LOADING;
		word_store_place(&world.have[a], have);
		world.copying[a] = true;
	}
}

/* What runs is of the version that was asked for: an index is not another's while
 * a request names it. */
static void
versions_are_right(void)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct slot_request *q = &world.request[i];
		struct word f = word_load(&world.f[i]), s = world_s(i);

		if (f.state != F_SUB || s.gen != f.gen || s.state != S_PLACED ||
		    q->adapter < 0)
			continue;
		ck_assert_uint_eq(q->adapter_serial,
		    dir_serial(world.entry[q->adapter]));
		ck_assert_int_eq(world.ticket[i].adapter, q->adapter);
		placed++;
	}
}

/* One random move of anybody. */
static void
move(void)
{
	struct rng *r = &world.rng;
	uint32_t i = (uint32_t)rng_below(r, SLOTS);
	uint32_t a = (uint32_t)rng_below(r, ADAPTERS);

	switch (rng_below(r, 20)) {
	case 0:
		(void)world_submit((int32_t)a - 1, 1 + (int32_t)rng_below(r, 9),
		    1 + (int32_t)rng_below(r, 20));
		break;
	case 1:
		if (rng_below(r, 8) == 0 &&
		    word_load(&world.f[i]).state == F_SUB)
			world_close_slot(i);
		break;
	case 2:
	case 3:
		operate(a);
		break;
	case 4:
		if (rng_below(r, 4) == 0)
			replace(a);
		break;
	case 5:
		switch (rng_below(r, 150)) {
		case 0:
			world_restart();
			break;
		case 1:
			frontend_dies();
			break;
		case 2:
			holder_dies();
			break;
		}
		break;
	case 6:
	case 7:
	case 8:
		world_loader(a);
		world.fails[a] = rng_below(r, 30) == 0;
		break;
	case 9:
	case 10:
		world_device();
		break;
	case 11:
	case 12:
	case 13:
		world_turn();
		break;
	case 14:
		world_frontend(i);
		break;
	default:
		world_gpuexec(i);
	}
	versions_are_right();
}

/* Operators want nothing any more. */
static void
come_to_rest(void)
{
	ck_assert_msg(world_settle(3000), "%u of %u ended", world.ended,
	    world.submitted);
	for (uint32_t a = 0; a < ADAPTERS; a++)
		ask(a, ASK_UNPIN, 0);
	world_rounds(4);
	for (uint32_t a = 0; a < ADAPTERS; a++)
		ask(a, ASK_UNLOAD, 0);
	world_rounds(20);
}

START_TEST(in_the_end_nobody_has_anything)
{
	const struct sch *h;

	replaced = placed = 0;
	world_open(7000 + (uint64_t)_i);
	world.lose_hints = (uint32_t)(_i % 3) * 40;
	world.rules.eviction = evict_find(_i % 2 == 0 ? "value" : "lru");
	world_restart();
	for (int n = 0; n < MOVES; n++)
		move();
	ck_assert_uint_gt(replaced, 10);
	ck_assert_uint_gt(placed, 100);
	come_to_rest();
	h = (const struct sch *)world.core;
	for (uint32_t a = 0; a < ADAPTERS; a++) {
		const struct sch_key *k = &h->key[a + 1];

		ck_assert_uint_eq(want_of(a).state, WANT_OUT);
		ck_assert_uint_eq(k->running + k->waiting, 0);
		ck_assert(!k->pinned);
	}
	ck_assert_uint_eq(h->nholding, 0);
	ck_assert_uint_eq(h->adapter_chunks, 0);
	ck_assert_uint_eq(h->leaving_chunks, 0);
	ck_assert_uint_eq(h->nlive + h->nwaiting + h->ncoming + h->nmoving, 0);
	for (int k = 0; k <= DIR_CLASS_MAX; k++)
		ck_assert_uint_eq(h->leaving_of[k], 0);
	for (int k = 0; k <= EVICT_NEVER; k++)
		ck_assert_uint_eq(h->idle_chunks[k], 0);
	ck_assert_uint_eq(world.meters.kv_blocks_used, 0);
	ck_assert_uint_eq(h->nfree_chunks + h->nreturning + h->kv_chunks,
	    CHUNKS);
	for (uint32_t c = 0; c < CHUNKS; c++)
		ck_assert_uint_ne(word_load_place(&world.chunk[c]).state,
		    CHUNK_ADAPTER);
	world_close();
}
END_TEST

Suite *suite_references(void);

Suite *
suite_references(void)
{
	Suite *s = suite_create("references");
	TCase *t = tcase_create("random");

	tcase_add_loop_test(t, in_the_end_nobody_has_anything, 0, 16);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

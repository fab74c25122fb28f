/* A loader whose pool outlives it, and may be another one: as on a GPU, by its
 * number.  The memory is the host's. */
#include <check.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/loader_rig.h"

Suite *suite_loader_pool(void);

#define LONG (3600 * SECOND)
#define PLACE 8u /* chunks from one adapter's to the next */

static void
set_up(void)
{
	lrig_setup();
	lrig.w.rescan_ns = LONG; /* looks when it is asked */
	lrig.w.pool = 1;
	lrig_make("a", 2, 1);
	lrig_make("b", 32, 2);
	lrig_make("c", 4, 3);
	lrig_start();
}

/* The next life, in this pool. */
static void
live_again(uint64_t pool)
{
	ld_close(lrig.ld);
	lrig.ld = NULL;
	lrig.w.pool = pool;
	lrig_start();
}

static void
bring_all(void)
{
	for (uint32_t a = 0; a < 3; a++) {
		ck_assert_uint_le(dir_chunks(lrig.info[a].bytes, CHUNK_BYTES),
		    PLACE);
		lrig_bring(a, a * PLACE);
	}
}

static bool
all_have(enum have_state state)
{
	return lrig_has(0, state) && lrig_has(1, state) && lrig_has(2, state);
}

static void
all_are_whole(void)
{
	for (uint32_t a = 0; a < 3; a++)
		lrig_image_is_whole(a);
}

static unsigned char *
pool_at(uint64_t offset)
{
	return device_address(lrig.device, offset);
}

/* One bit of an adapter's last bytes. */
static void
flip_a_bit_of(uint32_t a)
{
	uint64_t n = lrig.info[a].bytes;
	struct place_word have = lrig_have_of(a);
	uint32_t c = dir_place_chunk(have.place);
	uint64_t sub = dir_place_sub(have.place) *
	    (uint64_t)(CHUNK_BYTES >> have.class);

	for (; n > CHUNK_BYTES; n -= CHUNK_BYTES)
		c = lrig.next[c];
	pool_at(c * CHUNK_BYTES + sub)[n - 1] ^= 0x10;
}

START_TEST(in_a_new_pool_nothing_is_called_resident)
{
	struct place_word was[3];

	bring_all();
	WAIT_FOR(all_have(HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.pool_number, 1);
	for (uint32_t a = 0; a < 3; a++)
		was[a] = lrig_have_of(a);
	memset(pool_at(0), 0, CHUNKS * CHUNK_BYTES);
	lrig.w.delay_ns = LONG;
	live_again(2);
	ck_assert(all_have(HAVE_LOADING));
	ck_assert_uint_eq(lrig.pool_number, 2);
	for (uint32_t a = 0; a < 3; a++) {
		ck_assert_uint_eq(lrig_have_of(a).gen, was[a].gen);
		ck_assert_uint_eq(lrig_have_of(a).place, was[a].place);
	}
	/* Nor if that life dies before it has copied anything. */
	live_again(2);
	ck_assert(all_have(HAVE_LOADING));
	lrig.w.delay_ns = 0;
	live_again(2);
	WAIT_FOR(all_have(HAVE_RESIDENT));
	all_are_whole();
}
END_TEST

START_TEST(in_the_same_pool_what_is_resident_stays)
{
	bring_all();
	WAIT_FOR(all_have(HAVE_RESIDENT));
	live_again(1);
	ck_assert(all_have(HAVE_RESIDENT));
	for (int i = 0; i < 20; i++)
		lrig_turn();
	ck_assert(all_have(HAVE_RESIDENT));
	ck_assert_uint_eq(lrig.meters.loads, 3);
	all_are_whole();
}
END_TEST

START_TEST(what_has_changed_on_the_gpu_is_copied_again)
{
	uint32_t wrong = (uint32_t)_i;
	struct place_word was;

	bring_all();
	WAIT_FOR(all_have(HAVE_RESIDENT));
	was = lrig_have_of(wrong);
	ld_close(lrig.ld);
	lrig.ld = NULL;
	flip_a_bit_of(wrong);
	lrig_start();
	WAIT_FOR(lrig.meters.loads == 4 && all_have(HAVE_RESIDENT));
	all_are_whole();
	ck_assert_uint_eq(lrig_have_of(wrong).gen, was.gen);
	ck_assert_uint_eq(lrig_have_of(wrong).place, was.place);
	/* The next life finds it well. */
	live_again(1);
	for (int i = 0; i < 20; i++)
		lrig_turn();
	ck_assert_uint_eq(lrig.meters.loads, 4);
}
END_TEST

START_TEST(a_proof_gives_way_to_who_calls_the_adapter_out)
{
	bring_all();
	WAIT_FOR(all_have(HAVE_RESIDENT));
	for (int i = 0; i < 20; i++) {
		live_again(1);
		lrig_turn();
		ck_assert(ld_idle(lrig.ld)); /* a proof is no load */
		lrig_call_out((uint32_t)i % 3);
		WAIT_FOR(lrig_has((uint32_t)i % 3, HAVE_ABSENT) ||
		    lrig_has((uint32_t)i % 3, HAVE_HOST));
		bring_all();
		WAIT_FOR(all_have(HAVE_RESIDENT));
	}
	all_are_whole();
}
END_TEST

/* The dead may write for a moment yet: nobody else may have the place. */
START_TEST(what_a_dead_life_was_copying_is_left_alone_for_a_while)
{
	nsec later;

	lrig_bring(0, 0);
	WAIT_FOR(lrig_has(0, HAVE_RESIDENT));
	lrig.w.delay_ns = LONG;
	live_again(1);
	lrig_bring(1, PLACE);
	lrig_bring(2, 2 * PLACE);
	WAIT_FOR(lrig_has(1, HAVE_LOADING) && lrig_has(2, HAVE_LOADING));
	lrig.w.delay_ns = 0;
	lrig.w.quarantine = LONG;
	lrig.w.deadline_ns = 4 *
	    LONG; /* beyond the time that is made up below */
	live_again(1);
	lrig_call_out(1);
	lrig_call_out(0);
	WAIT_FOR(lrig_has(0, HAVE_HOST)); /* at rest: at once */
	ck_assert_uint_eq(lrig_have_of(1).state, HAVE_LOADING);
	ck_assert(!lrig_has(1, HAVE_LOADING)); /* the OUT is not answered */
	ck_assert(lrig_has(2, HAVE_LOADING));
	ck_assert_uint_eq(lrig.meters.loads, 1);
	later = clock_mono() + 2 * LONG;
	ld_tick(lrig.ld, later);
	ck_assert(lrig_has(1, HAVE_ABSENT));
	while (!lrig_has(2, HAVE_RESIDENT)) {
		(void)ld_step(lrig.ld, later);
		clock_sleep(MILLISECOND);
	}
	lrig_image_is_whole(2);
}
END_TEST

Suite *
suite_loader_pool(void)
{
	Suite *s = suite_create("loader_pool");
	TCase *c = tcase_create("loader_pool");

	tcase_add_checked_fixture(c, set_up, lrig_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, in_a_new_pool_nothing_is_called_resident);
	tcase_add_test(c, in_the_same_pool_what_is_resident_stays);
	tcase_add_loop_test(c, what_has_changed_on_the_gpu_is_copied_again, 0,
	    3);
	tcase_add_test(c, a_proof_gives_way_to_who_calls_the_adapter_out);
	tcase_add_test(c,
	    what_a_dead_life_was_copying_is_left_alone_for_a_while);
	suite_add_tcase(s, c);
	return s;
}

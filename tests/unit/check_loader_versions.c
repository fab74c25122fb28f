/* loader/: versions of a name, which of them serves it, and what is remembered of
 * that over a restart of the engine. */
#include "tests/unit/loader_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic uint64_t ask[ADAPTERS];
static char state_file[160];

static void
set_up(void)
{
	lrig_setup();
	/* Of earlier uses of the index: eight bits of count, the next is 0. */
	for (int a = 0; a < ADAPTERS; a++)
		atomic_store(&ask[a], dir_ask(77, 255, false, 0, ASK_CHOOSE));
	snprintf(state_file, sizeof(state_file), "%s/state.json", lrig.dir);
	lrig.w.ask = ask;
	lrig.w.versions_kept = 1;
	lrig.w.state_file = state_file;
	lrig_make("one", 4, 1);
	lrig_start();
}

/* The entry of a version that may serve; ADAPTERS: there is none. */
static uint32_t
version(uint32_t number)
{
	uint32_t a = 0;

	while (a < ADAPTERS &&
	    (!dir_may_serve(dir_entry_state(lrig.entry[a])) ||
		lrig.info[a].version != number))
		a++;
	return a;
}

static bool
is(uint32_t number, enum dir_state state)
{
	uint32_t a = version(number);

	return a < ADAPTERS && dir_entry_state(lrig.entry[a]) == state;
}

/* Other files under the name; and its image comes into host memory. */
static void
replace(uint64_t seed, uint32_t becomes)
{
	lrig_make("one", 4, seed);
	WAIT_FOR(version(becomes) < ADAPTERS);
}

static void
spoil(void)
{
	FILE *f = fopen(lrig_path_of("one", "adapter_config.json"), "w");

	ck_assert_ptr_nonnull(f);
	fputs("{", f);
	fclose(f);
}

static void
load(uint32_t number, uint32_t chunk)
{
	uint32_t a = version(number);

	lrig_bring(a, chunk);
	WAIT_FOR(lrig_has(a, HAVE_RESIDENT));
	lrig_call_out(a);
	WAIT_FOR(lrig_has(a, HAVE_HOST));
}

static void
choose(uint32_t number, uint32_t count)
{
	uint32_t a = version(number);

	atomic_store(&ask[a],
	    dir_ask(dir_serial(lrig.entry[a]), count, false, 0, ASK_CHOOSE));
	WAIT_FOR(is(number, DIR_LISTED));
}

/* What there is to remember is written, and all else is forgotten. */
static void
restart_the_engine(void)
{
	ld_tick(lrig.ld, clock_mono() + 2 * SECOND);
	ld_close(lrig.ld);
	lrig.ld = NULL;
	for (int a = 0; a < ADAPTERS; a++) {
		atomic_store(&lrig.entry[a], 0);
		atomic_store(&lrig.have[a], 0);
		atomic_store(&lrig.want[a], 0);
		atomic_store(&ask[a], 0);
		memset(&lrig.info[a], 0, sizeof(lrig.info[a]));
	}
	lrig_start();
}

START_TEST(a_version_is_chosen_whatever_the_count_of_its_ask)
{
	load(1, 0);
	replace(2, 2);
	load(2, 8);
	ck_assert(is(1, DIR_KEPT) && is(2, DIR_LISTED));
	choose(1, 0);
	ck_assert(is(2, DIR_KEPT));
	/* The same count again is another ask, if others were between. */
	atomic_store(&ask[version(1)],
	    dir_ask(dir_serial(lrig.entry[version(1)]), 1, false, 0, ASK_NONE));
	choose(2, 0);
	ck_assert(is(1, DIR_KEPT));
	choose(1, 0);
	ck_assert(is(2, DIR_KEPT));
}
END_TEST

START_TEST(one_that_was_never_loaded_is_not_kept)
{
	replace(2, 2);
	ck_assert(is(2, DIR_LISTED));
	ck_assert_uint_eq(version(1), ADAPTERS);
}
END_TEST

/* Its bytes go with the engine; nobody else serves the name until an operator says
 * so, however often the engine starts and whatever comes into the directory. */
START_TEST(a_rollback_is_never_forgotten_in_silence)
{
	load(1, 0);
	replace(2, 2);
	choose(1, 1);
	for (int i = 0; i < 3; i++) {
		restart_the_engine();
		ck_assert(is(2, DIR_KEPT));
		ck_assert_uint_eq(lrig_entry_of("one"), ADAPTERS);
	}
	replace(3, 3);
	ck_assert(is(3, DIR_KEPT));
	restart_the_engine();
	ck_assert(is(3, DIR_KEPT));
	choose(3, 1);
	restart_the_engine();
	ck_assert(is(3, DIR_LISTED));
}
END_TEST

/* Nor by the way of files that were broken for a while. */
START_TEST(a_rollback_outlives_broken_files)
{
	load(1, 0);
	replace(2, 2);
	choose(1, 1);
	restart_the_engine();
	spoil();
	WAIT_FOR(lrig_is("one", DIR_BROKEN));
	restart_the_engine();
	ck_assert(lrig_is("one", DIR_BROKEN));
	replace(4, 3);
	ck_assert(is(3, DIR_KEPT));
	choose(3, 1);
	spoil();
	WAIT_FOR(lrig_is("one", DIR_BROKEN));
	replace(5, 4);
	ck_assert(is(4, DIR_LISTED));
}
END_TEST

START_TEST(numbers_go_on_over_a_restart)
{
	replace(2, 2);
	restart_the_engine();
	ck_assert(is(2, DIR_LISTED));
	ld_tick(lrig.ld, clock_mono() + 2 * SECOND);
	replace(3, 3);
	ck_assert(is(3, DIR_LISTED));
	ck_assert_uint_eq(version(2), ADAPTERS);
}
END_TEST

Suite *suite_loader_versions(void);

Suite *
suite_loader_versions(void)
{
	Suite *s = suite_create("loader versions");
	TCase *t = tcase_create("versions");

	tcase_add_checked_fixture(t, set_up, lrig_teardown);
	tcase_add_test(t, a_version_is_chosen_whatever_the_count_of_its_ask);
	tcase_add_test(t, one_that_was_never_loaded_is_not_kept);
	tcase_add_test(t, a_rollback_is_never_forgotten_in_silence);
	tcase_add_test(t, a_rollback_outlives_broken_files);
	tcase_add_test(t, numbers_go_on_over_a_restart);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

/* loader/: versions of a name, which of them serves it, and what is remembered of
 * that over a restart of the engine. */
#include "tests/unit/loader_rig.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
	if (lrig.ld != NULL) {
		ld_tick(lrig.ld, clock_mono() + 2 * SECOND);
		ld_close(lrig.ld);
	}
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

static bool
was_told(const char *text)
{
	struct event_note n;

	for (uint64_t i = 1; event_get(&lrig.events, i, &n); i++)
		if (strcmp(n.text, text) == 0)
			return true;
	return false;
}

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
	ck_assert(was_told("one@2 is there, but nobody serves its name"));
	replace(3, 3);
	ck_assert(is(3, DIR_KEPT));
	ck_assert(was_told("one@3 is there, but nobody serves its name"));
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

/* What an operator asks of a version, under a count of its own. */
static void
wish(uint32_t number, bool pinned, uint32_t weight)
{
	uint32_t a = version(number);

	atomic_store(&ask[a],
	    dir_ask(dir_serial(lrig.entry[a]), dir_ask_count(ask[a]) + 1,
		pinned, weight, ASK_NONE));
}

static uint16_t
asked_before(uint32_t number)
{
	return lrig.info[version(number)].asked_before;
}

/* The adapter, or the directory of all, goes and comes back. */
static char away[96];

static void
take_away(const char *path)
{
	snprintf(away, sizeof(away), "%s/away", lrig.dir);
	ck_assert_int_eq(rename(path, away), 0);
}

static void
bring_back(const char *path)
{
	ck_assert_int_eq(rename(away, path), 0);
}

static void
erase(void)
{
	ck_assert_int_eq(nftw(lrig_path_of("one", ""), lrig_erase, 8,
			     FTW_DEPTH),
	    0);
	WAIT_FOR(!lrig_is("one", DIR_LISTED) && !lrig_is("one", DIR_BROKEN));
}

START_TEST(a_name_that_comes_back_is_known)
{
	wish(1, true, 250);
	take_away(lrig_path_of("one", ""));
	WAIT_FOR(version(1) == ADAPTERS);
	bring_back(lrig_path_of("one", ""));
	WAIT_FOR(version(1) < ADAPTERS);
	ck_assert_uint_eq(asked_before(1), 0x8000u | 250);
	/* As it was last, not as it was once. */
	wish(1, false, 0);
	take_away(lrig_path_of("one", ""));
	WAIT_FOR(version(1) == ADAPTERS);
	bring_back(lrig_path_of("one", ""));
	WAIT_FOR(version(1) < ADAPTERS);
	ck_assert_uint_eq(asked_before(1), 0);
	/* Removed and copied anew: other bytes have another number. */
	erase();
	replace(2, 2);
	ck_assert(is(2, DIR_LISTED));
	erase();
	restart_the_engine();
	replace(3, 3);
	ck_assert(is(3, DIR_LISTED));
}
END_TEST

START_TEST(a_directory_that_is_away_is_not_forgotten)
{
	uint64_t entry;
	uint32_t a;

	replace(2, 2);
	wish(2, true, 0);
	ld_tick(lrig.ld, clock_mono() + 2 * SECOND);
	ld_close(lrig.ld);
	lrig.ld = NULL;
	/* A new loader: what was there stays. */
	a = version(2);
	entry = atomic_load(&lrig.entry[a]);
	take_away(lrig.adapters);
	lrig_start();
	ck_assert_uint_eq(atomic_load(&lrig.entry[a]), entry);
	bring_back(lrig.adapters);
	WAIT_FOR(lrig.meters.directory_lost == 0);
	ck_assert_uint_eq(atomic_load(&lrig.entry[a]), entry);
	take_away(lrig.adapters);
	/* A new engine, twice. */
	restart_the_engine();
	ck_assert_uint_eq(version(2), ADAPTERS);
	restart_the_engine();
	bring_back(lrig.adapters);
	WAIT_FOR(version(2) < ADAPTERS);
	ck_assert_uint_eq(asked_before(2) & 0x8000u, 0x8000u);
	/* One that went with the directory is gone when it can be read again. */
	ld_close(lrig.ld);
	lrig.ld = NULL;
	take_away(lrig.adapters);
	lrig_start();
	ck_assert(is(2, DIR_LISTED));
	ck_assert_int_eq(mkdir(lrig.adapters, 0700), 0);
	WAIT_FOR(version(2) == ADAPTERS);
}
END_TEST

START_TEST(names_that_are_gone_are_not_remembered_without_bound)
{
	char line[160];
	size_t rows = 0;
	FILE *f;

	ld_close(lrig.ld);
	lrig.ld = NULL;
	f = fopen(state_file, "w");
	ck_assert_ptr_nonnull(f);
	fputs("{\"format\":1,\"adapters\":{", f);
	for (int i = 0; i < 100; i++)
		fprintf(f, "\"gone%d\":{\"version\":3},\n", i);
	fputs("\"odd1\":{\"version\":-1},\"odd2\":7,"
	      "\"odd3\":{\"version\":1,\"pinned\":1},"
	      "\"odd4\":{\"version\":1,\"weight\":1e9},"
	      "\"one\":{\"version\":3,\"weight\":2}}}",
	    f);
	fclose(f);
	restart_the_engine();
	ck_assert(is(4, DIR_LISTED));
	ld_tick(lrig.ld, clock_mono() + 2 * SECOND);
	ld_close(lrig.ld);
	lrig.ld = NULL;
	f = fopen(state_file, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		rows += strstr(line, "\"version\"") != NULL;
		ck_assert(strstr(line, "odd") == NULL);
	}
	fclose(f);
	ck_assert_uint_eq(rows, 2 * ADAPTERS);
	lrig_start();
}
END_TEST

/* A full catalogue gives up kept versions first; what finds no entry all the same is
 * listed when one comes free. */
START_TEST(what_a_full_catalogue_had_no_entry_for_is_listed_later)
{
	char name[16];

	load(1, 0);
	replace(2, 2); /* 1 is kept */
	for (int i = 0; i < ADAPTERS; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		lrig_make(name, 2, 10 + (uint64_t)i);
	}
	lrig.rescan_asked = 1;
	WAIT_FOR(lrig.rescan_done == 1);
	ck_assert_uint_eq(lrig.meters.listed, ADAPTERS);
	ck_assert(is(2, DIR_LISTED));
	ck_assert_int_eq(nftw(lrig_path_of("more0", ""), lrig_erase, 8,
			     FTW_DEPTH),
	    0);
	lrig.rescan_asked = 2;
	WAIT_FOR(lrig.rescan_done == 2);
	WAIT_FOR(lrig.meters.listed == ADAPTERS);
	for (int i = 1; i < ADAPTERS; i++) {
		snprintf(name, sizeof(name), "more%d", i);
		ck_assert(lrig_entry_of(name) < ADAPTERS);
	}
}
END_TEST

/* Nor do broken ones take what others need, whoever comes first. */
START_TEST(broken_ones_give_their_entries_to_those_that_work)
{
	char name[16];

	for (int i = 0; i < ADAPTERS; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		(void)mkdir(lrig_path_of(name, ""), 0700);
	}
	lrig.rescan_asked = 1;
	WAIT_FOR(lrig.rescan_done == 1);
	ck_assert_uint_eq(lrig.meters.listed, 1);
	ck_assert_uint_eq(lrig.meters.broken, ADAPTERS - 1);
	lrig_make("good", 2, 3);
	WAIT_FOR(lrig_is("good", DIR_LISTED));
	ck_assert(is(1, DIR_LISTED));
	restart_the_engine();
	ck_assert(lrig_is("good", DIR_LISTED) && lrig_is("one", DIR_LISTED));
}
END_TEST

START_TEST(the_one_that_has_just_served_is_kept_first)
{
	load(1, 0);
	replace(2, 2);
	load(2, 8);
	choose(1, 0);
	replace(3, 3); /* 2 is kept, though its files are gone */
	ck_assert(is(2, DIR_KEPT));
	choose(3, 1);
	ck_assert(is(1, DIR_KEPT));
	ck_assert_uint_eq(version(2), ADAPTERS);
}
END_TEST

START_TEST(a_new_loader_keeps_no_more_than_may_be)
{
	lrig.w.versions_kept = 3;
	ld_close(lrig.ld);
	lrig_start();
	for (uint32_t i = 1; i < 4; i++) {
		load(i, 0);
		replace(i + 1, i + 1);
	}
	ck_assert(is(1, DIR_KEPT) && is(2, DIR_KEPT) && is(3, DIR_KEPT));
	ld_close(lrig.ld);
	lrig.w.versions_kept = 1;
	lrig_start();
	ck_assert(is(4, DIR_LISTED) && is(3, DIR_KEPT));
	ck_assert(version(1) == ADAPTERS && version(2) == ADAPTERS);
}
END_TEST

/* The wishes for a name are those of the version that serves it. */
START_TEST(wishes_go_with_the_version_that_serves)
{
	load(1, 0);
	wish(1, true, 0);
	replace(2, 2);
	ck_assert_uint_eq(asked_before(2) & 0x8000u, 0x8000u);
	choose(1, 1);
	wish(1, false, 300);
	replace(3, 3);
	ck_assert(is(3, DIR_KEPT));
	ck_assert_uint_eq(asked_before(3), 300);
	restart_the_engine();
	ck_assert_uint_eq(asked_before(3), 300);
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
	tcase_add_test(t, a_name_that_comes_back_is_known);
	tcase_add_test(t, a_directory_that_is_away_is_not_forgotten);
	tcase_add_test(t, names_that_are_gone_are_not_remembered_without_bound);
	tcase_add_test(t, wishes_go_with_the_version_that_serves);
	tcase_add_test(t,
	    what_a_full_catalogue_had_no_entry_for_is_listed_later);
	tcase_add_test(t, broken_ones_give_their_entries_to_those_that_work);
	tcase_add_test(t, the_one_that_has_just_served_is_kept_first);
	tcase_add_test(t, a_new_loader_keeps_no_more_than_may_be);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

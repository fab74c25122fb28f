/* frontend/admin_terms.c: what stays asked of an adapter, pins, weights and which
 * version serves its name, whatever its files and the frontend do meanwhile. */
#include "base/log.h"
#include "shm/word.h"
#include "tests/unit/operator_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
static int fd; /* an operator */

static void
set_up(void)
{
	log_open("check", LOG_WARN);
	rig_prepare(&rig);
	rig_start(&rig);
	rig_adapter(&rig, 2, "roman", DIR_LISTED);
	fd = rig_connect_admin(&rig);
}

static void
tear_down(void)
{
	close(fd);
	rig_end(&rig);
}

/* In the word alone, whatever its entry has become. */
static bool
pinned(uint32_t a)
{
	return dir_ask_pinned(atomic_load(&rig.made.ask[a]));
}

static void
pin_roman(void)
{
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_PIN);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	line = rig_done(&rig, fd);
	ck_assert(json_is_true(json_object_get(line, "pinned")));
	ck_assert_str_eq(rig_text(line, "state"), "resident");
	json_decref(line);
}

static bool
shown_pinned(void)
{
	json_t *line, *a;
	bool shown;

	rig_say(fd, "{\"op\":\"adapters\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	a = json_array_get(json_object_get(line, "adapters"), 0);
	ck_assert_str_eq(rig_text(a, "name"), "roman");
	shown = json_is_true(json_object_get(a, "pinned"));
	json_decref(line);
	return shown;
}

START_TEST(a_pin_stays_through_other_commands_and_a_death)
{
	ck_assert(!shown_pinned());
	pin_roman();
	ck_assert(shown_pinned());
	rig_say(fd, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n");
	json_decref(rig_done(&rig, fd));
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_LOADED);
	ck_assert(pinned(2));
	close(fd);
	rig_crash(&rig);
	fd = rig_connect_admin(&rig);
	ck_assert(shown_pinned());
	rig_error(&rig, fd, "{\"op\":\"unload\",\"name\":\"roman\"}", "busy",
	    "unpin it first");
	rig_say(fd, "{\"op\":\"unpin\",\"id\":1,\"name\":\"roman\"}\n");
	json_decref(rig_done(&rig, fd));
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_UNPIN);
	ck_assert(!pinned(2));
	ck_assert(!shown_pinned());
}
END_TEST

START_TEST(another_version_is_not_pinned)
{
	pin_roman();
	atomic_store(&rig.as[PROC_LOADER].entry[2], dir_entry(99, DIR_LISTED));
	atomic_fetch_add(rig.as[PROC_LOADER].catalogue, 1);
	ck_assert(!shown_pinned());
	rig_say(fd, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n");
	json_decref(rig_done(&rig, fd));
	ck_assert(!pinned(2));
}
END_TEST

START_TEST(a_pin_that_fails_is_none)
{
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_PIN);
	ck_assert(pinned(2));
	rig_obey(&rig, 2, WANT_IN, HAVE_FAILED);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "adapter_failed");
	json_decref(line);
	ck_assert(!pinned(2));
	rig_adapter(&rig, 3, "broken", DIR_BROKEN);
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"broken\"}",
	    "adapter_broken", "lora_B is missing");
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"romn\"}",
	    "unknown_adapter", "did you mean 'roman'");
}
END_TEST

START_TEST(a_pin_that_is_taken_back_leaves_an_older_one)
{
	pin_roman();
	rig_obey(&rig, 2, WANT_IN, HAVE_LOADING); /* it is copied again */
	rig_say(fd, "{\"op\":\"pin\",\"name\":\"roman\",\"deadline_ms\":9}\n");
	while (rig.made.operations->last < 2)
		rig_turn(&rig);
	rig_crash(&rig);
	close(fd);
	fd = rig_connect_admin(&rig);
	rig.later += SECOND;
	rig_turns(&rig);
	ck_assert_int_eq(rig_operation(&rig, 2)->state, OPERATION_EXPIRED);
	ck_assert_ptr_nonnull(
	    strstr(rig_operation(&rig, 2)->reason, "loading"));
	ck_assert(fe_pinned(&rig.fe, 2));
}
END_TEST

/* Of two that wait for the same, the last one takes the wish back. */
START_TEST(two_that_are_given_up_together_leave_nothing)
{
	rig_say(fd,
	    "{\"op\":\"pin\",\"name\":\"roman\",\"deadline_ms\":1000}\n"
	    "{\"op\":\"pin\",\"name\":\"roman\",\"deadline_ms\":1000}\n");
	while (rig.made.operations->last < 2)
		rig_turn(&rig);
	ck_assert(fe_pinned(&rig.fe, 2));
	rig.later += 2 * SECOND;
	for (int i = 0; i < 2; i++) {
		json_t *line = rig_hear(&rig, fd);

		ck_assert_str_eq(rig_text(line, "code"), "timed_out");
		json_decref(line);
	}
	ck_assert(!fe_pinned(&rig.fe, 2));
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_UNPIN);
}
END_TEST

/* It takes no memory from requests behind their back, which a pin's arithmetic has
 * to know of. */
START_TEST(a_version_that_does_not_serve_its_name_is_not_pinned)
{
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"roman@1\"}",
	    "not_supported", "does not serve its name");
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
}
END_TEST

/* A pin is the name's: whether the loader has found it when the files changed, or
 * not yet. */
START_TEST(a_pin_follows_files_that_change_meanwhile)
{
	struct segs *loader = &rig.as[PROC_LOADER];
	uint32_t gen = 9;
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"name\":\"roman\"}\n", ASK_PIN);
	rig_adapter(&rig, 2, "roman", _i == 0 ? DIR_KEPT : DIR_FREE);
	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	loader->info[3].version = 8;
	loader->info[3].asked_before = _i == 0 ? 0x8000u : 0;
	rig_turns(&rig);
	ck_assert(fe_pinned(&rig.fe, 3));
	ck_assert_int_eq(rig_operation(&rig, 1)->state, OPERATION_WAITING);
	ck_assert_uint_eq(rig_operation(&rig, 1)->version, 8);
	word_store_place(&rig.as[PROC_SCHEDULER].want[3],
	    (struct place_word){ gen, WANT_IN, 0, 0 });
	word_store_place(&loader->have[3],
	    (struct place_word){ gen, HAVE_RESIDENT, 0, 0 });
	line = rig_done(&rig, fd);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "version")),
	    8);
	json_decref(line);
	/* Taken back, none of them is pinned. */
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
	json_decref(rig_hear(&rig, fd));
}
END_TEST

START_TEST(a_pin_that_followed_is_taken_back_whole)
{
	int other = rig_connect_admin(&rig);

	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"name\":\"roman\"}\n", ASK_PIN);
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	rig.as[PROC_LOADER].info[3].asked_before = 0x8000u;
	rig_turns(&rig);
	ck_assert(fe_pinned(&rig.fe, 3));
	rig_say(other, "{\"op\":\"withdraw\",\"operation\":1}\n");
	json_decref(rig_hear(&rig, other));
	rig_refused(&rig, fd, "withdrawn", "taken back", 1);
	ck_assert(!fe_pinned(&rig.fe, 3));
	close(other);
}
END_TEST

/* Files that come while a pin waits may be broken. */
START_TEST(a_pin_whose_new_files_are_broken_says_why)
{
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"name\":\"roman\"}\n", ASK_PIN);
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_adapter(&rig, 3, "roman", DIR_BROKEN);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "adapter_broken");
	json_decref(line);
}
END_TEST

/* What was asked of one that broke may be taken back; nothing else may be asked. */
START_TEST(a_pin_of_a_broken_adapter_is_taken_off)
{
	pin_roman();
	rig_adapter(&rig, 2, "roman", DIR_BROKEN);
	rig_error(&rig, fd, "{\"op\":\"load\",\"name\":\"roman\"}",
	    "adapter_broken", "");
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
	json_decref(rig_done(&rig, fd));
	ck_assert(!pinned(2));
}
END_TEST

/* 16 chunks, 9 of them for a request of full context and its adapter: all others
 * are pinned, a3 to a9. */
static void
pin_what_fits(void)
{
	char line[64];

	for (uint32_t a = 3; a < 12; a++) {
		snprintf(line, sizeof(line), "a%u", a);
		rig_adapter(&rig, a, line, DIR_LISTED);
		rig_obey(&rig, a, WANT_IN, HAVE_RESIDENT);
	}
	for (int n = 3; n < 10; n++) {
		snprintf(line, sizeof(line),
		    "{\"op\":\"pin\",\"name\":\"a%d\"}\n", n);
		rig_say(fd, line);
		json_decref(rig_done(&rig, fd));
	}
}

START_TEST(pins_leave_room_for_a_request)
{
	pin_what_fits();
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"roman\"}",
	    "out_of_memory", "take up to 8 of 16 chunks");
	/* Once more is not one more. */
	rig_say(fd, "{\"op\":\"pin\",\"name\":\"a9\"}\n");
	json_decref(rig_done(&rig, fd));
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"a5\"}\n");
	json_decref(rig_done(&rig, fd));
	pin_roman();
}
END_TEST

START_TEST(a_weight_leaves_what_was_asked_before)
{
	pin_roman();
	rig_obey(&rig, 2, WANT_IN, HAVE_LOADING); /* it is copied again */
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_wish(&rig, fd, 2,
	    "{\"op\":\"weight\",\"name\":\"roman\",\"weight\":2.5}\n",
	    ASK_WEIGH);
	json_decref(rig_hear(&rig, fd));
	ck_assert(fe_pinned(&rig.fe, 2));
	ck_assert_double_eq(fe_weight(&rig.fe, 2), 2.5);
	ck_assert_uint_eq(rig_operation(&rig, 2)->bytes, 0);
}
END_TEST

/* What was asked of the name before counts, whoever asks first. */
START_TEST(the_first_wish_of_a_version_keeps_what_its_name_had)
{
	rig_adapter(&rig, 3, "caesar", DIR_LISTED);
	rig.as[PROC_LOADER].info[3].asked_before = 0x8000u | 250;
	rig.fe.catalogue = atomic_load(rig.made.catalogue) + 1;
	rig_say(fd, "{\"op\":\"load\",\"name\":\"caesar\"}\n");
	while (rig.made.operations->last < 1)
		rig_turn(&rig);
	ck_assert(fe_pinned(&rig.fe, 3));
	ck_assert_double_eq(fe_weight(&rig.fe, 3), 2.5);
}
END_TEST

/* A pin is the name's: a rollback takes it along, if there is room for it. */
START_TEST(a_rollback_takes_the_pin_of_the_name_along)
{
	rig_wish(&rig, fd, 2, "{\"op\":\"pin\",\"name\":\"roman\"}\n", ASK_PIN);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	json_decref(rig_hear(&rig, fd));
	rig_adapter(&rig, 3, "roman", DIR_KEPT);
	rig.as[PROC_LOADER].info[3].version = 7;
	rig.as[PROC_LOADER].info[3].bytes = 15 * rig.plan.chunk_bytes;
	rig_error(&rig, fd, "{\"op\":\"rollback\",\"name\":\"roman@7\"}",
	    "out_of_memory", "15 of 16 chunks");
	ck_assert(!pinned(3));
	rig.as[PROC_LOADER].info[3].bytes = 1000;
	rig_say(fd, "{\"op\":\"rollback\",\"name\":\"roman@7\"}\n");
	while (!pinned(3))
		rig_turn(&rig);
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	rig.as[PROC_LOADER].info[3].version = 7;
	json_decref(rig_hear(&rig, fd));
	ck_assert(fe_pinned(&rig.fe, 3));
	/* And back, when it is pinned no more. */
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
	json_decref(rig_hear(&rig, fd));
	ck_assert(pinned(2));
	rig_wish(&rig, fd, 2, "{\"op\":\"rollback\",\"name\":\"roman@1\"}\n",
	    ASK_CHOOSE);
	ck_assert(!pinned(2));
}
END_TEST

START_TEST(rollbacks_of_a_name_keep_their_order)
{
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_adapter(&rig, 3, "roman", DIR_KEPT);
	rig.as[PROC_LOADER].info[3].version = 7;
	rig_wish(&rig, fd, 3, "{\"op\":\"rollback\",\"name\":\"roman@7\"}\n",
	    ASK_CHOOSE);
	rig_error(&rig, fd, "{\"op\":\"rollback\",\"name\":\"roman@1\"}",
	    "busy", "a rollback of it");
	/* Nor do its terms change meanwhile, which it takes along. */
	rig_error(&rig, fd,
	    "{\"op\":\"weight\",\"name\":\"roman@1\",\"weight\":2}", "busy",
	    "a rollback of it");
	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	rig.as[PROC_LOADER].info[3].version = 7;
	json_decref(rig_done(&rig, fd));
	rig_wish(&rig, fd, 2, "{\"op\":\"rollback\",\"name\":\"roman@1\"}\n",
	    ASK_CHOOSE);
}
END_TEST

START_TEST(who_asks_for_broken_files_is_told_what_else_there_is)
{
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig.as[PROC_LOADER].info[2].version = 3;
	rig_adapter(&rig, 3, "roman", DIR_KEPT);
	rig.as[PROC_LOADER].info[3].version = 1;
	rig_adapter(&rig, 4, "roman", DIR_BROKEN);
	rig.as[PROC_LOADER].info[4].version = 4;
	rig_error(&rig, fd, "{\"model\":\"roman\",\"prompt\":\"x\"}",
	    "adapter_broken", "versions that can be served: 1, 3");
}
END_TEST

/* Operators are told what clients are told. */
START_TEST(a_name_that_nobody_serves_says_so_to_both)
{
	static const char *const lines[] = {
		"{\"op\":\"load\",\"name\":\"roman\"}",
		"{\"op\":\"pin\",\"name\":\"roman\"}",
		"{\"op\":\"weight\",\"name\":\"roman\",\"weight\":2}",
		"{\"model\":\"roman\",\"prompt\":\"x\"}"
	};

	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		rig_error(&rig, fd, lines[i], "adapter_removed",
		    "there are versions 1: let one serve it by 'chameleon ctl "
		    "rollback roman@VERSION'");
	rig_error(&rig, fd, "{\"op\":\"rollback\",\"name\":\"roman@2\"}",
	    "unknown_adapter",
	    "there is no 'roman@2'; of this name there are "
	    "versions 1");
}
END_TEST

/* A name that was pinned comes back, or comes in a smaller pool. */
START_TEST(a_pin_that_leaves_no_room_any_more_is_none)
{
	pin_what_fits();
	rig_adapter(&rig, 12, "back", DIR_LISTED);
	rig.as[PROC_LOADER].info[12].asked_before = 0x8000u | 250;
	rig_turns(&rig);
	ck_assert(!fe_pinned(&rig.fe, 12));
	ck_assert(!pinned(12));
	ck_assert(fe_weight(&rig.fe, 12) == 2.5);
	/* Where there is room it is. */
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"a5\"}\n");
	json_decref(rig_done(&rig, fd));
	rig_adapter(&rig, 13, "too", DIR_LISTED);
	rig.as[PROC_LOADER].info[13].asked_before = 0x8000u;
	rig_turns(&rig);
	ck_assert(fe_pinned(&rig.fe, 13));
}
END_TEST

Suite *suite_terms(void);

Suite *
suite_terms(void)
{
	Suite *s = suite_create("terms");
	TCase *t = tcase_create("frontend");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_pin_stays_through_other_commands_and_a_death);
	tcase_add_test(t, another_version_is_not_pinned);
	tcase_add_test(t, a_pin_that_fails_is_none);
	tcase_add_test(t, a_pin_that_is_taken_back_leaves_an_older_one);
	tcase_add_test(t, two_that_are_given_up_together_leave_nothing);
	tcase_add_test(t, a_version_that_does_not_serve_its_name_is_not_pinned);
	tcase_add_loop_test(t, a_pin_follows_files_that_change_meanwhile, 0, 2);
	tcase_add_test(t, a_pin_that_followed_is_taken_back_whole);
	tcase_add_test(t, a_pin_whose_new_files_are_broken_says_why);
	tcase_add_test(t, a_pin_of_a_broken_adapter_is_taken_off);
	tcase_add_test(t, pins_leave_room_for_a_request);
	tcase_add_test(t, a_pin_that_leaves_no_room_any_more_is_none);
	tcase_add_test(t, a_weight_leaves_what_was_asked_before);
	tcase_add_test(t, the_first_wish_of_a_version_keeps_what_its_name_had);
	tcase_add_test(t, a_rollback_takes_the_pin_of_the_name_along);
	tcase_add_test(t, rollbacks_of_a_name_keep_their_order);
	tcase_add_test(t, a_name_that_nobody_serves_says_so_to_both);
	tcase_add_test(t, who_asks_for_broken_files_is_told_what_else_there_is);
	suite_add_tcase(s, t);
	return s;
}

/* What operators ask of adapters has a number, a deadline and an end; what is not
 * obeyed in time is taken back.  If the frontend dies: check_operation_death.c. */
#include "shm/word.h"
#include "tests/unit/operator_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;

static void
set_up(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	rig_adapter(&rig, 2, "roman", DIR_LISTED);
}

static void
tear_down(void)
{
	rig_end(&rig);
}

/* An open request with the adapter, on which nobody works. */
static int
use_it(void)
{
	int client = rig_connect(&rig);

	rig.engine = false;
	rig_say(client, "{\"prompt\":\"x\",\"model\":\"roman\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	return client;
}

START_TEST(numbers_grow_and_bytes_are_those_that_moved)
{
	int fd = rig_connect_admin(&rig);

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 1);
	rig_expect(&rig, 1, OPERATION_DONE, "");
	ck_assert_uint_eq(rig_operation(&rig, 1)->bytes, 1000);
	/* Or a new scheduler would load it once more. */
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_LOADED);
	/* It is there: nothing is brought. */
	rig_say(fd, "{\"op\":\"load\",\"name\":\"roman\"}\n");
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 2);
	ck_assert_uint_eq(rig_operation(&rig, 2)->bytes, 0);
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 3);
	ck_assert_uint_eq(rig_operation(&rig, 3)->bytes, 0);
	rig_wish(&rig, fd, 2, "{\"op\":\"unload\",\"name\":\"roman\"}\n",
	    ASK_UNLOAD);
	rig_obey(&rig, 2, WANT_OUT, HAVE_HOST);
	ck_assert_int_eq(rig_hear_number(&rig, fd, "freed_bytes"), 1000);
	ck_assert_uint_eq(rig_operation(&rig, 4)->bytes, 1000);
	/* Or a new scheduler would unload it once more. */
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	rig_say(fd, "{\"op\":\"unload\",\"name\":\"roman\"}\n");
	ck_assert_int_eq(rig_hear_number(&rig, fd, "freed_bytes"), 0);
	ck_assert_uint_eq(rig_operation(&rig, 5)->bytes, 0);
	close(fd);
}
END_TEST

START_TEST(an_unload_that_waits_never_hangs)
{
	int fd = rig_connect_admin(&rig), client;

	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	client = use_it();
	rig_error(&rig, fd, "{\"op\":\"unload\",\"name\":\"roman\"}", "busy",
	    "1 request uses it");
	rig_wish(&rig, fd, 2,
	    "{\"op\":\"unload\",\"name\":\"roman\",\"wait\":true,"
	    "\"deadline_ms\":1000}\n",
	    ASK_UNLOAD);
	rig_turn(&rig);
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig_error(&rig, fd, "{\"op\":\"load\",\"name\":\"roman\"}", "busy",
	    "an unload of it is being waited for");
	rig.later += 2 * SECOND;
	rig_refused(&rig, fd, "timed_out", "1 request uses it", 1);
	rig_expect(&rig, 1, OPERATION_EXPIRED, "1 request uses it");
	ck_assert_uint_eq(rig_operation(&rig, 1)->bytes, 0);
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	close(client);
	close(fd);
}
END_TEST

START_TEST(an_operation_goes_on_without_its_client)
{
	int fd = rig_connect_admin(&rig);

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	close(fd);
	for (int i = 0; i < 100; i++)
		rig_turn(&rig);
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_LOAD);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_turn(&rig);
	rig_expect(&rig, 1, OPERATION_DONE, "");
}
END_TEST

START_TEST(what_another_still_waits_for_is_not_taken_back)
{
	int fd = rig_connect_admin(&rig), other = rig_connect_admin(&rig);

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_say(other,
	    "{\"op\":\"load\",\"name\":\"roman\",\"deadline_ms\":50}\n");
	while (rig.made.operations->last < 2)
		rig_turn(&rig);
	rig.later += SECOND;
	rig_refused(&rig, other, "timed_out", "roman", 2);
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_LOAD);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 1);
	close(fd);
	close(other);
}
END_TEST

START_TEST(one_that_waits_is_never_written_over)
{
	int fd = rig_connect_admin(&rig);
	json_t *line, *list;

	rig_adapter(&rig, 3, "caesar", DIR_LISTED);
	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	for (int i = 0; i < 2 * OPERATIONS_KEPT; i++) {
		rig_say(fd, "{\"op\":\"unpin\",\"name\":\"caesar\"}\n");
		json_decref(rig_hear(&rig, fd));
	}
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig_say(fd, "{\"op\":\"operations\"}\n");
	line = rig_hear(&rig, fd);
	list = json_object_get(line, "operations");
	ck_assert_uint_eq(json_array_size(list), OPERATIONS_KEPT);
	for (size_t i = 0; i + 1 < json_array_size(list); i++)
		ck_assert_int_lt(rig_number(json_array_get(list, i),
				     "operation"),
		    rig_number(json_array_get(list, i + 1), "operation"));
	ck_assert_int_eq(rig_number(json_array_get(list, 0), "operation"), 1);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(the_list_is_long_whatever_output_may_be_held)
{
	int fd;

	rig_end(&rig);
	rig_prepare(&rig);
	rig.proc.conf.frontend_output_bytes_max = 4096;
	rig_start(&rig);
	rig_adapter(&rig, 2, "roman", DIR_LISTED);
	fd = rig_connect_admin(&rig);
	for (int i = 0; i < OPERATIONS_KEPT; i++) {
		rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
		json_decref(rig_hear(&rig, fd));
	}
	for (int i = 0; i < 3; i++)
		rig_say(fd, "{\"op\":\"operations\"}\n");
	for (int i = 0; i < 3; i++) {
		json_t *line = rig_hear(&rig, fd);

		ck_assert_uint_eq(json_array_size(
				      json_object_get(line, "operations")),
		    OPERATIONS_KEPT);
		json_decref(line);
	}
	close(fd);
}
END_TEST

/* Another operator has enough of waiting. */
START_TEST(one_that_waits_is_withdrawn_and_its_wish_with_it)
{
	int fd = rig_connect_admin(&rig), other = rig_connect_admin(&rig);
	json_t *line;

	rig_error(&rig, other, "{\"op\":\"withdraw\",\"operation\":1}",
	    "unknown_id", "no operation 1");
	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_say(other, "{\"op\":\"withdraw\",\"operation\":1}\n");
	line = rig_hear(&rig, other);
	ck_assert_str_eq(rig_text(line, "state"), "withdrawn");
	json_decref(line);
	rig_refused(&rig, fd, "withdrawn", "load was taken back", 1);
	rig_expect(&rig, 1, OPERATION_WITHDRAWN, "taken back by an operator");
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	rig_error(&rig, other, "{\"op\":\"withdraw\",\"operation\":1}",
	    "unknown_id", "it is withdrawn");
	rig_error(&rig, other, "{\"op\":\"withdraw\"}", "missing_field",
	    "want the number");
	close(other);
	close(fd);
}
END_TEST

/* What is obeyed before it can be taken back is done, and told so with its bytes. */
START_TEST(what_was_obeyed_meanwhile_is_done)
{
	int fd = rig_connect_admin(&rig), other = rig_connect_admin(&rig);
	json_t *line;

	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_wish(&rig, fd, 2, "{\"op\":\"unload\",\"name\":\"roman\"}\n",
	    ASK_UNLOAD);
	rig_obey(&rig, 2, WANT_OUT, HAVE_RESIDENT); /* behind its fence */
	rig_say(other, "{\"op\":\"withdraw\",\"operation\":1}\n");
	while (rig_asked(&rig, 2) != ASK_NONE)
		rig_turn(&rig);
	for (int i = 0; i < 100; i++)
		rig_turn(&rig);
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig_obey(&rig, 2, WANT_OUT, HAVE_HOST);
	ck_assert_int_eq(rig_hear_number(&rig, fd, "freed_bytes"), 1000);
	line = rig_hear(&rig, other);
	ck_assert_str_eq(rig_text(line, "state"), "done");
	json_decref(line);
	rig_expect(&rig, 1, OPERATION_DONE, "");
	/* The loader has chosen it before it could see that it need not. */
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_wish(&rig, fd, 2, "{\"op\":\"rollback\",\"name\":\"roman@1\"}\n",
	    ASK_CHOOSE);
	rig_say(other, "{\"op\":\"withdraw\",\"operation\":2}\n");
	while (rig_asked(&rig, 2) != ASK_NONE)
		rig_turn(&rig);
	rig_adapter(&rig, 2, "roman", DIR_LISTED);
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 2);
	rig_expect(&rig, 2, OPERATION_DONE, "");
	json_decref(rig_hear(&rig, other));
	close(other);
	close(fd);
}
END_TEST

/* Scheduler and loader stand still: one that is hopeless ends all the same. */
START_TEST(nobody_is_waited_for_for_ever)
{
	int fd = rig_connect_admin(&rig);

	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_wish(&rig, fd, 2,
	    "{\"op\":\"unload\",\"name\":\"roman\",\"deadline_ms\":9}\n",
	    ASK_UNLOAD);
	rig_obey(&rig, 2, WANT_OUT, HAVE_RESIDENT);
	rig.stands = true;
	rig.later += SECOND;
	for (int i = 0; i < 100; i++)
		rig_turn(&rig);
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig.later += 2 * SECOND;
	rig_refused(&rig, fd, "timed_out", "leaving the device", 1);
	close(fd);
}
END_TEST

/* Those who look and those who take back. */
START_TEST(many_that_wait_keep_nobody_from_taking_them_back)
{
	int fd = rig_connect_admin(&rig), other = rig_connect_admin(&rig);
	char line[96];

	for (uint32_t i = 0; i < FE_PENDING_MAX; i++) {
		rig_say(fd, "{\"op\":\"load\",\"name\":\"roman\"}\n");
		while (rig.made.operations->last < i + 1)
			rig_turn(&rig);
	}
	rig_error(&rig, other, "{\"op\":\"load\",\"name\":\"roman\"}",
	    "overloaded", "64 operations");
	rig_say(other, "{\"op\":\"operations\"}\n");
	json_decref(rig_hear(&rig, other));
	rig_say(other, "{\"op\":\"get\",\"key\":\"policy.slo_ms\"}\n");
	json_decref(rig_hear(&rig, other));
	for (int i = 1; i <= FE_PENDING_MAX; i++) {
		snprintf(line, sizeof(line),
		    "{\"op\":\"withdraw\",\"operation\":%d}\n", i);
		rig_say(other, line);
		json_decref(rig_hear(&rig, other));
		rig_expect(&rig, (uint64_t)i, OPERATION_WITHDRAWN, "");
	}
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	close(other);
	close(fd);
}
END_TEST

Suite *suite_operation(void);

Suite *
suite_operation(void)
{
	Suite *s = suite_create("operation");
	TCase *t = tcase_create("frontend");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, numbers_grow_and_bytes_are_those_that_moved);
	tcase_add_test(t, an_unload_that_waits_never_hangs);
	tcase_add_test(t, an_operation_goes_on_without_its_client);
	tcase_add_test(t, what_another_still_waits_for_is_not_taken_back);
	tcase_add_test(t, one_that_waits_is_never_written_over);
	tcase_add_test(t, the_list_is_long_whatever_output_may_be_held);
	tcase_add_test(t, one_that_waits_is_withdrawn_and_its_wish_with_it);
	tcase_add_test(t, what_was_obeyed_meanwhile_is_done);
	tcase_add_test(t, nobody_is_waited_for_for_ever);
	tcase_add_test(t, many_that_wait_keep_nobody_from_taking_them_back);
	suite_add_tcase(s, t);
	return s;
}

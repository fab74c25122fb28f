/* What operators have asked of adapters outlives the frontend: what waits goes on,
 * what was taken back stays so. */
#include "shm/word.h"
#include "tests/unit/operator_rig.h"

#include <check.h>
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

START_TEST(none_waits_for_ever_after_a_death)
{
	struct operations *all = rig.as[PROC_FRONTEND].operations;
	int fd = rig_connect_admin(&rig);

	rig_adapter(&rig, 3, "caesar", DIR_LISTED);
	rig_adapter(&rig, 4, "leet", DIR_LISTED);
	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_say(fd,
	    "{\"op\":\"load\",\"name\":\"caesar\"}\n"
	    "{\"op\":\"load\",\"name\":\"leet\"}\n");
	while (dir_ask_command(atomic_load(&rig.made.ask[4])) != ASK_LOAD)
		rig_turn(&rig);
	all->at[4] = all->at[3];
	all->at[4].number = all->last = 4;
	all->at[4].entry = 1 << 20; /* damaged */
	rig_crash(&rig);
	close(fd);
	rig_adapter(&rig, 4, "leet", DIR_FREE);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_turn(&rig);
	rig_turn(&rig);
	rig_expect(&rig, 1, OPERATION_DONE, "");
	rig_expect(&rig, 2, OPERATION_WAITING, "");
	rig_expect(&rig, 3, OPERATION_FAILED, "removed meanwhile");
	rig_expect(&rig, 4, OPERATION_FAILED, "could not be taken up again");
	rig.later += 31 * SECOND;
	rig_turns(&rig);
	rig_expect(&rig, 2, OPERATION_EXPIRED, "'caesar'");
	/* Numbers go on. */
	fd = rig_connect_admin(&rig);
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"roman\"}\n");
	ck_assert_int_eq(rig_hear_number(&rig, fd, "operation"), 5);
	close(fd);
}
END_TEST

/* One load, taken back while nobody obeys anything: by an operator, or as its time
 * is over. */
static void
take_back(bool by_operator)
{
	int fd = rig_connect_admin(&rig);

	rig.stands = true;
	rig_wish(&rig, fd, 2,
	    "{\"op\":\"load\",\"name\":\"roman\",\"deadline_ms\":5000}\n",
	    ASK_LOAD);
	if (by_operator)
		rig_say(fd, "{\"op\":\"withdraw\",\"operation\":1}\n");
	else
		rig.later += 6 * SECOND;
	while (rig_asked(&rig, 2) != ASK_NONE)
		rig_turn(&rig);
	close(fd);
	rig_expect(&rig, 1, OPERATION_WAITING, ""); /* has not settled */
}

/* And not once more, which would be a new wish. */
START_TEST(what_was_taken_back_stays_so_after_a_death)
{
	uint64_t word;

	take_back(_i == 0);
	word = atomic_load(&rig.made.ask[2]);
	rig_crash(&rig);
	rig_turns(&rig);
	rig_expect(&rig, 1, OPERATION_WAITING, "");
	rig.later += 9 * SECOND; /* its time is over too */
	rig_turns(&rig);
	if (_i == 0)
		rig_expect(&rig, 1, OPERATION_WITHDRAWN,
		    "taken back by an operator");
	else
		rig_expect(&rig, 1, OPERATION_EXPIRED, "'roman' is on disk");
	ck_assert_uint_eq(atomic_load(&rig.made.ask[2]), word);
}
END_TEST

/* It dies when it has noted that an operator takes it back, and nothing else. */
START_TEST(what_was_to_be_taken_back_is_after_a_death)
{
	struct segs *mine = &rig.as[PROC_FRONTEND];
	uint64_t word;

	take_back(true);
	word = atomic_load(&rig.made.ask[2]);
	mine->operations->at[1].undone_ns = 0;
	atomic_store(&mine->ask[2],
	    dir_ask(dir_serial(word), dir_ask_count(word), false, 100,
		ASK_LOAD));
	rig_crash(&rig);
	rig.stands = false;
	rig_turns(&rig);
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	rig_expect(&rig, 1, OPERATION_WITHDRAWN, "taken back by an operator");
}
END_TEST

/* What was obeyed before it could be taken back is done, whoever died. */
START_TEST(what_was_obeyed_meanwhile_is_done_after_a_death)
{
	take_back(true);
	rig_crash(&rig);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig.stands = false;
	rig_turns(&rig);
	rig_expect(&rig, 1, OPERATION_DONE, "");
}
END_TEST

Suite *suite_operation_death(void);

Suite *
suite_operation_death(void)
{
	Suite *s = suite_create("operation death");
	TCase *t = tcase_create("frontend");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, none_waits_for_ever_after_a_death);
	tcase_add_loop_test(t, what_was_taken_back_stays_so_after_a_death, 0,
	    2);
	tcase_add_test(t, what_was_to_be_taken_back_is_after_a_death);
	tcase_add_test(t, what_was_obeyed_meanwhile_is_done_after_a_death);
	suite_add_tcase(s, t);
	return s;
}

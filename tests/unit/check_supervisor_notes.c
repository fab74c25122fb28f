/* What the supervisor tells consoles: lives, deaths, settings, the end. */
#include "base/err.h"
#include "base/log.h"
#include "supervisor/child.h"
#include "supervisor/reload.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_supervisor_notes(void);

static struct sv sv;
static struct conf conf;
static const char *pairs[2]; /* that reading the settings finds */

static void
set_up(void)
{
	log_open("check", LOG_ERROR);
	conf_defaults(&conf);
	memset(&sv, 0, sizeof(sv));
	memset(pairs, 0, sizeof(pairs));
	sv.conf = &conf;
	sv.ready = true;
	sv.epoll = sv.signals = -1;
	instance_make(&sv.segs, &conf);
}

static void
tear_down(void)
{
	instance_end(&sv.segs);
}

static uint64_t
last(void)
{
	return atomic_load(&sv.segs.supervisor->events.last);
}

static struct event_note
noted(uint64_t number)
{
	struct event_note n;

	ck_assert(event_get(&sv.segs.supervisor->events, number, &n));
	ck_assert(n.at_ns > 0 && n.adapter == -1 && n.slot == -1);
	return n;
}

static int
read_pairs(struct conf *c)
{
	int e = 0;

	conf_defaults(c);
	for (int i = 0; e == 0 && i < 2 && pairs[i] != NULL; i++)
		e = conf_set_pair(c, pairs[i]);
	return e;
}

START_TEST(a_reload_is_noted_and_a_refused_one_with_its_reason)
{
	struct event_note n;

	pairs[0] = "policy.eviction=gdsf";
	pairs[1] = "slots=7";
	ck_assert_int_eq(reload(&sv.segs, read_pairs), 0);
	n = noted(1);
	ck_assert_uint_eq(n.kind, EVENT_SETTINGS);
	ck_assert_uint_eq(n.value, 2); /* the version now in force */
	ck_assert_str_eq(n.text, "1 changed; needs a restart: slots");
	pairs[1] = NULL;
	ck_assert_int_eq(reload(&sv.segs, read_pairs), 0);
	ck_assert_str_eq(noted(2).text, "0 changed");
	pairs[1] = "slots=none";
	ck_assert_int_eq(reload(&sv.segs, read_pairs), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(noted(3).text, "refused: slots: "));
	ck_assert_uint_eq(last(), 3);
}
END_TEST

START_TEST(the_end_is_noted_and_a_harder_one_again)
{
	sv_end(&sv, SV_DRAIN, 0, "SIGTERM");
	sv_end(&sv, SV_DRAIN, 100, "loader cannot start");
	sv_end(&sv, SV_NOW, 0, "SIGINT");
	ck_assert_uint_eq(last(), 2);
	ck_assert_uint_eq(noted(1).kind, EVENT_ENDING);
	ck_assert_str_eq(noted(1).text, "SIGTERM");
	ck_assert_str_eq(noted(2).text, "now: SIGINT");
	ck_assert_int_eq(sv.status, 0);
}
END_TEST

/* A loader that has lived and said something, and is no more. */
static struct child *
dead(const char *words, int status)
{
	struct child *c = &sv.child[PROC_LOADER];
	struct segs its;
	siginfo_t info;

	c->id = PROC_LOADER;
	c->state = SV_UP;
	atomic_store(&sv.segs.supervisor->order[c->id].epoch, 4);
	ck_assert_int_eq(segs_open(&its, sv.segs.instance, PROC_LOADER), 0);
	strcpy(its.cell[c->id]->last_words, words);
	segs_close(&its);
	c->at = (struct spawned){ .control = -1 };
	if ((c->at.pid = fork()) == 0)
		_exit(status);
	c->at.pidfd = pidfd_open(c->at.pid, 0);
	ck_assert_int_ge(c->at.pidfd, 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)c->at.pid, &info,
			     WEXITED | WNOWAIT),
	    0);
	return c;
}

START_TEST(a_death_is_noted_with_its_last_words)
{
	struct child *c = dead("the disk is gone", 3);
	struct event_note n;

	child_ended(&sv, c, clock_mono());
	n = noted(1);
	ck_assert_uint_eq(n.kind, EVENT_DIED);
	ck_assert_uint_eq(n.value, 4); /* the life that has ended */
	ck_assert_str_eq(n.text, "loader: exit status 3; the disk is gone");
	ck_assert_uint_eq(last(), 1);
	ck_assert_int_eq(c->state, SV_BACKOFF);
}
END_TEST

START_TEST(last_words_too_long_are_cut)
{
	char words[SEG_WORDS_BYTES];

	memset(words, 'w', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	child_ended(&sv, dead(words, 1), clock_mono());
	ck_assert_uint_eq(strlen(noted(1).text), EVENT_TEXT_MAX - 1);
}
END_TEST

START_TEST(an_end_in_order_is_no_death)
{
	struct child *c = dead("", 0);

	c->state = SV_STOPPING;
	child_ended(&sv, c, clock_mono());
	ck_assert_uint_eq(last(), 0);
}
END_TEST

Suite *
suite_supervisor_notes(void)
{
	Suite *s = suite_create("supervisor_notes");
	TCase *t = tcase_create("events");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_reload_is_noted_and_a_refused_one_with_its_reason);
	tcase_add_test(t, the_end_is_noted_and_a_harder_one_again);
	tcase_add_test(t, a_death_is_noted_with_its_last_words);
	tcase_add_test(t, last_words_too_long_are_cut);
	tcase_add_test(t, an_end_in_order_is_no_death);
	suite_add_tcase(s, t);
	return s;
}

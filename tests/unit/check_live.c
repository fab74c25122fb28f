/* Settings that change while the engine runs, and who sees which. */
#include "base/err.h"
#include "base/log.h"
#include "proc/settings.h"
#include "scheduler/core.h"
#include "supervisor/reload.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_live(void);

static struct segs made, frontend;
static struct conf start, now;
static const char *pairs[3]; /* that reading the settings finds; NULL-ended */

static void
set_up(void)
{
	log_open("check", LOG_ERROR);
	conf_defaults(&start);
	instance_make(&made, &start);
	ck_assert_int_eq(segs_open(&frontend, made.instance, PROC_FRONTEND), 0);
	memset(pairs, 0, sizeof(pairs));
}

static void
tear_down(void)
{
	segs_close(&frontend);
	instance_end(&made);
}

static int
read_pairs(struct conf *c)
{
	int e = 0;

	conf_defaults(c);
	for (int i = 0; e == 0 && pairs[i] != NULL; i++)
		e = conf_set_pair(c, pairs[i]);
	return e;
}

static void
operators(uint64_t version, const char *lines)
{
	struct overrides o = { .version = version };

	strcpy(o.lines, lines);
	(void)sheet_write(frontend.overrides, &o, sizeof(o));
}

START_TEST(a_reload_changes_policy_alone)
{
	struct settings_stamp s = settings_read(&made, &now);

	ck_assert_uint_eq(s.version, 1);
	ck_assert_uint_eq(s.sequence, 0);
	ck_assert_str_eq(now.policy_eviction, "value");
	pairs[0] = "policy.eviction=gdsf";
	pairs[1] = "slots=7";
	ck_assert_int_eq(reload(&made, read_pairs), 0);
	s = settings_read(&made, &now);
	ck_assert_uint_eq(s.version, 2);
	ck_assert_str_eq(now.policy_eviction, "gdsf");
	ck_assert_uint_eq(now.slots, start.slots);
	/* What is not said any more has its default again. */
	pairs[0] = NULL;
	ck_assert_int_eq(reload(&made, read_pairs), 0);
	(void)settings_read(&made, &now);
	ck_assert_str_eq(now.policy_eviction, "value");
}
END_TEST

START_TEST(a_mistake_leaves_everything_as_it_was)
{
	pairs[0] = "policy.eviction=gdsf";
	pairs[1] = "slots=none";
	ck_assert_int_eq(reload(&made, read_pairs), ERR_CONFIG);
	ck_assert_uint_eq(settings_read(&made, &now).version, 1);
	ck_assert_str_eq(now.policy_eviction, "value");
}
END_TEST

START_TEST(what_operators_set_goes_over_one_version)
{
	struct settings_stamp s;

	operators(1, "policy.eviction=lfu\npolicy.slo_ms=700\n");
	s = settings_read(&made, &now);
	ck_assert_uint_eq(s.sequence, 1);
	ck_assert_str_eq(now.policy_eviction, "lfu");
	ck_assert_uint_eq(now.policy_slo_ms, 700);
	(void)settings_started(&made, &now);
	ck_assert_str_eq(now.policy_eviction, "value");
	ck_assert_int_eq(reload(&made, read_pairs), 0);
	(void)settings_read(&made, &now);
	ck_assert_str_eq(now.policy_eviction, "value");
	ck_assert_uint_eq(now.policy_slo_ms, start.policy_slo_ms);
}
END_TEST

/* The frontend's segment is not believed. */
START_TEST(damaged_lines_are_left_out)
{
	struct overrides o = { .version = 1 };
	struct conf_row row, was;

	operators(1,
	    "slots=3\npolicy.eviction=nonsense\nno line\n=\n\n"
	    "policy.slo_ms=700");
	(void)settings_read(&made, &now);
	ck_assert_uint_eq(now.policy_slo_ms, 700);
	now.policy_slo_ms = start.policy_slo_ms;
	for (int i = 0; conf_row(&now, i, &row); i++) {
		ck_assert(conf_row(&start, i, &was));
		ck_assert_str_eq(row.value, was.value);
	}
	memset(o.lines, 'x', sizeof(o.lines));
	(void)sheet_write(frontend.overrides, &o, sizeof(o));
	(void)settings_read(&made, &now);
	ck_assert_uint_eq(now.policy_slo_ms, start.policy_slo_ms);
}
END_TEST

/* Otherwise an operator's wish would be written down and never obeyed. */
static void
taken_if_checked(const char *key, const char *value)
{
	struct sch_rules rules;
	struct conf c;

	conf_defaults(&c);
	if (conf_set_live(&c, key, value) != 0 || conf_check(&c) != 0)
		return;
	ck_assert_msg(sch_rules_read(&rules, &c) == 0, "%s=%s: %s", key, value,
	    err_text());
}

START_TEST(what_is_let_through_the_scheduler_takes)
{
	static const char *const numbers[] = { "0", "1", "2", "10", "50", "99",
		"100", "1000", "86400000", "0.5" };
	struct conf_row row;
	char *word, *all, *rest;

	conf_defaults(&now);
	for (int i = 0; conf_row(&now, i, &row); i++) {
		if (!row.live)
			continue;
		for (int k = 0; row.number && k < 10; k++)
			taken_if_checked(row.key, numbers[k]);
		if (row.number || conf_set(&now, row.key, "?") == 0)
			continue;
		/* "...: want one of a|b|c" */
		rest = all = strdup(strstr(err_text(), "want one of ") + 12);
		while ((word = strsep(&rest, "|")) != NULL)
			taken_if_checked(row.key, word);
		free(all);
	}
}
END_TEST

START_TEST(the_oracle_is_the_simulators)
{
	ck_assert_int_eq(conf_check(&start), 0);
	ck_assert_int_eq(conf_set(&start, "policy.predictor", "oracle"), 0);
	ck_assert_int_eq(conf_check(&start), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "simulator"));
}
END_TEST

START_TEST(the_choices_of_a_setting_are_told_those_of_a_number_are_none)
{
	ck_assert_str_eq(conf_choices("policy.lend"), "empty|patient");
	ck_assert_ptr_null(conf_choices("policy.slo_ms"));
	ck_assert_ptr_null(conf_choices("policy.lent"));
}
END_TEST

Suite *
suite_live(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_reload_changes_policy_alone);
	tcase_add_test(t, a_mistake_leaves_everything_as_it_was);
	tcase_add_test(t, what_operators_set_goes_over_one_version);
	tcase_add_test(t, damaged_lines_are_left_out);
	tcase_add_test(t, what_is_let_through_the_scheduler_takes);
	tcase_add_test(t,
	    the_choices_of_a_setting_are_told_those_of_a_number_are_none);
	tcase_add_test(t, the_oracle_is_the_simulators);
	suite_add_tcase(s, t);
	return s;
}

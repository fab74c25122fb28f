/* frontend/: settings in operators' hands. */
#include "base/log.h"
#include "proc/settings.h"
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

/* The scheduler takes up what lies there now. */
static void
take_up(void)
{
	struct settings_stamp s = settings_stamp(&rig.made);
	struct rules_taken *t = rig.as[PROC_SCHEDULER].taken;

	atomic_store(&t->version, s.version);
	atomic_store(&t->sequence, s.sequence);
}

/* Says it and turns until it is written down. */
static void
wish(const char *line)
{
	uint64_t before = settings_stamp(&rig.made).sequence;

	rig_say(fd, line);
	while (settings_stamp(&rig.made).sequence == before)
		rig_turn(&rig);
}

static bool
in_force(const char *key, const char *value)
{
	struct conf_row row;
	struct conf c;

	(void)settings_read(&rig.made, &c);
	ck_assert(conf_row(&c, conf_find(key), &row));
	return strcmp(row.value, value) == 0;
}

START_TEST(a_set_is_answered_when_the_scheduler_obeys_it)
{
	struct event_note e;
	json_t *line;

	wish("{\"op\":\"set\",\"id\":1,\"key\":\"policy.eviction\","
	     "\"value\":\"gdsf\"}\n");
	ck_assert(in_force("policy.eviction", "gdsf"));
	ck_assert(event_get(rig.made.events[PROC_FRONTEND], 1, &e));
	ck_assert_str_eq(e.text, "set policy.eviction=gdsf");
	rig_say(fd, "{\"op\":\"ping\",\"id\":0}\n");
	json_decref(line = rig_hear(&rig, fd));
	take_up();
	line = rig_done(&rig, fd);
	ck_assert_str_eq(rig_text(line, "key"), "policy.eviction");
	ck_assert_str_eq(rig_text(line, "value"), "gdsf");
	json_decref(line);
}
END_TEST

START_TEST(what_was_set_before_stays_and_the_last_counts)
{
	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	wish("{\"op\":\"set\",\"key\":\"policy.evict_size\",\"value\":0.1}\n");
	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":\"800\"}\n");
	ck_assert(in_force("policy.slo_ms", "800"));
	ck_assert(in_force("policy.evict_size", "0.1"));
	take_up();
	for (int i = 0; i < 3; i++)
		json_decref(rig_done(&rig, fd));
	/* However often: a setting takes one line. */
	for (int i = 0; i < 1000; i++) {
		wish("{\"op\":\"set\",\"key\":\"policy.evict_recency\","
		     "\"value\":0.123456789012345}\n");
		take_up();
		json_decref(rig_done(&rig, fd));
	}
	ck_assert(in_force("policy.slo_ms", "800"));
}
END_TEST

START_TEST(what_cannot_be_set_is_refused_with_a_sentence)
{
	static const struct {
		const char *fields, *code, *message;
	} bad[] = {
		{ "\"value\":1", "missing_field", "key: missing" },
		{ "\"key\":3,\"value\":1", "wrong_type", "key: an integer" },
		{ "\"key\":\"policy.slo_ms\"", "missing_field", "value: miss" },
		{ "\"key\":\"policy.slo_ms\",\"value\":true", "wrong_type",
		    "want a string or a number" },
		{ "\"key\":\"policy.eviction\",\"value\":\"lru\\u0000\"",
		    "out_of_range", "value: holds a NUL character" },
		{ "\"key\":\"policy.evictoin\",\"value\":\"lru\"",
		    "unknown_setting", "did you mean 'policy.eviction'" },
		{ "\"key\":\"\",\"value\":\"lru\"", "unknown_setting", "" },
		{ "\"key\":\"slots\",\"value\":8", "needs_restart",
		    "slots needs a restart" },
		{ "\"key\":\"policy.eviction\",\"value\":\"mru\"",
		    "out_of_range", "want one of chameleon|" },
		{ "\"key\":\"policy.eviction\",\"value\":7", "out_of_range",
		    "'7': want one of" },
		{ "\"key\":\"policy.slo_ms\",\"value\":0", "out_of_range",
		    "want 1..86400000 ms" },
		{ "\"key\":\"policy.slo_ms\",\"value\":1.5", "out_of_range",
		    "want 1..86400000 ms" },
		{ "\"key\":\"policy.evict_size\",\"value\":-1e300",
		    "out_of_range", "want 0..1" },
		{ "\"key\":\"policy.predictor\",\"value\":\"oracle\"",
		    "out_of_range", "simulator" },
		{ "\"key\":\"slots\",\"value\":8,\"x\":1", "unknown_field",
		    "set has only op, id, key and value" },
	};
	char line[160];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "{\"op\":\"set\",%s}",
		    bad[i].fields);
		rig_error(&rig, fd, line, bad[i].code, bad[i].message);
	}
	ck_assert_uint_eq(settings_stamp(&rig.made).sequence, 0);
}
END_TEST

START_TEST(clients_set_nothing)
{
	static const char *const names[] = { "set", "get", "settings", "pin",
		"unpin" };
	int client = rig_connect(&rig);
	char line[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(line, sizeof(line), "{\"op\":\"%s\"}", names[i]);
		rig_error(&rig, client, line, "permission", names[i]);
	}
	rig_error(&rig, client, "{\"op\":\"sett\"}", "unknown_op",
	    "load, unload, pin, unpin, weight, rollback, operations, withdraw, "
	    "set, get, "
	    "settings, rescan, drain");
	close(client);
}
END_TEST

START_TEST(settings_are_listed_with_who_set_them)
{
	json_t *line, *list, *v;
	size_t i, n = 0;

	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	take_up();
	json_decref(rig_done(&rig, fd));
	rig_say(fd, "{\"op\":\"settings\",\"id\":1}\n");
	line = rig_done(&rig, fd);
	list = json_object_get(line, "settings");
	json_array_foreach(list, i, v)
	{
		const char *key = rig_text(v, "key");
		bool ours = strcmp(key, "policy.slo_ms") == 0;

		ck_assert_int_eq(strncmp(key, "policy.", 7), 0);
		ck_assert_str_eq(rig_text(v, "from"),
		    ours ? "operator" : "default");
		n += ours &&
		    json_integer_value(json_object_get(v, "value")) == 700;
	}
	ck_assert_uint_eq(n, 1);
	json_decref(line);
	rig_say(fd, "{\"op\":\"get\",\"key\":\"model\"}\n");
	line = rig_done(&rig, fd);
	ck_assert_str_eq(rig_text(line, "value"), "models/demo");
	ck_assert(json_is_true(json_object_get(line, "restart")));
	json_decref(line);
	rig_error(&rig, fd, "{\"op\":\"get\",\"key\":\"modle\"}",
	    "unknown_setting", "did you mean 'model'");
}
END_TEST

START_TEST(what_was_set_survives_the_frontend)
{
	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	close(fd);
	rig_crash(&rig);
	fd = rig_connect_admin(&rig);
	ck_assert(in_force("policy.slo_ms", "700"));
	wish(
	    "{\"op\":\"set\",\"key\":\"policy.eviction\",\"value\":\"lfu\"}\n");
	ck_assert(in_force("policy.slo_ms", "700"));
	ck_assert(in_force("policy.eviction", "lfu"));
	take_up();
	json_decref(rig_done(&rig, fd));
}
END_TEST

START_TEST(settings_read_anew_replace_what_was_set)
{
	struct conf c;
	json_t *line;

	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	(void)settings_started(&rig.made, &c);
	(void)sheet_write(&rig.made.supervisor->settings, &c, sizeof(c));
	take_up();
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "busy");
	json_decref(line);
	ck_assert(!in_force("policy.slo_ms", "700"));
	wish(
	    "{\"op\":\"set\",\"key\":\"policy.eviction\",\"value\":\"lfu\"}\n");
	ck_assert(in_force("policy.eviction", "lfu"));
	ck_assert(!in_force("policy.slo_ms", "700"));
	take_up();
	json_decref(rig_done(&rig, fd));
}
END_TEST

START_TEST(a_set_that_nobody_obeys_is_taken_back)
{
	json_t *line;

	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	take_up();
	json_decref(rig_done(&rig, fd));
	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":800}\n");
	wish("{\"op\":\"set\",\"key\":\"policy.size\",\"value\":\"cost\"}\n");
	rig.later += 31 * SECOND;
	for (int i = 0; i < 2; i++) {
		line = rig_hear(&rig, fd);
		ck_assert_str_eq(rig_text(line, "code"), "timed_out");
		json_decref(line);
	}
	ck_assert(in_force("policy.slo_ms", "700"));
	ck_assert(in_force("policy.size", "wrs"));
}
END_TEST

START_TEST(a_rescan_of_a_lost_directory_says_so)
{
	json_t *line;

	atomic_store(&rig.as[PROC_LOADER].loader_meters->directory_lost, 1);
	rig_say(fd, "{\"op\":\"rescan\"}\n");
	while (atomic_load(rig.made.rescan_asked) == 0)
		rig_turn(&rig);
	atomic_store(rig.as[PROC_LOADER].rescan_done, 1);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "not_supported");
	json_decref(line);
}
END_TEST

Suite *suite_frontend_set(void);

Suite *
suite_frontend_set(void)
{
	Suite *s = suite_create("frontend set");
	TCase *t = tcase_create("settings");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_set_is_answered_when_the_scheduler_obeys_it);
	tcase_add_test(t, what_was_set_before_stays_and_the_last_counts);
	tcase_add_test(t, what_cannot_be_set_is_refused_with_a_sentence);
	tcase_add_test(t, clients_set_nothing);
	tcase_add_test(t, settings_are_listed_with_who_set_them);
	tcase_add_test(t, what_was_set_survives_the_frontend);
	tcase_add_test(t, settings_read_anew_replace_what_was_set);
	tcase_add_test(t, a_set_that_nobody_obeys_is_taken_back);
	tcase_add_test(t, a_rescan_of_a_lost_directory_says_so);
	suite_add_tcase(s, t);
	return s;
}

/* frontend/: settings and pins in operators' hands. */
#include "base/log.h"
#include "proc/settings.h"
#include "shm/word.h"
#include "tests/unit/frontend_rig.h"

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

static json_t *
done(void)
{
	json_t *line = rig_hear(&rig, fd);

	ck_assert_ptr_nonnull(line);
	ck_assert_msg(json_is_true(json_object_get(line, "done")), "%s",
	    json_dumps(line, 0));
	return line;
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
	line = done();
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
		json_decref(done());
	/* However often: a setting takes one line. */
	for (int i = 0; i < 1000; i++) {
		wish("{\"op\":\"set\",\"key\":\"policy.evict_recency\","
		     "\"value\":0.123456789012345}\n");
		take_up();
		json_decref(done());
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
	json_decref(done());
	rig_say(fd, "{\"op\":\"settings\",\"id\":1}\n");
	line = done();
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
	line = done();
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
	json_decref(done());
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
	json_decref(done());
}
END_TEST

START_TEST(a_set_that_nobody_obeys_is_taken_back)
{
	json_t *line;

	wish("{\"op\":\"set\",\"key\":\"policy.slo_ms\",\"value\":700}\n");
	take_up();
	json_decref(done());
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

/* ------------------------------------------------------------------ pins */

static uint64_t
word(uint32_t a)
{
	return atomic_load(&rig.made.ask[a]);
}

/* What scheduler and loader would make of an ask. */
static void
obey(uint32_t a, enum want_state want, enum have_state have)
{
	uint32_t gen = word_load_place(&rig.made.want[a]).gen + 1;

	word_store_place(&rig.as[PROC_SCHEDULER].want[a],
	    (struct place_word){ gen, want, 0, 0 });
	rig_failures(&rig, a, have == HAVE_FAILED);
	word_store_place(&rig.as[PROC_LOADER].have[a],
	    (struct place_word){ gen, have, 0, 0 });
}

static void
pin_roman(void)
{
	json_t *line;

	rig_say(fd, "{\"op\":\"pin\",\"id\":1,\"name\":\"roman\"}\n");
	while (dir_ask_command(word(2)) != ASK_PIN)
		rig_turn(&rig);
	obey(2, WANT_IN, HAVE_RESIDENT);
	line = done();
	ck_assert(json_is_true(json_object_get(line, "pinned")));
	ck_assert_str_eq(rig_text(line, "state"), "resident");
	json_decref(line);
}

static bool
shown_pinned(void)
{
	json_t *line, *a;
	bool pinned;

	rig_say(fd, "{\"op\":\"adapters\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	a = json_array_get(json_object_get(line, "adapters"), 0);
	ck_assert_str_eq(rig_text(a, "name"), "roman");
	pinned = json_is_true(json_object_get(a, "pinned"));
	json_decref(line);
	return pinned;
}

START_TEST(a_pin_stays_through_other_commands_and_a_death)
{
	ck_assert(!shown_pinned());
	pin_roman();
	ck_assert(shown_pinned());
	rig_say(fd, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n");
	json_decref(done());
	ck_assert_uint_eq(dir_ask_command(word(2)), ASK_LOADED);
	ck_assert(dir_ask_pinned(word(2)));
	close(fd);
	rig_crash(&rig);
	fd = rig_connect_admin(&rig);
	ck_assert(shown_pinned());
	rig_error(&rig, fd, "{\"op\":\"unload\",\"name\":\"roman\"}", "busy",
	    "unpin it first");
	rig_say(fd, "{\"op\":\"unpin\",\"id\":1,\"name\":\"roman\"}\n");
	json_decref(done());
	ck_assert_uint_eq(dir_ask_command(word(2)), ASK_UNPIN);
	ck_assert(!dir_ask_pinned(word(2)));
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
	json_decref(done());
	ck_assert(!dir_ask_pinned(word(2)));
}
END_TEST

START_TEST(a_pin_that_fails_is_none)
{
	json_t *line;

	rig_say(fd, "{\"op\":\"pin\",\"id\":1,\"name\":\"roman\"}\n");
	while (dir_ask_command(word(2)) != ASK_PIN)
		rig_turn(&rig);
	ck_assert(dir_ask_pinned(word(2)));
	obey(2, WANT_IN, HAVE_FAILED);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "adapter_failed");
	json_decref(line);
	ck_assert(!dir_ask_pinned(word(2)));
	rig_adapter(&rig, 3, "broken", DIR_BROKEN);
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"broken\"}",
	    "adapter_broken", "lora_B is missing");
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"romn\"}",
	    "unknown_adapter", "did you mean 'roman'");
}
END_TEST

/* Files that come while a pin waits may be broken. */
START_TEST(a_pin_whose_new_files_are_broken_says_why)
{
	json_t *line;

	rig_say(fd, "{\"op\":\"pin\",\"name\":\"roman\"}\n");
	while (dir_ask_command(word(2)) != ASK_PIN)
		rig_turn(&rig);
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
	json_decref(done());
	ck_assert(!dir_ask_pinned(word(2)));
}
END_TEST

START_TEST(rollbacks_of_a_name_keep_their_order)
{
	rig_adapter(&rig, 2, "roman", DIR_KEPT);
	rig_adapter(&rig, 3, "roman", DIR_KEPT);
	rig.as[PROC_LOADER].info[3].version = 7;
	rig_say(fd, "{\"op\":\"rollback\",\"name\":\"roman@7\"}\n");
	while (dir_ask_command(word(3)) != ASK_CHOOSE)
		rig_turn(&rig);
	rig_error(&rig, fd, "{\"op\":\"rollback\",\"name\":\"roman@1\"}",
	    "busy", "a rollback of it");
	/* Nor do its terms change meanwhile, which it takes along. */
	rig_error(&rig, fd,
	    "{\"op\":\"weight\",\"name\":\"roman@1\",\"weight\":2}", "busy",
	    "a rollback of it");
	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	rig.as[PROC_LOADER].info[3].version = 7;
	json_decref(done());
	rig_say(fd, "{\"op\":\"rollback\",\"name\":\"roman@1\"}\n");
	while (dir_ask_command(word(2)) != ASK_CHOOSE)
		rig_turn(&rig);
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

/* 16 chunks, 9 of them for a request of full context and its adapter. */
START_TEST(pins_leave_room_for_a_request)
{
	char line[64];
	int n = 0;

	for (uint32_t a = 3; a < 12; a++) {
		snprintf(line, sizeof(line), "a%u", a);
		rig_adapter(&rig, a, line, DIR_LISTED);
		obey(a, WANT_IN, HAVE_RESIDENT);
	}
	for (; n < 7; n++) {
		snprintf(line, sizeof(line),
		    "{\"op\":\"pin\",\"name\":\"a%d\"}\n", 3 + n);
		rig_say(fd, line);
		json_decref(done());
	}
	rig_error(&rig, fd, "{\"op\":\"pin\",\"name\":\"roman\"}",
	    "out_of_memory", "take up to 8 of 16 chunks");
	/* Once more is not one more. */
	rig_say(fd, line);
	json_decref(done());
	rig_say(fd, "{\"op\":\"unpin\",\"name\":\"a5\"}\n");
	json_decref(done());
	pin_roman();
}
END_TEST

Suite *suite_frontend_set(void);

Suite *
suite_frontend_set(void)
{
	Suite *s = suite_create("frontend set");
	TCase *t = tcase_create("settings"), *pins = tcase_create("pins");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_set_is_answered_when_the_scheduler_obeys_it);
	tcase_add_test(t, what_was_set_before_stays_and_the_last_counts);
	tcase_add_test(t, what_cannot_be_set_is_refused_with_a_sentence);
	tcase_add_test(t, clients_set_nothing);
	tcase_add_test(t, settings_are_listed_with_who_set_them);
	tcase_add_test(t, what_was_set_survives_the_frontend);
	tcase_add_test(t, settings_read_anew_replace_what_was_set);
	tcase_add_test(t, a_set_that_nobody_obeys_is_taken_back);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(pins, set_up, tear_down);
	tcase_add_test(pins, a_pin_stays_through_other_commands_and_a_death);
	tcase_add_test(pins, another_version_is_not_pinned);
	tcase_add_test(pins, a_pin_that_fails_is_none);
	tcase_add_test(pins, a_pin_whose_new_files_are_broken_says_why);
	tcase_add_test(pins, a_pin_of_a_broken_adapter_is_taken_off);
	tcase_add_test(pins, rollbacks_of_a_name_keep_their_order);
	tcase_add_test(pins, a_name_that_nobody_serves_says_so_to_both);
	tcase_add_test(pins, a_rescan_of_a_lost_directory_says_so);
	tcase_add_test(pins, pins_leave_room_for_a_request);
	suite_add_tcase(s, pins);
	return s;
}

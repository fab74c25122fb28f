/* frontend/: what operators ask, and the lists that anybody may ask for. */
#include "shm/word.h"
#include "tests/unit/operator_rig.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANY 10000

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

START_TEST(a_load_is_answered_when_the_adapter_is_resident)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_obey(&rig, 2, WANT_IN, HAVE_LOADING);
	rig_turn(&rig);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "state"), "resident");
	ck_assert(json_is_true(json_object_get(line, "done")));
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(a_load_that_fails_says_why)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	/* An old failure is not this one's. */
	rig_obey(&rig, 2, WANT_IN, HAVE_FAILED);
	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_turn(&rig);
	rig_obey(&rig, 2, WANT_IN, HAVE_FAILED);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "adapter_failed");
	ck_assert_ptr_nonnull(
	    strstr(rig_text(line, "message"), "lora_B is missing"));
	json_decref(line);
	/* The scheduler calls it out before anybody has looked. */
	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"id\":2,\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_obey(&rig, 2, WANT_IN, HAVE_FAILED);
	rig_obey(&rig, 2, WANT_OUT, HAVE_HOST);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "adapter_failed");
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(an_unload_tells_the_bytes_it_freed)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_wish(&rig, fd, 2,
	    "{\"op\":\"unload\",\"id\":1,\"name\":\"roman\"}\n", ASK_UNLOAD);
	rig_obey(&rig, 2, WANT_OUT, HAVE_HOST);
	line = rig_hear(&rig, fd);
	ck_assert_int_eq(json_integer_value(
			     json_object_get(line, "freed_bytes")),
	    1000);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(an_unload_does_not_undo_a_load_that_is_waited_for)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig_error(&rig, fd, "{\"op\":\"unload\",\"id\":2,\"name\":\"roman\"}",
	    "busy", "a load of it is being waited for");
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	line = rig_hear(&rig, fd);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "id")), 1);
	ck_assert(json_is_true(json_object_get(line, "done")));
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(an_operation_with_a_nul_is_none)
{
	int fd = rig_connect_admin(&rig);

	rig_error(&rig, fd, "{\"op\":\"ping\\u0000\",\"id\":1}", "out_of_range",
	    "op: holds a NUL character");
	rig_error(&rig, fd, "{\"op\":\"load\",\"name\":\"roman\\u0000x\"}",
	    "out_of_range", "name: holds a NUL character");
	close(fd);
}
END_TEST

START_TEST(an_adapter_in_use_is_not_unloaded)
{
	int fd = rig_connect_admin(&rig), client = rig_connect(&rig);

	rig.engine = false;
	rig_say(client, "{\"prompt\":\"x\",\"model\":\"roman\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig_error(&rig, fd, "{\"op\":\"unload\",\"name\":\"roman\"}", "busy",
	    "1 request uses it");
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	close(fd);
	close(client);
}
END_TEST

START_TEST(what_is_not_obeyed_is_told_after_a_while)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_wish(&rig, fd, 2, "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n",
	    ASK_LOAD);
	rig.later += 31 * SECOND;
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "timed_out");
	ck_assert_uint_eq(rig_asked(&rig, 2), ASK_NONE);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(a_rescan_is_answered_when_the_loader_has_looked)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_say(fd, "{\"op\":\"rescan\",\"id\":\"r\"}\n");
	while (atomic_load(rig.made.rescan_asked) == 0)
		rig_turn(&rig);
	rig_turn(&rig);
	atomic_store(rig.as[PROC_LOADER].rescan_done, 1);
	line = rig_hear(&rig, fd);
	ck_assert(json_is_true(json_object_get(line, "done")));
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(a_drain_is_answered_when_it_has_begun)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_say(fd, "{\"op\":\"drain\",\"id\":1}\n");
	while (atomic_load(rig.made.drain_asked) == 0)
		rig_turn(&rig);
	rig.proc.draining = true;
	line = rig_hear(&rig, fd);
	ck_assert(json_is_true(json_object_get(line, "draining")));
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(an_operator_may_ask_the_model_too)
{
	int fd = rig_connect_admin(&rig);
	json_t *line;

	rig_script(&rig, "XIV", FINISH_LENGTH);
	rig_say(fd, "{\"prompt\":\"14 =\"}\n");
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "text"), "XIV");
	json_decref(line);
	rig_error(&rig, fd, "{\"op\":\"load\",\"name\":\"romn\"}",
	    "unknown_adapter", "did you mean 'roman'");
	rig_error(&rig, fd, "{\"op\":\"load\"}", "missing_field", "name");
	rig_error(&rig, fd, "{\"op\":\"load\",\"name\":\"base\"}",
	    "unknown_adapter", "always there");
	rig_error(&rig, fd, "{\"op\":\"rescan\",\"name\":\"x\"}",
	    "unknown_field", "name");
	close(fd);
}
END_TEST

START_TEST(stats_have_every_processs_counters)
{
	static const char *const parts[] = { "slots", "frontend", "scheduler",
		"gpuexec", "loader", "memory" };
	int fd = rig_connect(&rig);
	json_t *line, *stats;

	rig_say(fd, "{\"op\":\"stats\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	stats = json_object_get(line, "stats");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert(json_is_object(json_object_get(stats, parts[i])));
	/* The holder is not there without a GPU. */
	ck_assert_uint_eq(json_array_size(json_object_get(stats, "processes")),
	    PROC_COUNT - 1);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(stats_have_the_queues_that_are_in_force)
{
	struct segs *g = &rig.as[PROC_SCHEDULER];
	int fd = rig_connect(&rig);
	json_t *line, *queues, *q;

	atomic_store(&g->scheduler_meters->queues_now, 2);
	atomic_store(&g->queues[1].to, 0.5);
	atomic_store(&g->queues[1].available, -3);
	atomic_store(&g->queues[2].why, WHY_MEMORY);
	atomic_store(&g->queues[2].blocked_ns[WHY_MEMORY], 2 * SECOND);
	rig_say(fd, "{\"op\":\"stats\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	queues = json_object_get(json_object_get(line, "stats"), "queues");
	ck_assert_uint_eq(json_array_size(queues), 3);
	q = json_array_get(queues, 1);
	ck_assert_int_eq(json_integer_value(json_object_get(q, "available")),
	    -3);
	ck_assert_double_eq(json_real_value(json_object_get(q, "to")), 0.5);
	ck_assert_str_eq(rig_text(q, "why"), "none");
	q = json_array_get(queues, 2);
	ck_assert_str_eq(rig_text(q, "why"), "memory");
	q = json_object_get(json_object_get(q, "blocked_ms"), "memory");
	ck_assert_double_eq(json_real_value(q), 2000);
	json_decref(line);
	close(fd);
}
END_TEST

/* An open request of a client's that has run up to so many tokens. */
static void
open_request(int fd, const char *line, uint32_t tokens)
{
	uint32_t slots = rig_open_slots(&rig);

	rig.engine = false;
	rig_say(fd, line);
	while (rig_open_slots(&rig) == slots)
		rig_turn(&rig);
	rig.engine = true;
	while (tokens > 0 && word_load(&rig.made.x[0]).low < tokens)
		rig_turn(&rig);
	rig.engine = false;
}

START_TEST(an_operator_ends_the_request_of_another)
{
	int fd = rig_connect_admin(&rig), client = rig_connect(&rig);
	struct event_note e;
	char text[32];
	json_t *line;

	rig_script(&rig, "MCMLXXXVII", FINISH_LENGTH);
	open_request(client,
	    "{\"id\":\"r\",\"prompt\":\"x\",\"model\":\"roman\"}\n", 4);
	snprintf(text, sizeof(text), "0.%u", word_load(&rig.made.f[0]).gen);
	rig_say(fd, "{\"op\":\"cancel\",\"id\":1,\"request\":\"");
	rig_say(fd, text);
	rig_say(fd, "\"}\n");
	line = rig_hear(&rig, fd);
	ck_assert(json_is_true(json_object_get(line, "done")));
	ck_assert_int_eq(json_integer_value(json_object_get(line, "id")), 1);
	ck_assert_str_eq(rig_text(line, "request"), text);
	ck_assert_int_eq(json_integer_value(json_object_get(line, "tokens")),
	    4);
	json_decref(line);
	line = rig_hear(&rig, client);
	ck_assert_str_eq(rig_text(line, "finish_reason"), "cancelled");
	ck_assert_str_eq(rig_text(line, "text"), "MCML");
	json_decref(line);
	ck_assert(event_get(rig.made.events[PROC_FRONTEND], 1, &e));
	ck_assert_int_eq(e.kind, EVENT_OPERATOR);
	ck_assert_int_eq(e.adapter, 2);
	ck_assert_ptr_nonnull(strstr(e.text, "cancel 0."));
	close(fd);
	close(client);
}
END_TEST

START_TEST(a_cancel_of_what_is_not_open_is_refused_with_a_sentence)
{
	static const struct {
		const char *request, *code, *message;
	} bad[] = {
		{ "3", "wrong_type", "request: an integer: want a string" },
		{ "\"\"", "out_of_range", "want slot.generation" },
		{ "\"3\"", "out_of_range", "'3'" },
		{ "\"3.\"", "out_of_range", "like 3.17" },
		{ "\"3.x\"", "out_of_range", "'3.x'" },
		{ "\" 3.1\"", "out_of_range", "like 3.17" },
		{ "\"0.1.2\"", "out_of_range", "like 3.17" },
		{ "\"-1.2\"", "out_of_range", "like 3.17" },
		{ "\"0.1\\u0000\"", "out_of_range", "a NUL" },
		{ "\"99999999999999999999.1\"", "out_of_range", "" },
		{ "\"3.1\"", "unknown_id", "no open request 3.1" },
		{ "\"0.777\"", "unknown_id", "it has ended" },
		{ "\"999999999.1\"", "unknown_id", "it has ended" },
	};
	int fd = rig_connect_admin(&rig), client = rig_connect(&rig);
	char line[80];

	open_request(client, "{\"id\":\"r\",\"prompt\":\"x\"}\n", 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line),
		    "{\"op\":\"cancel\",\"id\":1,\"request\":%s}",
		    bad[i].request);
		rig_error(&rig, fd, line, bad[i].code, bad[i].message);
	}
	/* Its own client may cancel it by its id alone. */
	snprintf(line, sizeof(line), "{\"op\":\"cancel\",\"request\":\"0.%u\"}",
	    word_load(&rig.made.f[0]).gen);
	rig_error(&rig, client, line, "permission", "admin socket");
	rig_error(&rig, fd, "{\"op\":\"cancel\",\"slot\":1}", "unknown_field",
	    "op, id and request");
	ck_assert_uint_eq(rig_open_slots(&rig), 1);
	ck_assert_uint_eq(atomic_load(&rig.made.events[PROC_FRONTEND]->last),
	    0);
	close(fd);
	close(client);
}
END_TEST

START_TEST(what_operators_ask_for_is_an_event)
{
	static const char *const texts[] = { "load roman", "pin roman",
		"unpin roman", "rescan", "drain" };
	int fd = rig_connect_admin(&rig);
	const struct event_log *log = rig.made.events[PROC_FRONTEND];
	struct event_note e;

	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_say(fd,
	    "{\"op\":\"load\",\"name\":\"roman\"}\n"
	    "{\"op\":\"pin\",\"name\":\"roman\"}\n"
	    "{\"op\":\"unpin\",\"name\":\"roman\"}\n"
	    "{\"op\":\"get\",\"key\":\"slots\"}\n"
	    "{\"op\":\"pin\",\"name\":\"nobody\"}\n"
	    "{\"op\":\"rescan\"}\n{\"op\":\"drain\"}\n");
	while (atomic_load(rig.made.drain_asked) == 0)
		rig_turn(&rig);
	ck_assert_uint_eq(atomic_load(&log->last), 5);
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert(event_get(log, i + 1, &e));
		ck_assert_int_eq(e.kind, EVENT_OPERATOR);
		ck_assert_str_eq(e.text, texts[i]);
		ck_assert_int_eq(e.adapter, i < 3 ? 2 : -1);
	}
	close(fd);
}
END_TEST

/* The member of the list's only adapter. */
static json_int_t
listed(const json_t *line, const char *name)
{
	const json_t *a = json_array_get(json_object_get(line, "adapters"), 0);
	const json_t *v = json_object_get(a, name);

	ck_assert_msg(json_is_integer(v), "no %s", name);
	return json_integer_value(v);
}

START_TEST(the_list_says_how_each_adapter_is_used)
{
	struct adapter_meters *m = &rig.as[PROC_SCHEDULER].uses[2];
	int fd = rig_connect(&rig);
	json_t *line;

	atomic_store(&m->hits, 7);
	atomic_store(&m->misses, 5);
	atomic_store(&m->loads, 4);
	atomic_store(&m->waiting, 3);
	atomic_store(&m->running, 2);
	/* So far they are of another adapter. */
	rig_say(fd, "{\"op\":\"adapters\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	ck_assert_int_eq(listed(line, "hits"), 0);
	json_decref(line);
	atomic_store(&m->serial, 3);
	rig_obey(&rig, 2, WANT_IN, HAVE_RESIDENT);
	rig_say(fd, "{\"op\":\"adapters\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	ck_assert_int_eq(listed(line, "hits"), 7);
	ck_assert_int_eq(listed(line, "misses"), 5);
	ck_assert_int_eq(listed(line, "loads"), 4);
	ck_assert_int_eq(listed(line, "queued"), 3);
	ck_assert_int_eq(listed(line, "running"), 2);
	ck_assert_str_eq(rig_text(json_array_get(json_object_get(line,
						     "adapters"),
				      0),
			     "where"),
	    "device");
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(stats_tell_the_distributions_and_whose_the_memory_is)
{
	struct scheduler_meters *m = rig.as[PROC_SCHEDULER].scheduler_meters;
	int fd = rig_connect(&rig);
	json_t *line, *stats, *v;

	for (int i = 0; i < 100; i++)
		histogram_add(rig.as[PROC_FRONTEND]
				  .histogram[HISTOGRAM_FRONTEND_ttft],
		    HISTOGRAM_TIME, i < 90 ? MILLISECOND : SECOND, 1);
	atomic_store(&m->kv_chunks, 3);
	atomic_store(&m->adapter_chunks, 1000); /* more than there are */
	rig_say(fd, "{\"op\":\"stats\",\"id\":1}\n");
	line = rig_hear(&rig, fd);
	stats = json_object_get(line, "stats");
	v = json_object_get(json_object_get(stats, "latency"), "ttft_ms");
	ck_assert_int_eq(json_integer_value(json_object_get(v, "count")), 100);
	ck_assert_double_le(json_real_value(json_object_get(v, "p50")), 1);
	ck_assert_double_gt(json_real_value(json_object_get(v, "p99")), 750);
	ck_assert(json_is_object(
	    json_object_get(json_object_get(stats, "sizes"), "prompt_tokens")));
	v = json_object_get(stats, "memory");
	ck_assert_int_eq(json_integer_value(json_object_get(v, "kv_bytes")),
	    3 * 65536);
	ck_assert_int_eq(json_integer_value(
			     json_object_get(v, "adapter_bytes")),
	    13 * 65536);
	ck_assert_int_eq(json_integer_value(json_object_get(v, "idle_bytes")),
	    0);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(ten_thousand_adapters_fit_into_one_answer)
{
	char name[32];
	json_t *line, *list;
	int fd;

	rig_end(&rig);
	rig_prepare(&rig);
	rig.plan.adapters = MANY;
	rig.proc.conf.frontend_output_bytes_max = 4096;
	rig_start(&rig);
	for (uint32_t a = 0; a < MANY; a++) {
		snprintf(name, sizeof(name), "adapter-%u", a);
		rig_adapter(&rig, a, name, a == 7 ? DIR_BROKEN : DIR_LISTED);
	}
	fd = rig_connect(&rig);
	for (int i = 0; i < 3; i++)
		rig_say(fd, "{\"op\":\"adapters\",\"id\":1}\n");
	for (int i = 0; i < 3; i++) {
		line = rig_hear(&rig, fd);
		list = json_object_get(line, "adapters");
		ck_assert_str_eq(rig_text(line, "base"), "demo");
		ck_assert_uint_eq(json_array_size(list), MANY);
		ck_assert_str_eq(rig_text(json_array_get(list, 7), "state"),
		    "broken");
		ck_assert_str_eq(rig_text(json_array_get(list, 8), "state"),
		    "disk");
		json_decref(line);
	}
	rig_error(&rig, fd, "{\"prompt\":\"x\",\"model\":\"adapter-99999\"}",
	    "unknown_adapter", "did you mean 'adapter-");
	close(fd);
}
END_TEST

Suite *suite_frontend_admin(void);

Suite *
suite_frontend_admin(void)
{
	Suite *s = suite_create("frontend admin");
	TCase *t = tcase_create("operators");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_load_is_answered_when_the_adapter_is_resident);
	tcase_add_test(t, a_load_that_fails_says_why);
	tcase_add_test(t, an_unload_tells_the_bytes_it_freed);
	tcase_add_test(t, an_unload_does_not_undo_a_load_that_is_waited_for);
	tcase_add_test(t, an_operation_with_a_nul_is_none);
	tcase_add_test(t, an_adapter_in_use_is_not_unloaded);
	tcase_add_test(t, what_is_not_obeyed_is_told_after_a_while);
	tcase_add_test(t, a_rescan_is_answered_when_the_loader_has_looked);
	tcase_add_test(t, a_drain_is_answered_when_it_has_begun);
	tcase_add_test(t, an_operator_may_ask_the_model_too);
	tcase_add_test(t, stats_have_every_processs_counters);
	tcase_add_test(t, stats_have_the_queues_that_are_in_force);
	tcase_add_test(t, an_operator_ends_the_request_of_another);
	tcase_add_test(t,
	    a_cancel_of_what_is_not_open_is_refused_with_a_sentence);
	tcase_add_test(t, what_operators_ask_for_is_an_event);
	tcase_add_test(t, the_list_says_how_each_adapter_is_used);
	tcase_add_test(t, stats_tell_the_distributions_and_whose_the_memory_is);
	tcase_add_test(t, ten_thousand_adapters_fit_into_one_answer);
	suite_add_tcase(s, t);
	return s;
}

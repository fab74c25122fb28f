/* frontend/: what its clients see, on real sockets and segments. */
#include "shm/word.h"
#include "tests/unit/frontend_rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;

static void
set_up(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	rig_script(&rig, "MCMLXXXVII", FINISH_LENGTH);
}

static void
tear_down(void)
{
	rig_end(&rig);
}

static void
expect_text(json_t *line, const char *key, const char *want)
{
	ck_assert_str_eq(rig_text(line, key), want);
	json_decref(line);
}

START_TEST(an_answer_that_is_not_streamed_comes_whole_in_one_line)
{
	int fd = rig_connect(&rig);
	json_t *line, *usage;

	rig_say(fd,
	    "{\"id\":17,\"prompt\":\"1987 =\",\"max_tokens\":32,"
	    "\"return_token_ids\":true}\n");
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "text"), "MCMLXXXVII");
	ck_assert_str_eq(rig_text(line, "finish_reason"), "length");
	ck_assert(json_is_true(json_object_get(line, "done")));
	ck_assert(json_is_null(json_object_get(line, "adapter")));
	ck_assert_int_eq(json_integer_value(json_object_get(line, "id")), 17);
	ck_assert_int_eq(json_array_size(json_object_get(line, "token_ids")),
	    (size_t)rig.nscript);
	usage = json_object_get(line, "usage");
	ck_assert_int_eq(json_integer_value(
			     json_object_get(usage, "completion_tokens")),
	    rig.nscript);
	ck_assert_ptr_nonnull(
	    json_object_get(json_object_get(line, "timing"), "ttft_ms"));
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(streamed_pieces_make_the_whole_text)
{
	int fd = rig_connect(&rig);
	char text[256] = "";
	json_t *line;

	rig_script(&rig, "h\xc3\xa4tte \xf0\x9f\x98\x80 \"q\"\n",
	    FINISH_LENGTH);
	rig_say(fd,
	    "{\"id\":\"s\",\"prompt\":\"x\",\"max_tokens\":64,"
	    "\"stream\":true}\n");
	for (;;) {
		line = rig_hear(&rig, fd);
		ck_assert_str_eq(rig_text(line, "id"), "s");
		if (json_object_get(line, "done") != NULL)
			break;
		strcat(text, rig_text(line, "text"));
		json_decref(line);
	}
	ck_assert_ptr_null(json_object_get(line, "text"));
	json_decref(line);
	ck_assert_str_eq(text, "h\xc3\xa4tte \xf0\x9f\x98\x80 \"q\"\n");
	close(fd);
}
END_TEST

START_TEST(a_stop_string_ends_the_answer_and_is_not_shown)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig_script(&rig, "one two three", FINISH_LENGTH);
	rig_say(fd, "{\"prompt\":\"x\",\"max_tokens\":64,\"stop\":\"two\"}\n");
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "text"), "one ");
	ck_assert_str_eq(rig_text(line, "finish_reason"), "stop");
	ck_assert_str_eq(rig_text(line, "stop_reason"), "two");
	json_decref(line);
	rig_say(fd,
	    "{\"prompt\":\"x\",\"max_tokens\":64,\"stop\":[\"zzz\","
	    "\"two\"],\"include_stop_str_in_output\":true}\n");
	expect_text(rig_hear(&rig, fd), "text", "one two");
	close(fd);
}
END_TEST

START_TEST(an_end_token_is_not_shown)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig_script(&rig, "abc", FINISH_STOP);
	rig.stop_id = rig.script[2];
	rig_say(fd, "{\"prompt\":[1,2],\"max_tokens\":64,\"stop_token_ids\":");
	{
		char text[32];

		snprintf(text, sizeof(text), "[%d]}\n", rig.stop_id);
		rig_say(fd, text);
	}
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "text"), "ab");
	ck_assert_int_eq(json_integer_value(
			     json_object_get(line, "stop_reason")),
	    rig.stop_id);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(logprobs_have_the_token_and_its_alternatives)
{
	int fd = rig_connect(&rig);
	json_t *line, *p;

	rig_script(&rig, "abc", FINISH_LENGTH);
	rig_say(fd, "{\"prompt\":\"x\",\"logprobs\":2}\n");
	line = rig_hear(&rig, fd);
	p = json_object_get(line, "logprobs");
	ck_assert_int_eq(json_array_size(json_object_get(p, "tokens")), 3);
	ck_assert_int_eq(json_array_size(json_object_get(p, "token_logprobs")),
	    3);
	ck_assert_int_eq(json_object_size(
			     json_array_get(json_object_get(p, "top_logprobs"),
				 0)),
	    2);
	ck_assert_str_eq(json_string_value(
			     json_array_get(json_object_get(p, "tokens"), 1)),
	    "b");
	json_decref(line);
	close(fd);
}
END_TEST

static const struct {
	const char *line, *code, *in_message;
} bad[] = {
	{ "hello", "not_json", "JSON" },
	{ "[1]", "not_json", "an array" },
	{ "{\"a\":1,\"a\":2}", "not_json", "uplicate" },
	{ "{\"prompt\":\"\xff\"}", "invalid_utf8", "byte 12" },
	{ "{\"id\":1}", "missing_field", "prompt" },
	{ "{\"id\":[],\"prompt\":\"x\"}", "wrong_type", "id" },
	{ "{\"prompt\":\"x\",\"max_token\":3}", "unknown_field",
	    "'max_token'; did you mean 'max_tokens'" },
	{ "{\"prompt\":\"x\",\"max_tokens\":\"3\"}", "wrong_type",
	    "max_tokens: a string: want an integer" },
	{ "{\"prompt\":\"x\",\"max_tokens\":0}", "out_of_range", "want" },
	{ "{\"prompt\":\"x\",\"temperature\":-1}", "out_of_range", "0..100" },
	{ "{\"prompt\":\"x\",\"top_p\":0}", "out_of_range", "top_p" },
	{ "{\"prompt\":\"x\",\"n\":2}", "not_supported", "n: want 1" },
	{ "{\"prompt\":\"x\",\"echo\":true}", "not_supported", "echo" },
	{ "{\"prompt\":[1,260]}", "out_of_range", "260: want 0..259" },
	{ "{\"prompt\":[\"a\",\"b\"]}", "not_supported", "several prompts" },
	{ "{\"prompt\":[1,true]}", "wrong_type", "holds true" },
	{ "{\"prompt\":[]}", "out_of_range", "no tokens" },
	{ "{\"prompt\":\"x\",\"max_tokens\":511}", "context_exceeded", "512" },
	{ "{\"prompt\":\"x\",\"stop\":[\"\"]}", "out_of_range", "stop" },
	{ "{\"prompt\":\"x\",\"logit_bias\":{\"a\":1}}", "out_of_range",
	    "'a'" },
	{ "{\"prompt\":\"x\",\"model\":\"demp\"}", "unknown_adapter",
	    "did you mean 'demo'" },
	{ "{\"prompt\":\"x\",\"model\":\"romn\"}", "unknown_adapter",
	    "did you mean 'roman'" },
	{ "{\"prompt\":\"x\",\"model\":\"bad\"}", "adapter_broken",
	    "lora_B is missing" },
	{ "{\"op\":\"fly\"}", "unknown_op", "'fly'" },
	{ "{\"op\":3}", "wrong_type", "op" },
	{ "{\"op\":\"ping\",\"x\":1}", "unknown_field", "'x'" },
	{ "{\"op\":\"load\",\"name\":\"roman\"}", "permission", "admin" },
	{ "{\"op\":\"cancel\",\"id\":\"none\"}", "unknown_id", "none" },
};

START_TEST(every_bad_line_is_named_and_the_next_one_is_served)
{
	int fd = rig_connect(&rig);

	rig_adapter(&rig, 3, "roman", DIR_LISTED);
	rig_adapter(&rig, 4, "bad", DIR_BROKEN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		rig_error(&rig, fd, bad[i].line, bad[i].code,
		    bad[i].in_message);
	ck_assert_uint_eq(rig_open_slots(&rig), 0);
	rig_say(fd, "{\"prompt\":\"x\"}\n");
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	close(fd);
}
END_TEST

START_TEST(a_line_over_the_limit_is_told_and_skipped)
{
	int fd = rig_connect(&rig);
	size_t n = rig.proc.conf.frontend_line_bytes_max + 100;
	char *long_line = malloc(n + 1);

	memset(long_line, 'x', n);
	long_line[n] = '\0';
	for (size_t i = 0; i < n; i += 4096) {
		(void)!send(fd, long_line + i, n - i < 4096 ? n - i : 4096, 0);
		rig_turn(&rig);
	}
	free(long_line);
	rig_error(&rig, fd, "", "line_too_long", "1048576");
	rig_say(fd, "{\"op\":\"ping\",\"id\":1}\n");
	json_decref(rig_hear(&rig, fd));
	close(fd);
}
END_TEST

START_TEST(a_prompt_over_the_context_is_told_with_both_numbers)
{
	int fd = rig_connect(&rig);
	char line[1024];

	memset(line, 'x', sizeof(line));
	memcpy(line, "{\"prompt\":\"", 11);
	strcpy(line + 700, "\"}");
	rig_error(&rig, fd, line, "context_exceeded", "512");
	close(fd);
}
END_TEST

START_TEST(an_id_in_flight_cannot_be_used_twice)
{
	int fd = rig_connect(&rig), other = rig_connect(&rig);

	rig.engine = false;
	rig_say(fd, "{\"id\":\"a\",\"prompt\":\"x\"}\n");
	rig_error(&rig, fd, "{\"id\":\"a\",\"prompt\":\"y\"}", "duplicate_id",
	    "\"a\"");
	/* Of another connection it is another. */
	rig_say(other, "{\"id\":\"a\",\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 2)
		rig_turn(&rig);
	rig.engine = true;
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	expect_text(rig_hear(&rig, other), "text", "MCMLXXXVII");
	close(fd);
	close(other);
}
END_TEST

START_TEST(when_every_slot_is_taken_clients_are_told_when_to_come_back)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig.engine = false;
	for (uint32_t i = 0; i < rig.plan.slots; i++)
		rig_say(fd, "{\"prompt\":\"x\"}\n");
	rig_say(fd, "{\"id\":\"late\",\"prompt\":\"x\"}\n");
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "overloaded");
	ck_assert_str_eq(rig_text(line, "type"), "RateLimitError");
	ck_assert_int_eq(json_integer_value(
			     json_object_get(json_object_get(line, "error"),
				 "retry_after_ms")),
	    1000);
	json_decref(line);
	/* Slots are used again. */
	rig.engine = true;
	for (uint32_t i = 0; i < rig.plan.slots; i++)
		json_decref(rig_hear(&rig, fd));
	for (int i = 0; i < 20; i++) {
		rig_say(fd, "{\"prompt\":\"x\"}\n");
		expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	}
	close(fd);
}
END_TEST

START_TEST(a_cancelled_request_ends_with_its_last_line)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig.engine = false;
	rig_say(fd,
	    "{\"id\":\"a\",\"prompt\":\"x\"}\n"
	    "{\"op\":\"cancel\",\"id\":\"a\"}\n");
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "finish_reason"), "cancelled");
	json_decref(line);
	ck_assert_uint_eq(rig_open_slots(&rig), 0);
	close(fd);
}
END_TEST

START_TEST(a_connection_that_closes_cancels_its_requests)
{
	int fd = rig_connect(&rig);
	struct linger now = { 1, 0 };

	rig.engine = false;
	rig_say(fd, "{\"prompt\":\"x\"}\n{\"prompt\":\"y\"}\n");
	while (rig_open_slots(&rig) < 2)
		rig_turn(&rig);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	while (rig_open_slots(&rig) > 0)
		rig_turn(&rig);
	ck_assert_uint_eq(atomic_load(&rig.made.frontend_meters->cancelled), 2);
}
END_TEST

START_TEST(a_client_that_has_only_stopped_sending_gets_its_answers)
{
	int fd = rig_connect(&rig);

	/* The last line lacks its newline, as with printf | nc -N. */
	rig_say(fd, "{\"prompt\":\"x\"}\n{\"prompt\":\"y\"}");
	shutdown(fd, SHUT_WR);
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	ck_assert_ptr_null(rig_hear(&rig, fd));
	close(fd);
}
END_TEST

START_TEST(a_client_that_closes_after_asking_is_noticed)
{
	int fd = rig_connect(&rig);

	/* Nothing is streamed: until something is sent to it, a closed client
	 * looks like one that has only stopped sending. */
	rig.engine = false;
	rig_say(fd, "{\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	close(fd);
	for (int i = 0; i < 10; i++)
		rig_turn(&rig);
	ck_assert_uint_eq(rig_open_slots(&rig), 1);
	rig.later += 2 * SECOND;
	while (rig_open_slots(&rig) > 0)
		rig_turn(&rig);
}
END_TEST

START_TEST(a_long_wait_for_the_first_token_is_no_stall)
{
	int fd = rig_connect(&rig);

	rig.engine = false;
	rig_say(fd, "{\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig.later += 3600 * SECOND;
	rig.engine = true;
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	close(fd);
}
END_TEST

START_TEST(a_client_that_stops_reading_is_disconnected_in_the_end)
{
	static const char list[] = "{\"op\":\"stats\",\"id\":1}\n";
	int fd = rig_connect(&rig);

	/* So little waits that it could wait for ever. */
	do {
		(void)!send(fd, list, strlen(list),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		rig_turn(&rig);
	} while (rig.fe.conns.list[0].blocked_ns == 0);
	rig.later += 20 * SECOND;
	for (int i = 0; i < 10; i++)
		rig_turn(&rig);
	ck_assert_int_eq(rig.fe.conns.list[0].state, CONN_OPEN);
	rig.later += 20 * SECOND;
	while (rig.fe.conns.list[0].state != CONN_FREE)
		rig_turn(&rig);
	close(fd);
}
END_TEST

START_TEST(a_client_that_never_reads_is_disconnected)
{
	static const char ask[] =
	    "{\"prompt\":\"x\",\"max_tokens\":200,\"stream\":true,"
	    "\"logprobs\":20,\"return_token_ids\":true}\n";
	int fd;

	rig_end(&rig);
	rig_prepare(&rig);
	rig.proc.conf.frontend_output_bytes_max = 4096;
	rig_start(&rig);
	rig_script(&rig, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
	    FINISH_LENGTH);
	fd = rig_connect(&rig);
	do {
		(void)!send(fd, ask, strlen(ask), MSG_DONTWAIT | MSG_NOSIGNAL);
		rig_turn(&rig);
		ck_assert_uint_lt(rig.fe.conns.list[0].out.size, 1 << 20);
	} while (
	    rig.fe.conns.made == 0 || rig.fe.conns.list[0].state != CONN_FREE);
	ck_assert_uint_eq(rig_open_slots(&rig), 0);
	close(fd);
}
END_TEST

START_TEST(over_connections_max_a_client_is_told_so)
{
	int fd[17];
	json_t *line;

	for (int i = 0; i < 17; i++) {
		fd[i] = rig_connect(&rig);
		rig_turn(&rig);
	}
	line = rig_hear(&rig, fd[16]);
	ck_assert_str_eq(rig_text(line, "code"), "too_many_connections");
	json_decref(line);
	ck_assert_ptr_null(rig_hear(&rig, fd[16]));
	for (int i = 0; i < 17; i++)
		close(fd[i]);
}
END_TEST

static const struct {
	enum slot_denied why;
	const char *code;
} denials[] = {
	{ DENIED_ADAPTER, "adapter_failed" },
	{ DENIED_MEMORY, "out_of_memory" },
	{ DENIED_POISON, "poisoned" },
	{ DENIED_DEADLINE, "deadline" },
	{ DENIED_DAMAGED, "damaged" },
	{ DENIED_UNLOADED, "adapter_removed" },
	{ DENIED_PINNED, "out_of_memory" },
};

START_TEST(every_denial_has_its_error)
{
	int fd = rig_connect(&rig);

	rig_adapter(&rig, 0, "roman", DIR_LISTED);
	rig.deny = denials[_i].why;
	rig_error(&rig, fd, "{\"prompt\":\"x\",\"model\":\"roman\"}",
	    denials[_i].code, "");
	close(fd);
}
END_TEST

START_TEST(the_last_line_says_which_adapter_it_was)
{
	int fd = rig_connect(&rig);
	json_t *line, *adapter;

	rig_adapter(&rig, 0, "roman", DIR_LISTED);
	rig_say(fd, "{\"prompt\":\"x\",\"model\":\"roman\"}\n");
	line = rig_hear(&rig, fd);
	adapter = json_object_get(line, "adapter");
	ck_assert_str_eq(rig_text(adapter, "name"), "roman");
	ck_assert_str_eq(rig_text(adapter, "digest"), "abababababab");
	ck_assert_str_eq(rig_text(adapter, "source"), "host");
	ck_assert_int_eq(json_integer_value(
			     json_object_get(adapter, "generation")),
	    7);
	json_decref(line);
	close(fd);
}
END_TEST

START_TEST(a_request_ends_at_its_deadline)
{
	int fd = rig_connect(&rig);

	rig.engine = false;
	rig_error(&rig, fd, "{\"prompt\":\"x\",\"timeout_ms\":1}", "deadline",
	    "timeout_ms");
	ck_assert_uint_eq(rig_open_slots(&rig), 0);
	close(fd);
}
END_TEST

START_TEST(after_a_crash_open_requests_end_with_an_error)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig.engine = false;
	rig_say(fd, "{\"id\":\"a\",\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig_crash(&rig);
	while ((line = rig_hear(&rig, fd)) != NULL && json_is_null(line))
		;
	ck_assert_str_eq(rig_text(line, "code"), "frontend_restarted");
	ck_assert_str_eq(json_string_value(json_object_get(line, "id")), "a");
	json_decref(line);
	ck_assert_ptr_null(rig_hear(&rig, fd));
	ck_assert_uint_eq(rig_open_slots(&rig), 0);
	close(fd);
	/* And the next one is served as ever. */
	rig.engine = true;
	fd = rig_connect(&rig);
	rig_say(fd, "{\"prompt\":\"x\"}\n");
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	close(fd);
}
END_TEST

START_TEST(a_drain_finishes_what_was_accepted_and_takes_nothing_new)
{
	int fd = rig_connect(&rig);
	json_t *line;

	rig.engine = false;
	rig_say(fd, "{\"id\":\"a\",\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig.proc.draining = true;
	rig_error(&rig, fd, "{\"prompt\":\"x\"}", "shutting_down", "");
	ck_assert(!fe_drained(&rig.fe));
	rig.engine = true;
	expect_text(rig_hear(&rig, fd), "text", "MCMLXXXVII");
	rig_turn(&rig);
	ck_assert(fe_drained(&rig.fe));
	/* What is not over at the deadline is told so. */
	rig.proc.draining = false;
	rig.engine = false;
	rig_say(fd, "{\"id\":\"b\",\"prompt\":\"x\"}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig.proc.draining = true;
	atomic_store(&rig.made.supervisor->order[PROC_FRONTEND].drain_until_ns,
	    1);
	line = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(line, "code"), "shutting_down");
	json_decref(line);
	close(fd);
}
END_TEST

Suite *suite_frontend(void);

Suite *
suite_frontend(void)
{
	Suite *s = suite_create("frontend");
	TCase *t = tcase_create("clients");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    an_answer_that_is_not_streamed_comes_whole_in_one_line);
	tcase_add_test(t, streamed_pieces_make_the_whole_text);
	tcase_add_test(t, a_stop_string_ends_the_answer_and_is_not_shown);
	tcase_add_test(t, an_end_token_is_not_shown);
	tcase_add_test(t, logprobs_have_the_token_and_its_alternatives);
	tcase_add_test(t, every_bad_line_is_named_and_the_next_one_is_served);
	tcase_add_test(t, a_line_over_the_limit_is_told_and_skipped);
	tcase_add_test(t, a_prompt_over_the_context_is_told_with_both_numbers);
	tcase_add_test(t, an_id_in_flight_cannot_be_used_twice);
	tcase_add_test(t,
	    when_every_slot_is_taken_clients_are_told_when_to_come_back);
	tcase_add_test(t, a_cancelled_request_ends_with_its_last_line);
	tcase_add_test(t, a_connection_that_closes_cancels_its_requests);
	tcase_add_test(t,
	    a_client_that_has_only_stopped_sending_gets_its_answers);
	tcase_add_test(t, a_client_that_closes_after_asking_is_noticed);
	tcase_add_test(t, a_long_wait_for_the_first_token_is_no_stall);
	tcase_add_test(t,
	    a_client_that_stops_reading_is_disconnected_in_the_end);
	tcase_add_test(t, a_client_that_never_reads_is_disconnected);
	tcase_add_test(t, over_connections_max_a_client_is_told_so);
	tcase_add_loop_test(t, every_denial_has_its_error, 0,
	    sizeof(denials) / sizeof(denials[0]));
	tcase_add_test(t, the_last_line_says_which_adapter_it_was);
	tcase_add_test(t, a_request_ends_at_its_deadline);
	tcase_add_test(t, after_a_crash_open_requests_end_with_an_error);
	tcase_add_test(t,
	    a_drain_finishes_what_was_accepted_and_takes_nothing_new);
	suite_add_tcase(s, t);
	return s;
}

/* The client of the admin socket, against servers that are not the engine. */
#include "admin/admin.h"
#include "base/err.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_admin(void);

#define LONG_MS 60000

static char dir[64], path[96];
static struct admin client;
static int peer = -1; /* the server's end of the connection */
static pid_t other;

/* The client connected, the server's end in this process, unless it forks. */
static void
set_up(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(dir, "/tmp/check-admin-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	strcpy(at.sun_path, path);
	ck_assert_int_eq(bind(listener, (void *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	ck_assert_int_eq(admin_open(&client, path), 0);
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	close(listener);
	other = 0;
}

static void
tear_down(void)
{
	if (other > 0) {
		kill(other, SIGKILL);
		waitpid(other, NULL, 0);
	}
	admin_close(&client);
	if (peer >= 0)
		close(peer);
	unlink(path);
	rmdir(dir);
}

static void
says(const char *text)
{
	ck_assert_int_eq(write(peer, text, strlen(text)),
	    (ssize_t)strlen(text));
}

/* What the client asked, whole. */
static const char *
heard(void)
{
	static char line[4096];
	ssize_t n = read(peer, line, sizeof(line) - 1);

	ck_assert_int_gt(n, 0);
	line[n] = '\0';
	return line;
}

static void
ask_load(void)
{
	static const char *const name[] = { "name", "roman", NULL };

	ck_assert_int_eq(admin_ask(&client, "load", name), 0);
}

START_TEST(a_question_is_one_line_with_op_id_and_fields)
{
	static const char *const odd[] = { "name", "a\"b\n", NULL };

	ask_load();
	ck_assert_str_eq(heard(),
	    "{\"op\":\"load\",\"id\":1,\"name\":\"roman\"}\n");
	ck_assert_int_eq(admin_ask(&client, "pin", odd), 0);
	ck_assert_str_eq(heard(),
	    "{\"op\":\"pin\",\"id\":2,\"name\":\"a\\\"b\\n\"}\n");
}
END_TEST

START_TEST(an_answer_in_pieces_is_waited_for_without_waiting)
{
	json_t *reply;

	ask_load();
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_WAITS);
	says(" \n\r\n{\"id\":1,\"do");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_WAITS);
	ck_assert_ptr_null(reply);
	says("ne\":true,\"bytes\":7}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_DONE);
	ck_assert_int_eq(json_integer_value(json_object_get(reply, "bytes")),
	    7);
	json_decref(reply);
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_WAITS);
}
END_TEST

START_TEST(a_refusal_is_the_engines_sentence_without_control_characters)
{
	json_t *reply;

	ask_load();
	says("{\"id\":1,\"error\":{\"code\":\"unknown_adapter\","
	     "\"message\":\"there is no\\u001b[2J adapter 'roman'\"}}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_REFUSED);
	ck_assert_str_eq(err_text(), "there is no?[2J adapter 'roman'");
	ck_assert_int_eq(err_code(), ERR_NOT_FOUND);
	ask_load();
	says("{\"id\":2,\"error\":{\"code\":\"timed_out\"}}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_REFUSED);
	ck_assert_int_eq(err_code(), ERR_TIMEOUT);
	ask_load();
	says("{\"id\":3,\"error\":7}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_REFUSED);
	ck_assert_str_eq(err_text(), "refused, and not said why");
	ask_load();
	says("{\"id\":null,\"error\":{\"code\":\"not_json\","
	     "\"message\":\"not a JSON object\"}}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_REFUSED);
	ck_assert_str_eq(err_text(), "not a JSON object");
}
END_TEST

START_TEST(a_late_answer_is_not_taken_for_the_next_one)
{
	json_t *reply;

	ck_assert_int_eq(admin_call(&client, "rescan", NULL, 0, &reply),
	    ADMIN_WAITS);
	ck_assert_int_eq(err_code(), ERR_TIMEOUT);
	ask_load();
	says("{\"id\":1,\"done\":true}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_WAITS);
	says("{\"id\":\"2\",\"done\":true}\n{\"done\":true}\n"
	     "{\"id\":2,\"done\":true,\"name\":\"roman\"}\n");
	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_DONE);
	ck_assert_ptr_nonnull(json_object_get(reply, "name"));
	json_decref(reply);
}
END_TEST

static void
lost(const char *why)
{
	json_t *reply;

	ck_assert_int_eq(admin_look(&client, &reply), ADMIN_LOST);
	ck_assert_ptr_nonnull(strstr(err_text(), why));
	ck_assert_ptr_null(reply);
	ck_assert_int_eq(client.fd, -1);
	ck_assert_int_eq(admin_look(&client, NULL), ADMIN_LOST);
	ck_assert_int_eq(admin_ask(&client, "rescan", NULL), ERR_GONE);
	ck_assert_int_eq(admin_call(&client, "rescan", NULL, LONG_MS, NULL),
	    ADMIN_LOST);
}

START_TEST(garbage_is_a_lost_connection)
{
	static const char *const garbage[] = { "HTTP/1.1 400 Bad\r\n", "[1]\n",
		"{\"id\":1,\"id\":1}\n", "{\"id\":1,\"done\":tr\n", "7\n" };

	ask_load();
	says(garbage[_i]);
	lost("not an answer");
}
END_TEST

START_TEST(an_engine_that_goes_is_a_lost_connection)
{
	ask_load();
	(void)heard();
	says("{\"id\":1,\"done\":tr");
	close(peer);
	peer = -1;
	lost("closed the connection");
}
END_TEST

START_TEST(an_engine_that_goes_before_the_question_is_a_lost_connection)
{
	close(peer);
	peer = -1;
	ck_assert_int_eq(admin_ask(&client, "rescan", NULL), ERR_GONE);
	ck_assert_int_eq(client.fd, -1);
}
END_TEST

START_TEST(an_engine_that_never_reads_does_not_hold_the_client)
{
	int asked = 0;

	while (admin_ask(&client, "rescan", NULL) == 0)
		ck_assert_int_lt(asked++, 1000000);
	ck_assert_int_eq(err_code(), ERR_GONE);
	ck_assert_ptr_nonnull(strstr(err_text(), "does not read"));
}
END_TEST

START_TEST(an_answer_without_an_end_is_given_up)
{
	static char much[65536];
	json_t *reply;
	enum admin_state s = ADMIN_WAITS;

	ask_load();
	if ((other = fork()) == 0) {
		memset(much, 'a', sizeof(much));
		signal(SIGPIPE, SIG_DFL);
		while (write(peer, much, sizeof(much)) > 0)
			;
		_exit(0);
	}
	while (s == ADMIN_WAITS) {
		struct pollfd p = { client.fd, POLLIN, 0 };

		poll(&p, 1, LONG_MS);
		s = admin_look(&client, &reply);
	}
	ck_assert_int_eq(s, ADMIN_LOST);
	ck_assert_ptr_nonnull(strstr(err_text(), "without an end"));
}
END_TEST

START_TEST(a_long_answer_is_taken_whole)
{
	char *text = malloc(2000001);
	json_t *reply;

	memset(text, 'a', 2000000);
	text[2000000] = '\0';
	if ((other = fork()) == 0) {
		(void)heard();
		dprintf(peer, "{\"id\":1,\"done\":true,\"text\":\"%s\"}\n",
		    text);
		_exit(0);
	}
	ck_assert_int_eq(admin_call(&client, "settings", NULL, LONG_MS, &reply),
	    ADMIN_DONE);
	ck_assert_str_eq(json_string_value(json_object_get(reply, "text")),
	    text);
	json_decref(reply);
	free(text);
}
END_TEST

/* The socket's room is small: the other talks on for as long as it is read. */
START_TEST(one_that_never_stops_talking_keeps_nobody_in_a_look)
{
	static const char *const other_things[] = { "\n", "{\"id\":-1}\n" };
	static char talk[1 << 16];
	size_t n = strlen(other_things[_i]);

	for (size_t i = 0; i + n <= sizeof(talk); i += n)
		memcpy(talk + i, other_things[_i], n);
	ask_load();
	if ((other = fork()) == 0)
		while (write(peer, talk, sizeof(talk) / n * n) > 0)
			;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(admin_look(&client, NULL), ADMIN_WAITS);
	ck_assert_int_eq(admin_call(&client, "ping", NULL, 1, NULL),
	    ADMIN_WAITS);
	ck_assert_int_eq(err_code(), ERR_TIMEOUT);
}
END_TEST

START_TEST(what_is_not_utf8_is_not_asked)
{
	static const char *const bad[] = { "name", "\xff", NULL };

	ck_assert_int_eq(admin_call(&client, "load", bad, LONG_MS, NULL),
	    ADMIN_REFUSED);
	ck_assert_int_ge(client.fd, 0);
}
END_TEST

START_TEST(nobody_there_is_not_found)
{
	struct admin a;
	char far[300];

	close(peer);
	peer = -1;
	ck_assert_int_eq(admin_open(&a, path), ERR_NOT_FOUND);
	ck_assert_int_eq(admin_open(&a, "/nowhere/at/all"), ERR_NOT_FOUND);
	memset(far, 'a', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	ck_assert_int_eq(admin_open(&a, far), ERR_IO);
	ck_assert_int_eq(a.fd, -1);
	admin_close(&a);
}
END_TEST

Suite *
suite_admin(void)
{
	Suite *s = suite_create("admin");
	TCase *t = tcase_create("admin");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_question_is_one_line_with_op_id_and_fields);
	tcase_add_test(t, an_answer_in_pieces_is_waited_for_without_waiting);
	tcase_add_test(t,
	    a_refusal_is_the_engines_sentence_without_control_characters);
	tcase_add_test(t, a_late_answer_is_not_taken_for_the_next_one);
	tcase_add_loop_test(t, garbage_is_a_lost_connection, 0, 5);
	tcase_add_test(t, an_engine_that_goes_is_a_lost_connection);
	tcase_add_test(t,
	    an_engine_that_goes_before_the_question_is_a_lost_connection);
	tcase_add_test(t, an_engine_that_never_reads_does_not_hold_the_client);
	tcase_add_test(t, an_answer_without_an_end_is_given_up);
	tcase_add_test(t, a_long_answer_is_taken_whole);
	tcase_add_loop_test(t,
	    one_that_never_stops_talking_keeps_nobody_in_a_look, 0, 2);
	tcase_add_test(t, what_is_not_utf8_is_not_asked);
	tcase_add_test(t, nobody_there_is_not_found);
	suite_add_tcase(s, t);
	return s;
}

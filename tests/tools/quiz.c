/* Asks an engine questions with one right answer each, many at a time.
 *
 *	quiz ADDRESS --expect FILE [--requests N] [--connections C]
 *	    [--in-flight K] [--adapter NAME] [--stream] [--table] [--tolerate]
 *
 * FILE has lines {"adapter", "prompt", "text", "max_tokens"}; N requests go
 * through them round and round.  Prints "asked N right R wrong W errors E lost
 * L" and the codes of errors; ends with 0 if all were right (with --tolerate:
 * if none was wrong, and none is without an end). */
#include "base/clock.h"
#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/options.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 256

struct question {
	json_t *line;
	const char *adapter, *prompt, *want; /* adapter NULL: base */
	int64_t max_tokens;
};

struct flight {
	int client; /* -1: not sent, or over */
	char *text; /* streamed so far */
};

static struct {
	const char *expect, *adapter;
	uint64_t requests, connections, in_flight, timeout_s;
	bool stream, table, tolerate;
} o = { .connections = 1, .timeout_s = 300 };

static const struct cmd_option options[] = {
	{ "expect", CMD_TEXT, &o.expect, "FILE", "questions and answers", 0 },
	{ "adapter", CMD_TEXT, &o.adapter, "NAME", "its questions alone", 0 },
	{ "requests", CMD_COUNT, &o.requests, "N", "default: each once", 0 },
	{ "connections", CMD_COUNT, &o.connections, "C", "default 1", 0 },
	{ "in-flight", CMD_COUNT, &o.in_flight, "K", "default: all", 0 },
	{ "timeout", CMD_COUNT, &o.timeout_s, "S", "default 300", 0 },
	{ "stream", CMD_FLAG, &o.stream, NULL, "answers in pieces", 0 },
	{ "table", CMD_FLAG, &o.table, NULL, "print each answer", 0 },
	{ "tolerate", CMD_FLAG, &o.tolerate, NULL, "errors are fine", 0 },
};

static const struct cmd_use use = CMD_USE("quiz ADDRESS --expect FILE",
    "Asks questions with one right answer each.", options, 1, 1);

static const char *address;
static struct question *questions;
static uint64_t nquestions, asked, right, wrong, errors, lost, flying;
static struct flight *flights;
static struct client clients[CONNECTIONS_MAX];
static json_t *codes; /* code: count */

/* Whether the line is a question that is asked. */
static bool
read_question(struct question *q, const char *line)
{
	json_t *j = json_loads(line, 0, NULL);
	const char *adapter = json_string_value(json_object_get(j, "adapter"));

	if (adapter != NULL && adapter[0] == '\0')
		adapter = NULL;
	*q = (struct question){ .line = j, .adapter = adapter };
	q->prompt = json_string_value(json_object_get(j, "prompt"));
	q->want = json_string_value(json_object_get(j, "text"));
	q->max_tokens = json_integer_value(json_object_get(j, "max_tokens"));
	if (q->prompt != NULL && q->want != NULL &&
	    (o.adapter == NULL ||
		strcmp(o.adapter, adapter == NULL ? "base" : adapter) == 0))
		return true;
	json_decref(j);
	return false;
}

static int
read_questions(void)
{
	FILE *f = fopen(o.expect, "re");
	char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		return err_sys(ERR_NOT_FOUND, "%s", o.expect);
	while (getline(&line, &size, f) > 0) {
		struct question q;

		if (!read_question(&q, line))
			continue;
		questions = realloc(questions,
		    (nquestions + 1) * sizeof(*questions));
		if (questions == NULL)
			return err_set(ERR_MEMORY, "no memory");
		questions[nquestions++] = q;
	}
	free(line);
	fclose(f);
	if (nquestions == 0)
		return err_set(ERR_FORMAT, "%s: no questions", o.expect);
	return 0;
}

static void
count_error(const char *code)
{
	json_t *n = json_object_get(codes, code);

	errors++;
	json_object_set_new(codes, code,
	    json_integer(json_integer_value(n) + 1));
}

static void
end_flight(uint64_t i)
{
	free(flights[i].text);
	flights[i].text = NULL;
	flights[i].client = -1;
	flying--;
}

static void
drop(int k)
{
	client_close(&clients[k]);
	for (uint64_t i = 0; i < asked; i++)
		if (flights[i].client == k) {
			end_flight(i);
			lost++;
		}
}

static void
ask(uint64_t i)
{
	const struct question *q = &questions[i % nquestions];
	int k = (int)(i % o.connections);
	char id[24], *line;
	json_t *j;

	asked++;
	flying++;
	flights[i].client = k;
	if (clients[k].fd < 0 &&
	    client_open(&clients[k], address, 5 * SECOND) != 0) {
		end_flight(i);
		count_error("cannot_connect");
		clock_sleep(50 * MILLISECOND);
		return;
	}
	snprintf(id, sizeof(id), "%ju", (uintmax_t)i);
	j = json_pack("{s:s, s:s, s:I, s:i, s:b}", "id", id, "prompt",
	    q->prompt, "max_tokens",
	    (json_int_t)(q->max_tokens > 0 ? q->max_tokens : 96), "temperature",
	    0, "stream", (int)o.stream);
	if (q->adapter != NULL)
		json_object_set_new(j, "model", json_string(q->adapter));
	line = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	(void)client_send(&clients[k], line);
	free(line);
}

static void
judge(uint64_t i, json_t *j, const char *text)
{
	const struct question *q = &questions[i % nquestions];
	const char *name = q->adapter == NULL ? "(base)" : q->adapter;
	bool ok = strcmp(text, q->want) == 0;
	const char *got = json_string_value(
	    json_object_get(json_object_get(j, "adapter"), "name"));

	/* The answer says who gave it. */
	if (q->adapter != NULL && (got == NULL || strcmp(got, q->adapter)))
		ok = false;
	right += ok;
	wrong += !ok;
	if (o.table)
		printf("%-12s %-34.34s %-40.40s %s\n", name, q->prompt, text,
		    ok ? "right" : "WRONG");
	else if (!ok)
		printf("wrong: %s '%s': want '%s', got '%s' from %s\n", name,
		    q->prompt, q->want, text, got == NULL ? "base" : got);
}

static void
add_text(struct flight *f, const char *text)
{
	size_t old = f->text == NULL ? 0 : strlen(f->text);
	char *more = realloc(f->text, old + strlen(text) + 1);

	if (more == NULL)
		return;
	strcpy(more + old, text);
	f->text = more;
}

static void
on_line(const char *line)
{
	json_t *j = json_loads(line, 0, NULL);
	json_t *error = json_object_get(j, "error");
	const char *id = json_string_value(json_object_get(j, "id"));
	const char *text = json_string_value(json_object_get(j, "text"));
	uint64_t i = id == NULL ? UINT64_MAX : strtoull(id, NULL, 10);

	if (i >= asked || flights[i].client < 0) {
		if (error != NULL)
			printf("of no request: %s\n", line);
	} else if (error != NULL) {
		const char *code = json_string_value(
		    json_object_get(error, "code"));

		count_error(code == NULL ? "no code" : code);
		if (!o.tolerate)
			printf("error: %s\n", line);
		end_flight(i);
	} else {
		if (text != NULL)
			add_text(&flights[i], text);
		if (json_is_true(json_object_get(j, "done"))) {
			judge(i, j, flights[i].text ? flights[i].text : "");
			end_flight(i);
		}
	}
	json_decref(j);
}

static void
turn(void)
{
	struct pollfd p[CONNECTIONS_MAX];

	for (uint64_t k = 0; k < o.connections; k++)
		p[k] = (struct pollfd){ clients[k].fd,
			client_events(&clients[k]), 0 };
	if (poll(p, (nfds_t)o.connections, 100) <= 0)
		return;
	for (uint64_t k = 0; k < o.connections; k++) {
		int e;

		if (p[k].revents == 0)
			continue;
		e = client_pump(&clients[k]);
		for (char *line; (line = client_line(&clients[k])) != NULL;)
			if (line[0] != '\0')
				on_line(line);
		if (e != 0 || clients[k].ended)
			drop((int)k);
	}
}

static int
run(nsec until)
{
	uint64_t n = o.requests > 0 ? o.requests : nquestions;
	uint64_t room = o.in_flight > 0 ? o.in_flight : n;

	flights = calloc(n, sizeof(*flights));
	if (flights == NULL)
		return 1;
	for (int k = 0; k < CONNECTIONS_MAX; k++)
		clients[k].fd = -1;
	while ((asked < n || flying > 0) && clock_mono() < until) {
		while (asked < n && flying < room)
			ask(asked);
		turn();
	}
	printf("asked %ju right %ju wrong %ju errors %ju lost %ju",
	    (uintmax_t)asked, (uintmax_t)right, (uintmax_t)wrong,
	    (uintmax_t)errors, (uintmax_t)lost);
	if (flying > 0)
		printf(" without end %ju", (uintmax_t)flying);
	printf("\n");
	if (errors > 0) {
		json_dumpf(codes, stdout, JSON_COMPACT);
		printf("\n");
	}
	if (o.tolerate)
		return wrong > 0 || flying > 0 || asked < n;
	return right < n;
}

int
main(int argc, char **argv)
{
	int status;

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if ((status = cmd_parse(&use, argc, argv, NULL)) != CMD_GO_ON)
		return status;
	if (o.expect == NULL || o.connections < 1 ||
	    o.connections > CONNECTIONS_MAX)
		return cmd_misused("want --expect, and 1..%d connections",
		    CONNECTIONS_MAX);
	if (read_questions() != 0)
		return cmd_failed();
	codes = json_object();
	address = argv[1];
	status = run(clock_mono() + (nsec)o.timeout_s * SECOND);
	for (uint64_t i = 0; i < nquestions; i++)
		json_decref(questions[i].line);
	for (uint64_t k = 0; k < o.connections; k++)
		client_close(&clients[k]);
	json_decref(codes);
	free(questions);
	free(flights);
	return status;
}

/* Sends the lines of standard input to an engine as they are, and prints what
 * comes back.
 *
 *	ask ADDRESS [--lines N] [--timeout S] [--mute]
 *
 * Ends with 0 when every id that was sent has its last line (`done`, an error,
 * or the reply to an operation), or after N lines; with 3 when the engine has
 * closed the connection; with 1 after S seconds (default 60).  --mute reads
 * nothing and waits for the engine to close. */
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

#define CLOSED 3

static uint64_t lines, timeout_s = 60;
static bool mute;

static const struct cmd_option options[] = {
	{ "lines", CMD_COUNT, &lines, "N", "end after N lines", 0 },
	{ "timeout", CMD_COUNT, &timeout_s, "S", "default 60", 0 },
	{ "mute", CMD_FLAG, &mute, NULL, "never read", 0 },
};

static const struct cmd_use use = CMD_USE("ask ADDRESS [OPTIONS]",
    "Sends standard input as it is, prints what comes back.", options, 1, 1);

/* Counts the ids that wait for a last line. */
static int
waits_for(const char *line)
{
	json_t *j = json_loads(line, 0, NULL);
	int n = j != NULL && json_object_get(j, "id") != NULL;

	json_decref(j);
	return n;
}

static bool
is_last(const char *line)
{
	json_t *j = json_loads(line, 0, NULL);
	bool part = json_object_get(j, "text") != NULL &&
	    !json_is_true(json_object_get(j, "done"));
	bool ours = json_object_get(j, "id") != NULL;

	json_decref(j);
	return ours && !part;
}

static int
send_all(struct client *c)
{
	char *line = NULL;
	size_t size = 0;
	int n = 0;

	for (ssize_t len; (len = getline(&line, &size, stdin)) > 0;) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (client_send(c, line) != 0)
			break;
		n += waits_for(line);
	}
	free(line);
	return n;
}

static int
wait_closed(struct client *c, nsec until)
{
	while (clock_mono() < until) {
		struct pollfd p = { c->fd, 0, 0 };

		if (poll(&p, 1, 100) > 0 && (p.revents & (POLLERR | POLLHUP)))
			return CLOSED;
		/* What is still to be sent shows that the peer has gone. */
		if (c->nout > 0)
			(void)client_send(c, "");
	}
	return 1;
}

static int
talk(struct client *c, int waiting, nsec until)
{
	uint64_t seen = 0;
	char *line;

	while (lines > 0 ? seen < lines : waiting > 0) {
		int e = client_wait(c, &line, until);

		if (e != 0)
			return e == ERR_GONE ? CLOSED : 1;
		printf("%s\n", line);
		fflush(stdout);
		seen++;
		waiting -= is_last(line);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct client c;
	nsec until;
	int status, waiting;

	signal(SIGPIPE, SIG_IGN);
	if ((status = cmd_parse(&use, argc, argv, NULL)) != CMD_GO_ON)
		return status;
	until = clock_mono() + (nsec)timeout_s * SECOND;
	if (client_open(&c, argv[1], 10 * SECOND) != 0)
		return cmd_failed();
	waiting = send_all(&c);
	status = mute ? wait_closed(&c, until) : talk(&c, waiting, until);
	client_close(&c);
	return status;
}

/* Prints what an HTTP server says of a path.
 *
 *	get ADDRESS PATH [--timeout S]
 *
 * Ends with 0 after a 200, with 3 after any other answer, with 1 without one
 * (in S seconds, default 60). */
#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/options.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define OTHER 3

static uint64_t timeout_s = 60;

static const struct cmd_option options[] = {
	{ "timeout", CMD_COUNT, &timeout_s, "S", "default 60", 0 },
};

static const struct cmd_use use = CMD_USE("get ADDRESS PATH [OPTIONS]",
    "Prints the body of what an HTTP server answers.", options, 2, 2);

/* All that comes until the other end closes; NULL: it did not in time. */
static char *
hear(int fd, nsec until)
{
	size_t used = 0, size = 1 << 16;
	char *text = malloc(size + 1);

	while (text != NULL && clock_mono() < until) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		if ((got = recv(fd, text + used, size - used, 0)) <= 0) {
			text[used] = '\0';
			return text;
		}
		used += (size_t)got;
		if (used == size)
			text = realloc(text, (size *= 2) + 1);
	}
	free(text);
	return NULL;
}

static int
show(const char *text)
{
	const char *body = text == NULL ? NULL : strstr(text, "\r\n\r\n");
	const char *status = text == NULL ? NULL : strchr(text, ' ');

	if (body == NULL || status == NULL)
		return 1;
	fputs(body + 4, stdout);
	return strncmp(status, " 200 ", 5) == 0 ? 0 : OTHER;
}

int
main(int argc, char **argv)
{
	struct client c;
	char line[1024], *text;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if ((status = cmd_parse(&use, argc, argv, NULL)) != CMD_GO_ON)
		return status;
	if (client_open(&c, argv[1], 10 * SECOND) != 0)
		return cmd_failed();
	snprintf(line, sizeof(line), "GET %.900s HTTP/1.0\r\n\r", argv[2]);
	if ((status = client_send(&c, line)) == 0) {
		text = hear(c.fd, clock_mono() + (nsec)timeout_s * SECOND);
		status = show(text);
		free(text);
	}
	client_close(&c);
	return status;
}

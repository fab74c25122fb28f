/* Opens many connections and holds them.
 *
 *	crowd ADDRESS N
 *
 * Prints "open O refused R": R were told why and closed, O answer a ping. */
#include "base/clock.h"
#include "base/err.h"
#include "cli/client.h"
#include "cli/cmd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define ANSWER_NS (60 * SECOND)

static void
raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

int
main(int argc, char **argv)
{
	int n = argc == 3 ? atoi(argv[2]) : 0, open = 0, refused = 0,
	    failed = 0;
	struct client *c;

	signal(SIGPIPE, SIG_IGN);
	if (n < 1 || (c = calloc((size_t)n, sizeof(*c))) == NULL)
		return cmd_misused("usage: crowd ADDRESS N");
	raise_limit();
	for (int i = 0; i < n; i++)
		if (client_open(&c[i], argv[1], ANSWER_NS) == 0)
			(void)client_send(&c[i], "{\"op\":\"ping\",\"id\":1}");
	for (int i = 0; i < n; i++) {
		char *line;

		if (c[i].fd < 0 ||
		    client_wait(&c[i], &line, clock_mono() + ANSWER_NS) != 0)
			failed++;
		else if (strstr(line, "too_many_connections") != NULL)
			refused++;
		else
			open++;
	}
	printf("open %d refused %d failed %d\n", open, refused, failed);
	for (int i = 0; i < n; i++)
		client_close(&c[i]);
	free(c);
	return 0;
}

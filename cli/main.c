/* The program `chameleon`. */
#include "base/err.h"
#include "cli/cmd.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What was said has to arrive; a reader that has gone, as `head` does, has had
 * enough. */
static int
written(int status)
{
	struct pollfd reader = { .fd = STDOUT_FILENO };

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0)
		return status;
	err_set(ERR_IO, "standard output cannot be written");
	(void)cmd_failed();
	return status == CMD_OK ? CMD_FAILED : status;
}

int
main(int argc, char **argv)
{
	/* A peer that has gone is an error of write, not the end. */
	signal(SIGPIPE, SIG_IGN);
	return written(cmd_run(argc, argv));
}

/* The program `chameleon`. */
#include "cli/cmd.h"

#include <signal.h>

int
main(int argc, char **argv)
{
	/* A peer that has gone is an error of write, not the end. */
	signal(SIGPIPE, SIG_IGN);
	return cmd_run(argc, argv);
}

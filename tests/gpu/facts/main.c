/* gpu-facts: experiments on what the engine relies on, as lines of a table for
 * docs/CUDA.md.  Each runs in a process of its own. */
#include "tests/gpu/facts/facts.h"

#include "base/err.h"
#include "device/pool_cuda.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 60 /* for one experiment */

static struct device_facts card;

void
say(const char *name, const char *fmt, ...)
{
	va_list args;

	printf("| %s | ", name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" |\n");
	fflush(stdout);
}

bool
fact_small(void)
{
	return strstr(card.name, "stand-in") != NULL;
}

uint64_t
fact_bytes(uint64_t want)
{
	uint64_t most = fact_small() ? (uint64_t)8 << 20 : card.free / 10 * 9;

	return want < most ? want : most / (2 << 20) * (2 << 20);
}

/* CUDA is called in children alone. */
static bool
look(void)
{
	int answer[2], status;
	pid_t pid;

	if (pipe(answer) != 0)
		return false;
	if ((pid = fork()) == 0) {
		if (device_look(&card, 0) != 0) {
			printf("gpu-facts: skipped: %s\n", err_text());
			fflush(stdout);
			_exit(1);
		}
		_exit(write(answer[1], &card, sizeof(card)) !=
		    (ssize_t)sizeof(card));
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    read(answer[0], &card, sizeof(card)) == (ssize_t)sizeof(card);
}

static void
try_out(const struct fact *f)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(LIMIT_S);
		f->run();
		exit(0);
	}
	(void)waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		say(f->name, "%s: ended with status %#x", f->question,
		    (unsigned)status);
}

int
main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;

	(void)signal(SIGPIPE, SIG_IGN);
	if (!look())
		return 0;
	printf("%s, driver for CUDA %d.%d\n\n| | |\n|---|---|\n", card.name,
	    card.driver / 1000, card.driver % 1000 / 10);
	fflush(stdout);
	for (int i = 0; i < ntime_facts; i++)
		if (only == NULL || strcmp(only, time_facts[i].name) == 0)
			try_out(&time_facts[i]);
	for (int i = 0; i < ndeath_facts; i++)
		if (only == NULL || strcmp(only, death_facts[i].name) == 0)
			try_out(&death_facts[i]);
	return 0;
}

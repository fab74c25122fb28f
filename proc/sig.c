/* What a child does about signals. */
#include "proc/sig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int number;
	const char *name;
} crashes[] = {
	{ SIGSEGV, "SIGSEGV: touched memory that is not its own" },
	{ SIGBUS, "SIGBUS: touched memory that is not there" },
	{ SIGABRT, "SIGABRT: gave up, or was told to as it did not answer" },
	{ SIGILL, "SIGILL: an instruction this machine does not know" },
	{ SIGFPE, "SIGFPE: arithmetic" },
};
#define NCRASHES (sizeof(crashes) / sizeof(crashes[0]))

static struct cell *told;

void
sig_ignore(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Only what a signal handler may do. */
static void
tell(int number)
{
	for (size_t i = 0; i < NCRASHES; i++) {
		const char *s = crashes[i].name;
		size_t n = 0;

		if (crashes[i].number != number)
			continue;
		for (; s[n] != '\0' && n < SEG_WORDS_BYTES - 1; n++)
			told->last_words[n] = s[n];
		told->last_words[n] = '\0';
	}
	raise(number); /* SA_RESETHAND: now it kills */
}

void
sig_crashes_to(struct cell *cell)
{
	struct sigaction was,
	    mine = { .sa_handler = tell,
		    .sa_flags = (int)SA_RESETHAND | SA_NODEFER };

	told = cell;
	for (size_t i = 0; i < NCRASHES; i++)
		/* A sanitizer's handler says more than ours. */
		if (sigaction(crashes[i].number, NULL, &was) == 0 &&
		    was.sa_handler == SIG_DFL)
			sigaction(crashes[i].number, &mine, NULL);
}

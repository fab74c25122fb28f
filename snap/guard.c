/* SIGBUS leads back. */
#include "snap/guard.h"

#include <stddef.h>

static _Thread_local struct snap_guard *armed;

/* Unarmed it happens again, and ends the process as it would have. */
static void
on_bus(int number)
{
	struct snap_guard *g = armed;

	armed = NULL;
	if (g != NULL)
		siglongjmp(g->back, 1);
	signal(number, SIG_DFL);
}

void
snap_guard_arm(struct snap_guard *g)
{
	struct sigaction act = { .sa_handler = on_bus };

	sigaction(SIGBUS, &act, &g->was);
	armed = g;
}

void
snap_guard_leave(struct snap_guard *g)
{
	armed = NULL;
	sigaction(SIGBUS, &g->was, NULL);
}

/*
 * guard.h -- reading a mapped file that somebody may cut short meanwhile.
 *
 *	if (snap_guard_enter(&guard))
 *		... read ...
 *	else
 *		... it has been cut: what was read is half of it ...
 *	snap_guard_leave(&guard);
 *
 * The kernel answers a touch of what is not there with SIGBUS; meanwhile that
 * leads back to snap_guard_enter, which then says false.  For readers of their
 * own mappings; a role of the engine dies of it, and says so.
 *
 * Threads  One at a time in each.
 */
#ifndef SNAP_GUARD_H
#define SNAP_GUARD_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

struct snap_guard {
	sigjmp_buf back;
	struct sigaction was;
};

/* A macro: the frame that sigsetjmp returns into has to be the caller's. */
#define snap_guard_enter(guard)                                                \
	(snap_guard_arm(guard), sigsetjmp((guard)->back, 1) == 0)

void snap_guard_arm(struct snap_guard *);
void snap_guard_leave(struct snap_guard *);

#endif

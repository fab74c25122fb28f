/*
 * idle.h -- how long a process that found nothing to do stays away.
 *
 * Spins for a moment where there is a second core, since what comes next often
 * comes at once; then sleeps on the bell.  The tick is 5 ms apart while work
 * was done lately or a request is open, and up to 100 ms when nothing is.
 *
 * Waiting  idle_after, until the next tick or until woken.
 */
#ifndef PROC_IDLE_H
#define PROC_IDLE_H

#include "base/clock.h"

#include <stdbool.h>

#define IDLE_SPIN_NS (20 * MICROSECOND)
#define IDLE_LATELY_NS (100 * MILLISECOND)
#define IDLE_TICK_MAX_NS (100 * MILLISECOND)

struct idle {
	bool may_spin;
	nsec worked_ns; /* the last step that did something */
	nsec tick_ns;	/* present length of a tick */
};

void idle_begin(struct idle *, nsec now);

/* The length of the tick that begins now: fast while work was done lately or
 * is open, else twice the last one, up to IDLE_TICK_MAX_NS. */
nsec idle_tick(struct idle *, nsec now, bool open);

/* Back to fast ticks: something has happened. */
void idle_wake(struct idle *);

/* Cores that this process may use. */
int idle_cores(void);

#endif

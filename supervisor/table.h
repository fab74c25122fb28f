/*
 * table.h -- the mind of the supervisor: what to do when something happens to
 * a child.
 *
 *	DOWN -start-> WAITING -clear-> BOOTING -running-> UP -stop-> STOPPING
 *	                 | timer          |  exited        | silent, lost  | timer
 *	              BACKOFF <-----------+----exited--- DYING          LEAVING
 *
 * and from STOPPING and LEAVING, once exited, DOWN.
 *
 * A pure function of state and event; no clock, no system call.  Delays are
 * pure as well: what a role's deaths so far say about the next start.
 */
#ifndef SUPERVISOR_TABLE_H
#define SUPERVISOR_TABLE_H

#include "base/clock.h"

#include <stdbool.h>

enum sv_state {
	SV_DOWN,     /* no process, none is wanted */
	SV_WAITING,  /* wanted; what it stands on is not there */
	SV_BOOTING,  /* started, not ready */
	SV_UP,	     /* ready */
	SV_DYING,    /* killed by us; its end is awaited */
	SV_BACKOFF,  /* dead; the next start is awaited */
	SV_STOPPING, /* asked to finish what it has */
	SV_LEAVING,  /* told to leave at once */
	SV_NSTATE
};

enum sv_event {
	EV_START,   /* it is wanted */
	EV_CLEAR,   /* what it stands on is there */
	EV_RUNNING, /* it says that it is ready */
	EV_EXITED,  /* it has been reaped */
	EV_REFUSED, /* likewise, with status 100 */
	EV_TIMER,   /* its timer is over */
	EV_SILENT,  /* its loop has not turned for too long */
	EV_LOST,    /* what it stands on has died */
	EV_WEDGED,  /* it was killed long ago, and has not ended */
	EV_STOP,    /* it is to finish */
	EV_HURRY,   /* it is to leave at once */
	SV_NEVENT
};

enum sv_action {
	DO_NOTHING,
	DO_TRY, /* EV_CLEAR at once, if it may start */
	DO_SPAWN,
	DO_NOTE,     /* log it */
	DO_WAIT,     /* set the timer for the next start */
	DO_GIVE_UP,  /* do not start it again */
	DO_ASK_HALT, /* order: drain; timer: how long it may */
	DO_HURRY,    /* order: leave at once; timer: a moment */
	DO_ABORT,    /* SIGABRT; timer: a moment */
	DO_KILL,     /* SIGKILL; timer: long */
	DO_WARN,     /* say that it hangs; timer: long */
	DO_ABANDON,  /* say so, and end without it */
	SV_NACTION
};

struct sv_row {
	enum sv_state next;
	enum sv_action action;
};

struct sv_row sv_next(enum sv_state, enum sv_event);

const char *sv_state_name(enum sv_state);

/* Deaths of one role. */
#define SV_DEATHS_MAX 5 /* in SV_DEATHS_NS; one more is too many */
#define SV_DEATHS_NS (10 * SECOND)
#define SV_WAIT_MAX_NS (5 * SECOND)
#define SV_WAIT_MIN_NS (100 * MILLISECOND)
#define SV_HEALTHY_NS SECOND

struct sv_deaths {
	nsec at[SV_DEATHS_MAX]; /* the last ones, as a ring */
	unsigned count;		/* ever */
	unsigned unready;	/* in a row, without having been ready long */
	bool too_often;		/* the last one was one too many */
};

/* Notes a death at now of a life that was ready for ready_ns (0: never).
 * Returns the wait before the next start: none after a life that was ready
 * for SV_HEALTHY_NS; else 100 ms, 200 ms, ... 5 s; and 5 s if it dies too
 * often, however long it was ready. */
nsec sv_wait(struct sv_deaths *, nsec ready_ns, nsec now);

#endif

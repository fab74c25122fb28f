/*
 * child.h -- the supervisor's own: one child, and what happens to it.
 *
 * table.h decides; this file asks the system for it.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include "conf/conf.h"
#include "shm/seg.h"
#include "supervisor/door.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"
#include "supervisor/table.h"

#include <stdbool.h>

#define SV_BOOT_NS (600 * SECOND) /* a large model on a slow disk */
#define SV_LEAVE_NS (2 * SECOND)
#define SV_ABORT_NS (500 * MILLISECOND)
#define SV_KILL_NS (30 * SECOND)

struct child {
	enum proc_id id;
	enum sv_state state;
	struct spawned at;
	nsec spawned_ns, up_ns; /* of this life; up_ns 0: not ready yet */
	nsec timer_ns;		/* 0: none */
	nsec killed_ns;		/* SIGKILL was sent; 0: it was not */
	nsec patience_ns;	/* silence counts from here at the earliest */
	struct sv_deaths deaths;
	struct spawn_end end;
	char last_words[SEG_WORDS_BYTES];
};

enum sv_stop { SV_STAY, SV_DRAIN, SV_NOW };

struct sv {
	const struct conf *conf;
	sv_read_f read; /* the settings once more */
	struct segs segs;
	struct child child[PROC_COUNT];
	struct door door;
	int metrics; /* the monitor's listener; -1: none */
	int epoll, signals;
	bool ready; /* it has been able to serve */
	enum sv_stop stop;
	int status;	    /* to exit with */
	nsec turn_ns;	    /* the last look at the clock */
	const char *listen; /* as shown; that of metrics is in our segment */
};

/* What epoll says has happened. */
enum sv_source { SV_SIGNAL, SV_ENDED, SV_CONTROL };

/* Something happened to a child: the table's next state and action. */
void child_event(struct sv *, struct child *, enum sv_event, nsec now);

/* Its pidfd says that it has ended: reaps, tells the others, and goes on by
 * the table. */
void child_ended(struct sv *, struct child *, nsec now);

/* Looks at its cell and its timer. */
void child_look(struct sv *, struct child *, nsec now);

/* Whether control is to be read or waits for room. */
void child_interest(struct sv *, struct child *);

/* Ends the engine, and tells consoles why; the harder of two orders counts. */
void sv_end(struct sv *, enum sv_stop, int status, const char *why);

#endif

/*
 * proc.h -- one life for all processes.
 *
 * A process is a name and five functions; this harness does the rest: joins
 * the segments, says how it is, beats, drains, sleeps when there is nothing to
 * do, and leaves with 0, 100 (do not restart me) or 111 (try again).
 *
 *	BOOT --open--> RUN --halt--> DRAIN --drained--> DONE
 *
 * step does a bounded amount and reports how much; tick does what must happen
 * even under load: sweep the words, look at deadlines.  Both are handed now.
 * After RUN the hot paths allocate nothing.
 *
 * Started as  PROGRAM INSTANCE  with the control socket to the supervisor as
 * descriptor PROC_CONTROL_FD; a process whose supervisor has gone drains
 * and ends.
 */
#ifndef PROC_PROC_H
#define PROC_PROC_H

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "shm/seg.h"

#include <stdbool.h>

#define PROC_CONTROL_FD 3
#define PROC_TICK_NS (5 * MILLISECOND)

struct proc {
	enum proc_id id;
	struct segs segs;
	struct conf conf; /* a copy: the supervisor's may not change under us */
	const struct plan *plan;
	struct cell *cell;
	const struct order *order;
	uint32_t epoch; /* of this life */
	bool draining;
};

struct proc_ops {
	enum proc_id id;
	int (*open)(struct proc *);
	/* Work done; 0: nothing to do, the harness may sleep. */
	int (*step)(struct proc *, nsec now);
	void (*tick)(struct proc *, nsec now);
	/* Asked in DRAIN: nothing is left to finish. */
	bool (*drained)(struct proc *);
	void (*close)(struct proc *);
	/* Optional: sleep until `until` or woken, in place of the bell (the
	 * frontend waits in epoll).  NULL: the process's bell. */
	void (*sleep)(struct proc *, nsec until);
	/* Optional: hints wait; asked between announcing sleep and sleeping. */
	bool (*busy)(struct proc *);
};

/* The whole life; returns the exit status. */
int proc_main(int argc, char **argv, const struct proc_ops *);

/* Wakes a peer after a word and a hint were written. */
void proc_wake(struct proc *, enum proc_id peer);

/* The present epoch of a peer, from the supervisor's word. */
uint32_t proc_epoch(const struct proc *, enum proc_id peer);

/* Whether a peer is in RUN or DRAIN in its present epoch. */
bool proc_is_up(const struct proc *, enum proc_id peer);

/* Opens the log as the settings want it; both must live as long as the
 * process. */
void proc_log_open(const char *who, const struct conf *);

#endif

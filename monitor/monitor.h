/*
 * monitor.h -- the process that watches the others, and changes nothing.
 *
 * Once a second a point of the history; and the metrics, when the supervisor has
 * handed it a listener.
 *
 * Threads  One.
 * Waiting  mon_sleep.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "monitor/past.h"
#include "monitor/sight.h"
#include "monitor/web.h"
#include "proc/proc.h"

/* Nothing here is urgent: ticks that others make 5 ms apart are that far apart
 * at least. */
#define MON_REST_NS (50 * MILLISECOND)

struct monitor {
	struct proc *proc;
	struct past past;
	struct sight sight;
	struct web *web; /* NULL: no listener came yet */
	int control;
};

int mon_open(struct monitor *, struct proc *, int control);
int mon_step(struct monitor *, nsec now);
void mon_tick(struct monitor *, nsec now);
void mon_sleep(struct monitor *, nsec until);
void mon_close(struct monitor *);

#endif

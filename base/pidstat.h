/*
 * pidstat.h -- what the kernel says of a process.
 *
 * Threads  Any.
 * Waiting  As long as /proc does.
 */
#ifndef BASE_PIDSTAT_H
#define BASE_PIDSTAT_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pidstat {
	uint64_t start_time; /* with the pid, names a process for good */
	nsec cpu_ns;	     /* user and system, of all its threads */
	uint64_t rss_bytes;
};

/* false: there is no such process, or it is a zombie. */
bool pidstat_read(pid_t, struct pidstat *);

#endif

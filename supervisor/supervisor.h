/*
 * supervisor.h -- the life of a whole engine: `chameleon serve`.
 *
 * Makes plan, segments and sockets, starts the roles, brings each back that
 * dies, and ends them in order.  Parses nothing that a client sends, reads no
 * request.
 *
 *	exit status  0    ended in order
 *	             100  a role said that starting it again will not help
 *	             111  a role could not be started now
 *
 * Threads  One supervisor a process; it has one thread.
 * Waiting  sv_run, for the life of the engine.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "conf/conf.h"

/* Reads the settings once more, as they were read for the start. */
typedef int (*sv_read_f)(struct conf *);

/* Runs the engine in the foreground until SIGTERM, SIGINT or an operator's
 * drain; SIGHUP reads the settings anew.  Prints one line `ready ...` on standard output when it can serve.
 * 0: it ran, *status is the exit status; else ERR_*: it was not started. */
int sv_run(const struct conf *, sv_read_f, int *status);

#endif

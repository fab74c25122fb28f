/*
 * spawn.h -- starting a program of the engine, and learning how it ended.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spawned {
	pid_t pid;
	int pidfd;   /* readable when it has ended */
	int control; /* our end; its own is descriptor PROC_CONTROL_FD */
};

/* Where the program chameleon-ROLE is.  ERR_NOT_FOUND: nowhere. */
int spawn_find(char path[PATH_MAX], const char *role);

/* Starts chameleon-ROLE INSTANCE, which lies beside this program or in
 * ../libexec/chameleon.  Its input is /dev/null, its output our standard
 * error.  ERR_NOT_FOUND: there is no such program; ERR_IO, ERR_MEMORY. */
int spawn_role(struct spawned *, const char *role, const char *instance);

/* Asks the kernel to end this process last when memory is short; as far as it
 * lets us (root, or CAP_SYS_RESOURCE). */
void spawn_spare(pid_t);

/* How it ended. */
struct spawn_end {
	int status; /* exit status; -1: by a signal */
	char how[64];
};

/* Reaps; false: it has not ended. */
bool spawn_reap(struct spawned *, struct spawn_end *);

/* Sends a signal; fine if it has ended. */
void spawn_signal(const struct spawned *, int number);

/* When a process was started, as the kernel counts it; 0: there is none. */
uint64_t spawn_start_time(pid_t);

#endif

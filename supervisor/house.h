/*
 * house.h -- one supervisor an instance: locks, run directory, leftovers.
 *
 * The lock of an instance lies where its segments lie, /dev/shm, so that two
 * engines of one name cannot meet there whatever their run directories are.
 * The run directory has a lock of its own and the admin socket.
 */
#ifndef SUPERVISOR_HOUSE_H
#define SUPERVISOR_HOUSE_H

#include "conf/conf.h"

#include <stdbool.h>

#define HOUSE_PATH_MAX 1024

struct house {
	char instance[80];
	char dir[HOUSE_PATH_MAX];
	char lock_path[HOUSE_PATH_MAX];	    /* of the instance */
	char dir_lock_path[HOUSE_PATH_MAX]; /* of the run directory */
	char admin_path[HOUSE_PATH_MAX];
	int lock, dir_lock;
	bool made_dir; /* it is removed at the end */
};

/* The run directory of these settings: run_dir, or below $XDG_RUNTIME_DIR,
 * /run (root) or /tmp.  Every program finds the admin socket by it.  Returns
 * out, HOUSE_PATH_MAX bytes. */
char *house_dir(char *out, const struct conf *);

/* Whether state_dir can be written to, or made; make: it is made then.  ERR_CONFIG. */
int house_state_dir(const struct conf *, bool make);

/* Takes the instance, its run directory and state_dir; ends and removes what a dead
 * supervisor left behind.  ERR_BUSY: "instance 'x' is already running (pid
 * N)". */
int house_enter(struct house *, const struct conf *);

/* Removes what house_enter made; the segments too. */
void house_leave(struct house *);

#endif

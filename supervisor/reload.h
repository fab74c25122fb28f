/*
 * reload.h -- SIGHUP: the settings are read anew while the engine runs.
 *
 * Settings of the section policy take effect, and replace what operators set;
 * of the others the log says that they need a restart.  A mistake anywhere
 * leaves everything as it was.
 *
 * Waiting  For the file.
 */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

#include "shm/seg.h"
#include "supervisor/supervisor.h"

/* Says in the log what it did; ERR_*: nothing was changed. */
int reload(struct segs *, sv_read_f);

#endif

/*
 * open.h -- how the executor joins the house and leaves it.
 *
 * Apart from gx.h, so that the executor itself knows no process: tests hand it
 * segments in plain memory.
 */
#ifndef GPUEXEC_OPEN_H
#define GPUEXEC_OPEN_H

#include "gpuexec/gx.h"
#include "proc/proc.h"

/* Takes pool, rings and model from a process that has just begun. */
int gx_join(struct gx *, struct proc *);
void gx_leave(struct gx *);

#endif

/*
 * sig.h -- signals of a child: it leaves by the supervisor's word alone.
 *
 * SIGINT reaches a whole terminal's group and SIGTERM a whole service's; the
 * supervisor hears them too and drains in order, so the children ignore them.
 * A crash leaves its name as last words before it kills.
 */
#ifndef PROC_SIG_H
#define PROC_SIG_H

#include "shm/seg.h"

void sig_ignore(void);

/* From now on a crash is told in the cell. */
void sig_crashes_to(struct cell *);

#endif

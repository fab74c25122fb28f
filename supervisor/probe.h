/*
 * probe.h -- asking whether there is a GPU, without touching the driver.
 *
 * A driver may hang whoever calls it, and what it leaves in a process does not
 * survive a fork; so the question is put by a child, `chameleon-holder --probe
 * N`, which answers in a line and ends:
 *
 *	ok name="NVIDIA H100" total=85 free=84 capability=9.0 driver=13.0
 *
 * or a sentence why there is none.  It has PROBE_NS for it.
 *
 * Waiting  At most PROBE_NS.
 */
#ifndef SUPERVISOR_PROBE_H
#define SUPERVISOR_PROBE_H

#include "base/clock.h"
#include "supervisor/plan.h"

#define PROBE_NS (10 * SECOND)

/* What GPU number `ordinal` is; `there` or `why_not` is set. */
void probe_gpu(struct plan_gpu *, int ordinal);

/* Likewise, by this program. */
void probe_with(struct plan_gpu *, const char *program, int ordinal,
    nsec within);

/* What a line of an answer says. */
void probe_read(struct plan_gpu *, const char *line);

#endif

/*
 * health.h -- whether requests can be served now.
 */
#ifndef MONITOR_HEALTH_H
#define MONITOR_HEALTH_H

#include "shm/seg.h"

#include <stdbool.h>

#define HEALTH_WHY_MAX 160

/* Every process but the monitor is up and has turned lately, and nobody has asked
 * for the end.  If not, why is a sentence. */
bool health_look(const struct segs *, nsec now, char why[HEALTH_WHY_MAX]);

#endif

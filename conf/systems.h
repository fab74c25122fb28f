/*
 * systems.h -- the paper's systems, its baselines and ablations, by name.
 *
 * A system is a row of systems.tbl: some settings over the defaults.
 *
 * Memory   None.
 */
#ifndef CONF_SYSTEMS_H
#define CONF_SYSTEMS_H

#include "conf/conf.h"

#include <stdio.h>

/* Sets what the system says over what is set.  ERR_CONFIG: "unknown system
 * 'x'; did you mean 'y'?  Known: ..." */
int conf_system(struct conf *, const char *name);

/* Each name, and the settings it stands for, one a line. */
void conf_systems(FILE *);

#endif

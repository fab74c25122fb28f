/*
 * wild_rig.h -- an instance whose segments are full of noise.
 */
#ifndef TESTS_UNIT_WILD_RIG_H
#define TESTS_UNIT_WILD_RIG_H

#include "snap/snap.h"
#include "tests/unit/instance.h"

#define WILD_NOW (5000 * SECOND)

extern struct segs wild_as[PROC_COUNT]; /* as each process has them */
extern struct snap_source wild_source;	/* attached before the noise came */

void wild_make(void);
void wild_drop(void);

/* New noise everywhere, headers and the plan among it; notes, requests and
 * adapters that count, of noise. */
void wild_fill(void);

/* 0..n-1, of the same noise. */
uint64_t wild_below(uint64_t n);

#endif

/*
 * world.h -- a world drawn by a seed: an engine, its work, and what operators
 * and clients do while it runs.
 *
 * Everything is drawn that a rule of the scheduler depends on: policies, which
 * also change while it runs; pools from one chunk to hundreds; ranks, lengths,
 * bursts; pinned adapters, deadlines, clients that go.  Pinned adapters leave
 * room for every request that the pool has room for, as an operator would.
 *
 * Memory   One allocation, swarm_open to swarm_close.
 */
#ifndef TESTS_SWARM_WORLD_H
#define TESTS_SWARM_WORLD_H

#include "sim/sim.h"

#include <stdio.h>

struct swarm;

/* The same seed, the same world.  NULL: no memory. */
struct swarm *swarm_open(uint64_t seed);
void swarm_close(struct swarm *);

const struct sim_setup *swarm_setup(const struct swarm *);

/* Runs it and looks at what must be true of its end.  A breach, also of a law,
 * stands in result->breach; "" if there is none. */
void swarm_run(const struct swarm *, struct sim_result *);

/* Runs it again and compares every byte; a difference is a breach. */
void swarm_again(const struct swarm *, struct sim_result *);

/* Its settings, in a few lines. */
void swarm_print(const struct swarm *, FILE *);

#endif

/*
 * swarm.h -- what draw.c and world.c share.
 */
#ifndef TESTS_SWARM_SWARM_H
#define TESTS_SWARM_SWARM_H

#include "base/rng.h"
#include "tests/swarm/world.h"

#define SWARM_ASKS 300
#define SWARM_ADAPTERS 24
#define SWARM_RULES 3
#define SWARM_ACTS (SWARM_ASKS + 2 * SWARM_ADAPTERS + SWARM_RULES + 40)

struct swarm {
	struct sim_setup setup;
	struct sim_work work;
	struct sim_ask asks[SWARM_ASKS];
	struct sim_adapter adapters[SWARM_ADAPTERS];
	struct sim_act acts[SWARM_ACTS];
	struct conf rules[SWARM_RULES];
};

/* Into zero, but for pointers within. */
void swarm_draw(struct swarm *, uint64_t seed);

/* Chunks that an adapter takes at most. */
uint32_t swarm_chunks(const struct swarm *, uint32_t adapter);

#endif

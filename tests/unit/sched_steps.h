/*
 * sched_steps.h -- steps that tests of what the scheduler tells have in common, on
 * the world of sched_world.h.
 */
#ifndef TESTS_UNIT_SCHED_STEPS_H
#define TESTS_UNIT_SCHED_STEPS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the request of a slot is placed. */
bool steps_runs(uint32_t slot);

/* Opens the world with these policies, and no prefetch. */
void steps_open(const char *admission, const char *eviction);

/* Rounds until it is placed. */
void steps_until_runs(uint32_t slot);

#endif

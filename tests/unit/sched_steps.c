/* Steps of tests of the scheduler. */
#include "tests/unit/sched_steps.h"

#include <check.h>

#include "scheduler/sch.h"
#include "tests/unit/sched_world.h"

bool
steps_runs(uint32_t slot)
{
	return world_s(slot).state == S_PLACED &&
	    world_s(slot).gen == word_load(&world.f[slot]).gen;
}

void
steps_open(const char *admission, const char *eviction)
{
	world_open(1);
	world_rules(admission, eviction);
	world.rules.prefetch = PREFETCH_OFF;
	sch_rules_set(world.core, &world.rules, world.now);
}

void
steps_until_runs(uint32_t slot)
{
	for (int n = 0; !steps_runs(slot); n++) {
		ck_assert_int_lt(n, 500);
		world_rounds(1);
	}
}

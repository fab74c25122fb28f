/*
 * evict.h -- which idle adapter leaves the device when its room is needed.
 *
 * Pure: a plain view and now.  Never one in use; one that a waiting request
 * wants only when no other is left; ties go to the longer unused, then to the
 * lower index, so that a run replays.
 */
#ifndef POLICY_EVICT_H
#define POLICY_EVICT_H

#include "base/clock.h"

#include <stdint.h>

struct evict_view {
	int32_t adapter;  /* index in the directory */
	uint32_t running; /* requests that use it: never leaves while > 0 */
	uint32_t queued;  /* waiting requests that want it */
	uint32_t pinned;
	uint64_t bytes;
	nsec used_ns; /* last use */
};

/* The greater, the longer it stays. */
typedef double evict_keep_f(const struct evict_view *, nsec now);

struct evict_policy {
	const char *name;
	evict_keep_f *keep;
};

/* NULL: no policy of that name. */
const struct evict_policy *evict_find(const char *name);

/* Index into views of the one to evict; -1: none may leave.  may_take_queued:
 * also those that waiting requests want, if no other is left. */
int evict_pick(const struct evict_policy *, const struct evict_view *, int n,
    int may_take_queued, nsec now);

#endif

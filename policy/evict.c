/* Which idle adapter leaves: the kinds by name, and the pick they share. */
#include "policy/evict.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The longest unused leaves. */
static double
keep_lru(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return (double)v->used_ns;
}

/* The lowest index leaves: trivially right, for comparison. */
static double
keep_first(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return (double)v->adapter;
}

static const struct evict_policy policies[] = {
	{ "lru", keep_lru, EVICT_KEEPS },
	{ "first", keep_first, EVICT_KEEPS },
};

const struct evict_policy *
evict_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}

bool
evict_before(const struct evict_view *a, double keep_a,
    const struct evict_view *b, double keep_b)
{
	if (a->level != b->level)
		return a->level < b->level;
	if (a->level == EVICT_QUEUED && a->waits_since_ns != b->waits_since_ns)
		return a->waits_since_ns > b->waits_since_ns;
	if (keep_a < keep_b || keep_b < keep_a)
		return keep_a < keep_b;
	if (a->used_ns != b->used_ns)
		return a->used_ns < b->used_ns;
	return a->adapter < b->adapter;
}

int
evict_pick(const struct evict_policy *policy, const struct evict_scale *per,
    const struct evict_view *views, int n, bool may_take_queued, nsec now)
{
	double least = 0;
	int best = -1;

	for (int i = 0; i < n; i++) {
		const struct evict_view *v = &views[i];
		double keep;

		if (v->level == EVICT_NEVER ||
		    (v->level == EVICT_QUEUED && !may_take_queued))
			continue;
		keep = policy->keep(v, per, now);
		if (best >= 0 && !evict_before(v, keep, &views[best], least))
			continue;
		best = i;
		least = keep;
	}
	return best;
}

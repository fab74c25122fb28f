/* Which idle adapter leaves: the kinds by name, and the pick they share. */
#include "policy/evict.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* The longest unused leaves. */
static double
keep_lru(const struct evict_view *v, nsec now)
{
	(void)now;
	return (double)v->used_ns;
}

/* The lowest index leaves: trivially right, for comparison. */
static double
keep_first(const struct evict_view *v, nsec now)
{
	(void)now;
	return (double)v->adapter;
}

static const struct evict_policy policies[] = {
	{ "lru", keep_lru },
	{ "first", keep_first },
};

const struct evict_policy *
evict_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}

/* Whether a leaves before b. */
static bool
leaves_before(const struct evict_policy *policy, const struct evict_view *a,
    const struct evict_view *b, nsec now)
{
	double ka, kb;

	if ((a->queued > 0) != (b->queued > 0))
		return a->queued == 0;
	ka = policy->keep(a, now);
	kb = policy->keep(b, now);
	if (ka < kb || kb < ka)
		return ka < kb;
	if (a->used_ns != b->used_ns)
		return a->used_ns < b->used_ns;
	return a->adapter < b->adapter;
}

int
evict_pick(const struct evict_policy *policy, const struct evict_view *views,
    int n, int may_take_queued, nsec now)
{
	int best = -1;

	for (int i = 0; i < n; i++) {
		const struct evict_view *v = &views[i];

		if (v->running > 0 || v->pinned > 0 ||
		    (v->queued > 0 && !may_take_queued))
			continue;
		if (best < 0 || leaves_before(policy, v, &views[best], now))
			best = i;
	}
	return best;
}

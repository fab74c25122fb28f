/* Which idle adapter leaves: the kinds by name, and the pick they share. */
#include "policy/evict.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LN2 0.69314718055994530942

static double
seconds(nsec length)
{
	return (double)length / (double)SECOND;
}

static double
frequency(const struct evict_view *v, const struct evict_scale *per)
{
	return v->uses / per->uses_mean;
}

/* 1: used now; 0: not within the window. */
static double
recency(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	double age = (double)(now - v->used_ns) / (double)per->window_ns;

	return 1 - fmin(fmax(age, 0), 1);
}

static double
size(const struct evict_view *v, const struct evict_scale *per)
{
	return (double)v->bytes / per->bytes_max;
}

/* Small ones that are cold and old leave: they are cheap to bring again. */
static double
keep_chameleon(const struct evict_view *v, const struct evict_scale *per,
    nsec now)
{
	return per->frequency * frequency(v, per) +
	    per->recency * recency(v, per, now) + per->size * size(v, per);
}

static double
keep_fairshare(const struct evict_view *v, const struct evict_scale *per,
    nsec now)
{
	return (frequency(v, per) + recency(v, per, now) + size(v, per)) / 3;
}

/* The longest unused leaves. */
static double
keep_lru(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return (double)v->used_ns;
}

static double
keep_lfu(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return v->uses;
}

/* The window holds so many horizons of value: over a whole window next to all
 * are used again, and nothing would be told apart. */
#define HORIZONS 60

/* What it saves, a byte. */
static double
per_byte(double worth, const struct evict_view *v)
{
	return worth / fmax((double)v->bytes, 1);
}

static double
keep_gdsf(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return per_byte(v->uses * v->reload_s, v) + v->floor;
}

static double
keep_value(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	double rate = evict_rate(v->rate, v->rate_ns, now, per->window_ns);
	double used = 1 - exp(-rate * seconds(per->window_ns) / HORIZONS);

	return per_byte(v->reload_s * used, v);
}

/* The lowest index leaves: trivially right, for comparison. */
static double
keep_first(const struct evict_view *v, const struct evict_scale *per, nsec now)
{
	(void)per, (void)now;
	return (double)v->adapter;
}

static const struct evict_policy policies[] = {
	{ "chameleon", keep_chameleon, EVICT_KEEPS },
	{ "fairshare", keep_fairshare, EVICT_KEEPS },
	{ "lru", keep_lru, EVICT_KEEPS },
	{ "lfu", keep_lfu, EVICT_KEEPS },
	{ "gdsf", keep_gdsf, EVICT_KEEPS },
	{ "value", keep_value, EVICT_KEEPS },
	{ "none", keep_lru, EVICT_DROPS },
	{ "queued", keep_lru, EVICT_DROPS_UNQUEUED },
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

double
evict_keep(const struct evict_policy *policy, const struct evict_view *v,
    const struct evict_scale *per, nsec now)
{
	struct evict_view aged = *v;

	if (v->weight == 1 || v->weight <= 0)
		return policy->keep(v, per, now);
	if (policy->keep != keep_lru)
		return policy->keep(v, per, now) * v->weight;
	aged.used_ns = now - (nsec)((double)(now - v->used_ns) / v->weight);
	return policy->keep(&aged, per, now);
}

double
evict_rate(double rate, nsec then, nsec now, nsec window_ns)
{
	if (now <= then)
		return rate;
	return rate * exp2(-(double)(now - then) / (double)window_ns);
}

/* The weights of uses that come regularly, each halved in a window, add up to
 * window / ln 2 of those of a second. */
double
evict_rate_use(double rate, nsec then, nsec now, nsec window_ns)
{
	return evict_rate(rate, then, now, window_ns) +
	    LN2 / seconds(window_ns);
}

bool
evict_before(const struct evict_view *a, double keep_a,
    const struct evict_view *b, double keep_b)
{
	if (a->level != b->level)
		return a->level < b->level;
	if (a->level == EVICT_QUEUED || a->level == EVICT_PROMISED) {
		if (a->waits_since_ns != b->waits_since_ns)
			return a->waits_since_ns > b->waits_since_ns;
		if (a->waits_order != b->waits_order)
			return a->waits_order > b->waits_order;
	}
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
		    (v->level > EVICT_FREELY && !may_take_queued))
			continue;
		keep = evict_keep(policy, v, per, now);
		if (best >= 0 && !evict_before(v, keep, &views[best], least))
			continue;
		best = i;
		least = keep;
	}
	return best;
}

/* How many tokens each queue may hold: minima by the formula, the rest by a
 * rule. */
#include "policy/quota.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/must.h"

int
quota_find(const char *name)
{
	static const char *const names[] = {
		[QUOTA_NEED] = "need",
		[QUOTA_EQUAL] = "equal",
		[QUOTA_ARRIVALS] = "arrivals",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

double
quota_least(const struct quota_class *c, double slo_s)
{
	return c->largest * c->seconds * (1 / slo_s + c->arrivals);
}

static double
sum(const double *of, int n)
{
	double all = 0;

	for (int i = 0; i < n; i++)
		all += of[i];
	return all;
}

/* One largest request each, in whole tokens, and what each must have: with less
 * than that one request its queue would starve, whatever the formula says. */
static void
minima(const struct quota_class *class, int n, double slo_s, double *one,
    double *least)
{
	for (int i = 0; i < n; i++) {
		one[i] = ceil(class[i].largest);
		least[i] = fmax(quota_least(&class[i], slo_s), one[i]);
	}
}

static void
merge(struct quota_class *into, const struct quota_class *from)
{
	into->largest = fmax(into->largest, from->largest);
	into->seconds = fmax(into->seconds, from->seconds);
	into->arrivals += from->arrivals;
}

static void
weigh(const struct quota_class *class, const double *least, int n,
    enum quota_rule rule, double *weight)
{
	for (int i = 0; i < n; i++)
		weight[i] = rule == QUOTA_NEED ? least[i] :
		    rule == QUOTA_ARRIVALS     ? class[i].arrivals :
						 1;
}

/* Adds what share leaves of pool, in proportion to weight; equally where all
 * weigh nothing. */
static void
share_out(double *share, const double *weight, int n, double pool)
{
	double left = pool - sum(share, n), all = sum(weight, n);

	for (int i = 0; i < n; i++)
		share[i] += all > 0 ? left * (weight[i] / all) : left / n;
}

/* The one that rounding down took most from, of those not yet made up for. */
static int
poorest(const double *lost, const bool *done, int n)
{
	int best = -1;

	for (int i = 0; i < n; i++)
		if (!done[i] && (best < 0 || lost[i] > lost[best]))
			best = i;
	must(best >= 0);
	return best;
}

/* Whole tokens of shares whose sum is total. */
static void
round_off(const double *share, int n, int64_t total, int64_t *quota)
{
	bool done[CUTS_CLASSES_MAX] = { false };
	double lost[CUTS_CLASSES_MAX];

	for (int i = 0; i < n; i++) {
		quota[i] = (int64_t)floor(share[i]);
		lost[i] = share[i] - floor(share[i]);
		total -= quota[i];
	}
	for (; total > 0; total--) {
		int i = poorest(lost, done, n);

		quota[i]++;
		done[i] = true;
	}
}

int
quota_share(struct quota_class *class, int n, int64_t total, double slo_s,
    enum quota_rule rule, int64_t quota[CUTS_CLASSES_MAX], bool *overloaded)
{
	double one[CUTS_CLASSES_MAX], least[CUTS_CLASSES_MAX];
	double weight[CUTS_CLASSES_MAX], pool = (double)total;

	must(n >= 1 && n <= CUTS_CLASSES_MAX && total >= 0 && slo_s > 0);
	minima(class, n, slo_s, one, least);
	*overloaded = sum(least, n) > pool;
	for (; n > 1 && sum(one, n) > pool; n--) {
		merge(&class[n - 2], &class[n - 1]);
		minima(class, n - 1, slo_s, one, least);
	}
	if (sum(least, n) <= pool) {
		weigh(class, least, n, rule, weight);
		share_out(least, weight, n, pool);
		round_off(least, n, total, quota);
	} else {
		for (int i = 0; i < n; i++)
			weight[i] = least[i] - one[i];
		share_out(one, weight, n, pool);
		round_off(one, n, total, quota);
	}
	return n;
}

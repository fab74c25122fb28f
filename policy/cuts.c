/* Where queues end: one-dimensional k-means, exactly.
 *
 * Equal sizes are counted as one, so that no cut can fall between them; a class
 * is then a run of distinct sizes.  best[k][i] is the least sum of squares of
 * the first i distinct sizes in k + 1 classes, from[k][i] where the last of
 * these classes begins.  from does not fall as i grows, so halving the range of
 * i halves that of from: O(K n log n). */
#include "policy/cuts.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

int
cuts_find(const char *name)
{
	static const char *const names[] = {
		[CUTS_ELBOW] = "elbow",
		[CUTS_LITERAL] = "literal",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int
ascending(const void *va, const void *vb)
{
	const double *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

/* The running sums over n sorted sizes; returns how many are distinct.  They
 * are of distances from the middle one, which loses fewer digits than those of
 * the sizes themselves. */
static int
sum_up(const double *sizes, int n, struct cuts_scratch *s)
{
	int m = 0;

	s->upto[0] = 0;
	s->sum[0] = s->square[0] = 0;
	for (int i = 0, end; i < n; i = end, m++) {
		double d = sizes[i] - sizes[n / 2];

		for (end = i + 1; end < n && sizes[end] <= sizes[i];)
			end++;
		s->upto[m + 1] = end;
		s->sum[m + 1] = s->sum[m] + (end - i) * d;
		s->square[m + 1] = s->square[m] + (end - i) * d * d;
	}
	return m;
}

/* Sum of squares of the distinct sizes from .. to - 1 in one class. */
static double
squares(const struct cuts_scratch *s, int from, int to)
{
	double n = s->upto[to] - s->upto[from];
	double sum = s->sum[to] - s->sum[from];

	if (to - from == 1)
		return 0;
	return fmax(s->square[to] - s->square[from] - sum * sum / n, 0);
}

/* Row k for the first lo .. hi sizes, whose last classes begin at first or
 * later and at last or sooner. */
static void
divide(struct cuts_scratch *s, int k, int lo, int hi, int first, int last)
{
	int i = lo + (hi - lo) / 2;

	if (lo > hi)
		return;
	s->best[k][i] = DBL_MAX;
	for (int from = first; from <= last && from < i; from++) {
		double sum = s->best[k - 1][from] + squares(s, from, i);

		if (sum < s->best[k][i]) {
			s->best[k][i] = sum;
			s->from[k][i] = from;
		}
	}
	divide(s, k, lo, i - 1, first, s->from[k][i]);
	divide(s, k, i + 1, hi, s->from[k][i], last);
}

/* The sums of squares for every number of classes that m sizes allow. */
static void
solve(struct cuts *c, struct cuts_scratch *s, int m)
{
	for (int i = 1; i <= m; i++) {
		s->best[0][i] = squares(s, 0, i);
		s->from[0][i] = 0;
	}
	for (int k = 1; k < CUTS_CLASSES_MAX && k < m; k++)
		divide(s, k, k + 1, m, k, m - 1);
	for (int k = 0; k < CUTS_CLASSES_MAX; k++)
		c->within[k] = k < m ? s->best[k][m] : 0;
}

static int
elbow(const double *within, int most)
{
	for (int k = 1; k < most; k++)
		if (within[k - 1] - within[k] < 0.1 * within[0])
			return k;
	return most;
}

static int
literal(const double *within, int most)
{
	int best = 1;

	for (int k = 2; k <= most; k++)
		if (within[k - 1] < within[best - 1])
			best = k;
	return best;
}

/* Halfway between the centres of neighbours, from the last class down. */
static void
cut(struct cuts *c, const struct cuts_scratch *s, int m, double middle)
{
	double above = 0;

	for (int k = c->classes - 1, to = m; k >= 0; k--) {
		int from = s->from[k][to];
		double n = s->upto[to] - s->upto[from];
		double centre = (s->sum[to] - s->sum[from]) / n;

		if (k < c->classes - 1)
			c->at[k] = middle + (centre + above) / 2;
		above = centre;
		to = from;
	}
}

void
cuts_make(struct cuts *c, double *sizes, int n, int most, enum cuts_rule rule,
    struct cuts_scratch *s)
{
	int m;

	must(n >= 1 && n <= CUTS_SAMPLE_MAX);
	must(most >= 1 && most <= CUTS_CLASSES_MAX);
	*c = (struct cuts){ .classes = 1 };
	qsort(sizes, (size_t)n, sizeof(*sizes), ascending);
	m = sum_up(sizes, n, s);
	solve(c, s, m);
	if (most > m)
		most = m;
	c->classes = rule == CUTS_LITERAL ? literal(c->within, most) :
					    elbow(c->within, most);
	cut(c, s, m, sizes[n / 2]);
}

void
cuts_equal(struct cuts *c, double least, double most, int classes)
{
	must(classes >= 1 && classes <= CUTS_CLASSES_MAX);
	*c = (struct cuts){ .classes = most > least ? classes : 1 };
	for (int i = 0; i < c->classes - 1; i++)
		c->at[i] = least + (most - least) * (i + 1) / c->classes;
}

int
cuts_class(const struct cuts *c, double size)
{
	int class = 0;

	while (class < c->classes - 1 && size >= c->at[class])
		class ++;
	return class;
}

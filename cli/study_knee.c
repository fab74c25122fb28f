/* The largest load within the SLO, and how sure that is. */
#include "cli/study.h"

#include "base/must.h"

#include <math.h>
#include <stdlib.h>

#define FAILED_MAX 100 /* one request in so many may fail */

/* Two-sided 95 % of Student's t, by degrees of freedom. */
static double
student(uint32_t freedom)
{
	static const double t[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447,
		2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
		2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
		2.060, 2.056, 2.052, 2.048, 2.045, 2.042 };

	if (freedom <= sizeof(t) / sizeof(t[0]))
		return t[freedom - 1];
	return 1.96 + 2.4 / freedom; /* within a thousandth */
}

double
study_mean(const double *x, uint32_t n, double *half)
{
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += x[i];
	for (uint32_t i = 0; i < n; i++)
		squares += (x[i] - sum / n) * (x[i] - sum / n);
	*half = n < 2 ? 0 : student(n - 1) * sqrt(squares / (n - 1) / n);
	return n == 0 ? 0 : sum / n;
}

double
study_p99(const struct study_run *r)
{
	if (r->sum.completed == 0 ||
	    r->sum.failed * FAILED_MAX >= r->sum.requests)
		return INFINITY;
	return r->sum.ttft.p99;
}

double
study_knee_of(const double *loads, const double *p99, uint32_t n, double slo,
    int *edge)
{
	uint32_t i = 0;

	while (i < n && p99[i] <= slo)
		i++;
	*edge = i == 0 ? -1 : i == n;
	if (i == 0)
		return loads[0];
	if (i == n || !isfinite(p99[i]))
		return loads[i - 1];
	return loads[i - 1] +
	    (slo - p99[i - 1]) / (p99[i] - p99[i - 1]) *
	    (loads[i] - loads[i - 1]);
}

struct study_knee
study_knee(const struct study *s)
{
	double *p99 = calloc(s->nloads, sizeof(*p99)), half;
	double *rps = calloc(s->seeds, sizeof(*rps));
	struct study_knee k = { 0 };

	must(p99 != NULL && rps != NULL);
	for (uint32_t seed = 0; seed < s->seeds; seed++) {
		int edge;

		for (uint32_t i = 0; i < s->nloads; i++)
			p99[i] = study_p99(&s->run[i * s->seeds + seed]);
		rps[seed] = study_knee_of(s->loads, p99, s->nloads, s->slo_ms,
		    &edge);
		k.under += edge < 0;
		k.over += edge > 0;
	}
	k.rps = study_mean(rps, s->seeds, &half);
	k.low = k.rps - half;
	k.high = k.rps + half;
	free(p99);
	free(rps);
	return k;
}

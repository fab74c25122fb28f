/* Non-negative least squares, and what makes them bear a shared machine. */
#include "sim/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define TURNS 12      /* of leaving out the worst */
#define ROWS_A_TERM 2 /* at least */
#define TINY 1e-10    /* of a scaled normal matrix: as good as dependent */

/* The normal equations G c = h, of columns scaled to length 1. */
struct normal {
	int n;
	double g[FIT_TERMS_MAX][FIT_TERMS_MAX], h[FIT_TERMS_MAX];
	double scale[FIT_TERMS_MAX]; /* 0: the column is empty */
	bool in[FIT_TERMS_MAX];	     /* may be over 0 */
};

static void
gather(struct normal *m, const struct fit_data *d, const double *weight)
{
	memset(m, 0, sizeof(*m));
	m->n = d->terms;
	for (size_t i = 0; i < d->n; i++) {
		const double *x = d->x + i * (size_t)d->terms;

		if (weight[i] == 0)
			continue;
		for (int j = 0; j < m->n; j++) {
			double wx = weight[i] * x[j];

			m->h[j] += wx * d->y[i];
			for (int k = 0; k <= j; k++)
				m->g[j][k] += wx * x[k];
		}
	}
}

static void
scale(struct normal *m)
{
	for (int j = 0; j < m->n; j++)
		m->scale[j] = m->g[j][j] > 0 ? 1 / sqrt(m->g[j][j]) : 0;
	for (int j = 0; j < m->n; j++) {
		m->h[j] *= m->scale[j];
		for (int k = 0; k <= j; k++) {
			m->g[j][k] *= m->scale[j] * m->scale[k];
			m->g[k][j] = m->g[j][k];
		}
	}
}

/* Cholesky's, of the rows and columns that are in; those that depend on
 * earlier ones get 0. */
static void
solve(const struct normal *m, double *s)
{
	double l[FIT_TERMS_MAX][FIT_TERMS_MAX] = { 0 };
	int at[FIT_TERMS_MAX], n = 0;

	memset(s, 0, sizeof(*s) * (size_t)m->n);
	for (int j = 0; j < m->n; j++) {
		double sum = m->g[j][j];

		if (!m->in[j])
			continue;
		at[n] = j;
		for (int k = 0; k < n; k++) {
			double t = m->g[j][at[k]];

			for (int i = 0; i < k; i++)
				t -= l[n][i] * l[k][i];
			l[n][k] = t / l[k][k];
			sum -= l[n][k] * l[n][k];
		}
		if (sum <= TINY)
			continue;
		l[n][n] = sqrt(sum);
		n++;
	}
	for (int k = 0; k < n; k++) {
		double t = m->h[at[k]];

		for (int i = 0; i < k; i++)
			t -= l[k][i] * s[at[i]];
		s[at[k]] = t / l[k][k];
	}
	for (int k = n - 1; k >= 0; k--) {
		double t = s[at[k]];

		for (int i = k + 1; i < n; i++)
			t -= l[i][k] * s[at[i]];
		s[at[k]] = t / l[k][k];
	}
}

/* Goes from c towards s as far as nothing is below 0; what arrives there first
 * is out.  false: all of s was reached. */
static bool
go(struct normal *m, double *c, const double *s)
{
	double share = 1;
	int first = -1;

	for (int j = 0; j < m->n; j++) {
		if (!m->in[j] || s[j] > 0)
			continue;
		if (first < 0 || c[j] / (c[j] - s[j]) < share) {
			share = c[j] > 0 ? c[j] / (c[j] - s[j]) : 0;
			first = j;
		}
	}
	for (int j = 0; j < m->n; j++)
		c[j] += m->in[j] ? share * (s[j] - c[j]) : 0;
	if (first < 0)
		return false;
	m->in[first] = false;
	c[first] = 0;
	return true;
}

/* The column that is out and would gain most; -1: none would. */
static int
best(const struct normal *m, const double *c)
{
	double most = 1e-12 * (1 + fabs(m->h[0]));
	int at = -1;

	for (int j = 0; j < m->n; j++) {
		double slope = m->h[j];

		for (int k = 0; k < m->n; k++)
			slope -= m->g[j][k] * c[k];
		if (m->in[j] || m->scale[j] == 0 || slope <= most)
			continue;
		most = slope;
		at = j;
	}
	return at;
}

void
fit_squares(const struct fit_data *d, const double *weight, double *c)
{
	struct normal m;
	double s[FIT_TERMS_MAX];
	int j;

	gather(&m, d, weight);
	scale(&m);
	memset(c, 0, sizeof(*c) * (size_t)d->terms);
	/* Rounding could make it go in circles; it is bounded. */
	for (int i = 0; i < 10 * d->terms && (j = best(&m, c)) >= 0; i++) {
		m.in[j] = true;
		do
			solve(&m, s);
		while (go(&m, c, s));
	}
	for (j = 0; j < d->terms; j++)
		c[j] *= m.scale[j];
}

static double
predict(const struct fit_data *d, size_t i, const double *c)
{
	double sum = 0;

	for (int j = 0; j < d->terms; j++)
		sum += d->x[i * (size_t)d->terms + (size_t)j] * c[j];
	return sum;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
weight_of(const struct fit_data *d, size_t i)
{
	return d->weight == NULL ? 1 : d->weight[i];
}

/* Weights for the next turn: by what is predicted now, 0 for the worst. */
static void
weigh(const struct fit_data *d, const double *c, double trim, double *weight,
    double *far, double *sorted)
{
	double limit;

	for (size_t i = 0; i < d->n; i++) {
		double p = predict(d, i, c);

		weight[i] = p > 0 ? weight_of(d, i) / (p * p) : 0;
		far[i] = p > 0 ? fabs(d->y[i] - p) / p : INFINITY;
	}
	memcpy(sorted, far, d->n * sizeof(*far));
	qsort(sorted, d->n, sizeof(*sorted), ascending);
	limit = sorted[(size_t)((double)(d->n - 1) * (1 - trim))];
	for (size_t i = 0; i < d->n; i++)
		if (far[i] > limit)
			weight[i] = 0;
}

int
fit_robust(const struct fit_data *d, double trim, double *c)
{
	double *room;

	if (d->n < (size_t)d->terms * ROWS_A_TERM)
		return err_set(ERR_USAGE,
		    "%zu samples for %d terms: want at least %d", d->n,
		    d->terms, d->terms * ROWS_A_TERM);
	if ((room = malloc(3 * d->n * sizeof(*room))) == NULL)
		return err_set(ERR_MEMORY, "no memory to fit %zu samples",
		    d->n);
	for (size_t i = 0; i < d->n; i++)
		room[i] = weight_of(d, i) / (d->y[i] * d->y[i]);
	fit_squares(d, room, c);
	for (int turn = 0; turn < TURNS; turn++) {
		weigh(d, c, trim, room, room + d->n, room + 2 * d->n);
		fit_squares(d, room, c);
	}
	free(room);
	return 0;
}

double
fit_keep_total(const struct fit_data *d, double *c)
{
	double told = 0, took = 0, factor;

	for (size_t i = 0; i < d->n; i++) {
		told += weight_of(d, i) * predict(d, i, c);
		took += weight_of(d, i) * d->y[i];
	}
	factor = told > 0 ? took / told : 1;
	for (int j = 0; j < d->terms; j++)
		c[j] *= factor;
	return factor;
}

int
fit_errors(const struct fit_data *d, const double *c,
    const unsigned char *which, struct fit_error *e)
{
	double *share = malloc((d->n + 1) * sizeof(*share)), told = 0, took = 0;

	memset(e, 0, sizeof(*e));
	if (share == NULL)
		return err_set(ERR_MEMORY, "no memory for %zu errors", d->n);
	for (size_t i = 0; i < d->n; i++) {
		double p = predict(d, i, c);

		if (which != NULL && !which[i])
			continue;
		share[e->n++] = fabs(p - d->y[i]) / d->y[i];
		e->mean += fabs(p - d->y[i]) / d->y[i];
		told += p;
		took += d->y[i];
	}
	if (e->n > 0) {
		qsort(share, e->n, sizeof(*share), ascending);
		e->mean /= (double)e->n;
		e->p50 = share[e->n / 2];
		e->p90 = share[(size_t)((double)(e->n - 1) * 0.9)];
		e->total = told / took;
	}
	free(share);
	return 0;
}

/* In the order of the rows; each with what makes it ms. */
static const struct {
	size_t at;
	double ms;
} terms[FIT_STEP_TERMS] = {
	{ offsetof(struct sim_cost, step_fixed_ms), 1 },
	{ offsetof(struct sim_cost, prefill_fixed_ms), 1 },
	{ offsetof(struct sim_cost, prefill_token_ms), 1 },
	{ offsetof(struct sim_cost, decode_row_ms), 1 },
	{ offsetof(struct sim_cost, attend_token_us), 1e-3 },
	{ offsetof(struct sim_cost, prefill_attend_us), 1e-3 },
	{ offsetof(struct sim_cost, lora_step_ms), 1 },
	{ offsetof(struct sim_cost, lora_adapter_ms), 1 },
	{ offsetof(struct sim_cost, lora_prefill_rank_us), 1e-3 },
	{ offsetof(struct sim_cost, lora_decode_rank_us), 1e-3 },
};

void
fit_step_row(const struct sim_step *s, double row[FIT_STEP_TERMS])
{
	double x[FIT_STEP_TERMS] = { 1, s->prompt_tokens > 0, s->prompt_tokens,
		s->decode_rows, (double)s->decode_context,
		(double)s->prompt_pairs, s->lora_rows > 0, s->adapters,
		(double)s->prompt_ranks, (double)s->decode_ranks };

	for (int i = 0; i < FIT_STEP_TERMS; i++)
		row[i] = x[i] * terms[i].ms;
}

void
fit_step_set(struct sim_cost *cost, const double c[FIT_STEP_TERMS])
{
	for (int i = 0; i < FIT_STEP_TERMS; i++)
		*(double *)(void *)((char *)cost + terms[i].at) = c[i];
	cost->mixed_steps = 1;
}

void
fit_step_get(const struct sim_cost *cost, double c[FIT_STEP_TERMS])
{
	for (int i = 0; i < FIT_STEP_TERMS; i++)
		c[i] = *(const double *)(const void *)((const char *)cost +
		    terms[i].at);
}

/* Seconds of a request: least squares that fades, no coefficient below 0. */
#include "policy/cost.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define N COST_TERMS
#define FADE 0.99864709 /* an answer more and this is left: half after 512 */

/* The system A c = b, of the evidence and the guess together. */
struct fit {
	double a[N][N], b[N];
};

/* A term's ridge is its mean square, so that it means the same in whatever
 * unit the term is; a term that was always 0 keeps its guess. */
static void
join(struct fit *f, const struct cost *c)
{
	for (int i = 0; i < N; i++) {
		double ridge = c->xx[i][i] > 0 ?
		    COST_GUESS_WORTH * c->xx[i][i] / c->xx[0][0] :
		    1;

		for (int j = 0; j < N; j++)
			f->a[i][j] = c->xx[i][j];
		f->a[i][i] += ridge;
		f->b[i] = c->xy[i] + ridge * c->guess[i];
	}
}

/* The terms of set alone, the others 0.  By elimination, without pivots: A is
 * symmetric and the ridge keeps it positive definite. */
static void
solve(struct fit f, unsigned set, double x[N])
{
	for (int k = 0; k < N; k++)
		for (int i = k + 1; i < N && (set >> k & 1); i++) {
			double by = f.a[i][k] / f.a[k][k];

			for (int j = k; j < N; j++)
				f.a[i][j] -= by * f.a[k][j];
			f.b[i] -= by * f.b[k];
		}
	for (int k = N - 1; k >= 0; k--) {
		double left = f.b[k];

		for (int j = k + 1; j < N; j++)
			left -= f.a[k][j] * x[j];
		x[k] = set >> k & 1 ? left / f.a[k][k] : 0;
	}
}

static bool
allowed(const double x[N])
{
	for (int i = 0; i < N; i++)
		if (!(x[i] >= 0))
			return false;
	return true;
}

/* What the terms of set explain of the squares: the more, the better. */
static double
explained(const struct fit *f, const double x[N])
{
	double sum = 0;

	for (int i = 0; i < N; i++)
		sum += f->b[i] * x[i];
	return sum;
}

/* The best fit without a negative term leaves some of them out, at 0, and is
 * the plain best fit of the rest: all sixteen choices are tried. */
static void
refit(struct cost *c)
{
	double best = -1, x[N];
	struct fit f;

	join(&f, c);
	for (unsigned set = 0; set < 1u << N; set++) {
		solve(f, set, x);
		if (!allowed(x) || explained(&f, x) <= best)
			continue;
		best = explained(&f, x);
		memcpy(c->coef, x, sizeof(x));
	}
}

void
cost_init(struct cost *c, const double guess[N])
{
	*c = (struct cost){ .seen = 0 };
	for (int i = 0; i < N; i++)
		c->guess[i] = c->coef[i] = fmax(0, guess[i]);
}

void
cost_learn(struct cost *c, double prompt, double answer, double adapter,
    double seconds)
{
	const double x[N] = { 1, prompt, answer, adapter };

	if (!isfinite(seconds) || seconds < 0)
		return;
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++)
			c->xx[i][j] = FADE * c->xx[i][j] + x[i] * x[j];
		c->xy[i] = FADE * c->xy[i] + x[i] * seconds;
	}
	c->seen++;
	refit(c);
}

double
cost_seconds(const struct cost *c, double prompt, double answer, double adapter)
{
	return c->coef[0] + c->coef[1] * prompt + c->coef[2] * answer +
	    c->coef[3] * adapter;
}

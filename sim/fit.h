/*
 * fit.h -- coefficients of a cost model from what was measured.
 *
 * A measured time y is taken for a sum of terms x with coefficients c, none of
 * which is below 0.  Errors are relative, so that short and long times count
 * alike, and those of a machine that others use too are mostly one-sided: now
 * and then something takes far longer.  So the worst few are left out:
 *
 *	c <- least squares of (x c - y) / y		weights by y at first,
 *	keep the share of rows with the least |y - x c| / x c	then by x c,
 *	again, some turns					so that the mean
 *								is met
 *
 * The least squares are those of Lawson and Hanson (Solving Least Squares
 * Problems, chapter 23), on the normal equations: a dozen terms at most.
 *
 * Memory   fit_robust allocates a number or two for each row while it runs.
 * Threads  Any, on data of their own.
 */
#ifndef SIM_FIT_H
#define SIM_FIT_H

#include "sim/cost.h"

#include <stdbool.h>
#include <stddef.h>

#define FIT_TERMS_MAX 12

struct fit_data {
	const double *x; /* [n][terms] */
	const double *y; /* [n], over 0 */
	size_t n;
	int terms;
	const double *weight; /* [n] how much a row counts; NULL: all alike */
};

/* Non-negative c[terms] with the least sum of weight (x c - y)^2; weight [n],
 * 0 leaves a row out.  Terms that no row has get 0. */
void fit_squares(const struct fit_data *, const double *weight, double *c);

/* As above; trim: share of rows that are left out, 0 to 0.5.  ERR_USAGE: fewer
 * than two rows a term; ERR_MEMORY. */
int fit_robust(const struct fit_data *, double trim, double *c);

/* Multiplies all of c so that the rows together, by weight, are told as
 * measured, and returns by what: who waits for a thousand steps waits for the
 * worst, too. */
double fit_keep_total(const struct fit_data *, double *c);

/* How far x c is from y, as shares of y. */
struct fit_error {
	size_t n;
	double mean, p50, p90; /* of the absolute share */
	double total;	       /* sum of x c over sum of y */
};

/* Over rows with which[i] != 0; which NULL: all.  ERR_MEMORY. */
int fit_errors(const struct fit_data *, const double *c,
    const unsigned char *which, struct fit_error *);

/* ---- the terms of a step ---- */

#define FIT_STEP_TERMS 10

/* One row of x for a step, in the order of cost.tbl; x c is ms. */
void fit_step_row(const struct sim_step *, double row[FIT_STEP_TERMS]);

/* Puts the coefficients into a model whose steps are mixed, and back. */
void fit_step_set(struct sim_cost *, const double c[FIT_STEP_TERMS]);
void fit_step_get(const struct sim_cost *, double c[FIT_STEP_TERMS]);

#endif

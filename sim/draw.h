/*
 * draw.h -- numbers drawn by the laws that work is made of.
 *
 * Threads  No state but the stream's.
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include "base/rng.h"

#include <stdint.h>

/* A stream of its own for each use of one seed: how often one is drawn from
 * moves no other. */
void draw_stream(struct rng *, uint64_t seed, uint64_t use);

/* Gamma of this shape and this mean; its coefficient of variation is
 * 1 / sqrt(shape).  (Marsaglia and Tsang, ACM TOMS 26, 2000) */
double draw_gamma(struct rng *, double shape, double mean);

/* e to the power of a normal number; its median is e^mu. */
double draw_lognormal(struct rng *, double mu, double sigma);

/* sums[k] = 1 + 2^-a + ... + (k+1)^-a, n of them. */
void draw_zipf_sums(double *sums, uint32_t n, double a);

/* One of 0..n-1, as often as its share of sums[n-1]. */
uint32_t draw_share(struct rng *, const double *sums, uint32_t n);

#endif

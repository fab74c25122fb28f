/*
 * rng.h -- random numbers that replay.
 *
 * struct rng is a stream for tests, generators and load: splitmix64, enough
 * for that and two words small.  rng_at is the sampler's: a number that is a
 * function of (seed, position) alone (Philox 4x32-10, SC 2011), so that a
 * restarted or re-batched request draws the same.
 *
 * Threads  A stream is its owner's; rng_at is a pure function.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

void rng_seed(struct rng *, uint64_t seed);
uint64_t rng_next(struct rng *);	      /* any 64 bits */
uint64_t rng_below(struct rng *, uint64_t n); /* 0..n-1, n > 0 */
double rng_unit(struct rng *);		      /* [0, 1) */
double rng_normal(struct rng *);	      /* mean 0, deviation 1 */
double rng_exponential(struct rng *, double mean);

/* [0, 1), a function of its arguments alone. */
double rng_at(uint64_t seed, uint64_t position);

#endif

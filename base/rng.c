/* Streams by splitmix64; numbers by position from Philox 4x32-10. */
#include "base/rng.h"

#include "base/rng_at.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

void
rng_seed(struct rng *r, uint64_t seed)
{
	r->state = seed;
}

uint64_t
rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t
rng_below(struct rng *r, uint64_t n)
{
	/* The high half of the product: bias under n / 2^64. */
	return (uint64_t)((wide)rng_next(r) * n >> 64);
}

double
rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}

double
rng_normal(struct rng *r)
{
	double u = 1 - rng_unit(r), v = rng_unit(r);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

double
rng_exponential(struct rng *r, double mean)
{
	return -mean * log(1 - rng_unit(r));
}

double
rng_at(uint64_t seed, uint64_t position)
{
	return rng_philox(seed, position);
}

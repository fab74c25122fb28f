/* Laws from a stream of even numbers. */
#include "sim/draw.h"

#include <math.h>

void
draw_stream(struct rng *r, uint64_t seed, uint64_t use)
{
	rng_seed(r, seed);
	rng_seed(r, rng_next(r) ^ use * 0xd1342543de82ef95u);
	rng_seed(r, rng_next(r));
}

/* Shape 1 or more, scale 1. */
static double
gamma_from(struct rng *r, double shape)
{
	double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);

	for (;;) {
		double x = rng_normal(r), v = 1 + c * x;
		double u = 1 - rng_unit(r);

		if (v <= 0)
			continue;
		v = v * v * v;
		if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
			return d * v;
	}
}

double
draw_gamma(struct rng *r, double shape, double mean)
{
	double scale = mean / shape;

	if (shape >= 1)
		return gamma_from(r, shape) * scale;
	double g = gamma_from(r, shape + 1);

	return g * pow(1 - rng_unit(r), 1 / shape) * scale;
}

double
draw_lognormal(struct rng *r, double mu, double sigma)
{
	return exp(mu + sigma * rng_normal(r));
}

void
draw_zipf_sums(double *sums, uint32_t n, double a)
{
	double sum = 0;

	for (uint32_t k = 0; k < n; k++)
		sums[k] = sum += pow(k + 1.0, -a);
}

uint32_t
draw_share(struct rng *r, const double *sums, uint32_t n)
{
	double want = rng_unit(r) * sums[n - 1];
	uint32_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (want < sums[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

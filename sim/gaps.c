/* A logarithmic histogram: half a percent a bin, from a microsecond on. */
#include "sim/gaps.h"

#include <math.h>

#define BINS (sizeof(((struct sim_gaps *)0)->bin) / sizeof(uint64_t))
#define LOG_STEP 0.004987541511039074 /* ln 1.005 */

static unsigned
bin_of(nsec gap)
{
	double i;

	if (gap < MICROSECOND)
		return 0;
	i = log((double)gap / (double)MICROSECOND) / LOG_STEP + 1;
	return i < (double)(BINS - 1) ? (unsigned)i : (unsigned)(BINS - 1);
}

void
sim_gaps_add(struct sim_gaps *g, nsec gap)
{
	g->bin[bin_of(gap)]++;
	g->n++;
	g->sum_ms += clock_ms(gap);
}

void
sim_gaps_join(struct sim_gaps *g, const struct sim_gaps *more)
{
	for (unsigned i = 0; i < BINS; i++)
		g->bin[i] += more->bin[i];
	g->n += more->n;
	g->sum_ms += more->sum_ms;
}

double
sim_gaps_quantile_ms(const struct sim_gaps *g, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)g->n), below = 0;

	if (g->n == 0)
		return 0;
	for (unsigned i = 0; i < BINS; i++) {
		below += g->bin[i];
		if (below >= rank && below > 0)
			return i == 0 ? 0.0005 :
					exp((i - 0.5) * LOG_STEP) / 1e3;
	}
	return exp((BINS - 1) * LOG_STEP) / 1e3;
}

double
sim_gaps_mean_ms(const struct sim_gaps *g)
{
	return g->n == 0 ? 0 : g->sum_ms / (double)g->n;
}

/*
 * gaps.h -- a logarithmic histogram of times between tokens.
 *
 * Bin i > 0 holds gaps from 1.005^(i-1) us on, below 1.005^i; bin 0 those
 * below 1 us, the last all above its start, about twelve minutes.
 *
 * Memory   The caller's; zero at first.
 */
#ifndef SIM_GAPS_H
#define SIM_GAPS_H

#include "sim/sim.h"

void sim_gaps_add(struct sim_gaps *, nsec gap);
void sim_gaps_join(struct sim_gaps *, const struct sim_gaps *more);

/* The middle of the bin in which the share q of all gaps is reached: as if
 * each gap stood in the middle of its bin.  0 if there are none. */
double sim_gaps_quantile_ms(const struct sim_gaps *, double q);

double sim_gaps_mean_ms(const struct sim_gaps *);

#endif

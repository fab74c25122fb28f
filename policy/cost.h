/*
 * cost.h -- how many seconds a request takes, learned from those that ended.
 *
 *	seconds = c0 + c1 * prompt + c2 * answer + c3 * adapter
 *
 * prompt and answer in tokens, adapter in KV tokens' worth of bytes; a least
 * squares fit over the ended requests, old ones fading (half after 512), with a
 * little ridge towards the first guess, so that it is defined from the first
 * request on.  No coefficient is below 0.
 *
 * Memory   A plain struct, the caller's.
 */
#ifndef POLICY_COST_H
#define POLICY_COST_H

#include <stdint.h>

#define COST_TERMS 4
#define COST_GUESS_WORTH 0.1 /* requests of the usual size */

struct cost {
	double xx[COST_TERMS][COST_TERMS], xy[COST_TERMS];
	double guess[COST_TERMS]; /* what holds without any evidence */
	double coef[COST_TERMS];  /* the fit now, each >= 0 */
	uint64_t seen;
};

/* guess: seconds at all, a prompt token, an answer token, an adapter token. */
void cost_init(struct cost *, const double guess[COST_TERMS]);

/* What is no finite number of seconds from 0 up is left out. */
void cost_learn(struct cost *, double prompt, double answer, double adapter,
    double seconds);

double cost_seconds(const struct cost *, double prompt, double answer,
    double adapter);

#endif

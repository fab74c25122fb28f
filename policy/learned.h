/*
 * learned.h -- where on the scale of buckets an answer lies, learned online.
 *
 * predict.c's own.  The place of an answer is the sum of one weight a feature:
 * one in common, one of the adapter, and hashed ones of the prompt's length,
 * max_tokens and the tokens at both ends of the prompt, each also together with
 * the adapter.  A weight is a value and a doubt, its variance; an answer moves
 * the weights of its features in proportion to their doubt, and lessens it (a
 * Kalman filter that keeps the diagonal alone).  So nothing is to be tuned: a
 * new adapter learns in an answer what an old one learns in fifty.
 *
 *	place    b up to below b + 1 is bucket b: 2 log2(tokens)
 *
 * Memory   LEARNED_WEIGHTS of 8 bytes; features that collide share one.
 */
#ifndef POLICY_LEARNED_H
#define POLICY_LEARNED_H

#include "policy/predict.h"

#include <stdint.h>

#define LEARNED_WEIGHTS (1 << 18) /* a power of two */

struct weight {
	float value, doubt; /* doubt 0: never taught */
};

struct learned {
	struct weight common, table[LEARNED_WEIGHTS];
};

/* An adapter as its features know it. */
struct learned_adapter {
	uint64_t who; /* no other has it, not even its index's last owner */
	struct weight own;
};

double learned_place(struct learned *, struct learned_adapter *,
    const struct predict_view *);

/* The answer was in this bucket. */
void learned_teach(struct learned *, struct learned_adapter *,
    const struct predict_view *, uint32_t bucket);

#endif

/*
 * predict.h -- how many tokens an answer will have.
 *
 * Four predictors, by name:
 *
 *	max_tokens  what the request allows
 *	history     a quantile of its adapter's last 32 answers; of all
 *	            answers while the adapter has not two
 *	learned     an online regression onto the scale of length buckets, from
 *	            adapter, length of the prompt, max_tokens and hashed prompt
 *	            tokens (policy/learned.h); the median of its adapter's last
 *	            answers, where that has come nearer
 *	oracle      the truth, where it is known (a trace); with a settable
 *	            accuracy: else a length drawn from those seen (paper, 4.1;
 *	            docs/POLICY.md, row 18)
 *
 * Every prediction lies in 1 .. max_tokens; before the first answer it is
 * max_tokens.  All but max_tokens learn from predict_learn, called once for
 * each answer that ended by itself or at max_tokens, not for those given up;
 * the predictor counts how often it was right by bucket, and by a bucket or
 * its neighbour.
 *
 * Memory   The caller's, predict_bytes of it; nothing is allocated.
 * Threads  The owner's.
 */
#ifndef POLICY_PREDICT_H
#define POLICY_PREDICT_H

#include "base/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bucket b holds answers of 2^(b/2) tokens up to below 2^((b+1)/2), rounded
 * up: two to an octave.  1 token is in bucket 0, 2 are in bucket 2, nothing is
 * in bucket 1; the last holds all that is longer. */
#define PREDICT_BUCKETS 48

uint32_t predict_bucket(uint32_t tokens);

struct predict_view {
	int32_t adapter; /* index; -1: the base model */
	uint32_t prompt; /* tokens */
	uint32_t max_tokens;
	uint32_t truth;	       /* of the answer; 0: not known */
	const int32_t *tokens; /* [prompt]; NULL: not known */
};

enum predict_kind {
	PREDICT_MAX_TOKENS,
	PREDICT_HISTORY,
	PREDICT_LEARNED,
	PREDICT_ORACLE,
	PREDICT_KINDS
};

struct predict_rules {
	enum predict_kind kind;
	double accuracy; /* of the oracle, 0 .. 1 */
	double quantile; /* of history, 0 .. 1 */
};

/* How good it was: answers told to predict_score. */
struct predict_score {
	uint64_t total, right, near; /* near: right, or a neighbour's bucket */
};

struct predict;

/* -1: no predictor of that name. */
int predict_find(const char *name);

/* Bytes of the state for so many adapters, the same for every kind. */
size_t predict_bytes(uint32_t nadapters);

/* Makes an untaught predictor in memory (aligned to 64, predict_bytes). */
struct predict *predict_init(void *memory, uint32_t nadapters, uint64_t seed);

/* 1 .. max_tokens.  The oracle without truth says max_tokens; whatever it says,
 * it takes two numbers from its stream. */
uint32_t predict_tokens(struct predict *, const struct predict_rules *,
    const struct predict_view *);

/* An answer has ended after so many tokens, the end token included; the view is
 * that of its prediction, predicted what predict_tokens said of it.  Teaches
 * every kind, whichever is in use, so that a switch finds the other one
 * taught. */
void predict_learn(struct predict *, const struct predict_view *,
    uint32_t predicted, uint32_t tokens);

/* The adapter's index is another's from now on. */
void predict_forget(struct predict *, int32_t adapter);

struct predict_score predict_score(const struct predict *);

#endif

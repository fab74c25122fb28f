/*
 * admit.h -- who is admitted next.
 *
 * The order within a queue is one of two: by arrival, or by predicted answer.
 * Over the queues it is the paper's Algorithm 1, two phases a turn (4.4):
 *
 *	phase 1  each queue, smallest class first, within its own tokens
 *	phase 2  the same again, within what empty queues have left over
 *
 * A queue is left at the first of its requests that does not fit.  One that phase
 * 1 found empty lends; one that runs empty in phase 2 does not, nor does an
 * account below 0.  The turn is a plain struct that its owner walks:
 *
 *	admit_begin(&t, quota, n)
 *	while ((q = admit_next(&t, head)) >= 0)
 *		admitted ? admit_took(&t, q, cost, charge) : admit_left(&t, q)
 *
 * A queue that lends keeps an account: charge[] says which queue paid how much
 * for a request, and all of it returns when that ends; so available + charged
 * is the quota, at all times.
 */
#ifndef POLICY_ADMIT_H
#define POLICY_ADMIT_H

#include "base/clock.h"
#include "policy/cuts.h"

#include <stdbool.h>
#include <stdint.h>

struct admit_view {
	uint32_t slot;
	nsec arrived_ns;
	uint64_t order; /* count of submissions seen before it */
	uint32_t prompt, predicted;
	uint64_t adapter_bytes;
};

/* Whether a goes before b in their queue. */
typedef bool admit_before_f(const struct admit_view *a,
    const struct admit_view *b);

enum admit_queues { ADMIT_ONE, ADMIT_EQUAL, ADMIT_CUTS };

struct admit_policy {
	const char *name;
	admit_before_f *before;
	enum admit_queues queues; /* how many there are, and who is in which */
};

/* NULL: no policy of that name. */
const struct admit_policy *admit_find(const char *name);

/* By arrival, then submission, then slot: who is older. */
bool admit_older(const struct admit_view *a, const struct admit_view *b);

struct admit_head {
	bool any;     /* somebody waits in this queue */
	int64_t cost; /* of the first of them, tokens */
};

struct admit_turn {
	int n;		    /* queues */
	int64_t *available; /* [n], the owner's: changed as admitted */
	bool lends[CUTS_CLASSES_MAX]; /* what it has left is anyone's in phase
				       * 2; the owner may add others */
	bool left[CUTS_CLASSES_MAX];  /* not asked again in this turn */
	int phase, at;
};

/* n queues, 1 .. CUTS_CLASSES_MAX. */
void admit_begin(struct admit_turn *, int64_t *available, int n);

/* The queue whose head fits, to be tried now; -1: the turn is over.  heads[n]
 * are what they are now; costs are at least 1. */
int admit_next(struct admit_turn *, const struct admit_head *heads);

/* The head of q is admitted: takes its cost, and adds to charge[n] what each
 * queue pays of it: q alone in phase 1; in phase 2 those that lend, smallest
 * class first (docs/POLICY.md, row 14). */
void admit_took(struct admit_turn *, int q, int64_t cost, int64_t *charge);

/* The head of q cannot be admitted for another reason than its cost. */
void admit_left(struct admit_turn *, int q);

/* A head that lacks memory may be bypassed by one that would be over before
 * (paper, 4.5). */
bool admit_bypass(double free_in_s, double runs_s);

/* Seconds until `need` is free: the earliest end by which what is given back
 * suffices.  ends[] and gives[] of those that run, sorted here by end; a
 * negative result: never. */
struct admit_end {
	double end_s;
	int64_t gives;
};
double admit_free_in(struct admit_end *, int n, int64_t has, int64_t need);

#endif

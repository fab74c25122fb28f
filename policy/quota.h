/*
 * quota.h -- how many tokens of the pool each queue may hold.
 *
 * Each queue is an M/M/1 server that should answer within the SLO (paper, 4.3):
 *
 *	least = S * D * (1 / SLO + lambda)
 *
 * S the largest request of the queue in tokens, D the seconds one of its
 * requests takes, lambda its arrivals a second.  With less than S a queue would
 * starve, so its minimum is the greater of least and S, which the formula alone
 * does not ensure (docs/POLICY.md, row 12).  What is left of the total is shared
 * out by a rule: need (in proportion to the minima), equal, arrivals.
 *
 * Overload, minima over the total: every queue first gets S, one largest request,
 * and the rest in proportion to minimum - S; if the S alone do not fit, the two
 * queues of the largest sizes become one, and so on (docs/POLICY.md, row 12).
 *
 * The account of a queue: quota = available + charged to running requests, at
 * all times.  After a change of quotas available may be negative until requests
 * end.
 */
#ifndef POLICY_QUOTA_H
#define POLICY_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/cuts.h"

struct quota_class {
	double largest;	 /* S, tokens */
	double seconds;	 /* D */
	double arrivals; /* lambda, a second */
};

enum quota_rule { QUOTA_NEED, QUOTA_EQUAL, QUOTA_ARRIVALS };

/* -1: no rule of that name. */
int quota_find(const char *name);

/* Tokens of one queue by the formula. */
double quota_least(const struct quota_class *, double slo_s);

/* Shares out total among n classes, smallest first (changed where two become
 * one: largest and seconds the greater, arrivals the sum); the sum of quota[] is
 * total, and each quota is at least its S, as far as total allows.  Returns the
 * number of classes left, 1 .. n, the last of which has all that were beyond;
 * *overloaded: the minima of all n did not fit.
 * Parts of a token go to those that lack most of one, then to the lower index. */
int quota_share(struct quota_class *, int n, int64_t total, double slo_s,
    enum quota_rule, int64_t quota[CUTS_CLASSES_MAX], bool *overloaded);

#endif

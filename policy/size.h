/*
 * size.h -- how large a request is, for the choice of its queue.
 *
 *	wrs     (A * prompt/P + B * answer/O) * max(adapter/M, least)   paper, 4.1
 *	linear  (A * prompt/P + B * answer/O + C * max(adapter/M, least))
 *	        / (A + B + C)
 *	output  answer/O
 *	cost    predicted seconds, unscaled
 *
 * P, O and M are the largest of the window; each ratio is clamped to 1.  least
 * is the smallest adapter over the largest, also the ratio of a request without
 * an adapter (docs/POLICY.md, rows 6 and 7); where there are no adapters at
 * all it is 1.  Weights of 0 make a linear size of 0.
 */
#ifndef POLICY_SIZE_H
#define POLICY_SIZE_H

#include <stdint.h>

struct size_view {
	uint32_t prompt;	/* tokens */
	uint32_t predicted;	/* tokens of the answer */
	uint64_t adapter_bytes; /* 0: the base model */
	double seconds;		/* policy/cost.h */
};

struct size_scale {
	double prompt_max, answer_max; /* tokens; > 0 */
	double adapter_max;	       /* bytes; 0: there is none */
	double adapter_min;	       /* bytes of the smallest */
	double a, b, c;		       /* weights: A, B, C; >= 0 */
};

typedef double size_f(const struct size_view *, const struct size_scale *);

struct size_policy {
	const char *name;
	size_f *size;
};

/* NULL: no policy of that name. */
const struct size_policy *size_find(const char *name);

#endif

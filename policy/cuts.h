/*
 * cuts.h -- where one queue ends and the next begins.
 *
 * Exact one-dimensional k-means over a sample of sizes (dynamic programming on
 * the sorted sample), for every K up to a most; cut i lies halfway between the
 * centres i and i + 1 (paper, 4.2).  How many classes:
 *
 *	elbow    the smallest K whose successor removes less than a tenth of
 *	         the sum of squares of one class (docs/POLICY.md, row 8)
 *	literal  the least sum of squares: the most that distinct sizes allow
 *
 * A size equal to a cut belongs to the larger class.
 *
 * Memory   The caller's: samples are sorted in place, scratch is handed in.
 */
#ifndef POLICY_CUTS_H
#define POLICY_CUTS_H

#include <stdint.h>

#define CUTS_CLASSES_MAX 4
#define CUTS_SAMPLE_MAX 1024
#define CUTS_SAMPLE_MIN 64 /* fewer: keep the old cuts */

struct cuts {
	int classes;			 /* 1 .. CUTS_CLASSES_MAX */
	double at[CUTS_CLASSES_MAX - 1]; /* ascending, classes - 1 of them */
	double within[CUTS_CLASSES_MAX]; /* sum of squares for K = 1 .. 4; 0
					  * beyond the distinct sizes */
};

struct cuts_scratch {
	int upto[CUTS_SAMPLE_MAX + 1]; /* sizes among the first distinct ones */
	double sum[CUTS_SAMPLE_MAX + 1], square[CUTS_SAMPLE_MAX + 1];
	double best[CUTS_CLASSES_MAX][CUTS_SAMPLE_MAX + 1];
	int from[CUTS_CLASSES_MAX][CUTS_SAMPLE_MAX + 1];
};

enum cuts_rule { CUTS_ELBOW, CUTS_LITERAL };

/* -1: no rule of that name. */
int cuts_find(const char *name);

/* n sizes, 1 .. CUTS_SAMPLE_MAX; at most `most` classes, and no more than there
 * are distinct sizes: equal ones are never parted. */
void cuts_make(struct cuts *, double *sizes, int n, int most, enum cuts_rule,
    struct cuts_scratch *);

/* That many classes of equal width between the smallest and the largest size,
 * one if these are the same: the baseline "static".  within is 0. */
void cuts_equal(struct cuts *, double least, double most, int classes);

/* 0 .. classes - 1. */
int cuts_class(const struct cuts *, double size);

#endif

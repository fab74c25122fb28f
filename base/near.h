/*
 * near.h -- which known name a mistyped one was meant to be.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

/* Letters to insert, drop, change or swap with a neighbour to make b of a;
 * only the first NEAR_LENGTH_MAX letters of each count. */
#define NEAR_LENGTH_MAX 64
int near_distance(const char *a, const char *b);

/* Whether b is near enough to a to be worth naming: at most a third of a's
 * letters, and one more, differ. */
int near_enough(const char *a, int distance);

#endif

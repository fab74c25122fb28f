/*
 * evict.h -- which idle adapter leaves the device when its room is needed.
 *
 * Pure: plain views and now.  Three levels of protection (paper, 4.2.2): one
 * that runs, or is pinned, never leaves; one that a waiting request wants only
 * when no other is left, that whose first waiter comes last before the others;
 * of the rest the one worth least, by a kind of policy:
 *
 *	chameleon  F uses/mean uses + R recency + S bytes/largest  (paper, 4.2.2)
 *	fairshare  the same with F = R = S
 *	lru        the last use
 *	lfu        uses in the window
 *	gdsf       uses * reload seconds / bytes + floor, floor: the worth of
 *	           the last one evicted, as it was at the last use
 *	value      reload seconds * probability of use soon, a byte: within a
 *	           sixtieth of the window, 1 - exp(-rate * window / 60); the
 *	           rate decays
 *	none       nothing is kept: each leaves when no running request uses it
 *	queued     likewise, but not while a waiting request wants it
 *	first      the lowest index leaves: trivially right
 *
 * Recency is 1 - min(age, window)/window (docs/POLICY.md, rows 1 and 20).
 * Where none and queued have to pick, they pick as lru does.  Ties go to the
 * longer unused, then to the lower index, so that a run replays.
 */
#ifndef POLICY_EVICT_H
#define POLICY_EVICT_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* PROMISED: brought for one whose turn it was, and who waits for it alone. */
enum evict_level { EVICT_FREELY, EVICT_QUEUED, EVICT_PROMISED, EVICT_NEVER };

struct evict_view {
	int32_t adapter;     /* index in the directory */
	uint8_t level;	     /* enum evict_level */
	uint64_t bytes;	     /* on the device */
	nsec used_ns;	     /* last use */
	nsec waits_since_ns; /* QUEUED, PROMISED: arrival of its first waiter */
	uint64_t waits_order; /* and its order among those of that moment */
	uint32_t waits_slot;  /* that waiter */
	double uses;	      /* in the window */
	double rate;	      /* uses a second, decayed to rate_ns */
	nsec rate_ns;
	double reload_s; /* what it costs to bring it again */
	double floor;	 /* gdsf: that held at its last use */
	double weight;	 /* an operator's; 1: as good as any other */
};

struct evict_scale {
	double uses_mean; /* of those in the cache, on the average; >= 1 */
	double bytes_max; /* of the largest of the catalogue; >= 1 */
	nsec window_ns;	  /* of recency, decay and foresight of rate; > 0 */
	double frequency, recency, size; /* F, R, S */
};

/* The greater, the longer it stays. */
typedef double evict_keep_f(const struct evict_view *,
    const struct evict_scale *, nsec now);

enum evict_idle { EVICT_KEEPS, EVICT_DROPS_UNQUEUED, EVICT_DROPS };

struct evict_policy {
	const char *name;
	evict_keep_f *keep;
	enum evict_idle idle; /* what becomes of one that nobody runs with */
};

/* NULL: no policy of that name. */
const struct evict_policy *evict_find(const char *name);

/* What it is worth by the policy, times its weight; where worth is the moment of
 * the last use, that was so much later: age / weight ago. */
double evict_keep(const struct evict_policy *, const struct evict_view *,
    const struct evict_scale *, nsec now);

/* A rate that was so at then, now: it halves in each window. */
double evict_rate(double rate, nsec then, nsec now, nsec window_ns);

/* The rate after one more use now: it tends to that of uses which come
 * regularly, half of the way in each window. */
double evict_rate_use(double rate, nsec then, nsec now, nsec window_ns);

/* Whether a leaves before b; keep_a, keep_b: their worth. */
bool evict_before(const struct evict_view *a, double keep_a,
    const struct evict_view *b, double keep_b);

/* Index into views of the one to evict; -1: none may leave.  The trivially
 * right pick, by looking at all; may_take_queued: also those that waiting
 * requests want, if no other is left. */
int evict_pick(const struct evict_policy *, const struct evict_scale *,
    const struct evict_view *, int n, bool may_take_queued, nsec now);

#endif

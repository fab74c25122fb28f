/* Who is admitted next: the orders within a queue, and the turn over queues. */
#include "policy/admit.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* By arrival, which a restart of the scheduler does not change; what arrived in
 * the same moment goes by submission, then by slot. */
bool
admit_older(const struct admit_view *a, const struct admit_view *b)
{
	if (a->arrived_ns != b->arrived_ns)
		return a->arrived_ns < b->arrived_ns;
	if (a->order != b->order)
		return a->order < b->order;
	return a->slot < b->slot;
}

static bool
shorter(const struct admit_view *a, const struct admit_view *b)
{
	if (a->predicted != b->predicted)
		return a->predicted < b->predicted;
	return admit_older(a, b);
}

static const struct admit_policy policies[] = {
	{ "chameleon", admit_older, ADMIT_CUTS },
	{ "static", admit_older, ADMIT_EQUAL },
	{ "sjf", shorter, ADMIT_ONE },
	{ "fifo", admit_older, ADMIT_ONE },
};

const struct admit_policy *
admit_find(const char *name)
{
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
		if (strcmp(policies[i].name, name) == 0)
			return &policies[i];
	return NULL;
}

void
admit_begin(struct admit_turn *t, int64_t *available, int n)
{
	must(n >= 1 && n <= CUTS_CLASSES_MAX);
	*t = (struct admit_turn){ .n = n, .available = available, .phase = 1 };
}

/* What the queues that lend have left. */
static int64_t
spare(const struct admit_turn *t)
{
	int64_t sum = 0;

	for (int q = 0; q < t->n; q++)
		if (t->lends[q] && t->available[q] > 0)
			sum += t->available[q];
	return sum;
}

int
admit_next(struct admit_turn *t, const struct admit_head *heads)
{
	for (; t->phase <= 2; t->phase++, t->at = 0) {
		for (; t->at < t->n; t->at++) {
			int q = t->at;
			int64_t budget = t->phase == 1 ? t->available[q] :
							 spare(t);

			if (!heads[q].any)
				t->lends[q] |= t->phase == 1;
			else if (!t->left[q] && heads[q].cost <= budget)
				return q;
		}
	}
	return -1;
}

void
admit_took(struct admit_turn *t, int q, int64_t cost, int64_t *charge)
{
	if (t->phase == 1) {
		t->available[q] -= cost;
		charge[q] += cost;
		return;
	}
	for (int from = 0; from < t->n && cost > 0; from++) {
		int64_t part = t->available[from];

		if (!t->lends[from] || part <= 0)
			continue;
		if (part > cost)
			part = cost;
		t->available[from] -= part;
		charge[from] += part;
		cost -= part;
	}
	must(cost == 0);
}

void
admit_left(struct admit_turn *t, int q)
{
	t->left[q] = true;
}

bool
admit_bypass(double free_in_s, double runs_s)
{
	return free_in_s < 0 || free_in_s > runs_s;
}

static int
sooner(const void *va, const void *vb)
{
	const struct admit_end *a = va, *b = vb;

	if (a->end_s < b->end_s || b->end_s < a->end_s)
		return a->end_s < b->end_s ? -1 : 1;
	return (a->gives > b->gives) - (a->gives < b->gives);
}

double
admit_free_in(struct admit_end *ends, int n, int64_t has, int64_t need)
{
	if (has >= need)
		return 0;
	qsort(ends, (size_t)n, sizeof(*ends), sooner);
	for (int i = 0; i < n; i++) {
		has += ends[i].gives;
		if (has >= need)
			return ends[i].end_s > 0 ? ends[i].end_s : 0;
	}
	return -1;
}

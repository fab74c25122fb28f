/* What came and what ended lately; boundaries, quotas and scales made of it.
 *
 * Two samples of at most RECENT each: who came and who ended since the last
 * refresh.  The first refreshes come early (10 s, 20 s, ...), so that a fresh
 * engine need not wait five minutes for its queues. */
#include "scheduler/sch.h"

#include <math.h>
#include <stdlib.h>

#define FIRST_NS (10 * SECOND)
#define ENDED_MIN 16 /* fewer ends of a class: the cost model's word */

/* A uniform sample of all that were offered (reservoir). */
static void
offer(struct sch *h, struct recent_list *l, const struct sch_recent *r)
{
	uint64_t at = l->seen++;

	if (l->n < RECENT)
		l->at[l->n++] = *r;
	else if ((at = rng_below(&h->rng, l->seen)) < RECENT)
		l->at[at] = *r;
}

static struct size_view
view_of(const struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];

	return (struct size_view){ p->view.prompt, p->view.predicted,
		p->view.adapter_bytes, p->runs_s };
}

void
recent_came(struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	double bytes = (double)p->view.adapter_bytes;

	if (bytes > h->scale.adapter_max)
		h->scale.adapter_max = bytes;
	if (bytes > 0 &&
	    (h->scale.adapter_min <= 0 || bytes < h->scale.adapter_min))
		h->scale.adapter_min = bytes;
	offer(h, &h->came,
	    &(struct sch_recent){ view_of(h, slot), (double)p->cost, 0 });
}

void
recent_ended(struct sch *h, uint32_t slot, uint32_t tokens, double seconds)
{
	const struct sch_slot *p = &h->slot[slot];

	(void)tokens;
	offer(h, &h->ended,
	    &(struct sch_recent){ view_of(h, slot), (double)p->cost, seconds });
}

static int
ascending(const void *va, const void *vb)
{
	double a = *(const double *)va, b = *(const double *)vb;

	return (a > b) - (a < b);
}

static double
near_most(double *x, uint32_t n)
{
	qsort(x, n, sizeof(*x), ascending);
	return x[(uint32_t)ceil(0.99 * n) - 1];
}

/* The largest lengths, but for one in a hundred (docs/POLICY.md, row 6). */
static void
new_scale(struct sch *h)
{
	uint32_t n = h->came.n;

	for (uint32_t i = 0; i < n; i++)
		h->sizes[i] = h->came.at[i].size.prompt;
	h->scale.prompt_max = fmax(1, near_most(h->sizes, n));
	for (uint32_t i = 0; i < n; i++)
		h->sizes[i] = h->came.at[i].size.predicted;
	h->scale.answer_max = fmax(1, near_most(h->sizes, n));
}

static void
new_cuts(struct sch *h)
{
	uint32_t n = h->came.n;
	double least = INFINITY, most = 0;

	for (uint32_t i = 0; i < n; i++) {
		h->sizes[i] = account_size(h, &h->came.at[i].size);
		least = fmin(least, h->sizes[i]);
		most = fmax(most, h->sizes[i]);
	}
	if (h->rules.admission->queues == ADMIT_EQUAL)
		cuts_equal(&h->cuts, least, most, h->rules.queues_max);
	else
		cuts_make(&h->cuts, h->sizes, (int)n, h->rules.queues_max,
		    h->rules.cuts, h->scratch);
	h->nclasses = h->cuts.classes;
}

/* What each class needs, from the sample (docs/POLICY.md, row 10). */
static void
needs(struct sch *h, struct quota_class *c, double seconds)
{
	double sum[CLASSES] = { 0 }, guess[CLASSES] = { 0 };
	uint32_t came[CLASSES] = { 0 }, ended[CLASSES] = { 0 };

	for (uint32_t i = 0; i < h->came.n; i++) {
		const struct sch_recent *r = &h->came.at[i];
		uint32_t q = account_class(h, account_size(h, &r->size));

		came[q]++;
		guess[q] += r->size.seconds;
		c[q].largest = fmax(c[q].largest, r->cost);
	}
	for (uint32_t i = 0; i < h->ended.n; i++) {
		const struct sch_recent *r = &h->ended.at[i];
		uint32_t q = account_class(h, account_size(h, &r->size));

		ended[q]++;
		sum[q] += r->seconds;
	}
	for (int q = 0; q < h->nclasses; q++) {
		double share = came[q] / (double)h->came.n;

		c[q].arrivals = share * (double)h->came.seen / seconds;
		if (ended[q] >= ENDED_MIN)
			c[q].seconds = sum[q] / ended[q];
		else if (came[q] > 0)
			c[q].seconds = guess[q] / came[q];
	}
}

static void
new_quotas(struct sch *h, nsec now)
{
	struct quota_class c[CLASSES] = { { 0 } };
	double seconds = (double)(now - h->refreshed_ns) / (double)SECOND;
	int64_t total = 0;

	for (int q = 0; q < CLASSES; q++)
		total += h->quota[q];
	needs(h, c, fmax(seconds, 1e-3));
	if (h->rules.admission->queues == ADMIT_EQUAL) {
		for (int q = 0; q < h->nclasses; q++)
			h->quota[q] = total * (q + 1) / h->nclasses -
			    total * q / h->nclasses;
		return;
	}
	h->nclasses = quota_share(c, h->nclasses, total,
	    (double)h->rules.slo_ns / (double)SECOND, h->rules.surplus,
	    h->quota, &h->overloaded);
	h->cuts.classes = h->nclasses;
	if (h->overloaded)
		sch_count(&h->w.meters->overloaded);
}

static void
begin(struct sch *h, nsec now)
{
	h->refreshed_ns = now;
	h->came.seen = h->ended.seen = 0;
	h->came.n = h->ended.n = 0;
}

void
recent_refresh(struct sch *h, nsec now, bool at_once)
{
	if (h->refresh_ns == 0) {
		h->refresh_ns = FIRST_NS;
		if (h->refreshed_ns == 0)
			begin(h, now);
	}
	if (h->rules.admission->queues == ADMIT_ONE ||
	    (!at_once && now - h->refreshed_ns < h->refresh_ns &&
		now - h->refreshed_ns < h->rules.refresh_ns) ||
	    h->came.n < CUTS_SAMPLE_MIN)
		return;
	new_scale(h);
	new_cuts(h);
	new_quotas(h, now);
	account_settle(h);
	queue_again(h);
	begin(h, now);
	h->refresh_ns = 2 * h->refresh_ns < h->rules.refresh_ns ?
	    2 * h->refresh_ns :
	    h->rules.refresh_ns;
}

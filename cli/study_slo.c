/* What requests take alone, and what they may take. */
#include "cli/study.h"

#include "base/err.h"

#include <inttypes.h>
#include <stdlib.h>

#define SEED 1
#define GAP_NS (60 * SECOND)
#define TRIES 8

/* Times of arrival so far apart that no two requests meet. */
static void
spread(struct sim_work *w, nsec gap)
{
	for (uint64_t i = 0; i < w->n; i++)
		w->asks[i].at = (nsec)i * gap;
}

static bool
alone(const struct sim_work *w, const struct sim_result *r)
{
	for (uint64_t i = 0; i + 1 < w->n; i++)
		if (r->outcomes[i].last_ns > w->asks[i + 1].at)
			return false;
	return true;
}

static int
mean_of(const struct sim_work *w, const struct sim_result *r, double *ms)
{
	uint64_t n = 0;
	double sum = 0;

	for (uint64_t i = 0; i < w->n; i++)
		if (r->outcomes[i].failed == 0) {
			sum += clock_ms(r->outcomes[i].last_ns - w->asks[i].at);
			n++;
		}
	*ms = n > 0 ? sum / (double)n : 0;
	return n > 0 ?
	    0 :
	    err_set(ERR_USAGE,
		"no request of this work fits, even alone: %ju of %ju failed",
		(uintmax_t)w->n, (uintmax_t)w->n);
}

/* ERR_TIMEOUT: they met each other. */
static int
measure(struct sim_setup *setup, struct sim_work *w, nsec gap, double *ms)
{
	struct sim_result *r = calloc(1, sizeof(*r));
	int e;

	if (r == NULL)
		return err_set(ERR_MEMORY, "no memory for a run");
	spread(w, gap);
	if ((e = sim_run(setup, r)) == 0)
		e = alone(w, r) ?
		    mean_of(w, r, ms) :
		    err_set(ERR_TIMEOUT, "a request takes over %" PRId64 " s",
			gap / SECOND);
	sim_result_free(r);
	free(r);
	return e;
}

int
study_slo(struct study *s)
{
	struct sim_work_options o = s->work;
	struct sim_setup setup = { .cost = s->setup.cost,
		.slots = s->setup.slots,
		.seed = SEED };
	struct sim_work w;
	double ms = 0;
	int e;

	o.arrivals = SIM_POISSON;
	o.rps = 1;
	o.requests = STUDY_SLO_REQUESTS;
	o.duration_s = 0;
	o.seed = SEED;
	conf_defaults(&setup.conf);
	if ((e = sim_work_make(&w, &o)) != 0)
		return e;
	setup.work = &w;
	e = ERR_TIMEOUT;
	for (int i = 0; i < TRIES && e == ERR_TIMEOUT; i++)
		e = measure(&setup, &w, GAP_NS << (2 * i), &ms);
	sim_work_free(&w);
	if (e != 0)
		return err_add("measuring requests one at a time");
	s->slo_ms = STUDY_SLO_FACTOR * ms;
	s->slo_measured = true;
	return 0;
}

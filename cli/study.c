/* The runs of a study, one after the other. */
#include "cli/study.h"

#include "base/err.h"
#include "base/must.h"
#include "sim/gaps.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW_AFTER SECOND
#define SHOW_EVERY (SECOND / 4)

struct progress {
	const struct study *s;
	nsec start, shown;
	uint32_t nrun;
	double rps;
	bool any; /* something stands on the line */
};

static void
show(void *arg, uint64_t ended, uint64_t of)
{
	struct progress *p = arg;
	nsec now = clock_mono();

	if (now - p->start < SHOW_AFTER || now - p->shown < SHOW_EVERY)
		return;
	p->shown = now;
	p->any = true;
	fprintf(stderr, "\r\033[K%s: run %u of %u", p->s->system,
	    p->s->nrun + 1, p->nrun);
	if (p->rps > 0)
		fprintf(stderr, ", %g requests/s", p->rps);
	fprintf(stderr, ", %.0f %%",
	    of > 0 ? 100.0 * (double)ended / (double)of : 0);
	fflush(stderr);
}

static void
clear(struct progress *p)
{
	if (p->any)
		fprintf(stderr, "\r\033[K");
	p->any = false;
}

/* Times of the requests that count, as a client sees them. */
static void
take_times(struct study_run *run, const struct study *s,
    const struct sim_work *w, const struct sim_result *r)
{
	double beside = s->setup.cost.frontend_ms;
	struct bench_list e2e = { 0 }, wait = { 0 };

	for (uint64_t i = 0; i < w->n; i++) {
		const struct sim_outcome *o = &r->outcomes[i];
		nsec at = w->asks[i].at;

		if ((double)at < s->setup.warm_up_s * 1e9 || o->failed != 0)
			continue;
		run->sum.tokens += o->tokens;
		bench_add(&run->ttft, clock_ms(o->first_ns - at) + beside);
		bench_add(&e2e, clock_ms(o->last_ns - at) + beside);
		bench_add(&wait, clock_ms(o->load_wait_ns));
	}
	run->sum.ttft = bench_times(&run->ttft);
	run->sum.e2e = bench_times(&e2e);
	run->load_wait = bench_times(&wait);
	free(e2e.at);
	free(wait.at);
}

static struct summary_times
gap_times(const struct sim_gaps *g)
{
	return (struct summary_times){ sim_gaps_mean_ms(g),
		sim_gaps_quantile_ms(g, 0.5), sim_gaps_quantile_ms(g, 0.9),
		sim_gaps_quantile_ms(g, 0.99) };
}

static double
offered(const struct sim_work_options *o, const struct sim_work *w)
{
	nsec span = w->asks[w->n - 1].at - w->asks[0].at;

	if (o->rps > 0)
		return o->rps;
	return span > 0 ? (double)(w->n - 1) / ((double)span / 1e9) : 0;
}

static void
sum_up(struct study_run *run, const struct study *s, const struct sim_work *w,
    struct sim_result *r)
{
	run->rps = offered(&s->work, w);
	run->sum = (struct summary){ .system = s->system,
		.seed = s->setup.seed,
		.requests = r->requests,
		.completed = r->completed,
		.failed = r->failed,
		.duration_s = r->duration_s,
		.with_adapter = r->with_adapter,
		.hits = r->hits,
		.counted = true,
		.loads = r->loads,
		.load_bytes = r->load_bytes,
		.squashed = r->squashed,
		.worst_wait_ms = r->worst_wait_s * 1e3,
		.tbt = gap_times(&r->gaps) };
	run->evictions = r->evictions;
	run->miss_bytes = r->miss_bytes;
	run->steps = r->steps;
	run->bound_ms = r->starve_bound_s * 1e3;
	take_times(run, s, w, r);
	run->samples = r->samples;
	run->nsamples = r->nsamples;
	r->samples = NULL;
}

/* With the work at hand. */
static int
simulate(struct study *s, struct study_run *run)
{
	struct sim_result *r = calloc(1, sizeof(*r));
	int e;

	if (r == NULL)
		return err_set(ERR_MEMORY, "no memory for a run");
	if ((e = sim_run(&s->setup, r)) == 0 && r->requests == 0)
		e = err_set(ERR_USAGE,
		    "a warm-up of %g s: no request comes after it",
		    s->setup.warm_up_s);
	else if (e == 0) {
		sum_up(run, s, s->setup.work, r);
		s->nrun++;
		if (s->csv != NULL)
			e = study_csv_requests(s->setup.work, r,
			    s->setup.warm_up_s, s->csv);
	} else if (r->breach[0] != '\0')
		fprintf(stderr, "%s\n", r->breach);
	sim_result_free(r);
	free(r);
	return e;
}

static int
run_one(struct study *s, double rps, uint64_t seed, struct study_run *run)
{
	struct sim_work w;
	int e;

	s->work.rps = rps;
	s->work.seed = s->setup.seed = seed;
	if ((e = sim_work_make(&w, &s->work)) != 0)
		return e;
	s->work.adapters = w.nadapters; /* a trace may name its own */
	s->setup.work = &w;
	e = simulate(s, run);
	s->setup.work = NULL;
	sim_work_free(&w);
	return e;
}

int
study_run(struct study *s)
{
	uint32_t n = s->nloads * s->seeds;
	struct progress p = { .s = s, .start = clock_mono(), .nrun = n };
	uint64_t seed = s->work.seed;
	int e = 0;

	if ((s->run = calloc(n, sizeof(*s->run))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %u runs", n);
	if (!s->quiet && isatty(STDERR_FILENO)) {
		s->setup.progress = show;
		s->setup.progress_arg = &p;
	}
	for (uint32_t i = 0; e == 0 && i < n; i++) {
		p.rps = s->loads[i / s->seeds];
		e = run_one(s, p.rps, seed + i % s->seeds, &s->run[i]);
	}
	s->work.seed = seed;
	clear(&p);
	return e;
}

void
study_free(struct study *s)
{
	for (uint32_t i = 0; i < s->nrun; i++) {
		free(s->run[i].ttft.at);
		free(s->run[i].samples);
	}
	free(s->run);
	free(s->loads);
	s->run = NULL;
	s->loads = NULL;
	s->nrun = s->nloads = 0;
}

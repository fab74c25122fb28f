/* A study for people, and as rows. */
#include "cli/study.h"

#include "base/err.h"

#include <math.h>

static void
print_head(const struct study *s, FILE *f)
{
	const struct sim_cost *c = &s->setup.cost;

	fprintf(f,
	    "%s, simulated at the cost of %s: a load stalls a step by %g ms "
	    "and %g of its time,\nevery byte crosses the link %u times, "
	    "admission every %u steps\n",
	    s->system, c->name, c->load_stall_ms, c->load_stall_factor,
	    s->setup.conf.loader_link_copies,
	    s->setup.conf.policy_admit_every_steps);
	fprintf(f, "SLO %.1f ms to the first token", s->slo_ms);
	if (s->slo_measured)
		fprintf(f, " (%d times the mean of %d requests alone)",
		    STUDY_SLO_FACTOR, STUDY_SLO_REQUESTS);
	fprintf(f, "\n");
}

static void
print_one(const struct study *s, FILE *f)
{
	const struct study_run *r = &s->run[0];

	fprintf(f,
	    "%ju requests at %.3g/s, %ju completed, %ju failed, seed %ju\n",
	    (uintmax_t)r->sum.requests, r->rps, (uintmax_t)r->sum.completed,
	    (uintmax_t)r->sum.failed, (uintmax_t)r->sum.seed);
	summary_print(&r->sum, f);
	if (r->bound_ms > 0)
		fprintf(f, "no wait should be over %.2f ms: %s\n", r->bound_ms,
		    r->sum.worst_wait_ms <= r->bound_ms ? "held" : "BROKEN");
	fprintf(f, "P99 TTFT %s the SLO\n",
	    study_p99(r) <= s->slo_ms ? "meets" : "misses");
}

/* Means over the seeds of one load. */
static void
print_load(const struct study *s, uint32_t load, FILE *f)
{
	const struct study_run *r = &s->run[load * s->seeds];
	double p99[STUDY_SEEDS_MAX], half, n = s->seeds;
	double p50 = 0, tbt = 0, hits = 0, done = 0, mean;
	uint64_t failed = 0;

	for (uint32_t i = 0; i < s->seeds; i++) {
		p99[i] = r[i].sum.ttft.p99;
		p50 += r[i].sum.ttft.p50 / n;
		tbt += r[i].sum.tbt.p99 / n;
		hits += summary_hit_rate(&r[i].sum) / n;
		done += summary_rate(&r[i].sum, r[i].sum.completed) / n;
		failed += r[i].sum.failed;
	}
	mean = study_mean(p99, s->seeds, &half);
	fprintf(f, "%7.3g %8.2f %11.1f %11.1f %9.1f %9.1f %6.3f %7ju%s\n",
	    r[0].rps, done, p50, mean, half, tbt, hits, (uintmax_t)failed,
	    mean <= s->slo_ms ? "" : "  over SLO");
}

static void
print_knee(const struct study *s, FILE *f)
{
	struct study_knee k = study_knee(s);

	if (k.under == s->seeds) {
		fprintf(f, "no load is within the SLO\n");
		return;
	}
	fprintf(f, "throughput within the SLO %s%.3f requests/s",
	    k.over == s->seeds ? "at least " : "", k.rps);
	if (s->seeds > 1 && k.over < s->seeds)
		fprintf(f, ", 95 %% between %.3f and %.3f over %u seeds", k.low,
		    k.high, s->seeds);
	fprintf(f, "\n");
	if (k.under > 0)
		fprintf(f, "%u seeds have no load within it\n", k.under);
	if (k.over > 0 && k.over < s->seeds)
		fprintf(f, "%u seeds have every load within it\n", k.over);
}

void
study_print(const struct study *s, FILE *f)
{
	print_head(s, f);
	if (s->nrun == 1 && !s->sweep) {
		print_one(s, f);
		return;
	}
	fprintf(f, "%7s %8s %11s %11s %9s %9s %6s %7s\n", "rps", "done/s",
	    "TTFT p50", "TTFT p99", "+-", "TBT p99", "hits", "failed");
	for (uint32_t i = 0; i < s->nloads; i++)
		print_load(s, i, f);
	if (s->sweep)
		print_knee(s, f);
}

static int
closed(FILE *f, const char *path)
{
	int e = ferror(f);

	return fclose(f) == 0 && e == 0 ? 0 :
					  err_sys(ERR_IO, "writing %s", path);
}

static void
times_row(FILE *f, const struct summary_times *t)
{
	fprintf(f, ",%.9g,%.9g,%.9g,%.9g", t->mean, t->p50, t->p90, t->p99);
}

#define TIMES(name) name "_mean," name "_p50," name "_p90," name "_p99"

int
study_csv(const struct study *s, const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return err_sys(ERR_IO, "%s", path);
	fprintf(f,
	    "system,rps,seed,requests,completed,failed,duration_s,"
	    "throughput_rps,tokens_per_s,hit_rate,loads,load_bytes,"
	    "squashed,worst_wait_ms,slo_ms," TIMES("ttft_ms") "," TIMES(
		"tbt_ms") "," TIMES("e2e_ms") "\n");
	for (uint32_t i = 0; i < s->nrun; i++) {
		const struct study_run *r = &s->run[i];
		const struct summary *u = &r->sum;

		fprintf(f, "%s,%.9g,%ju,%ju,%ju,%ju,%.9g,%.9g,%.9g,%.9g,",
		    s->system, r->rps, (uintmax_t)u->seed,
		    (uintmax_t)u->requests, (uintmax_t)u->completed,
		    (uintmax_t)u->failed, u->duration_s,
		    summary_rate(u, u->completed), summary_rate(u, u->tokens),
		    summary_hit_rate(u));
		fprintf(f, "%ju,%ju,%ju,%.9g,%.9g", (uintmax_t)u->loads,
		    (uintmax_t)u->load_bytes, (uintmax_t)u->squashed,
		    u->worst_wait_ms, s->slo_ms);
		times_row(f, &u->ttft);
		times_row(f, &u->tbt);
		times_row(f, &u->e2e);
		fprintf(f, "\n");
	}
	return closed(f, path);
}

static void
request_row(FILE *f, const struct sim_work *w, uint64_t i,
    const struct sim_outcome *o)
{
	const struct sim_ask *a = &w->asks[i];
	int rank = a->adapter < 0 ? 0 : w->adapters[a->adapter].rank;

	fprintf(f, "%ju,%.9f,%d,%d,%u,%u,%u,", (uintmax_t)i,
	    (double)a->at / 1e9, a->adapter, rank, a->prompt, a->output,
	    a->max_tokens);
	if (o->failed != 0)
		fprintf(f, ",,,");
	else
		fprintf(f, "%.9g,%.9g,%.9g,", clock_ms(o->placed_ns - a->at),
		    clock_ms(o->first_ns - a->at),
		    clock_ms(o->last_ns - a->at));
	fprintf(f, "%.9g,%.9g,%u,%u,%u,%u\n", clock_ms(o->load_wait_ns),
	    clock_ms(o->gap_max_ns), o->hit, o->squashes, o->class, o->failed);
}

int
study_csv_requests(const struct sim_work *w, const struct sim_result *r,
    double warm_up_s, const char *path)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return err_sys(ERR_IO, "%s", path);
	fprintf(f,
	    "request,at_s,adapter,rank,prompt_tokens,output_tokens,"
	    "max_tokens,wait_ms,ttft_ms,e2e_ms,load_wait_ms,gap_max_ms,"
	    "hit,squashes,class,failed\n");
	for (uint64_t i = 0; i < w->n; i++)
		if ((double)w->asks[i].at >= warm_up_s * 1e9)
			request_row(f, w, i, &r->outcomes[i]);
	return closed(f, path);
}

/*
 * study.h -- simulated runs: one load or several, one seed or several, and what
 * they come to together.
 *
 *	parse    sweeps, arrivals, lengths     study_parse.c
 *	run      one run after the other       study.c
 *	slo      what a request takes alone    study_slo.c
 *	knee     the largest load within it    study_knee.c
 *	report   table, JSON, CSV, plots       study_report.c, _json.c, _plots.c
 *
 * Runs of the same load and seed have the same work, whatever the system.
 *
 * Memory   study_run allocates, study_free frees.
 */
#ifndef CLI_STUDY_H
#define CLI_STUDY_H

#include "cli/bench.h"
#include "cli/summary.h"
#include "sim/sim.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STUDY_LOADS_MAX 1000
#define STUDY_SEEDS_MAX 1000

struct study {
	struct sim_setup setup;	      /* its work and seed change */
	struct sim_work_options work; /* its rate and seed change */
	const char *system;
	double slo_ms;	       /* of the time to the first token */
	bool slo_measured;     /* by study_slo */
	double *loads;	       /* requests a second, ascending; [nloads] */
	uint32_t nloads;       /* at least 1 */
	bool sweep;	       /* loads were asked for as such */
	uint32_t seeds;	       /* each load with so many, from work.seed on */
	bool quiet;	       /* no progress */
	const char *csv;       /* NULL, or where the requests of one run go */
	struct study_run *run; /* [nloads * seeds], a load's side by side */
	uint32_t nrun;	       /* of them done */
};

struct study_run {
	double rps; /* that arrive */
	struct summary sum;
	struct summary_times load_wait; /* for the adapter alone */
	uint64_t evictions, miss_bytes, steps;
	double bound_ms;	/* nobody should wait longer; 0: none known */
	struct bench_list ttft; /* ms, sorted */
	struct sim_sample *samples;
	uint32_t nsamples;
};

/* "rps=5:13:0.5".  ERR_USAGE, ERR_MEMORY. */
int study_parse_sweep(struct study *, const char *text);

/* "trace", "poisson", "gamma:CV", "bursts:ON:OFF".  ERR_USAGE. */
int study_parse_arrivals(struct sim_work_options *, const char *text);

/* "trace", "lmsys", "uniform", "uniform:LEAST:MOST".  ERR_USAGE. */
int study_parse_lengths(struct sim_work_options *, const char *text);

/* "output", or a number over 0.  ERR_USAGE. */
int study_parse_max_tokens(struct sim_work_options *, const char *text);

/* "term=value" of a cost model.  ERR_USAGE. */
int study_parse_cost(struct sim_cost *, const char *text);

/* Sets the SLO to STUDY_SLO_FACTOR times the mean end-to-end time of
 * STUDY_SLO_REQUESTS of the work's requests, each alone, on default settings
 * and always the same seed: it depends on work and cost alone. */
#define STUDY_SLO_FACTOR 5
#define STUDY_SLO_REQUESTS 1000
int study_slo(struct study *);

/* Runs all of it.  ERR_* as of sim.h; a broken law is on standard error. */
int study_run(struct study *);
void study_free(struct study *);

/* The largest load within the SLO, by seed, then over the seeds.  A load is
 * within it when its P99 TTFT is and under one request in a hundred failed;
 * between the last that is and the first that is not, linear in the P99. */
struct study_knee {
	double rps, low, high; /* mean, 95 % confidence (Student's t) */
	uint32_t under;	       /* seeds in which no load is within it */
	uint32_t over;	       /* in which all are: rps is a lower bound */
};

double study_knee_of(const double *loads, const double *p99, uint32_t n,
    double slo, int *edge); /* edge -1: none is within, 1: all are, 0 */
struct study_knee study_knee(const struct study *);

/* Mean, and half the width of its 95 % confidence; 0 of one value. */
double study_mean(const double *x, uint32_t n, double *half);

/* p99 as the SLO sees it: infinite when too many failed. */
double study_p99(const struct study_run *);

void study_print(const struct study *, FILE *);
json_t *study_json(const struct study *); /* NULL: no memory */

/* A row a run.  ERR_IO. */
int study_csv(const struct study *, const char *path);

/* A row a request.  ERR_IO. */
int study_csv_requests(const struct sim_work *, const struct sim_result *,
    double warm_up_s, const char *path);

/* Data, gnuplot's commands, SVG and PNG below dir, which is made.  ERR_IO;
 * ERR_NOT_FOUND: no gnuplot, the rest is there. */
int study_plots(const struct study *, const char *dir);

#endif

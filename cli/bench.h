/*
 * bench.h -- a load generator: what is asked when, what came back when.
 *
 * The load is made before the first request is sent, from a seed alone, so
 * that two runs ask the same.  All times are on the client's clock:
 *
 *	TTFT  from sending a request to its first line of answer
 *	TBT   the gap before each later line, divided by the line's tokens
 *	E2E   from sending to the last line
 *
 * Percentiles interpolate linearly between the two nearest values.  Waits are
 * the engine's own: timing.queue_ms and adapter_ms.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "base/clock.h"
#include "cli/summary.h"
#include "sim/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_range {
	uint32_t least, most;
};

enum bench_spread {
	BENCH_NONE,	   /* the base model alone */
	BENCH_ROUND_ROBIN, /* one after the other */
	BENCH_UNIFORM,
	BENCH_ZIPF /* the k-th with weight 1 / k^a */
};

struct bench_options {
	const char *connect;
	uint64_t requests;    /* 0: all of the trace, else 100 */
	uint64_t concurrency; /* 0: no limit */
	uint64_t connections;
	double rate;	   /* a second; 0: closed loop */
	const char *trace; /* CSV as of sim/trace.h */
	double trace_speed, length_scale;
	enum bench_spread spread;
	double zipf;
	struct bench_range prompt, output;
	uint64_t seed, vocab, context; /* context 0: no limit on lengths */
	double temperature;
	double warm_up_s; /* requests that are due before count in nothing */
	const char *json, *csv; /* csv: a row for each request that counts */
	const char *system;	/* what the engine runs as, for the result */
};

/* One request. */
struct bench_ask {
	nsec at;     /* after the start; 0 in a closed loop */
	int adapter; /* of the engine's names; -1: base */
	uint32_t prompt, output;
};

/* "128" or "64:256".  false: no such range, or 0 in it. */
bool bench_parse_range(const char *text, struct bench_range *);

/* "none", "round-robin", "uniform", "zipf:1.2". */
bool bench_parse_spread(const char *text, struct bench_options *);

/* Makes the load; *asks is malloced, *n of them.  ERR_NOT_FOUND, ERR_FORMAT
 * ("FILE:LINE: ..."), ERR_USAGE: adapters are wanted that the engine has not,
 * or both the trace and the options say which. */
int bench_load(const struct bench_options *, const struct sim_names *,
    struct bench_ask **asks, uint64_t *n);

/* The load as a trace, for `--trace` of bench and sim.  ERR_IO, ERR_MEMORY. */
int bench_write(const struct bench_ask *, uint64_t n, const struct sim_names *,
    const char *path);

/* A growing list of numbers. */
struct bench_list {
	double *at;
	uint64_t n, size;
};

void bench_add(struct bench_list *, double x);

/* Sorts.  0 of an empty list; p from 0 to 1. */
double bench_percentile(struct bench_list *, double p);
double bench_mean(const struct bench_list *);

/* Of the engine, since its start. */
struct bench_counts {
	uint64_t loads, load_bytes, squashed;
};

/* ERR_* as of client.h; ERR_FORMAT: no such answer. */
int bench_counts(const char *connect, struct bench_counts *);

#define BENCH_CODES_MAX 32

struct bench_result {
	uint64_t requests, completed, failed; /* of those that count */
	double duration_s;
	uint64_t tokens;	     /* of answers */
	uint64_t with_adapter, hits; /* completed; found theirs resident */
	double worst_wait_ms;	     /* from arrival to placement */
	bool counted;		     /* by the engine, during the run: */
	struct bench_counts counts;
	struct bench_list ttft, tbt, e2e; /* ms */
	uint64_t seed;
	const char *system; /* NULL: not told */
	struct {
		char code[40];
		uint64_t count;
	} codes[BENCH_CODES_MAX];
	int ncodes;
	bool interrupted;
};

void bench_failure(struct bench_result *, const char *code);

/* Takes a wait to placement from an answer's "timing", in ms, and returns it.
 */
double bench_wait(struct bench_result *, json_t *timing);

/* Percentiles and the mean of a list; sorts it. */
struct summary_times bench_times(struct bench_list *);

/* Runs the load against adapters of the engine. */
int bench_run(const struct bench_options *, const struct sim_names *,
    const struct bench_ask *, uint64_t n, struct bench_result *);

void bench_print(struct bench_result *, FILE *);
int bench_json(struct bench_result *, const char *path);
void bench_result_free(struct bench_result *);

/* Measures the machine on `threads` threads and prints it; with json as one
 * JSON object. */
int bench_machine(uint64_t threads, bool json, FILE *);

#endif

/*
 * summary.h -- what a run comes to: the same numbers, under the same names,
 * for an engine under load (bench) and for a simulated one (sim).
 *
 * Percentiles interpolate linearly between the two nearest values.  Reals are
 * written with nine digits, so that equal runs write equal bytes.
 */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct summary_times {
	double mean, p50, p90, p99; /* ms */
};

struct summary {
	const char *system; /* NULL: unknown */
	uint64_t seed;
	uint64_t requests, completed, failed;
	double duration_s;
	uint64_t tokens;	     /* of answers */
	uint64_t with_adapter, hits; /* completed; found theirs resident */
	bool counted;		     /* the next three are known */
	uint64_t loads, load_bytes, squashed;
	double worst_wait_ms; /* from arrival to placement */
	struct summary_times ttft, tbt, e2e;
};

/* n a second of the run; 0 if it took no time. */
double summary_rate(const struct summary *, uint64_t n);

/* 0 when nobody had an adapter. */
double summary_hit_rate(const struct summary *);

/* Throughput, the table of times, the hit rate. */
void summary_print(const struct summary *, FILE *);

/* requests completed failed duration_s throughput_rps tokens_per_s ttft_ms
 * tbt_ms e2e_ms hit_rate loads load_bytes squashed worst_wait_ms seed system.
 * What is unknown is null.  NULL: no memory. */
json_t *summary_json(const struct summary *);

/* Writes it to a path, or to standard output as "-", and lets it go.
 * ERR_MEMORY when it is NULL, ERR_IO. */
int summary_write(json_t *, const char *path);

#endif

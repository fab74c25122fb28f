/*
 * measure.h -- how long an engine's steps and loads take, and what follows.
 *
 *	watch    a thread takes the samples of a running instance's segments
 *		 (shm/sample.h), which it maps read-only	measure_watch.c
 *	profile  designed loads while it watches		measure_profile.c
 *	csv	 what was seen, as a file and back		measure_csv.c
 *	fit	 coefficients of a cost model, and their errors	measure_fit.c
 *
 * The file begins with lines "# key: value" of what was measured; a row is a
 * step, a load or an adapter, and cells that are not its kind's are empty.
 *
 * Memory   measure_free frees the rows.
 * Threads  The watch has one of its own; the rest is the caller's.
 */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include "cli/bench.h"
#include "conf/conf.h"
#include "shm/sample.h"
#include "shm/seg.h"
#include "sim/cost.h"

#include <stdio.h>

enum measure_kind {
	MEASURE_STEP,
	MEASURE_LOAD,
	MEASURE_ADAPTER, /* rank and bytes of a load, number is its index */
	MEASURE_KINDS
};

struct measure_row {
	enum measure_kind kind;
	uint64_t number;
	struct step_note step;
	struct load_note load;
};

#define MEASURE_TEXT_MAX 80

/* What was measured. */
struct measure_head {
	char model[MEASURE_TEXT_MAX], backend[MEASURE_TEXT_MAX],
	    weights[MEASURE_TEXT_MAX];
	uint64_t cores, threads, load_threads;
	uint64_t batch_max, step_tokens, block_tokens;
	uint64_t pool_bytes, chunk_bytes, kv_token_bytes;
	uint64_t link_emulated_bytes_per_s, link_copies; /* as loader_meters */
	uint64_t lost; /* samples that were overwritten unseen */
	/* Of a lone request: from its line to its first step; what its client
	 * waits beside what the engine knows of.  0: was not measured. */
	uint64_t lone_us, beside_us;
};

struct measure {
	struct measure_head head;
	struct measure_row *rows;
	size_t n, size;
};

/* ERR_MEMORY. */
int measure_add(struct measure *, const struct measure_row *);
void measure_free(struct measure *);

/* ERR_NOT_FOUND, ERR_IO, ERR_FORMAT ("FILE:LINE: ..."), ERR_MEMORY. */
int measure_write(const struct measure *, const char *path);
int measure_read(struct measure *, const char *path);

/* ---- watch ---- */

struct watch;

/* Begins with the next sample.  ERR_NOT_FOUND: no such instance. */
int watch_open(struct watch **, const char *instance);

/* Ends; what was seen is the caller's.  m may be NULL. */
int watch_close(struct watch *, struct measure *m);

const struct segs *watch_segs(const struct watch *);
void watch_settings(const struct watch *, struct conf *);

/* ---- the options of bench ---- */

struct measure_options {
	const char *instance;
	const char *profile, *samples; /* CSV to write */
	double seconds;		       /* that a profile should take */
	const char *fit;	       /* CSV to read */
	const char *cost, *cost_out;   /* models to judge, to write */
};

/* Loads the instance in many ways and writes the profile. */
int measure_profile(const struct measure_options *,
    const struct bench_options *);

/* Fits, or judges a given model; prints how well. */
int measure_fit(const struct measure_options *, FILE *);

/* Exit status of `bench --profile` and `bench --fit`; CMD_GO_ON: neither. */
int measure_alone(const struct measure_options *, const struct bench_options *);

/* Exit status of load(), watched if samples are wanted. */
int measure_around(const struct measure_options *, int (*load)(void));

#endif

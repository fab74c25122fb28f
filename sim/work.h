/*
 * work.h -- what is asked of the engine: requests, and the adapters they want.
 *
 * Made before the run, from a seed alone: the same options, the same bytes.
 * Lengths come from a trace or a generator, arrivals from the trace's times or
 * a law, adapters from a law of ranks and one of popularity within a rank; or
 * from the trace, if it names any.
 *
 * Memory   sim_work_make allocates, sim_work_free frees.
 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_ask {
	nsec at;	     /* after the start, ascending */
	int32_t adapter;     /* index; -1: the base model */
	uint32_t prompt;     /* tokens, >= 1 */
	uint32_t output;     /* tokens, >= 1 */
	uint32_t max_tokens; /* what the request allows, >= output */
	nsec deadline;	     /* after the start; 0: none */
};

struct sim_adapter {
	int32_t rank;
	uint64_t bytes; /* 0: as the cost model has it */
};

struct sim_work {
	struct sim_ask *asks; /* [n] */
	uint64_t n;
	struct sim_adapter *adapters; /* [nadapters] */
	uint32_t nadapters;
	uint32_t prompt_max, output_max; /* over all asks */
};

enum sim_arrivals { SIM_TRACE_TIMES, SIM_POISSON, SIM_GAMMA, SIM_BURSTS };

/* TRACE: with the trace's times its rows come in order, over and over if more
 * are wanted; with any other arrivals each request draws one.  LMSYS: log-normal,
 * with the means of S-LoRA's sample of LMSYS-Chat-1M (arXiv 2311.03285), 85
 * tokens in and 165 out, and at most 1024.  UNIFORM: 8..512 both, as in its
 * synthetic load, or what the options say. */
enum sim_lengths { SIM_TRACE_LENGTHS, SIM_LMSYS, SIM_UNIFORM };

struct sim_work_options {
	const char *trace; /* CSV: time, prompt tokens, output tokens; NULL */
	enum sim_arrivals arrivals;
	enum sim_lengths lengths;
	uint32_t uniform_least, uniform_most; /* tokens; 0: 8..512 */
	double rps;			      /* 0: the trace's own rate */
	double gamma_cv;     /* coefficient of variation of the gaps */
	double on_s, off_s;  /* bursts: arrivals during on alone, same mean */
	double length_scale; /* lengths times this, at least 1 token */
	double duration_s;   /* 0: by requests */
	uint64_t requests;   /* 0: by duration; both 0: the whole trace */
	uint32_t adapters;   /* 0: base model alone; a trace's own go first */
	bool by_law;	     /* they are asked for by number or ranks: a trace
			      * that names its own is refused */
	uint32_t copies;     /* each that the trace names so often, its requests
			      * shared out among them by chance; 0: once */
	double zipf;	     /* popularity within a rank; 0: uniform */
	/* Popularity of ranks: 0 uniform; over it the smallest rank is the
	 * most popular, under it the largest. */
	double rank_zipf;
	const char *ranks; /* "8,16,32,64,128": as many adapters of each */
	/* What requests allow, and no answer is longer than: a number, or 0:
	 * the largest output of the scaled trace, or that the generator can
	 * give, as a client that sets one limit for all would. */
	uint32_t max_tokens;
	bool max_is_output; /* instead: exactly the output */
	uint64_t seed;
};

/* ERR_NOT_FOUND, ERR_FORMAT ("FILE:LINE: want ..."), ERR_USAGE, ERR_MEMORY. */
int sim_work_make(struct sim_work *, const struct sim_work_options *);
void sim_work_free(struct sim_work *);

#endif

/*
 * cost.h -- what a step and a load take, in terms that a file names.
 *
 * The terms are those of cost.tbl; a file that lacks one, or has one too many,
 * is refused with its line and what is wanted.  A step of decode rows d and
 * prompt tokens p takes
 *
 *	step_fixed (if d, or if steps are mixed) + prefill_fixed (if p)
 *	+ p prefill_token + d decode_row
 *	+ attend_token * context of d + prefill_attend * pairs of p
 *	+ lora_step (if any row has an adapter) + lora_adapter * adapters
 *	+ lora_prefill_rank * sum of ranks over p + lora_decode_rank * over d
 *	+ what is left, as it begins, of the stalls of loads
 *
 * The stall of a load is load_stall_ms + load_stall_factor * its time on the
 * link.  It begins with the copy, or when the step under way or the stall before
 * it ends, and passes by itself: no step pays for loads that were over before it
 * began.  A load that finds nothing running stalls nothing.
 */
#ifndef SIM_COST_H
#define SIM_COST_H

#include "base/clock.h"

#include <stdint.h>

#define SIM_COST_NAME_MAX 64

struct sim_cost {
	char name[SIM_COST_NAME_MAX];
#define TERM(name, least, most, unit, help) double name;
#include "sim/cost.tbl"
#undef TERM
};

/* What one step does. */
struct sim_step {
	uint32_t decode_rows, prompt_tokens;
	uint64_t decode_context;	     /* tokens read by decode rows */
	uint64_t prompt_pairs;		     /* prompt token, earlier token */
	uint32_t lora_rows, adapters;	     /* rows with one, distinct ones */
	uint64_t decode_ranks, prompt_ranks; /* sums of ranks over rows */
};

/* ERR_NOT_FOUND, ERR_FORMAT: "FILE:LINE: ..." */
int sim_cost_read(struct sim_cost *, const char *path);

/* One term by name; ERR_USAGE: no such term, or out of range. */
int sim_cost_set(struct sim_cost *, const char *name, double value);

/* As a file that sim_cost_read takes, with help. */
int sim_cost_print(const struct sim_cost *, void *file);

nsec sim_cost_step(const struct sim_cost *, const struct sim_step *);
uint64_t sim_cost_adapter_bytes(const struct sim_cost *, int32_t rank);

#endif

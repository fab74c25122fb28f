/*
 * sim.h -- one run: settings, a cost model and work, in virtual time.
 *
 *	world_submit   frontend   f, hint
 *	sch_step       the very same scheduler
 *	world_load     loader     have, after its cost
 *	world_step     gpuexec    x, after its cost
 *	laws           what must hold after each step
 *
 * Time jumps from event to event; nothing waits and nothing reads a clock, so
 * that the same setup gives the same result to the last bit.
 *
 * A request that finds no free slot waits outside, in order; its times count
 * from its arrival all the same.
 *
 * Memory   sim_run allocates and frees; the result is the caller's.
 * Threads  Any number of runs side by side.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "conf/conf.h"
#include "sim/cost.h"
#include "sim/work.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_setup {
	struct conf conf; /* sections policy, scheduler, loader.link_copies */
	struct sim_cost cost;
	const struct sim_work *work;
	uint64_t seed;
	uint32_t slots;	  /* requests the scheduler sees at once */
	double warm_up_s; /* requests that arrive before count in nothing */
	bool laws;	  /* check every law after every step */
	void (*progress)(void *arg, uint64_t ended, uint64_t of); /* or NULL */
	void *progress_arg;
};

/* What became of one request; times from the start of the run. */
struct sim_outcome {
	nsec seen_ns, adapter_ns, placed_ns, first_ns, last_ns;
	/* Of its wait, that in which its adapter's load alone was missing, and
	 * no room in the batch; 0 if other things came later than it. */
	nsec load_wait_ns;
	uint32_t tokens;
	uint16_t squashes;
	uint8_t hit;	 /* its adapter was resident when it came */
	uint8_t failed;	 /* denied: enum slot_denied */
	uint8_t class;	 /* queue it was admitted from */
	nsec gap_max_ns; /* longest time between two of its tokens */
};

/* Logarithmic histogram of gaps between tokens, half a percent wide: how to
 * read it is in sim/gaps.h. */
struct sim_gaps {
	uint64_t bin[4096];
	uint64_t n;
	double sum_ms;
};

/* One look at memory and queues, each second of virtual time. */
struct sim_sample {
	double at_s;
	uint64_t kv_bytes, adapter_bytes, idle_bytes; /* of the pool */
	uint32_t running, waiting;
};

struct sim_result {
	struct sim_outcome *outcomes;	      /* [work->n] */
	uint64_t requests, completed, failed; /* counted: after warm-up */
	uint64_t hits, with_adapter;
	/* Whole run: copies that began, and what crossed the link for them. */
	uint64_t loads, load_bytes, evictions, squashed;
	uint64_t miss_bytes;	/* of adapters that counted requests missed */
	uint64_t steps, tokens; /* whole run */
	double duration_s;	/* from the end of warm-up to the last end */
	struct sim_gaps gaps;
	struct sim_sample *samples;
	uint32_t nsamples;
	/* The longest wait from arrival to placement, and the bound that held
	 * for that request: its age limit, then all before it one by one. */
	double starve_bound_s, worst_wait_s;
	/* The first breach of a law, "" if none: seed, step, sentence, and the
	 * last 50 events as lines. */
	char breach[16384];
};

/* ERR_MEMORY, ERR_CONFIG; ERR_LAW when a law was broken (see breach). */
int sim_run(const struct sim_setup *, struct sim_result *);
void sim_result_free(struct sim_result *);

#endif

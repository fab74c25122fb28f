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
 * Nobody waits longer for its first placement than until the age limit and the
 * sweep that finds it, and then, for itself and for each of age that waits
 * before it, of those that came in one moment the others counted among them:
 *
 *	S	until all that run have ended
 *	L + S	its adapter leaves; others begin meanwhile, and end
 *	L + S	it comes again; others begin meanwhile, and end
 *	k	a few steps, and as many as lie between admissions
 *
 * S being the longest service, from placement to end, that the run has seen, and
 * L the longest load.  What is not reckoned with: that the adapter of one of age
 * is taken a second time, by those before it, who may all they need.
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

/* What operators and clients do while it runs. */
enum sim_act_kind {
	SIM_ACT_LOAD, /* of an adapter: as the commands of shm/dir.h */
	SIM_ACT_UNLOAD,
	SIM_ACT_PIN,
	SIM_ACT_UNPIN,
	SIM_ACT_LEAVE, /* of a request that has arrived: its client goes */
	SIM_ACT_RULES, /* other policies from now on */
};

struct sim_act {
	nsec at; /* after the start, ascending */
	enum sim_act_kind kind;
	uint64_t which;		 /* adapter or request */
	const struct conf *conf; /* RULES: its section policy */
};

struct sim_setup {
	struct conf conf; /* sections policy, scheduler, loader.link_copies */
	struct sim_cost cost;
	const struct sim_work *work;
	const struct sim_act *acts; /* [nacts] */
	uint64_t nacts;
	uint64_t seed;
	uint32_t slots;	  /* requests the scheduler sees at once */
	double warm_up_s; /* requests that arrive before count in nothing */
	bool laws;	  /* check every law after every step */
	void (*progress)(void *arg, uint64_t ended, uint64_t of); /* or NULL */
	void *progress_arg;
};

#define SIM_LEFT 255 /* failed: its client went away */

/* What became of one request; times from the start of the run. */
struct sim_outcome {
	nsec seen_ns, adapter_ns, placed_ns, first_ns, last_ns;
	/* Of its wait, that in which its adapter's load alone was missing, and
	 * no room in the batch; 0 if other things came later than it. */
	nsec load_wait_ns;
	uint32_t tokens;
	uint16_t squashes;
	uint8_t hit;	 /* its adapter was resident when it came */
	uint8_t failed;	 /* denied: enum slot_denied; SIM_LEFT */
	uint8_t class;	 /* queue it was admitted from: sch_queue_of */
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
	uint64_t loads, load_bytes, evictions;
	uint64_t squashed, bypassed, promoted;
	uint64_t miss_bytes;	/* of adapters that counted requests missed */
	uint64_t steps, tokens; /* whole run */
	double duration_s;	/* from the end of warm-up to the last end */
	struct sim_gaps gaps;
	struct sim_sample *samples;
	uint32_t nsamples;
	/* The longest wait from arrival to placement, and the bound that held
	 * for that request; with laws, also the largest part of its bound
	 * beyond the age limit that anybody waited. */
	double starve_bound_s, worst_wait_s, late_share;
	/* The first breach of a law, "" if none: seed, step, sentence, and the
	 * last 50 events as lines. */
	char breach[16384];
};

/* ERR_MEMORY, ERR_CONFIG; ERR_LAW when a law was broken (see breach). */
int sim_run(const struct sim_setup *, struct sim_result *);
void sim_result_free(struct sim_result *);

#endif

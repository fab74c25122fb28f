/*
 * core.h -- the scheduler: who runs, on which memory, beside which adapters.
 *
 * Takes words, rings and `now`; knows no operating system, so that a simulator
 * runs the very same code.  It changes words as the tables of
 * docs/RECOVERY.md allow (transitions 2, 3 and 9; A1, A4, A6 and A8), and has no
 * private truth: sch_open rebuilds queues, free lists and live tickets from the
 * words, at the first start and after a death alike.
 *
 *	f SUB --> waiting --> placed --> ended --> released
 *	             ^          | held: its tokens stay, its blocks go
 *	             +----------+
 *
 * Who is admitted is the policy's (policy/): queues by size with quotas, shortest
 * first, first come first served.  Where memory is on its way the turn ends; past
 * the age limit nobody younger goes before.  A request whose adapter is on its way
 * is overtaken by others meanwhile, since the place is already its own.  Keys and
 * values win over cached adapters, and the oldest running request over all younger
 * ones, so that somebody always gets to the end.
 *
 * Memory   All at sch_open, by the sizes of the plan.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef SCHEDULER_CORE_H
#define SCHEDULER_CORE_H

#include "conf/conf.h"
#include "policy/admit.h"
#include "policy/cuts.h"
#include "policy/evict.h"
#include "policy/predict.h"
#include "policy/prefetch.h"
#include "policy/quota.h"
#include "policy/size.h"
#include "shm/seg.h"

#include <stdbool.h>

/* What the scheduler sees.  Those without const are its own. */
struct sch_world {
	const struct plan *plan;

	/* frontend */
	const _Atomic uint64_t *f;	    /* [slots] */
	const struct slot_request *request; /* [slots] */
	const int32_t *prompt;	     /* [slots][context]; NULL: not known */
	const uint32_t *truth;	     /* [slots] tokens of the answer, for the
				     * oracle; NULL outside of a simulator */
	const _Atomic uint64_t *ask; /* [adapters] */

	/* scheduler */
	_Atomic uint64_t *s, *b;    /* [slots] */
	struct slot_ticket *ticket; /* [slots] */
	uint32_t *blocks;	    /* [slots][blocks_per_slot] */
	_Atomic uint64_t *want;	    /* [adapters] */
	_Atomic uint64_t *chunk;    /* [chunks] */
	_Atomic uint32_t *next;	    /* [chunks] */
	struct scheduler_meters *meters;
	/* For those who look on; NULL: nobody does. */
	struct sched_queue *queues;  /* [SEG_QUEUES] */
	struct adapter_meters *uses; /* [adapters] */
	struct told_sums *sums;	     /* or NULL */
	struct slot_wait *waits;     /* [slots] */
	struct event_log *events;

	/* loader */
	const _Atomic uint64_t *entry, *have; /* [adapters] */
	const _Atomic uint64_t *layers; /* [adapters]; NULL: nobody follows */
	const struct dir_info *info;	/* [adapters] */

	const _Atomic uint64_t *returned; /* [chunks]; NULL: memory stays */
	nsec return_ns; /* free for so long, its memory goes; 0: it stays */

	/* gpuexec, and the supervisor's number of its life */
	const _Atomic uint64_t *x;	  /* [slots] */
	const struct slot_result *result; /* [slots]; NULL: all ends count */
	const _Atomic uint64_t *launched_step, *completed_step;
	const _Atomic uint32_t *gpuexec_epoch;

	struct ring_rx from_frontend, from_gpuexec, from_loader;
	struct ring_tx to_frontend, to_gpuexec, to_loader;
};

/* The policies in force.  Anything in it may change while it runs. */
struct sch_rules {
	const struct admit_policy *admission;
	const struct evict_policy *eviction;
	const struct size_policy *size;
	struct predict_rules predict;
	double weight[3];	/* A, B, C of sizes */
	double evict_weight[3]; /* F, R, S of the worth of adapters */
	enum cuts_rule cuts;
	int queues_max;
	enum quota_rule surplus;
	bool lend_patient, charge_first;
	nsec refresh_ns, slo_ns, age_ns, window_ns, cold_wait_ns;
	uint32_t bypass_max, squash_max;
	enum sch_reserve {
		RESERVE_GROW,
		RESERVE_PREDICTED,
		RESERVE_MAX
	} reserve;
	uint32_t admit_every;	       /* steps */
	uint32_t resident_min_percent; /* of the pool */
	enum prefetch_kind prefetch;
	uint32_t prefetch_max;
	bool follow; /* who waits starts when the first layer is there */
	uint32_t spare_blocks; /* granted ahead of need */
};

/* From the settings of the sections policy and scheduler.  ERR_CONFIG: one is
 * not for this engine. */
int sch_rules_read(struct sch_rules *, const struct conf *);

struct sch;

/* Copies world and rules; the words must outlive it.  ERR_MEMORY. */
int sch_open(struct sch **, const struct sch_world *, const struct sch_rules *,
    nsec now);
void sch_close(struct sch *);

/* Other rules from now on; what waits and runs stays. */
void sch_rules_set(struct sch *, const struct sch_rules *, nsec now);

/* Takes hints and does what they allow; a bounded amount, returned. */
int sch_step(struct sch *, nsec now);

/* Sweeps the words, or a part of them where they are many. */
void sch_tick(struct sch *, nsec now);

/* No request is open. */
bool sch_drained(struct sch *);

/* Whether hints wait. */
bool sch_busy(struct sch *);

/* Hints sent so far to each peer: more than before means that it must be
 * woken. */
uint64_t sch_sent(const struct sch *, enum proc_id peer);

/* The queue in which the open request of a slot waits, or from which it was
 * admitted: 0, past the age limit, or 1 + its class. */
uint32_t sch_queue_of(const struct sch *, uint32_t slot);

/* What must hold between any two calls: of each queue, quota = available +
 * charged to live requests, and as many wait in it as it counts. */
bool sch_balanced(const struct sch *);

#endif

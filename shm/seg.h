/*
 * seg.h -- the shared-memory objects of one instance, and what lies where.
 *
 *	/chameleon.<instance>.<role>	mode 0600, one a role, and bells, pool
 *					(on a GPU there is no pool object)
 *
 * The supervisor creates and formats all of them, from the plan; a role maps
 * its own read-write and the others read-only, at any address.  No pointers in
 * them: a thing is named by index and generation.
 *
 * Memory   A segment stays when its process dies; the supervisor unlinks all
 *          of them at the end of an instance.
 * Threads  segs_open once a process; the parts have their own rules.
 */
#ifndef SHM_SEG_H
#define SHM_SEG_H

#include "base/clock.h"
#include "shm/bell.h"
#include "shm/dir.h"
#include "shm/event.h"
#include "shm/histogram.h"
#include "shm/history.h"
#include "shm/operation.h"
#include "shm/plan.h"
#include "shm/pool.h"
#include "shm/record.h"
#include "shm/ring.h"
#include "shm/sample.h"
#include "shm/sheet.h"
#include "shm/slot.h"
#include "shm/told.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum proc_id {
#define PROC(name, program, silence) PROC_##name,
#define RING(name, from, to, depth)
#include "shm/topo.tbl"
#undef PROC
#undef RING
	PROC_COUNT
};

enum ring_id {
#define PROC(name, program, silence)
#define RING(name, from, to, depth) RING_##name,
#include "shm/topo.tbl"
#undef PROC
#undef RING
	RING_COUNT
};

#define SEG_SETTINGS_BYTES SHEET_BYTES /* struct conf */
#define SEG_WORDS_BYTES 512	       /* last words of a process */
#define SEG_INSTANCE_MAX 65
#define SEG_OVERRIDES_BYTES 4096 /* lines that operators set */
#define SEG_QUEUES 5		 /* those past the age limit, and classes */
#define SEG_ADDRESS_MAX 128
#define SEG_PATH_MAX 112   /* of a socket */
#define SEG_VERSION_MAX 32 /* of the program's version */

/* In front of each segment; written once by the supervisor. */
struct seg_header {
	uint64_t magic; /* written last */
	uint64_t
	    fingerprint; /* of every shared struct: another build's is refused */
	uint64_t bytes;
	uint64_t boot_id;	       /* of this life of the instance */
	char version[SEG_VERSION_MAX]; /* of the program that made it */
	char instance[SEG_INSTANCE_MAX];
};

enum cell_state {
	CELL_NONE,
	CELL_BOOT,
	CELL_RUN,
	CELL_DRAIN,
	CELL_DONE,
	CELL_FAILED
};

/* What a process says of itself; in its segment, written by it alone. */
struct cell {
	alignas(64) _Atomic uint32_t state; /* enum cell_state */
	_Atomic uint32_t epoch;		    /* of the life that writes here */
	_Atomic nsec beat_ns;		    /* its loop's last turn */
	_Atomic uint64_t turns;
	_Atomic uint64_t working_on; /* what it handles now, + 1; 0: nothing */
	char last_words[SEG_WORDS_BYTES];
};

/* What the supervisor says to a process; in the supervisor's segment. */
struct order {
	alignas(64) _Atomic uint32_t halt; /* 0 run, 1 drain, 2 stop now */
	_Atomic uint32_t epoch;		   /* life of this role; from 1 */
	_Atomic uint32_t pid;
	_Atomic uint32_t restarts;
	_Atomic nsec drain_until_ns;
	_Atomic uint64_t start_time; /* of pid, as the kernel counts it */
};

struct supervisor_seg {
	struct seg_header header;
	struct plan plan;
	alignas(64) struct order order[PROC_COUNT];
	struct event_log events;
	_Atomic uint32_t port; /* that clients reach, when listening */
	_Atomic uint32_t pid;
	_Atomic uint64_t start_time; /* of pid, as the kernel counts it */
	_Atomic nsec started_ns;
	/* Written before the first process is started. */
	char listen[SEG_ADDRESS_MAX];  /* of clients, the port that was given */
	char metrics[SEG_ADDRESS_MAX]; /* likewise; "": not served */
	char admin_path[SEG_PATH_MAX];
	uint32_t settings_bytes; /* of the supervisor's struct conf */
	/* struct conf; the number is the settings' version.  Rewritten by a
	 * reload, which changes the section policy alone. */
	alignas(64) struct sheet settings;
};

/* The text of the frontend's sheet `overrides`: what operators set.  It goes
 * over the settings while they have this version. */
struct overrides {
	uint64_t version;
	char lines[SEG_OVERRIDES_BYTES]; /* "key=value\n" each, ended */
};

/* Which settings the scheduler obeys; written by it alone, sequence last. */
struct rules_taken {
	_Atomic uint64_t version;  /* of the settings */
	_Atomic uint64_t sequence; /* number of the sheet of overrides */
};

/* A queue, as consoles show it; written by the scheduler alone. */
struct sched_queue {
	_Atomic double from, to; /* sizes of its requests */
	_Atomic int64_t quota, available, lent, borrowed;
	_Atomic uint64_t waiting, running; /* now */
	_Atomic uint64_t admitted;
	_Atomic nsec oldest_ns; /* arrival of its first waiter; 0: none */
	_Atomic uint32_t why;	/* enum sched_why */
	_Atomic uint64_t blocked_ns[WHY_COUNT]; /* its first waited, by why */
};

/* Counters and gauges, each written by its process alone. */
#define METER(name, what) _Atomic uint64_t name;
struct frontend_meters {
#include "shm/frontend_meters.tbl"
};

struct scheduler_meters {
#include "shm/scheduler_meters.tbl"
};

struct gpuexec_meters {
#include "shm/gpuexec_meters.tbl"
};

struct loader_meters {
#include "shm/loader_meters.tbl"
};
#undef METER

/* Distributions; histograms.tbl has them. */
enum histogram_id {
#define HISTOGRAM(by, name, kind, what) HISTOGRAM_##by##_##name,
#include "shm/histograms.tbl"
#undef HISTOGRAM
	HISTOGRAM_ALL
};

struct ring_row {
	const char *name;
	enum proc_id from, to;
	uint32_t depth;
};
extern const struct ring_row ring_rows[RING_COUNT];

struct histogram_row {
	enum proc_id by;
	const char *name; /* "ttft" */
	enum histogram_kind kind;
	const char *what;
};
extern const struct histogram_row histogram_rows[HISTOGRAM_ALL];

/* How an adapter was used since its entry was listed; written by the scheduler
 * alone. */
struct adapter_meters {
	_Atomic uint32_t serial; /* of the entry that the rest is of */
	_Atomic uint32_t hits, misses, loads;
	_Atomic uint32_t evictions_kv, evictions_adapter; /* to make room */
	_Atomic uint32_t left; /* times it left for any other reason */
	_Atomic uint32_t waiting, running; /* requests, now */
	_Atomic float worth; /* what eviction thinks of it, now; larger stays */
	_Atomic nsec used_ns; /* a request with it was placed last; 0: never */
	_Atomic uint64_t cold_ns; /* sum over loads, from called to resident */
};

/* A request that waits, as consoles show it; written by the scheduler alone.
 * Means something while gen is that of f[slot]. */
struct slot_wait {
	_Atomic uint32_t gen;
	_Atomic uint32_t queue;	    /* 0: past the age limit */
	_Atomic uint32_t predicted; /* output tokens */
	_Atomic float size;
	_Atomic nsec seen_ns;
};

/* Pointers into the mapped segments.  Own parts are writable, all others are
 * read-only pages, whatever the type says. */
struct segs {
	char instance[SEG_INSTANCE_MAX];
	void *base[SEG_COUNT];
	size_t bytes[SEG_COUNT];
	int pool_fd;  /* -1: the chunks are on a GPU */
	int store_fd; /* packed images, the loader's alone; -1: not here */
	const struct plan *plan;
	struct supervisor_seg *supervisor;
	struct cell *cell[PROC_COUNT];
	struct bell *bell; /* [PROC_COUNT] */
	struct ring_out *ring_out[RING_COUNT];
	struct ring_in *ring_in[RING_COUNT];
	struct event_log *events[PROC_COUNT];
	struct histogram *histogram[HISTOGRAM_ALL];

	/* monitor */
	struct history *history;
	struct told_adapter *told_adapters; /* [told_rows] */
	struct told_rest *told_rest;

	/* frontend */
	_Atomic uint64_t *f;		/* [slots] */
	_Atomic uint32_t *told;		/* [slots] tokens given to the client */
	struct slot_request *request;	/* [slots] */
	int32_t *prompt;		/* [slots][context] */
	_Atomic uint64_t *ask;		/* [adapters] */
	_Atomic uint32_t *rescan_asked; /* count of asks */
	_Atomic uint32_t *drain_asked;	/* 1: an operator wants the end */
	struct sheet *overrides;	/* struct overrides */
	struct frontend_meters *frontend_meters;
	struct record_log *records;
	struct operations *operations;

	/* scheduler */
	_Atomic uint64_t *s;	    /* [slots] */
	_Atomic uint64_t *b;	    /* [slots] low: blocks granted */
	struct slot_ticket *ticket; /* [slots] */
	uint32_t *blocks;	    /* [slots][blocks_per_slot] */
	_Atomic uint64_t *want;	    /* [adapters] */
	_Atomic uint64_t *chunk;    /* [chunks] */
	_Atomic uint32_t *next; /* [chunks] chunk after this, of one adapter */
	struct scheduler_meters *scheduler_meters;
	struct sched_queue *queues;  /* [SEG_QUEUES] 0: past the age limit, then
				     * the classes, the smallest first */
	struct adapter_meters *uses; /* [adapters] */
	struct told_sums *told_sums;
	struct slot_wait *waits; /* [slots] */
	struct rules_taken *taken;

	/* holder */
	struct holder_pool *holder_pool;

	/* loader */
	_Atomic uint64_t *entry;       /* [adapters] */
	_Atomic uint64_t *have;	       /* [adapters] */
	_Atomic uint64_t *layers;      /* [adapters] */
	struct dir_info *info;	       /* [adapters] */
	_Atomic uint64_t *returned;    /* [chunks] struct word, gen alone */
	struct dir_reason *reasons;    /* [DIR_REASONS] */
	_Atomic uint64_t *catalogue;   /* count of changes to entries */
	_Atomic uint32_t *rescan_done; /* the rescan_asked that is obeyed */
	struct loader_meters *loader_meters;
	struct load_sample *load_samples; /* [SAMPLE_LOADS] */
	_Atomic uint64_t *pool_number;	  /* of the pool that have is about */
	unsigned char *staging;		  /* [staging_bytes] */

	/* gpuexec */
	_Atomic uint64_t *x;		/* [slots] */
	struct slot_result *result;	/* [slots] */
	int32_t *tok;			/* [slots][context] */
	struct slot_logprobs *logprobs; /* [slots][SLOT_WINDOW] */
	_Atomic uint64_t *launched_step, *completed_step;
	struct gpuexec_meters *gpuexec_meters;
	struct step_sample *step_samples; /* [SAMPLE_STEPS] */
	struct weights_mark *weights_mark;
};

/* Row of a slot in prompt, tok, blocks, logprobs. */
static inline int32_t *
segs_prompt(const struct segs *g, uint32_t slot)
{
	return g->prompt + (size_t)slot * g->plan->context;
}

static inline int32_t *
segs_tok(const struct segs *g, uint32_t slot)
{
	return g->tok + (size_t)slot * g->plan->context;
}

static inline uint32_t *
segs_blocks(const struct segs *g, uint32_t slot)
{
	return g->blocks + (size_t)slot * g->plan->blocks_per_slot;
}

static inline struct slot_logprobs *
segs_logprobs(const struct segs *g, uint32_t slot, uint32_t i)
{
	return g->logprobs + (size_t)slot * SLOT_WINDOW + i % SLOT_WINDOW;
}

/* Creates and formats all segments; backs all but the pool with memory, so
 * that no later write can fail.  ERR_BUSY: some exist (segs_unlink first);
 * ERR_MEMORY: too little shared memory, says how much is needed and there. */
int segs_create(struct segs *, const char *instance, const struct plan *,
    const void *settings, size_t settings_bytes);

/* Maps them for one process; me is PROC_COUNT for a mere reader.
 * ERR_NOT_FOUND: no such instance; ERR_LAYOUT: of another build. */
int segs_open(struct segs *, const char *instance, enum proc_id me);

/* Unmaps. */
void segs_close(struct segs *);

/* Removes the names; fine if there are none. */
void segs_unlink(const char *instance);

/* The end of a ring that process me has. */
void segs_tx(const struct segs *, enum ring_id, struct ring_tx *);
void segs_rx(const struct segs *, enum ring_id, struct ring_rx *);

/* Names of the instances whose segments are there and readable to this user, in
 * order; at most max.  Returns how many. */
int segs_list(char names[][SEG_INSTANCE_MAX], int max);

/* Whether its supervisor is gone; false where that cannot be told, as of another
 * version. */
bool segs_is_dead(const char *instance);

/* Whether this role is there at all: without a GPU nothing is to be held. */
static inline bool
seg_has_proc(const struct plan *p, enum proc_id id)
{
	return id != PROC_HOLDER || p->backend == BACKEND_CUDA;
}

const char *seg_proc_name(enum proc_id);
nsec seg_proc_silence(enum proc_id);
uint64_t seg_fingerprint(void);

#endif

/*
 * snap.h -- one reading of a whole instance, for whoever only looks.
 *
 * The console, `chameleon ctl`, `trace` and the metrics all see the engine
 * through this, and through nothing else.  It maps the segments read-only, so it
 * works while any process hangs or is dead, and costs the engine nothing.
 *
 *	snap_attach --> snap_take, snap_take, ... --> snap_detach
 *	                   ERR_GONE: that instance has ended, or another life
 *	                   of it has begun: detach, attach again
 *
 * What it reads belongs to others: indexes are bounds-checked, texts are ended and
 * made printable, a word that says what cannot be reads as unknown.
 *
 * Memory   A struct snap owns arrays that grow as needed and are used again by the
 *          next snap_take; snap_free gives them back.
 * Threads  One a source.
 * Waiting  Never.
 */
#ifndef SNAP_SNAP_H
#define SNAP_SNAP_H

#include "conf/conf.h"
#include "shm/seg.h"

#include <stdbool.h>

#define SNAP_REASON_MAX DIR_REASON_MAX
#define SNAP_INSTANCES_MAX 64

struct snap_source {
	const struct segs *g;
	struct segs own; /* unless they are somebody else's */
	uint64_t inode;	 /* of the supervisor's segment; 0: not asked */
	/* As it was when it was seen to agree with what is mapped: the one in
	 * the segment may change, and nothing is looked for by it. */
	struct plan plan;
};

struct snap_process {
	const char *name;  /* "frontend"; the supervisor is the last */
	const char *state; /* "boot", "run", "drain", "done", "failed", "none",
			    * "dead": no such process */
	bool absent;	   /* this engine has no such role */
	uint32_t pid, epoch, restarts;
	nsec silent_ns; /* since its last beat; 0 for the supervisor */
	uint64_t turns;
	nsec cpu_ns; /* user and system, of this life; 0: not known */
	uint64_t rss_bytes;
	char last_words[SEG_WORDS_BYTES];
};

struct snap_queue {
	double from, to; /* sizes of its requests; to 0: no bound */
	int64_t quota, available, lent, borrowed; /* tokens */
	uint64_t waiting, running, admitted;
	nsec oldest_ns; /* age of its first waiter; 0: none */
	enum sched_why why;
	nsec blocked_ns[WHY_COUNT];
};

enum snap_state {
	SNAP_BROKEN,
	SNAP_FAILED,
	SNAP_DISK,
	SNAP_HOST,
	SNAP_LOADING,
	SNAP_RESIDENT,
	SNAP_LEAVING, /* called out, not gone yet */
	SNAP_STATES
};

struct snap_adapter {
	uint32_t index;
	char name[DIR_NAME_MAX];
	uint32_t version;
	int32_t rank;
	uint64_t bytes;
	enum snap_state state;
	bool pinned;
	bool retired;	/* replaced or removed, still in use */
	bool kept;	/* another version serves the name */
	double weight;	/* an operator's; 1 */
	int32_t chunk;	/* first of those it lies in; -1: not on the device */
	uint32_t place; /* in that chunk */
	uint32_t hits, misses, loads, evictions_kv, evictions_adapter, left;
	uint32_t waiting, running;
	double worth;
	nsec used_ns;		  /* ago; -1: never */
	nsec cold_ns;		  /* sum over loads */
	unsigned char digest[32]; /* zeros: not loaded yet */
	nsec listed_ns;		  /* monotonic */
};

enum snap_phase {
	SNAP_WAITING,
	SNAP_PLACED,
	SNAP_RUNNING,
	SNAP_HELD,
	SNAP_ENDED,
	SNAP_PHASES
};

struct snap_request {
	uint32_t slot, gen; /* "slot.gen" names it to `cancel` */
	char id[RECORD_ID_MAX];
	int32_t adapter;	 /* index, or SLOT_BASE */
	char name[DIR_NAME_MAX]; /* of the adapter; "" for the base */
	enum snap_phase phase;
	uint32_t queue; /* 0: past the age limit */
	/* What it waits for while WAITING: WHY_ADAPTER if its own adapter is on
	 * its way, else what holds the first of its queue. */
	enum sched_why why;
	bool loading; /* its own adapter is on its way */
	uint32_t prompt, tokens, max_tokens, predicted;
	uint32_t squashes, deaths;
	nsec age_ns;	/* since it arrived */
	nsec waited_ns; /* until it was placed first; so far, if it was not */
	nsec quiet_ns;	/* since its last token, or its placement; 0: waiting */
	struct wait_split wait; /* zeros until it was placed */
};

struct snap_event {
	nsec at_wall_ns;
	const char *by;	 /* "scheduler", "supervisor" */
	uint64_t number; /* in the log of that process */
	struct event_note note;
};

struct snap_memory { /* bytes */
	uint64_t weights, kv, adapters, idle,
	    total;	  /* pool = kv + adapters + idle */
	uint64_t kv_used; /* of kv, by blocks */
	uint64_t host;	  /* packed adapters in host memory */
	uint64_t shared;  /* segments but the pool */
};

/* Which parts a reading has; the rest of it is always there. */
enum snap_part {
	SNAP_PROCESSES = 1, /* cpu and memory of each, from /proc */
	SNAP_ADAPTERS = 2,
	SNAP_REQUESTS = 4,
	SNAP_EVENTS = 8,
	SNAP_HISTORY = 16,
	SNAP_RECORDS = 32,
	SNAP_ALL = 63
};

struct snap {
	char instance[SEG_INSTANCE_MAX];
	char version[SEG_VERSION_MAX];
	char model[CONF_TEXT_MAX];
	char listen[SEG_ADDRESS_MAX];  /* of clients, the port that was given */
	char metrics[SEG_ADDRESS_MAX]; /* likewise; "": not served */
	char admin_path[SEG_PATH_MAX]; /* the admin socket */
	struct plan plan;
	struct conf conf; /* in force: operators' settings over the file's */
	nsec now, wall_now;
	nsec up_ns; /* since the start of the instance */
	bool draining;
	bool alive; /* its supervisor lives; if not, this is how it was left */

#define METER(name, what) uint64_t name;
	struct {
#include "shm/frontend_meters.tbl"
	} frontend;
	struct {
#include "shm/scheduler_meters.tbl"
	} scheduler;
	struct {
#include "shm/gpuexec_meters.tbl"
	} gpuexec;
	struct {
#include "shm/loader_meters.tbl"
	} loader;
#undef METER
	struct histogram_view histogram[HISTOGRAM_ALL];
	struct snap_memory memory;

	uint32_t nqueues;
	struct snap_queue queue[SEG_QUEUES];	     /* 0: past the age limit */
	struct snap_process process[PROC_COUNT + 1]; /* the supervisor last */
	struct {
		const char *name, *from, *to;
		uint32_t depth, used;
	} ring[RING_COUNT];
	uint32_t ring_count;

	uint32_t nadapters, nrequests, nevents, nhistory, nrecords;
	uint64_t told_sums[TOLD_COUNTS]; /* of all, read before the rows */
	struct snap_adapter *adapter;  /* by index; LISTED, BROKEN, and RETIRED
				       * ones that are still in use */
	struct snap_request *request;  /* open ones, the oldest first */
	struct snap_event *event;      /* the oldest first */
	struct history_point *history; /* likewise */
	struct record_note *record;    /* likewise */
	struct {
		uint32_t adapter, request, event, history, record;
	} room; /* of these arrays, entries */
};

/* ERR_NOT_FOUND: no such instance; the sentence lists those that run.
 * ERR_LAYOUT: of another version; the sentence names both. */
int snap_attach(struct snap_source *, const char *instance);
void snap_detach(struct snap_source *);

/* Reads segments that the caller has mapped, and keeps. */
void snap_on(struct snap_source *, const struct segs *);

/* Reads all that parts name.  ERR_GONE: its segments are no longer those of the
 * instance's name; ERR_MEMORY. */
int snap_take(struct snap_source *, struct snap *, unsigned parts);
/* The same at a moment that is given, for tests. */
int snap_take_at(struct snap_source *, struct snap *, unsigned parts, nsec now,
    nsec wall_now);
void snap_free(struct snap *);

/* The row of an adapter by its index, which need not be among those taken; false:
 * no such index, or nothing is there. */
bool snap_adapter_at(const struct snap_source *, uint32_t index,
    struct snap_adapter *, nsec now);

/* Why an adapter is BROKEN, or its last load has failed; "" if neither.  Returns
 * buf. */
char *snap_reason(const struct snap_source *, uint32_t adapter,
    char buf[SNAP_REASON_MAX]);

/* The first bytes of a digest, two digits each, into out; "" if it is not known:
 * all zeros.  Returns out. */
char *snap_digest(const unsigned char *digest, size_t bytes, char *out);

const char *snap_state_name(enum snap_state); /* "resident" */

/* The roles that this engine has, the supervisor last: how many, and which. */
uint32_t snap_process_count(const struct snap *);
const struct snap_process *snap_process_at(const struct snap *, uint32_t i);
const char *snap_phase_name(enum snap_phase); /* "waiting" */
double snap_kv_share(const struct snap *);    /* of the pool's blocks in use */

#endif

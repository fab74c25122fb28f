/*
 * sight.h -- what the metrics see: a reading, and what is worked out from it.
 *
 * Memory   What sight_open has taken, sight_close gives back.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef MONITOR_SIGHT_H
#define MONITOR_SIGHT_H

#include "monitor/told.h"
#include "snap/snap.h"

#define SIGHT_WANTED_NS (60 * SECOND) /* a working set is that of a minute */

enum tier {
	TIER_DEVICE,
	TIER_LOADING,
	TIER_HOST,
	TIER_DISK,
	TIER_FAILED,
	TIER_BROKEN,
	TIERS
};

struct sight_tier {
	const char *name;
	double adapters, bytes;
};

/* Names of adapters as vllm:lora_requests_info has them, and since when they
 * are these. */
#define SIGHT_NAMES_MAX 256
#define SIGHT_NAMES_BYTES (SIGHT_NAMES_MAX * DIR_NAME_MAX)
struct sight_lora {
	char running[SIGHT_NAMES_BYTES]; /* "a,b", by last use */
	char waiting[SIGHT_NAMES_BYTES];
	char room[24]; /* how many could be resident */
	uint64_t hash;
	nsec since_ns; /* wall clock */
};

struct sight {
	struct snap_source source;
	struct snap snap;
	struct told told;
	struct sight_tier tier[TIERS];
	struct sight_lora lora;
	char model[DIR_NAME_MAX];
	double wanted_bytes; /* room that adapters used lately need */
	double oldest_ns;    /* age of the first waiter of all queues */
};

/* Segments that stay mapped; those of the monitor's are written. */
void sight_open(struct sight *, const struct segs *);
void sight_close(struct sight *);

/* Looks once.  ERR_MEMORY. */
int sight_look(struct sight *);

/* Works the rest out of sight->snap, for tests too. */
int sight_think(struct sight *);

#endif

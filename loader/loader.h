/*
 * loader.h -- the adapters: found on disk, judged, packed, kept, copied.
 *
 * The loader says which adapters there are (entry[a], dir_info[a]) and obeys
 * want[a]: it brings an image to the place that the scheduler names, or takes
 * note that it is no longer wanted, and says so in have[a].  It decides nothing
 * about memory of the device, and never writes a place on its own idea.
 *
 *	main thread    words, catalogue, host tier; never touches a disk
 *	scanner        looks at the directory, reads configurations and headers
 *	workers        read, check, pack, copy; one image each at a time
 *
 * So a disk that hangs holds up one thread, and a broken adapter itself alone.
 *
 * Memory   Tables at ld_open; images in host memory up to host_bytes, and one
 *          more a worker.
 * Threads  All functions from the main thread.
 * Waiting  ld_open for one look at the directory, ld_close for the workers.
 */
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include "device/device.h"
#include "model/adapter.h"
#include "policy/evict.h"
#include "shm/seg.h"

#include <stdbool.h>

/* Which packed image goes when host memory is full: the settings of the section
 * policy, which may change while it runs. */
struct ld_rules {
	const struct evict_policy *policy;
	nsec window_ns;
	double weight[3]; /* F, R, S */
};

struct ld_world {
	const struct plan *plan;
	const struct shape *shape;
	struct device *device;
	const char *directory;	/* of the adapters; "": none */
	const char *model;	/* where the base is, and its name */
	const char *state_file; /* "": nothing is remembered */
	struct adapter_rules rules;
	uint64_t host_bytes;
	uint32_t versions_kept; /* of a name, beside the one that serves it */
	int store_fd; /* shared memory for packed images; -1: none is kept */
	struct ld_rules eviction;
	uint32_t threads;
	uint32_t nice; /* of these threads */
	nsec rescan_ns, delay_ns;
	nsec deadline_ns;	   /* of reading one from its files */
	uint64_t link_bytes_per_s; /* emulated; 0: as fast as it goes */
	uint32_t link_copies;	   /* how often each byte crosses; 0 as 1 */
	uint64_t pool;	 /* number of the pool on a GPU; 0: on the cpu */
	nsec quarantine; /* how long a dead process may still write to it */

	/* loader */
	_Atomic uint64_t *entry, *have; /* [adapters] */
	_Atomic uint64_t *layers;	/* [adapters]; NULL: nobody follows */
	struct dir_info *info;		/* [adapters] */
	_Atomic uint64_t *catalogue;
	struct dir_reason *reasons; /* [DIR_REASONS] */
	_Atomic uint64_t *returned; /* [chunks] */
	_Atomic uint32_t *rescan_done;
	struct loader_meters *meters;
	struct load_sample *samples;   /* [SAMPLE_LOADS] */
	_Atomic uint64_t *pool_number; /* that have speaks of; or NULL */
	/* For consoles and metrics; NULL: not kept. */
	struct event_log *events;
	struct histogram *load_disk, *load_host;

	/* scheduler */
	const _Atomic uint64_t *want;	   /* [adapters] */
	const _Atomic uint64_t *chunk;	   /* [chunks] */
	const _Atomic uint32_t *next;	   /* [chunks] */
	const struct adapter_meters *uses; /* [adapters]; NULL: not known */

	/* frontend */
	const _Atomic uint64_t *f;	    /* [slots] */
	const struct slot_request *request; /* [slots] */
	const _Atomic uint32_t *rescan_asked;
	const _Atomic uint64_t *ask; /* [adapters]; NULL: nobody asks */

	struct ring_rx from_scheduler;
	struct ring_tx to_scheduler;
	struct bell *bell; /* of this process: its threads ring it; or NULL */
	struct bell *scheduler, *gpuexec; /* for those who follow; or NULL */
};

struct ld;

/* First start or after a death: what is RESIDENT stays if its files are still
 * the same, what was LOADING begins again.  ERR_MEMORY, ERR_IO (no threads).
 * A directory that cannot be read is logged, not an error. */
int ld_open(struct ld **, const struct ld_world *, nsec now);
void ld_close(struct ld *);

int ld_step(struct ld *, nsec now);
void ld_tick(struct ld *, nsec now);

/* Something waits to be looked at. */
bool ld_busy(struct ld *);

/* Other rules from now on. */
void ld_rules_set(struct ld *, const struct ld_rules *);

/* Hints sent so far to the scheduler. */
uint64_t ld_sent(const struct ld *);

/* No load is under way; what is proved may be. */
bool ld_idle(struct ld *);

#endif

/*
 * record.h -- requests that have ended lately, and where their time went.
 *
 * A ring in the frontend's segment, written by it when a request ends; read by
 * `ctl explain`, the console and `trace`.  Written as note.h says.
 *
 *	arrived   seen      placed          first                last   ended
 *	   |--------|----------|--------------|--------------------|------|
 *	   queue_ns (by reason) + adapter_ns  | prefill_ns
 *	                                      | decode_ns
 *	ttft_ns = queue_ns + adapter_ns + prefill_ns
 *
 * Times are whole microseconds, so the parts add up as they are printed.  What
 * has not come to pass ends where the request ended: without a token ttft_ns is 0
 * and the stages add up to total_ns.  by_ns[WHY_NONE] is all of queue_ns that no
 * reason accounts for.
 *
 * Waiting  Never.
 */
#ifndef SHM_RECORD_H
#define SHM_RECORD_H

#include "base/clock.h"
#include "shm/dir.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDS_KEPT 1024 /* a power of two */
#define RECORD_ID_MAX 64
#define RECORD_CODE_MAX 24

/* Why the first of a queue did not start. */
enum sched_why {
	WHY_NONE,
	WHY_QUOTA,
	WHY_MEMORY,
	WHY_ADAPTER, /* waits for another adapter than its own, or to call it */
	WHY_BATCH,
	WHY_INTERVAL,
	WHY_COUNT
};

/* Where the time until placement went, as the scheduler sees it. */
struct wait_split {
	nsec
	    by_ns[WHY_COUNT]; /* what held its queue meanwhile; NONE: nothing */
	nsec loading_ns;      /* its own adapter was on its way */
	/* Of the load that brought its adapter; zeros for a hit. */
	nsec disk_ns; /* reading and checking its files */
	nsec host_ns; /* taking it from host memory */
	nsec copy_ns; /* waiting for the link, and crossing it */
};

enum record_end {
	RECORD_STOP,
	RECORD_LENGTH,
	RECORD_CANCELLED,
	RECORD_FAILED, /* code says with which error */
	RECORD_ENDS
};

struct record_note {
	uint64_t number;	/* in the log; record_put writes it */
	char id[RECORD_ID_MAX]; /* JSON text of its id, cut, ended */
	uint64_t id_hash;	/* hash_text of the whole */
	uint32_t slot, gen;
	int32_t adapter;	 /* index, or SLOT_BASE */
	uint32_t version;	 /* of the adapter */
	char name[DIR_NAME_MAX]; /* of the adapter, "" for the base */
	unsigned char digest[6]; /* its first bytes; zeros: never ran */
	uint8_t source;		 /* enum slot_source */
	uint8_t end;		 /* enum record_end */
	uint8_t queue; /* it was admitted from; 0: past the age limit */
	bool streamed, placed, ran; /* placed once; has a token */
	/* Of a failure; who cancelled: "client", "gone", "operator"; else "". */
	char code[RECORD_CODE_MAX];
	uint32_t prompt, tokens, max_tokens, predicted;
	uint32_t squashes, deaths;
	nsec arrived_ns; /* monotonic */
	nsec queue_ns, adapter_ns, prefill_ns, ttft_ns, decode_ns, total_ns;
	nsec longest_ns; /* greatest time between two of its tokens */
	struct wait_split wait;
};

struct record_slot {
	_Atomic uint64_t number; /* from 1; 0: none */
	struct record_note note;
};

struct record_log {
	_Atomic uint64_t last; /* number of the last; 0: none */
	struct record_slot at[RECORDS_KEPT];
};

void record_put(struct record_log *, const struct record_note *);

/* false if record `number` is not there, or no more. */
bool record_get(const struct record_log *, uint64_t number,
    struct record_note *);

const char *record_end_name(uint32_t end); /* "stop" */
const char *why_name(uint32_t why);	   /* "quota"; "none", "unknown" */

#endif

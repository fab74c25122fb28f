/*
 * history.h -- how the engine did, second by second, for the last minutes.
 *
 * A ring in the monitor's segment, written by it once a second; consoles draw
 * their curves from it, so that one that has just been opened shows the past,
 * too.  Point n lies in at[n % HISTORY_KEPT] and is written as note.h says.
 *
 * Waiting  Never.
 */
#ifndef SHM_HISTORY_H
#define SHM_HISTORY_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HISTORY_KEPT 1024 /* points; a power of two */
#define HISTORY_EVERY_NS SECOND

struct history_point {
	nsec at_ns;   /* its end, monotonic */
	nsec took_ns; /* its length */
	uint64_t accepted, refused, finished, cancelled, failed; /* in it */
	uint64_t prompt_tokens, output_tokens, hits, misses, loads, evictions;
	uint64_t squashed;
	uint64_t waiting, running; /* at its end, as the rest */
	uint64_t kv_chunks, adapter_chunks, kv_blocks_used;
	/* Percentiles of what ended or came in it, in ns; 0: nothing did. */
	double ttft_p50, ttft_p99, tbt_p50, tbt_p99, queue_p50, queue_p99;
};

struct history_slot {
	_Atomic uint64_t number; /* from 1; 0: none */
	struct history_point point;
};

struct history {
	_Atomic uint64_t last; /* number of the last; 0: none */
	struct history_slot at[HISTORY_KEPT];
};

void history_put(struct history *, const struct history_point *);

/* false if point `number` is not there, or no more. */
bool history_get(const struct history *, uint64_t number,
    struct history_point *);

#endif

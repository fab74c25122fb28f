/*
 * event.h -- what each process did lately that is worth a line on a screen.
 *
 * A ring of notes in the segment of its one writer, the supervisor's too.  Note n
 * lies in at[n % EVENTS_KEPT] and is written as note.h says.  Nothing in the engine
 * reads them.
 *
 * Threads  One writer a log.
 * Waiting  Never; a writer takes no notice of readers.
 */
#ifndef SHM_EVENT_H
#define SHM_EVENT_H

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_KEPT 256 /* kept of each process; a power of two */
#define EVENT_TEXT_MAX 96

enum event_kind {
	EVENT_NONE,
#define EVENT(kind, by, name, text) EVENT_##kind,
#include "shm/event.tbl"
#undef EVENT
	EVENT_KINDS
};

/* Why an adapter left, or came from where. */
enum event_reason {
	REASON_NONE,
	REASON_KV,	 /* its room goes to keys and values */
	REASON_ADAPTER,	 /* its room goes to another adapter */
	REASON_IDLE,	 /* the policy keeps no idle ones */
	REASON_UNLOAD,	 /* an operator's wish */
	REASON_GONE,	 /* its files changed or went */
	REASON_FAILED,	 /* it could not be loaded */
	REASON_UNWANTED, /* nobody waited for it any more before it came */
	REASON_MEMORY,	 /* squashed: blocks are needed elsewhere */
	REASON_BYPASS,	 /* squashed: for the head that it went before */
	REASON_DEATH,	 /* squashed: suspected of killing gpuexec */
	REASON_DISK,	 /* loaded from its files */
	REASON_HOST,	 /* loaded from host memory */
	REASON_COUNT
};

struct event_note {
	nsec at_ns; /* monotonic */
	uint16_t kind, reason;
	int32_t adapter;	   /* its index; -1: none */
	int32_t slot;		   /* of a request; -1: none */
	uint32_t gen;		   /* of that request */
	uint64_t value;		   /* event.tbl says what */
	char text[EVENT_TEXT_MAX]; /* ended */
};

struct event {
	_Atomic uint64_t number; /* from 1; 0: none */
	struct event_note note;
};

struct event_log {
	_Atomic uint64_t last; /* number of the last; 0: none */
	struct event at[EVENTS_KEPT];
};

/* Writes a note; its text is what fmt says, cut to what fits. */
void event_put(struct event_log *, struct event_note, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a text as it is, of at most so many bytes, ended or not: for those
 * who do so thousands of times a second. */
void event_put_text(struct event_log *, struct event_note, const char *text,
    size_t most);

/* false if event `number` is not there, or no more. */
bool event_get(const struct event_log *, uint64_t number, struct event_note *);

const char *event_name(uint32_t kind);	   /* "evicted"; "unknown" */
const char *event_reason(uint32_t reason); /* "kv"; "" for none */

#endif

/*
 * frontend.h -- the process between the clients and the words.
 *
 *	conn.c     bytes and lines of each socket
 *	api.c      a line becomes a checked request (fields.c: its fields)
 *	submit.c   a request becomes a slot: transition 1
 *	answer.c   tokens become text and lines: transitions 6 and 7
 *	record.c   what is known of a request at its end (keep.c: who is told)
 *	ops.c      everything that is asked with "op" (admin*.c: by operators)
 *	restart.c  what the last life left: slots, parked connections
 *	open.c     start and end
 *	loop.c     step, tick and sleep
 *
 * A slot is named by its index; what is private to it is struct answer.  Every
 * slot is in one of three sets: free, open (f is SUB), closing (f is not SUB,
 * the scheduler has not released it yet).
 *
 * Memory   All private tables are made by fe_open, sized by the plan.
 * Threads  One, and a second that only turns the bell into an eventfd.
 */
#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

#include "base/rng.h"
#include "frontend/api.h"
#include "frontend/conn.h"
#include "frontend/names.h"
#include "frontend/probs.h"
#include "frontend/stops.h"
#include "frontend/waker.h"
#include "model/shape.h"
#include "model/tok.h"
#include "proc/proc.h"

#include <sys/epoll.h>

#define FE_EVENTS 64

/* What epoll gives back for what is no connection. */
#define FE_DATA_CONTROL (UINT64_MAX)
#define FE_DATA_WAKER (UINT64_MAX - 1)
#define FE_DATA_LISTENER (UINT64_MAX - 2) /* and downwards */

enum { FE_CLIENTS, FE_OPERATORS, FE_LISTENERS };

#define FE_PENDING_MAX 64
#define FE_PENDING_SPARE 8 /* beside them, for those who look or take back */

enum answer_set { ANSWER_FREE, ANSWER_OPEN, ANSWER_CLOSING, ANSWER_SETS };

enum answer_flag {
	ANSWER_STREAM = 1,
	ANSWER_IDS = 2,
	ANSWER_PROBS = 4,
	ANSWER_SHOW_STOP = 8,
};

/* What the frontend alone knows of a slot; lost with its life. */
struct answer {
	uint32_t gen;
	uint32_t conn; /* index; of no meaning unless open */
	uint32_t told; /* tokens looked at */
	uint32_t at;   /* place in its set */
	uint32_t flags;
	uint32_t id_hash;
	int32_t prev, next; /* of the same connection; -1: none */
	uint8_t set;	    /* enum answer_set */
	struct tok_stream text;
	struct stops *stops; /* NULL: none */
	struct probs probs;  /* logprobs so far, if not streamed */
};

/* A set of slots: a heap of indexes without order. */
struct answer_set_list {
	uint32_t *slot, count;
};

/* An operator's wish that is not yet fulfilled. */
struct pending {
	uint64_t tag; /* of its connection; 0: none waits here */
	char id[SLOT_ID_MAX];
	const struct admin_op *op;
	int32_t adapter;
	uint32_t serial;
	uint32_t count;	    /* of rescans */
	uint32_t failures;  /* of loads of it, when it was asked */
	nsec loaded_ns;	    /* when it had been loaded last, then */
	uint64_t was_bytes; /* on the device then; 0: it was not there */
	bool was_pinned;    /* then */
	uint64_t operation; /* its number; 0: it is none */
	uint64_t bytes;	    /* brought or freed, when it is done */
	nsec deadline_ns;
	char why[160];	/* what it waited for when its time was over */
	bool withdrawn; /* an operator has taken it back */
	bool undone;	/* its wish has been taken back, and when: */
	nsec undone_ns;
	uint64_t scheduler_turns, loader_turns;
	uint64_t meant;		      /* withdraw: the operation */
	bool wait;		      /* for those who use it */
	uint32_t weight;	      /* hundredths */
	int setting;		      /* its index (conf.h) */
	uint64_t version;	      /* of the settings that it goes over */
	uint64_t sequence;	      /* of the overrides with it */
	char value[CONF_CHOICE_MAX];  /* as it was taken */
	char before[CONF_CHOICE_MAX]; /* as operators had set it; "" */
	nsec since_ns;
};

/* Slots that the last life left open, chained (answer.next) by their tags. */
struct left {
	int32_t *first; /* NULL: not at start any more */
	uint32_t mask;
};

/* Parked connections that the supervisor is still to drop. */
struct drops {
	uint64_t *tag;
	uint32_t count, size;
};

/* Slow requests that were logged in this second. */
struct slow {
	nsec since_ns;
	uint32_t lines, left_out;
};

struct frontend {
	struct proc *proc;
	struct segs *g;
	const struct plan *plan;
	struct shape shape;
	struct tok *tok;
	struct names names;
	struct conns conns;
	struct answer *answers; /* [slots] */
	struct answer_set_list sets[ANSWER_SETS];
	struct pending pending[FE_PENDING_MAX + FE_PENDING_SPARE];
	uint32_t npending;
	uint64_t catalogue; /* its count when it was looked through, + 1 */
	struct left left;
	struct drops drops;
	struct slow slow;
	uint64_t ids_made;
	struct rng rng;
	struct ring_tx to_scheduler, to_gpuexec;
	struct ring_rx from_gpuexec, from_scheduler;
	struct line_out text; /* scratch of one answer's turn */
	struct probs probs;   /* likewise */
	struct waker waker;
	int control, epoll;
	int listener[FE_LISTENERS];
	bool begun, deaf; /* all parked has come; listeners are not polled */
	nsec now, deaf_until;
	struct epoll_event event[FE_EVENTS];
	int nevents;
};

/* One life, as proc/proc.h wants it.  control: the socket to the supervisor.
 * What fe_open has opened when it fails ends with the process. */
int fe_open(struct frontend *, struct proc *, int control);
int fe_step(struct frontend *, nsec now);
void fe_tick(struct frontend *, nsec now);
bool fe_drained(struct frontend *);
void fe_close(struct frontend *);
void fe_sleep(struct frontend *, nsec until);
bool fe_busy(struct frontend *);

/* slots.c */
int fe_slots_open(struct frontend *);
void fe_slots_close(struct frontend *);
/* A slot that may be filled; false: all are taken. */
bool fe_slot_take(struct frontend *, uint32_t *slot);
void fe_slot_untake(struct frontend *, uint32_t slot);
/* Payload and answer are written: the request is accepted. */
void fe_slot_submit(struct frontend *, uint32_t slot, struct conn *);
/* Transition 7.  Whoever closes one has noted how it ended, and keeps it. */
void fe_slot_close(struct frontend *, uint32_t slot,
    const struct record_note *);
/* Slots that the scheduler has released become free. */
void fe_slots_reclaim(struct frontend *);
void fe_slot_released(struct frontend *, uint32_t slot);

/* named.c: the entry that this field of a line names.  false: there is none, and
 * fail says what there is. */
bool fe_named(struct frontend *, const char *name, const char *field,
    struct name_found *, struct api_fail *);

/* submit.c: answers, or an error line, come on c. */
void fe_submit(struct frontend *, struct conn *, const json_t *root, char *id);

/* answer.c: looks at the words of an open slot and does what they ask. */
void fe_answer(struct frontend *, uint32_t slot);
/* Ends an open slot with an error line. */
void fe_answer_fail(struct frontend *, uint32_t slot, const struct api_fail *);
/* Ends it as somebody asked, and notes what it was; by: "client", "operator".
 * false: it has ended by itself just now. */
bool fe_answer_cancel(struct frontend *, uint32_t slot, const char *by,
    struct record_note *);

/* record.c: all that is known of an open slot that ends now.  code is that of a
 * failure, or says who cancelled it; else "". */
void fe_note(struct frontend *, uint32_t slot, enum record_end,
    const char *code, struct record_note *);

/* keep.c: into the records, the distributions, the counters; and into the log if
 * it was slow. */
void fe_keep(struct frontend *, const struct record_note *);
/* Says how many slow ones were left out. */
void fe_slow_tick(struct frontend *);

/* last.c: an answer's last line; the note says how it ended. */
void fe_last_line(struct frontend *, const struct record_note *,
    int32_t stop_id);
/* Text of token i, at most TOK_PIECE_MAX + STOPS_BYTES_MAX + 8 bytes. */
size_t fe_token_text(struct frontend *, uint32_t slot, uint32_t i, int32_t id,
    char *out);
size_t fe_end_text(struct frontend *, uint32_t slot, char *out);
#define FE_PIECE_MAX (TOK_PIECE_MAX + STOPS_BYTES_MAX + 8)

/* ops.c, admin.c, admin_adapter.c, stats.c, list.c */
void fe_op(struct frontend *, struct conn *, const json_t *root, const char *op,
    const char *id);
void fe_admin_op(struct frontend *, struct conn *, const json_t *root,
    const char *op, const char *id);
void fe_pending_look(struct frontend *);
void fe_pending_gone(struct frontend *, uint64_t tag);
void fe_stats(struct frontend *, struct line_out *, const char *id);
void fe_adapters(struct frontend *, struct line_out *, const char *id);
uint32_t fe_uses(const struct frontend *, int32_t adapter);
bool fe_pinned(const struct frontend *, uint32_t adapter);
double fe_weight(const struct frontend *, uint32_t adapter);
/* What operators had asked of names whose entries are new. */
void fe_ask_again(struct frontend *);
void fe_operations_resume(struct frontend *);

/* restart.c; the first after fe_slots_open, the second when all is over. */
int fe_left_open(struct frontend *);
void fe_left_close(struct frontend *);
void fe_parked(struct frontend *, uint64_t tag, int fd);
void fe_begin(struct frontend *);
void fe_drops_send(struct frontend *);

/* open.c: a listener has come; whether to hear them. */
void fe_listener(struct frontend *, int which, int fd);
void fe_listen(struct frontend *, bool on);

/* loop.c */
extern const struct conn_ops fe_conn_ops;
/* Ends every open request with an error: there is no more time. */
void fe_end_all(struct frontend *);

/* An error line to a connection. */
void fe_tell_fail(struct frontend *, struct conn *, const char *id,
    const struct api_fail *);

static inline void
fe_count(_Atomic uint64_t *meter, uint64_t n)
{
	atomic_fetch_add_explicit(meter, n, memory_order_relaxed);
}

#endif

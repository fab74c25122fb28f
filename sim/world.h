/*
 * world.h -- what the files of a run share; for them alone.
 *
 *	world.c   the words, rings and tables
 *	events.c  what comes when
 *	front.c   the frontend: submits, closes
 *	act.c     operators, and clients that go
 *	load.c    the loader: want and have, threads and link
 *	exec.c    gpuexec: placements, steps, tokens
 *	batch.c   which rows a step has
 *	waits.c   who waits, and whether somebody starves
 *	laws.c    what must hold of words and memory
 *	room.c    whether cached adapters are in somebody's way
 *	note.c    the last events, and the first breach
 *	sim.c     the loop
 *
 * Memory   struct sim and all its tables: world.c.  They are zero at first, so
 *          what is never touched costs no memory.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "scheduler/core.h"
#include "shm/word.h"
#include "sim/sim.h"

#define SIM_NONE UINT32_MAX
#define SIM_EPOCH 1 /* of gpuexec, which does not die here */

#define SIM_SWEEP SECOND /* between two sweeps */

/* The scheduler's clock when a run starts: no real clock shows zero. */
#define SIM_START SECOND

struct sim_pipe { /* both ends of a ring */
	struct ring_out *out;
	struct ring_in in;
	struct ring_tx tx;
	struct ring_rx rx;
};

/* At one moment in this order. */
enum sim_event_kind {
	SIM_STEP_END,
	SIM_READ_END, /* a load has left its thread */
	SIM_COPY_END, /* a load has left the link */
	SIM_ARRIVAL,
	SIM_ACT,
	SIM_TURN, /* of the scheduler */
	SIM_TICK,
};

struct sim_event {
	nsec at;
	uint64_t order; /* of events at the same time: as they were made */
	uint32_t kind, which, serial;
};

struct sim_heap {
	struct sim_event *at;
	uint32_t n, room;
	uint64_t made;
};

/* An adapter at the loader. */
enum sim_load_state {
	SIM_LOAD_NONE,
	SIM_LOAD_QUEUED,  /* for a thread */
	SIM_LOAD_READING, /* has one */
	SIM_LOAD_WAITING, /* for the link */
	SIM_LOAD_COPYING,
};

struct sim_load {
	uint8_t state;	 /* enum sim_load_state */
	uint32_t gen;	 /* of the want it obeys */
	uint32_t serial; /* of its reading, so that a late end is known */
	bool early;	 /* others go first */
	uint32_t prev, next;
	nsec began_ns;
	uint64_t out_fence; /* launched_step when it was last called out */
	uint64_t in_step;   /* the last step that read it */
};

struct sim_list {
	uint32_t head, tail;
};

/* A request that gpuexec has started. */
struct sim_seat {
	uint32_t slot, gen, round;
	uint64_t ask;
	int32_t adapter, rank;
	uint32_t want_gen;
	uint32_t prompt, output;
	uint32_t n;	 /* tokens committed */
	uint32_t kv;	 /* positions in the cache */
	uint32_t blocks; /* granted, as far as they were needed */
	uint32_t rows;	 /* in the step at hand */
	bool over;
};

/* An open slot, beside its words. */
struct sim_open {
	uint64_t ask;
	uint32_t gen;	     /* of its use of the slot; open while f is it */
	uint32_t open_at;    /* in sim->open */
	uint32_t prev, next; /* in the list of those that wait */
	uint32_t round;	     /* the last placement that was seen */
	bool waits;	     /* in that list */
	bool runs;	     /* counted in sim->running */
	bool told;	     /* in sim->todo */
};

enum sim_note_kind {
#define NOTE(name, text) SIM_NOTE_##name,
#include "sim/note.tbl"
#undef NOTE
};

struct sim_note {
	nsec at;
	enum sim_note_kind kind;
	uint64_t a;
	int64_t b;
};

#define SIM_NOTES 50

struct sim {
	const struct sim_setup *setup;
	const struct conf *conf; /* whose section policy is in force */
	const struct sim_work *work;
	struct sim_result *result;
	struct plan plan;
	struct sch *sch;
	nsec now;
	struct sim_heap heap;
	bool turn_due; /* its event is in the heap */
	bool turning;  /* what happens now is heard at once */
	bool broken;

	/* words and what lies beside them */
	_Atomic uint64_t *f, *s, *b, *x, *want, *have, *entry, *ask, *chunk;
	_Atomic uint32_t *next;
	struct slot_request *request;
	struct slot_ticket *ticket;
	uint32_t *blocks, *truth;
	struct dir_info *info;
	struct slot_result *results;
	struct scheduler_meters meters;
	struct sched_queue queues[SEG_QUEUES];
	_Atomic uint64_t launched, completed;
	_Atomic uint32_t epoch;
	struct sim_pipe fe_sc, gx_sc, ld_sc, sc_fe, sc_gx, sc_ld;

	/* front.c; asks [submitted, arrived) wait outside */
	uint64_t arrived, submitted, ended;
	uint64_t left_outside; /* of those, whose clients have gone */
	uint32_t *free_slots, nfree_slots;
	struct sim_open *slot; /* [slots] */
	uint32_t *open, nopen; /* slots whose request has not been released */

	/* act.c */
	uint64_t acted;	 /* of setup->acts */
	uint32_t *stays; /* [adapters] want's generation, while pinned; 0 */
	nsec rules_ns;	 /* when they last changed */

	/* load.c */
	struct sim_load *load; /* [adapters] */
	struct sim_list queued, waiting;
	uint32_t threads_busy;
	uint32_t copying;  /* adapter on the link */
	uint64_t taken;	   /* bytes of adapters that have a place */
	nsec step_ends;	   /* that is under way */
	nsec stall_until;  /* loads hold a step up until then */
	nsec load_longest; /* from begin to there, or to its end */

	/* exec.c */
	struct sim_seat *seat; /* [batch_max] */
	uint32_t *free_seats, nfree_seats;
	uint32_t *live, nlive; /* in order of placement */
	uint32_t *seat_of;     /* [slots] */
	uint32_t *todo, ntodo; /* slots to look at between steps */
	bool stepping;

	/* waits.c */
	struct sim_list line;  /* slots that wait, by arrival */
	uint32_t running;      /* placed, and not yet ended or let go */
	uint32_t held;	       /* of those in line, that were placed before */
	nsec full_ns;	       /* when the batch was last full */
	uint64_t aged;	       /* asks below it have come of age */
	uint32_t aged_waiting; /* of those, that were never placed */
	uint32_t *ahead;       /* [asks] SIM_NONE: was placed or denied; else,
				* of age, itself and those of age before
				* it that waited then; else 0 */
	uint64_t *placed;      /* [batch_max] asks, in this step of it */
	uint32_t nplaced;
	nsec age_max_ns, age_longest_ns; /* by the rules of now, and of all */
	bool ages_differ;		 /* rules have had several limits */
	uint32_t admit_most;		 /* admit_every_steps of all */
	nsec service_longest, step_longest;

	/* laws.c */
	uint32_t *owner; /* [blocks] slot + 1, if its mark is this look's */
	uint32_t *mark;	 /* [blocks] */
	uint32_t looks;
	uint64_t (*places)[4]; /* [chunks] */
	uint64_t live_blocks;

	/* room.c */
	uint8_t *kept; /* [chunks] scratch */
	uint64_t head; /* ask that has room and waits, + 1 */
	nsec head_ns;
	uint64_t head_step; /* launched_step then */

	/* note.c, sim.c */
	struct sim_note note[SIM_NOTES];
	uint64_t notes;
	nsec moved_ns; /* when something last happened by itself */
	uint32_t samples_room;
	nsec last_end_ns, warm_up_ns;
};

/* world.c.  ERR_CONFIG, ERR_MEMORY; to be freed all the same. */
int sim_world_make(struct sim **, const struct sim_setup *,
    struct sim_result *);
void sim_world_free(struct sim *);

/* Whether a request counts: it came after the warm-up. */
static inline bool
sim_counts(const struct sim *m, uint64_t ask)
{
	return m->work->asks[ask].at >= m->warm_up_ns;
}

/* What the scheduler is told as now. */
static inline nsec
sim_clock(const struct sim *m)
{
	return m->now + SIM_START;
}

static inline const struct sim_ask *
sim_ask_of(const struct sim *m, uint32_t slot)
{
	return &m->work->asks[m->slot[slot].ask];
}

/* events.c */
void sim_after(struct sim *, nsec wait, enum sim_event_kind, uint32_t which,
    uint32_t serial);
bool sim_next(struct sim *, struct sim_event *);
/* Whether nothing more happens at this moment. */
bool sim_quiet(const struct sim *);
/* The scheduler has something to look at. */
void sim_wake(struct sim *);

/* front.c */
void sim_front_arrival(struct sim *);
/* Closes a request that has ended, takes back a slot that is released. */
void sim_front_look(struct sim *, uint32_t slot);

void sim_front_leave(struct sim *, uint64_t ask);

/* act.c: the next one. */
void sim_act(struct sim *);

/* load.c */
void sim_load_look(struct sim *, uint32_t adapter);
void sim_load_hint(struct sim *, uint64_t hint);
void sim_load_read(struct sim *, uint32_t adapter, uint32_t serial);
void sim_load_copied(struct sim *);

/* exec.c */
void sim_exec_tell(struct sim *, uint32_t slot); /* look at it, when idle */
void sim_exec_obey(struct sim *);		 /* what was told, if idle */
void sim_exec_begin(struct sim *);		 /* a step, if any can be */
void sim_exec_end(struct sim *);

/* batch.c: rows of each seat; false: nobody has any. */
bool sim_batch_choose(struct sim *, struct sim_step *);

/* waits.c */
void sim_waits_enter(struct sim *, uint32_t slot);
/* What s says of a slot after the scheduler's turn. */
void sim_waits_look(struct sim *, uint32_t slot);
void sim_waits_over(struct sim *, uint32_t slot); /* ended, or let go */
void sim_waits_gone(struct sim *, uint32_t slot); /* it waits no more */
void sim_waits_never(struct sim *, uint64_t ask); /* nor is it placed */
void sim_waits_rules(struct sim *); /* the rules in force are others */
void sim_waits_age(struct sim *);   /* before each turn: who is of age */
/* After each step of the scheduler, before anybody has answered it. */
void sim_waits_step(struct sim *);

/* The adapter of this request comes or goes just now. */
bool sim_waits_for_load(const struct sim *, uint32_t slot);
/* Held, and gpuexec has yet to say that it has let it go. */
bool sim_waits_for_release(const struct sim *, uint32_t slot);

/* laws.c */
void sim_laws_words(struct sim *);  /* after each turn */
void sim_laws_queues(struct sim *); /* likewise */
void sim_laws_count(struct sim *);  /* at once after sch_tick */
void sim_laws_chunks(struct sim *); /* after the turn that follows it */
void sim_laws_split(struct sim *, uint32_t slot); /* at its placement */
bool sim_laws_live(const struct sim *, uint32_t slot);

/* room.c: cached adapters delay nobody who would fit without them. */
void sim_room_turn(struct sim *);

/* sim.c: what comes next; false: all has ended, or a law is broken. */
bool sim_advance(struct sim *);

/* note.c */
void sim_note(struct sim *, enum sim_note_kind, uint64_t a, int64_t b);
void sim_breach(struct sim *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

/*
 * sch.h -- what the files of the scheduler share; for them alone.
 *
 * Everything here can be thrown away: it is worked out from the words.
 *
 *	queue.c      who waits, for which adapter, in which order
 *	chunks.c     which chunk, place and block is free
 *	resident.c   adapters come and go
 *	evict.c      which of them go when room is needed
 *	grant.c      blocks of one request
 *	place.c      transitions 2, 3 and 9, and what they ask for
 *	look.c       what the words of one slot say now
 *	turn.c       what is done each turn, and in which order
 *	core.c       open, step, tick
 */
#ifndef SCHEDULER_SCH_H
#define SCHEDULER_SCH_H

#include "scheduler/core.h"
#include "shm/word.h"

#define NOBODY UINT32_MAX
#define CHAIN_END UINT32_MAX /* in next[]: no chunk follows */

enum sch_phase {
	PHASE_NONE,    /* no open request */
	PHASE_WAITING, /* in the queue of its adapter */
	PHASE_AGAIN,   /* placed for a dead gpuexec; has all it needs */
	PHASE_PARKED,  /* a suspect that waits for another one */
	PHASE_PLACED,
	/* From here on its blocks, if any, come back by themselves. */
	PHASE_HELD,   /* not acknowledged yet */
	PHASE_DENIED, /* the frontend tells its client */
	PHASE_ENDED,  /* gpuexec has ended it, the frontend has not yet */
	PHASE_CLOSED, /* the frontend has ended it, gpuexec has not yet */
};

struct sch_slot {
	struct admit_view view;
	uint32_t gen;	  /* of the request this is about */
	uint8_t phase;	  /* enum sch_phase */
	uint8_t source;	  /* enum slot_source */
	bool live;	  /* holds a ticket and blocks */
	bool lacks;	  /* has fewer blocks than it should */
	uint32_t live_at; /* in sch->live */
	uint32_t key;	  /* adapter + 1; 0: the base model */
	uint32_t serial;  /* of its adapter's entry */
	uint32_t nprompt;
	uint32_t granted; /* blocks that it holds */
	uint32_t cap;	  /* blocks of prompt and whole answer */
	uint32_t deaths;  /* of gpuexec while this was running */
	uint32_t prev, next;
	nsec seen_ns, adapter_ns, deadline_ns;
};

enum sch_away { AWAY_OUT, AWAY_COMING, AWAY_HERE, AWAY_LEAVING };

/* An adapter, or the base model (key 0), which is always here. */
struct sch_key {
	uint8_t away;	  /* enum sch_away */
	uint8_t heap;	  /* enum queue_heap it is in */
	uint8_t class;	  /* of its place */
	bool unload;	  /* an operator wants it out */
	uint32_t heap_at; /* index there */
	uint32_t running; /* live tickets */
	uint32_t waiting; /* requests in the list */
	uint32_t head, tail;
	uint32_t held_at; /* in sch->holding, while it has a place */
	uint32_t place;	  /* as in want */
	uint64_t fence;	  /* of the place it leaves */
	uint64_t asked;	  /* the last ask that was looked at */
	nsec used_ns, here_ns;
};

struct sch_chunk {
	uint8_t owner;	     /* enum chunk_owner */
	uint8_t class;	     /* of an adapter chunk */
	bool listed;	     /* in a list of those with room */
	uint32_t used;	     /* places or blocks not free */
	uint32_t staying;    /* places whose adapter is not leaving */
	uint32_t free_block; /* first of its free blocks, in it */
	uint32_t prev, next;
	uint64_t places[4]; /* bit i: place i is taken */
};

enum queue_heap { HEAP_READY, HEAP_COLD, HEAP_COUNT, HEAP_NONE = HEAP_COUNT };

struct sch {
	struct sch_world w;
	struct sch_rules rules;
	uint32_t nslots, nkeys, nchunks, per_chunk;
	struct sch_slot *slot;	 /* [nslots] */
	struct sch_key *key;	 /* [nkeys]: adapter + 1 */
	struct sch_chunk *chunk; /* [nchunks] */

	uint32_t *heap[HEAP_COUNT]; /* keys; the first waiter goes first */
	uint32_t heap_n[HEAP_COUNT];

	uint32_t *live; /* slots that hold tickets */
	uint32_t nlive;
	uint32_t *holding; /* keys that have a place */
	uint32_t nholding;
	uint32_t nmoving; /* of those, coming or leaving */

	uint32_t open;	    /* slots that are not PHASE_NONE */
	uint32_t nagain;    /* slots in PHASE_AGAIN */
	uint32_t parked;    /* first of a list of slots */
	uint32_t suspect;   /* the one that may run now */
	uint32_t nlacks;    /* slots that lack blocks */
	uint32_t nwaiting;  /* slots waiting or parked */
	uint32_t returning; /* blocks whose end gpuexec has yet to say */

	uint32_t free_chunk; /* list */
	uint32_t nfree_chunks, leaving_chunks;
	uint32_t kv_room;			/* list: KV chunks with room */
	uint32_t class_room[DIR_CLASS_MAX + 1]; /* lists: adapter chunks */
	uint32_t nfree_blocks;			/* in KV chunks */
	uint32_t kv_chunks, adapter_chunks;
	uint32_t *block_next; /* [nchunks * per_chunk] */
	uint64_t *block_fence;
	uint32_t cool_head, cool_tail, ncooling; /* blocks behind a fence */

	struct evict_view *view; /* scratch of evict.c */
	uint32_t *view_of;	 /* [nchunks] */
	uint32_t *order;	 /* scratch of core.c, [nslots] */

	uint32_t epoch; /* of gpuexec, as read this turn; 24 bits */
	uint64_t completed;
	uint64_t start_fence; /* nothing is given away before it */
	bool settled;	      /* it has passed */
	uint64_t submissions;
	uint32_t sweep_slot, sweep_key;
};

/* core.c: hints. */
void sch_tell_frontend(struct sch *, uint32_t slot);
void sch_tell_gpuexec(struct sch *, uint32_t slot);
void sch_tell_loader(struct sch *, uint32_t adapter);

static inline void
sch_count(_Atomic uint64_t *meter)
{
	atomic_store_explicit(meter,
	    atomic_load_explicit(meter, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

static inline void
sch_gauge(_Atomic uint64_t *meter, uint64_t v)
{
	atomic_store_explicit(meter, v, memory_order_relaxed);
}

/* queue.c */
bool queue_before(const struct sch *, uint32_t a, uint32_t b); /* slots */
void queue_enter(struct sch *, uint32_t slot);
void queue_leave(struct sch *, uint32_t slot);
/* Files a key again after its first waiter or its state has changed. */
void queue_file(struct sch *, uint32_t key);
uint32_t queue_top(const struct sch *, enum queue_heap); /* key; NOBODY */

/* chunks.c */
void chunks_format(struct sch *);
void chunks_take(struct sch *, uint32_t c, enum chunk_owner, uint32_t kind);
void chunks_rebuilt(struct sch *);
void chunks_settle(struct sch *);
void chunks_empty(struct sch *, uint32_t c); /* A8: FREE, if unused */
uint32_t chunks_pop(struct sch *, enum chunk_owner, uint32_t kind);
bool chunks_place(struct sch *, uint32_t kind, uint32_t *place);
void chunks_place_mark(struct sch *, uint32_t c, uint32_t sub);
void chunks_place_back(struct sch *, uint32_t c, uint32_t sub);
void chunks_place_leaving(struct sch *, uint32_t c);
uint32_t chunks_block(struct sch *); /* NOBODY: none is free */
void chunks_block_mark(struct sch *, uint32_t block);
void chunks_block_back(struct sch *, uint32_t block, uint64_t fence);
void chunks_cool(struct sch *); /* gives back what is behind no fence */
uint64_t chunks_blocks_free(const struct sch *);

/* resident.c */
enum resident_bring { BRING_DONE, BRING_LACKS, BRING_DENIED };
void resident_rebuild(struct sch *, uint32_t key, nsec now);
bool resident_here(const struct sch *, uint32_t key); /* A4 */
enum resident_bring resident_bring(struct sch *, uint32_t key, nsec now);
void resident_call_out(struct sch *, uint32_t key);
bool resident_look(struct sch *, uint32_t key, nsec now);
void resident_idle(struct sch *, uint32_t key); /* its last ticket ended */
void resident_ask(struct sch *, uint32_t key, nsec now);
void resident_deny_all(struct sch *, uint32_t key, enum slot_denied, nsec now);

/* evict.c */
/* Calls out idle adapters until n chunks are free or will be.  Those that wait
 * are spared unless queued, and unless they wait longer than who (NULL: for
 * one that runs).  false: nothing more can go. */
bool evict_chunks(struct sch *, uint32_t n, const struct admit_view *who,
    bool queued, nsec now);
/* The same for one place of a class > 0. */
bool evict_place(struct sch *, uint32_t kind, const struct admit_view *who,
    bool queued, nsec now);

/* grant.c */
uint32_t grant_blocks(const struct sch *, uint64_t tokens);
uint32_t grant_need(const struct sch *, uint32_t slot, uint32_t tokens);
uint32_t grant_target(const struct sch *, uint32_t slot, uint32_t tokens);
uint32_t grant_room(const struct sch *, uint32_t slot, uint32_t tokens);
bool grant_grow(struct sch *, uint32_t slot, uint32_t tokens, bool commit);
void grant_commit(struct sch *, uint32_t slot, uint32_t gen, uint32_t round);
void grant_end(struct sch *, uint32_t slot, nsec now);
void grant_live(struct sch *, uint32_t slot);
void grant_serve(struct sch *, nsec now);

/* place.c */
enum place_result { PLACE_DONE, PLACE_LACKS, PLACE_GONE };
enum place_result place_first(struct sch *, uint32_t slot, nsec now);
bool place_again(struct sch *, uint32_t slot, nsec now);
void place_hold(struct sch *, uint32_t slot);
void place_deny(struct sch *, uint32_t slot, enum slot_denied, nsec now);
void place_release(struct sch *, uint32_t slot);
void sch_phase_set(struct sch *, uint32_t slot, enum sch_phase);

/* look.c; true: something has changed. */
bool look_slot(struct sch *, uint32_t slot, nsec now);
void look_rebuild(struct sch *, uint32_t slot, nsec now);
uint32_t look_tokens(const struct sch *, uint32_t slot);

/* turn.c; returns how much was done. */
int turn_all(struct sch *, nsec now);

#endif

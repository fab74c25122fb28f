/*
 * sch.h -- what the files of the scheduler share; for them alone.
 *
 * Everything here can be thrown away: it is worked out from the words.
 *
 *	queue.c      who waits, in which queue, for which adapter
 *	wait.c       where the time of those that wait goes
 *	account.c    sizes, costs and quotas: who pays how much from which queue
 *	recent.c     what came and what ended lately; boundaries made of it
 *	chunks.c     which chunk, place and block is free
 *	give_back.c  memory of chunks that stay free, to the operating system
 *	resident.c   adapters come and go
 *	worth.c      how much each resident adapter is used, and worth
 *	evict.c      which of them go when room is needed
 *	grant.c      blocks of one request
 *	place.c      transitions 2, 3 and 9, and what they ask for
 *	look.c       what the words of one slot say now
 *	admission.c  who is admitted in a turn
 *	bypass.c     who goes before a head that finds no memory
 *	ahead.c      adapters brought before they are needed
 *	tell.c       what those who look on are told
 *	turn.c       what is done each turn, and in which order
 *	rules.c      the policies, from settings
 *	core.c       open, step, tick
 */
#ifndef SCHEDULER_SCH_H
#define SCHEDULER_SCH_H

#include "base/heap.h"
#include "base/rng.h"
#include "policy/cost.h"
#include "scheduler/core.h"
#include "shm/word.h"

#define NOBODY UINT32_MAX
#define CHAIN_END UINT32_MAX /* in next[]: no chunk follows */
#define CLASSES CUTS_CLASSES_MAX
#define QUEUES SEG_QUEUES /* 0: past the age limit; 1 + class */
#define RECENT CUTS_SAMPLE_MAX
#define USE_BUCKETS 30 /* of the window in which uses are counted */
#define DEMANDED_MAX 64
#define TOLD_MAX 1024
#define RETURNING_MAX 64 /* chunks at once */

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
	uint32_t nprompt, max_tokens;
	uint32_t granted; /* blocks that it holds */
	uint32_t cap;	  /* blocks of prompt and whole answer */
	uint32_t deaths;  /* of gpuexec while this was running */
	uint32_t next;	  /* in the list of the parked */
	nsec seen_ns, deadline_ns;

	/* account.c */
	uint8_t queue; /* that it waits in, or was admitted from */
	uint8_t class;
	bool charged;
	double size;
	int64_t cost;		 /* tokens */
	int64_t charge[CLASSES]; /* what each queue pays for it */
	double runs_s;		 /* predicted, from placement to end */
	nsec placed_ns;

	/* bypass.c */
	uint32_t before;     /* the head it went before; NOBODY */
	uint32_t before_gen; /* of that */
	uint32_t bypassed;   /* times it was gone before */
	uint32_t put_back;   /* times it was put back for a head */
	nsec lacks_ns;	     /* since when it lacks memory; 0: it does not */
	bool demanded;	     /* admitted, but for its adapter */
};

/* ARRIVING: it is still being copied, but its first part is there, so that whoever
 * follows the copy may start. */
enum sch_away { AWAY_OUT, AWAY_COMING, AWAY_ARRIVING, AWAY_HERE, AWAY_LEAVING };

/* The requests of one queue that wait for one adapter. */
struct sch_group {
	struct heap waits;   /* of slots */
	uint32_t line : 4;   /* enum queue_line it is in */
	uint32_t watch : 28; /* in sch->watch; 0: its offsets are 0 */
};

/* The stopwatches of a group: wait.c. */
struct sch_watch {
	nsec by_ns[WHY_COUNT]; /* offsets */
	uint32_t next;	       /* of those not in use */
};

/* What a request has waited for in other queues, less what its stopwatches showed
 * as it entered this one.  WHY_NONE: for its own load. */
struct sch_waited {
	nsec by_ns[WHY_COUNT];
};

/* What has happened to an adapter and is not told yet: tell.c. */
struct sch_told {
	uint32_t key;
	uint32_t hits, misses, loads, evictions_kv, evictions_adapter, left;
	nsec used_ns, cold_ns;
};

enum queue_line { LINE_READY, LINE_COLD, LINE_COUNT, LINE_NONE = LINE_COUNT };

/* How often an adapter was used in the window. */
struct sch_uses {
	uint32_t sum;
	uint16_t count[USE_BUCKETS];
	int64_t bucket; /* number of the newest */
};

/* An adapter, or the base model (key 0), which is always here. */
struct sch_key {
	uint8_t away;	  /* enum sch_away */
	uint8_t class;	  /* of its place */
	bool unload;	  /* an operator wants it out */
	bool pinned;	  /* an operator wants it to stay */
	bool wanted;	  /* an operator asked for it to be loaded */
	bool used;	  /* since it came */
	bool promised;	  /* brought for one whose turn it was, not used yet */
	bool early;	  /* brought before it was needed, not used yet */
	bool expected;	  /* brought though nobody waits for it */
	bool unhurried;	  /* so told to the loader: nobody waited */
	uint32_t serial;  /* of the entry that what follows is of */
	uint32_t running; /* live tickets */
	uint32_t waiting; /* requests in all queues */
	uint32_t held_at; /* in sch->holding, while it has a place */
	uint32_t moving_at; /* in sch->moving, while it comes or leaves */
	uint32_t place;	    /* as in want */
	uint64_t fence;	    /* of the place it leaves */
	uint64_t asked;	    /* the last ask that was looked at */
	nsec used_ns, here_ns, called_ns, gone_ns;
	nsec coming_ns;	 /* offset of its stopwatch: wait.c */
	uint32_t beside; /* next of those in the same chunk, staying */
	uint32_t told;	 /* in sch->told, + 1; 0: nothing is to be told */

	/* worth.c */
	struct sch_uses uses;
	double weight; /* an operator's; 1 */
	double rate;   /* uses a second, decayed to rate_ns */
	nsec rate_ns;
	double floor;
};

struct sch_chunk {
	uint8_t owner;	     /* enum chunk_owner */
	uint8_t class;	     /* of an adapter chunk */
	bool listed;	     /* in a list of those with room */
	bool bare;	     /* free, and there is no memory behind it */
	uint32_t used;	     /* places or blocks not free */
	uint32_t staying;    /* places whose adapter is not leaving */
	uint32_t free_block; /* first of its free blocks, in it */
	uint32_t tenants;    /* keys that stay in it: a list by beside */
	uint32_t prev, next;
	uint64_t places[4]; /* bit i: place i is taken */
};

/* What eviction knows of what would go together. */
struct sch_unit {
	struct evict_view view;
	double keep;
	uint32_t frees; /* chunks, of a unit */
};

/* A request that came or ended lately. */
struct sch_recent {
	struct size_view size;
	double cost;	/* tokens */
	double seconds; /* that it ran; of ended ones */
};

struct recent_list {
	struct sch_recent *at; /* [RECENT] */
	uint64_t seen;	       /* since the last refresh */
	uint32_t n;
};

struct sch {
	struct sch_world w;
	struct sch_rules rules;
	uint32_t nslots, nkeys, nchunks, per_chunk;
	struct sch_slot *slot;	 /* [nslots] */
	struct sch_key *key;	 /* [nkeys]: adapter + 1 */
	struct sch_chunk *chunk; /* [nchunks] */

	/* queue.c */
	struct sch_group *group;	      /* [QUEUES * nkeys] */
	struct heap line[QUEUES][LINE_COUNT]; /* of groups */
	struct heap ages;		      /* slots in queues 1 .. */
	struct heap_order by_queue, by_first, by_age;
	uint32_t waiting_in[QUEUES];

	/* wait.c */
	struct sch_watch *watch;	 /* [nslots + 1], from 1 on */
	struct sch_waited *waited;	 /* [nslots] */
	uint32_t free_watch;		 /* list */
	nsec blocked[QUEUES][WHY_COUNT]; /* up to why_ns */

	/* account.c, recent.c */
	int nclasses;
	struct cuts cuts;
	int64_t quota[CLASSES], available[CLASSES];
	struct size_scale scale;
	struct cost cost, load_cost;
	void *memory; /* of the predictor */
	struct predict *predict;
	struct recent_list came, ended;
	struct cuts_scratch *scratch;
	double *sizes; /* [RECENT] */
	struct rng rng;
	nsec refreshed_ns, refresh_ns;
	bool overloaded;

	/* evict.c */
	struct sch_unit *one, *unit; /* [nkeys], [nchunks] */
	struct heap ones[DIR_CLASS_MAX + 1], units;
	struct heap_order by_one, by_unit;
	struct evict_scale worth;
	double uses_seen;		       /* most of the round at hand */
	double floor;			       /* worth of the last that went */
	uint32_t idle_chunks[EVICT_NEVER + 1]; /* of units, by level */
	uint32_t rescore_at;
	nsec rescored_ns;			/* when all were looked at */
	uint32_t leaving_of[DIR_CLASS_MAX + 1]; /* places */
	struct prefetch_history *history;	/* [nkeys] */

	/* admission.c, bypass.c */
	uint64_t admit_at; /* completed step from which on it is time */
	bool soon;	   /* the last turn ended for memory on its way */
	bool vain; /* an adapter that is waited for was called out unused while
		    * nobody ran */
	uint32_t demanded[DEMANDED_MAX];
	uint32_t ndemanded;
	uint32_t nbefore;	/* live slots that went before a head */
	struct admit_end *ends; /* [batch_max + 1] */
	enum sched_why why[QUEUES];
	nsec why_ns; /* when they were written */

	uint32_t *live; /* slots that hold tickets */
	uint32_t nlive;
	uint32_t *holding; /* keys that have a place */
	uint32_t nholding;
	uint32_t *moving;	   /* of those, coming or leaving */
	uint32_t nmoving, ncoming; /* ARRIVING counts as both */

	uint32_t open;	    /* slots that are not PHASE_NONE */
	uint32_t nagain;    /* slots in PHASE_AGAIN */
	uint32_t parked;    /* first of a list of slots */
	uint32_t suspect;   /* the one that may run now */
	uint32_t nlacks;    /* slots that lack blocks */
	uint32_t nwaiting;  /* slots waiting or parked */
	uint32_t returning; /* blocks whose end gpuexec has yet to say */

	uint32_t free_chunk, bare_chunk; /* lists: with memory, and without */
	uint32_t nfree_chunks;		 /* of both */
	uint32_t leaving_chunks;

	/* give_back.c */
	uint32_t nbare;
	uint32_t returning_chunk[RETURNING_MAX], nreturning;
	uint32_t spare_least; /* with memory and free, least since window_ns */
	uint32_t spare_todo;  /* of those, that still are to go */
	nsec spare_ns;	      /* when the window began */
	uint32_t kv_room;     /* list: KV chunks with room */
	uint32_t class_room[DIR_CLASS_MAX + 1]; /* lists: adapter chunks */
	uint32_t nfree_blocks;			/* in KV chunks */
	uint32_t kv_chunks, adapter_chunks;
	uint32_t *block_next; /* [nchunks * per_chunk] */
	uint64_t *block_fence;
	uint32_t cool_head, cool_tail, ncooling; /* blocks behind a fence */

	struct sch_told *told; /* [TOLD_MAX] */
	uint32_t ntold;

	uint32_t *order; /* scratch of core.c, [nslots] */

	nsec now;	/* of this turn */
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
void sch_tell_loader(struct sch *, uint32_t adapter, bool early);

static inline void
sch_add(_Atomic uint64_t *meter, uint64_t n)
{
	atomic_store_explicit(meter,
	    atomic_load_explicit(meter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static inline void
sch_count(_Atomic uint64_t *meter)
{
	sch_add(meter, 1);
}

static inline void
sch_gauge(_Atomic uint64_t *meter, uint64_t v)
{
	atomic_store_explicit(meter, v, memory_order_relaxed);
}

/* queue.c */
bool queue_older(const struct sch *, uint32_t a, uint32_t b); /* slots */
/* Whether a waiting slot's turn comes before another's: in one queue by its
 * order, else by age. */
bool queue_before(const struct sch *, uint32_t a, uint32_t b);
void queue_format(struct sch *);
void queue_enter(struct sch *, uint32_t slot);
void queue_leave(struct sch *, uint32_t slot);
/* Files a key again after it has come or gone. */
void queue_file(struct sch *, uint32_t key);
/* Moves a waiting slot to another queue. */
void queue_move(struct sch *, uint32_t slot, uint32_t queue);
/* The first of a line; NOBODY: it is empty. */
uint32_t queue_top(const struct sch *, uint32_t queue, enum queue_line);
/* The first of both lines. */
uint32_t queue_head(const struct sch *, uint32_t queue);
/* The oldest of the first ones that wait for a key; NOBODY. */
uint32_t queue_first(const struct sch *, uint32_t key);
/* Those past the age limit go to queue 0. */
void queue_promote(struct sch *, nsec now);
/* All waiting requests go by the order, classes and limits of now. */
void queue_again(struct sch *);

/* wait.c */
void wait_format(struct sch *);		       /* nobody waits */
void wait_begin(struct sch *, uint32_t slot);  /* a new request */
void wait_enter(struct sch *, uint32_t slot);  /* before it is in its queue */
void wait_leave(struct sch *, uint32_t slot);  /* for another queue */
void wait_empty(struct sch *, uint32_t group); /* it has no more waiters */
/* The adapter begins to come, or does no longer: before `away` says so. */
void wait_turn(struct sch *, uint32_t key);
/* Adds the time since why_ns to what has held each queue since. */
void wait_held(struct sch *, nsec now);
/* Where the time of a request that was never placed has gone. */
void wait_so_far(const struct sch *, uint32_t slot, struct wait_split *);

/* account.c */
void account_open(struct sch *, nsec now);
void account_rules(struct sch *); /* weights that rules say */
/* Predicts, sizes and prices a request that has just come. */
void account_request(struct sch *, uint32_t slot, uint32_t predicted);
uint32_t account_class(const struct sch *, double size);
double account_size(const struct sch *, const struct size_view *);
int64_t account_tokens(const struct sch *, uint64_t bytes);
/* What it costs its queue to admit the slot now. */
int64_t account_price(const struct sch *, uint32_t slot);
/* charge: NULL, its own queue pays. */
void account_take(struct sch *, uint32_t slot, const int64_t *charge, nsec now);
void account_return(struct sch *, uint32_t slot);
/* Quotas have changed: what is charged is charged to the classes of now. */
void account_settle(struct sch *);
/* It has ended by itself: learn from it. */
void account_learn(struct sch *, uint32_t slot, uint32_t tokens, nsec now);
void account_tell(struct sch *, nsec now); /* queues and meters */

/* recent.c */
void recent_came(struct sch *, uint32_t slot);
void recent_ended(struct sch *, uint32_t slot, uint32_t tokens, double seconds);
void recent_refresh(struct sch *, nsec now, bool at_once);

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
/* Free chunks, and those that will be without anybody else going. */
uint32_t chunks_soon(const struct sch *);
void chunks_returning(struct sch *, uint32_t c); /* FREE -> RETURNING */
void chunks_returned(struct sch *, uint32_t c);	 /* -> FREE, bare */

/* give_back.c */
void give_back_tick(struct sch *, nsec now);

/* resident.c */
/* LACKS: memory, and nothing that may go is left; SOON: it is on its way. */
enum resident_bring { BRING_DONE, BRING_SOON, BRING_LACKS, BRING_DENIED };
void resident_rebuild(struct sch *, uint32_t key, nsec now);
/* What the directory says of it (shm/dir.h). */
uint64_t resident_entry(const struct sch *, uint32_t key);
bool resident_here(const struct sch *, uint32_t key); /* A4 */
/* One that has a place and is, or will be, in it as far as anyone needs. */
bool resident_usable(const struct sch *, uint32_t key);
/* early: nobody could start with it now; only what is idle gives way. */
enum resident_bring resident_bring(struct sch *, uint32_t key, bool early,
    nsec now);
void resident_call_out(struct sch *, uint32_t key, enum event_reason);
bool resident_look(struct sch *, uint32_t key, nsec now);
void resident_idle(struct sch *, uint32_t key); /* its last ticket ended */
/* The last of those who waited for it waits no more, and has not started. */
void resident_unwaited(struct sch *, uint32_t key);
/* Whether the loader has said that it cannot be had. */
bool resident_failed(const struct sch *, uint32_t key);
void resident_deny_all(struct sch *, uint32_t key, enum slot_denied, nsec now);

/* ask.c */
void ask_heed(struct sch *, uint32_t key, nsec now);
/* Pins and weights of all that lie on the device; true: some are not as before. */
bool ask_heed_all(struct sch *, nsec now);

/* worth.c */
/* An index whose entry has a new serial is another adapter's: nothing of the old one
 * holds. */
void worth_meet(struct sch *, uint32_t key);
void worth_used(struct sch *, uint32_t key, nsec now);
double worth_uses(const struct sch *, const struct sch_key *, nsec now);
/* Seconds that a load of so many bytes takes. */
double worth_reload(const struct sch *, uint64_t bytes);
void worth_view(const struct sch *, uint32_t key, struct evict_view *,
    nsec now);

/* evict.c */
void evict_format(struct sch *);
/* It stays in its place from now on; it goes. */
void evict_enter(struct sch *, uint32_t key, nsec now);
void evict_leave(struct sch *, uint32_t key);
double evict_worth(const struct sch *, uint32_t key); /* 0: it does not stay */
/* What is known of it has changed: who runs, who waits, what it is worth. */
void evict_touch(struct sch *, uint32_t key, nsec now);
/* Looks at some of those not touched lately: worth falls with time. */
void evict_rescore(struct sch *, uint32_t n, nsec now);
/* Blocks of idle adapters that may go for who, at the most. */
uint64_t evict_idle_blocks(const struct sch *, const struct admit_view *who);
/* Calls out idle adapters until n chunks are free or will be.  Those that wait
 * are spared unless queued, and unless they wait longer than who (NULL: for
 * one that runs).  why: for keys and values, or for another adapter.  false:
 * nothing more can go. */
bool evict_chunks(struct sch *, uint32_t n, const struct admit_view *who,
    bool queued, enum event_reason why, nsec now);
/* The same for one place of a class > 0, which another adapter gets. */
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
enum place_result { PLACE_DONE, PLACE_SOON, PLACE_LACKS, PLACE_GONE };
/* charge: what each queue pays; NULL: its own does. */
enum place_result place_first(struct sch *, uint32_t slot,
    const int64_t *charge, nsec now);
bool place_again(struct sch *, uint32_t slot, nsec now);
void place_hold(struct sch *, uint32_t slot, enum event_reason);
void place_deny(struct sch *, uint32_t slot, enum slot_denied, nsec now);
void place_release(struct sch *, uint32_t slot);
void sch_phase_set(struct sch *, uint32_t slot, enum sch_phase);

/* look.c; true: something has changed. */
bool look_slot(struct sch *, uint32_t slot, nsec now);
void look_rebuild(struct sch *, uint32_t slot, nsec now);
uint32_t look_tokens(const struct sch *, uint32_t slot);

/* admission.c; returns how many were placed or brought on their way. */
int admission_turn(struct sch *, nsec now);
/* Nobody is admitted: one that runs lacks memory. */
void admission_none(struct sch *, nsec now);

/* bypass.c */
/* Who of its queue may go before a head that lacks memory; NOBODY. */
uint32_t bypass_who(struct sch *, uint32_t head, nsec now);
void bypass_went(struct sch *, uint32_t slot, uint32_t head);
void bypass_over(struct sch *, uint32_t slot); /* it runs no more */
/* Puts back those that went before a head which could start without them. */
void bypass_squash(struct sch *, nsec now);
/* Seconds until the queue has tokens of this cost again; < 0: never. */
double bypass_tokens_in(struct sch *, int q, int64_t cost, nsec now);

/* ahead.c */
int ahead_queued(struct sch *, nsec now);
void ahead_expected(struct sch *, uint32_t key, nsec now);
/* Tells the loader of those that were brought early and are waited for by now. */
void ahead_hasten(struct sch *);

/* tell.c: meters, notes, and what lies beside adapters and slots.  What lies beside
 * adapters is written each tick for those that have changed, and in turn. */
void tell_meet(struct sch *, uint32_t key, uint32_t serial);
void tell_changed(struct sch *, uint32_t key); /* who waits or runs with it */
void tell_flush(struct sch *);
void tell_sweep(struct sch *, uint32_t key);
void tell_used(struct sch *, uint32_t key, nsec now);
void tell_came(struct sch *, uint32_t slot);  /* a hit or a miss */
void tell_waits(struct sch *, uint32_t slot); /* it is in a queue, or another */
void tell_wanted(struct sch *, uint32_t key);
void tell_loaded(struct sch *, uint32_t key, nsec took);
void tell_left(struct sch *, uint32_t key, enum event_reason);
void tell_squashed(struct sch *, uint32_t slot, enum event_reason);
void tell_denied(struct sch *, uint32_t slot, enum slot_denied);

/* turn.c; returns how much was done. */
int turn_all(struct sch *, nsec now);

#endif

/*
 * ld.h -- what the files of the loader share; for them alone.
 *
 *	scan.c       the scanner: what has changed in the directory
 *	catalogue.c  entries: who is listed, broken, retired, free
 *	versions.c   which version serves a name, and which others are kept
 *	state.c      what is remembered over a restart of the engine
 *	reason.c     why entries are broken, or loads have failed
 *	store.c      packed images in host memory
 *	room.c       where they lie
 *	work.c       the workers and their queue
 *	pack.c       one adapter, from files to the pool
 *	link.c       the link to the device, where one is emulated
 *	load.c       want and have: A2, A3, A7
 *	give_back.c  memory of chunks that nobody has, to the operating system
 *	prove.c      whether a GPU has still what an earlier life copied there
 *	note.c       what happened, for the log, consoles and metrics
 *	loader.c     open, step, tick
 */
#ifndef LOADER_LD_H
#define LOADER_LD_H

#include "loader/loader.h"
#include "shm/word.h"

#include <pthread.h>

#define LD_NOBODY UINT32_MAX

/* ---- scan.c ---- */

enum found_kind { FOUND_GOOD, FOUND_BROKEN, FOUND_GONE, FOUND_ALL };

/* One thing the scanner has to say. */
struct ld_found {
	struct ld_found *next;
	enum found_kind kind;
	char name[DIR_NAME_MAX];
	uint64_t file_id; /* of its files as they were looked at */
	uint64_t bytes, file_bytes;
	int32_t rank;
	uint32_t rescan; /* FOUND_ALL: the asked-for look that is over */
	bool lost;	 /* FOUND_ALL: the directory could not be read */
	char reason[DIR_REASON_MAX];
};

struct ld_scan;

/* Looks once, then goes on by itself in a thread. */
int ld_scan_open(struct ld_scan **, const struct ld_world *);
void ld_scan_close(struct ld_scan *);
/* Asks for a look without delay, to be answered by FOUND_ALL. */
void ld_scan_now(struct ld_scan *, uint32_t rescan);
/* What has been found since, in order; the caller frees each. */
struct ld_found *ld_scan_take(struct ld_scan *);
bool ld_scan_waiting(struct ld_scan *);

/* Names the two files of an adapter as they are now: inodes, sizes, times.
 * Never 0. */
uint64_t ld_file_id(int dirfd, const char *name, uint64_t *bytes);

/* ---- room.c ---- */

/* Rooms of the shared-memory object of the store. */
struct rooms {
	int fd;
	uint32_t n, nfree;
	uint32_t *free;	       /* stack */
	uint64_t bytes;	       /* of a room: what an image may have */
	struct device *device; /* whose promises come first */
};

int rooms_open(struct rooms *, const struct ld_world *);
void rooms_close(struct rooms *);
/* A free one for an image of so many bytes; LD_NOBODY: there is none. */
uint32_t rooms_take(struct rooms *, uint64_t bytes);
/* This one; false: it is not free. */
bool rooms_claim(struct rooms *, uint32_t room);
/* At a start: what a dead life was at in free ones is given back. */
void rooms_sweep(struct rooms *);
/* What is in it; NULL: cannot be mapped. */
void *rooms_map(const struct rooms *, uint32_t room, uint64_t bytes);
/* In a worker: memory to pack an image in; kept: it is the room's, else malloc's.
 * NULL: there is none. */
void *rooms_memory(const struct rooms *, uint32_t room, uint64_t bytes,
    bool *kept);
/* Free again, with its memory; at: where it was mapped, or NULL. */
void rooms_leave(struct rooms *, uint32_t room, void *at, uint64_t bytes);

/* ---- store.c ---- */

struct store_image {
	void *bytes; /* NULL: none */
	uint64_t n;
	uint32_t room;
	uint32_t at;   /* in list */
	uint32_t pins; /* copied from just now */
	bool unproved; /* of an earlier life, and not compared yet */
	bool only;     /* its files are gone: it must not go */
	/* For the policy. */
	uint32_t uses_seen;
	double rate, floor;
	nsec rate_ns, used_ns, put_ns;
};

struct store {
	const struct ld_world *w;
	struct rooms rooms;
	struct store_image *image; /* [adapters] */
	uint32_t *list;		   /* entries that have one */
	uint32_t count;
	struct evict_view *views; /* scratch */
	uint64_t used, most;
	uint64_t kept; /* of those that must not go: at most half */
	double floor;  /* worth of the last that went */
};

/* World and device must outlive it. */
int store_open(struct store *, const struct ld_world *);
void store_close(struct store *);
/* At a start: the image that an earlier life kept of this entry; false: none, or
 * none that can be trusted so far. */
bool store_adopt(struct store *, uint32_t a);
/* Takes over the room; leaves it at once if the image does not fit. */
void store_put(struct store *, uint32_t a, void *bytes, uint64_t n,
    uint32_t room, nsec now);
/* NULL: not there.  Pinned until store_unpin. */
struct store_image *store_pin(struct store *, uint32_t a);
void store_unpin(struct store *, uint32_t a);
bool store_has(const struct store *, uint32_t a);
/* Whether its image must not go; false: it has none, or there would be too little
 * room for others. */
bool store_keep(struct store *, uint32_t a, bool only);
void store_drop(struct store *, uint32_t a);

/* ---- work.c, pack.c ---- */

/* The time of one copy on the link. */
struct ld_pass {
	nsec begin_ns, end_ns;
	uint64_t at; /* bytes that have crossed */
	/* Since when it has the link without a break, and from which byte on. */
	nsec base_ns;
	uint64_t base_at;
};

enum job_state {
	JOB_QUEUED,
	JOB_READING,   /* may be cancelled: writes nothing after that */
	JOB_READY,     /* has its bytes and waits for the link; likewise */
	JOB_COPYING,   /* the pool is being written */
	JOB_LEAVING,   /* likewise, and is asked to leave off */
	JOB_CANCELLED, /* by the main thread */
	JOB_OVER
};

struct ld_job {
	struct ld_job *next;
	_Atomic int state; /* enum job_state */
	uint32_t adapter;
	uint32_t gen;	    /* of the want that it serves */
	bool copy;	    /* to the pool; else to host memory alone */
	bool prove;	    /* reads the pool, brings nothing */
	_Atomic bool early; /* nobody could start with it now: others first */
	char name[DIR_NAME_MAX];
	uint64_t file_id;
	const void *packed; /* pinned in the store; NULL: read the files */
	bool pinned;	    /* so, until it is over */
	bool unproved;	    /* and to be compared with its sum first */
	bool spoiled;	    /* it was not the same: the files were read */
	unsigned char digest[ADAPTER_DIGEST_BYTES];
	void *image;   /* what was read: the main thread's in the end */
	uint32_t room; /* of the store, for it; LD_NOBODY: none */
	bool kept;     /* image lies in the room, else in malloc's memory */
	uint64_t bytes, page_bytes, sum;
	uint64_t *page; /* [npages] offsets in the pool */
	uint32_t npages;
	bool was_read, whole;		  /* whole: and image is all of it */
	nsec asked_ns, taken_ns, read_ns; /* put, taken, has its bytes */
	struct ld_pass pass;		  /* on the link */
	int error;			  /* 0 or ERR_* */
	char reason[DIR_REASON_MAX];
};

struct ld_work;
struct ld_link;

int ld_work_open(struct ld_work **, const struct ld_world *,
    const struct rooms *);
void ld_work_close(struct ld_work *);
void ld_work_put(struct ld_work *, struct ld_job *);
/* Jobs that are over, cancelled ones too, one by one; NULL: none. */
struct ld_job *ld_work_take(struct ld_work *);
bool ld_work_waiting(struct ld_work *);
/* true: it writes nothing to the pool from now on; else soon. */
bool ld_work_cancel(struct ld_job *);
/* The same, but only while its files are read; false: they no longer are, and it
 * goes on as if nobody had asked. */
bool ld_work_give_up(struct ld_job *);
/* All zero, without a room; NULL: no memory. */
struct ld_job *ld_job_new(void);
void ld_job_free(struct ld_job *);

/* Somebody waits for it now. */
void ld_work_hasten(struct ld_work *, struct ld_job *);
/* One more thread, if all that are there hang; and if there may be no more, those
 * that have waited for one longer than a load may take are over, as failed. */
void ld_work_relieve(struct ld_work *, nsec now);
/* One whose reading began before `since` and is not over; NULL.  It lives until it
 * has been taken. */
struct ld_job *ld_work_late(struct ld_work *, nsec since);

/* Nobody has asked it to leave off. */
bool ld_wanted(void *job);

/* Does the job in the calling thread, up to JOB_OVER. */
void ld_pack(const struct ld_world *, const struct rooms *, struct ld_link *,
    int dirfd, struct ld_job *);

/* How much of an image, from `at` on, is one part of its sum (base/checksum.h):
 * parts do not reach over pages. */
uint64_t ld_part_bytes(const struct ld_job *, uint64_t at);

/* ---- link.c ---- */

int ld_link_open(struct ld_link **, const struct ld_world *);
void ld_link_close(struct ld_link *);

/* Waits for the link.  false: it is not the job's, which is no longer wanted. */
bool ld_link_take(struct ld_link *, struct ld_job *);

/* How often the bytes are really copied: once on an emulated link. */
uint32_t ld_link_times(const struct ld_link *);

/* The bytes up to `at` have been copied: keeps the link for the rest of their
 * time, and lets those by who go first.  false: it is not wanted any more, and has
 * the link no longer. */
bool ld_link_pass(struct ld_link *, struct ld_job *, uint64_t at);
void ld_link_leave(struct ld_link *, struct ld_job *);

/* ---- the main thread's ---- */

struct ld {
	struct ld_world w;
	struct ld_scan *scan;
	struct ld_work *work;
	struct store store;
	struct ld_job **job;	 /* [adapters] the one that serves its want */
	uint32_t *bucket;	 /* [nbuckets] entries by name */
	uint32_t *bucket_next;	 /* [adapters] */
	bool *seen;		 /* [adapters] by the first look */
	uint32_t nbuckets;	 /* a power of two */
	uint32_t listed, broken; /* entries */
	uint32_t retired;	 /* entries that wait to be free */
	uint32_t njobs;
	/* Lines about entries, of the look at hand. */
	uint32_t broken_said, retired_said, listed_said, unserved_said;
	uint32_t rescan_asked; /* passed on to the scanner */
	uint32_t sweep, sweep_chunk;
	uint64_t samples; /* number of the last one */
	struct ld_memory *memory;
	uint32_t *free_reason, nfree_reasons;
	uint32_t free_from;	   /* where to look for a free entry */
	bool full;		   /* has been logged */
	struct ld_found *unlisted; /* for which there was no entry so far */
	bool opened;		   /* a first look has seen what is there */
	nsec quiet_until; /* quarantine of what a dead life was copying */
	struct proof {
		uint32_t next;	      /* entry to look at; adapters: none */
		struct ld_job *job;   /* under way; NULL: none */
		nsec begun_ns;	      /* what was loaded before is proved */
		uint32_t good, wrong; /* entries so far */
		uint64_t bytes;
	} proof;
};

/* catalogue.c */
void ld_catalogue_rebuild(struct ld *);
bool ld_catalogue_heed(struct ld *, nsec now); /* the scanner's news */
void ld_catalogue_reclaim(struct ld *);
/* Entries that nobody uses any more are free, for those that wait for one. */
void ld_catalogue_tick(struct ld *, nsec now);
void ld_catalogue_close(struct ld *);

uint32_t ld_find(const struct ld *, const char *name); /* by its files */
uint16_t ld_asked_of(const struct ld *, uint32_t adapter);
/* What operators ask of the version that serves its name, else of this one. */
uint16_t ld_asked_of_name(const struct ld *, uint32_t adapter);
void ld_set_state(struct ld *, uint32_t adapter, enum dir_state);

/* versions.c */
/* Files of another version have come, or none: what becomes of the old one. */
void ld_version_over(struct ld *, uint32_t old);
/* The version that serves the name of this one; LD_NOBODY: none does. */
uint32_t ld_version_serving(const struct ld *, uint32_t one);
/* The name has gone: so have all of its versions. */
void ld_versions_gone(struct ld *, const char *name);
/* Gives up the oldest of all that are kept for rollback alone; false: none is. */
bool ld_version_give_up(struct ld *);
/* What operators have asked of one. */
void ld_version_look(struct ld *, uint32_t adapter);
/* At a start: those without files that are still to be had. */
bool ld_version_stays(struct ld *, uint32_t adapter);
/* When all of those are known: no more stay than may, and names that nobody serves
 * are told. */
void ld_versions_look_over(struct ld *);

/* note.c */
void ld_note_listed(struct ld *, uint32_t adapter);
void ld_note_broken(struct ld *, const char *name, const char *why);
/* A whole look has been told. */
void ld_note_look_over(struct ld *);
void ld_note_retired(struct ld *, uint32_t adapter, const char *because);
void ld_note_first(struct ld *);
void ld_note_kept(struct ld *, uint32_t adapter, const char *what);
/* One that is kept, and nobody serves its name. */
void ld_note_unserved(struct ld *, uint32_t adapter);
void ld_note_failed(struct ld *, uint32_t adapter, const char *why);
void ld_note_changed(struct ld *, uint32_t adapter);
void ld_note_proved(const struct ld *, nsec took);
/* The times of a load, before it is told, and when it has been. */
void ld_note_times(struct dir_info *, const struct ld_job *);
void ld_note_loaded(struct ld *, const struct ld_job *);
/* What catalogue and host memory hold now. */
void ld_note_sums(struct ld *);

/* state.c */
struct ld_memory;
/* Reads the file.  What is damaged is set aside, and said. */
int ld_memory_open(struct ld_memory **, const struct ld_world *);
void ld_memory_close(struct ld_memory *);
/* What is remembered of a name: its version, if its files are these, or the one
 * after; what was asked of it.  Returns whether another version is to serve it. */
bool ld_memory_recall(const struct ld_memory *, const char *name,
    uint64_t file_id, uint32_t *version, uint16_t *asked);
/* Whether another version than that of the files was to serve it. */
bool ld_memory_other(const struct ld_memory *, const char *name);
/* An operator has chosen anew: what was remembered of that is past. */
void ld_memory_chosen(struct ld_memory *, const char *name);
/* The files of its name go, or others come: what there is to remember of it. */
void ld_memory_note(struct ld *, uint32_t adapter);
/* Writes what has changed, in a thread of its own, at most once a second. */
void ld_memory_tick(struct ld *, nsec now);

/* reason.c */
int ld_reasons_open(struct ld *); /* from those that are there */
/* Leaves so many for others. */
void ld_reason_set(struct ld *, uint32_t adapter, const char *text,
    uint32_t spare);
void ld_reason_clear(struct ld *, uint32_t adapter);

/* load.c */
/* Obeys the want of one adapter, as far as that can be done now.  early: nobody
 * could start with it yet. */
bool ld_look(struct ld *, uint32_t adapter, bool early, nsec now);
/* It has become urgent, if it is being loaded. */
void ld_hasten(struct ld *, uint32_t adapter);
/* Loads that take longer than they may. */
void ld_end_late(struct ld *, nsec now);
bool ld_finish(struct ld *, nsec now); /* jobs that are over */
/* The offsets that a place means for the bytes of a job, checked: ERR_FORMAT,
 * ERR_LIMIT, ERR_MEMORY. */
int ld_resolve(const struct ld *, struct place_word want, struct ld_job *);
/* Copies again what is RESIDENT, to the same place. */
void ld_load_again(struct ld *, uint32_t adapter);

/* give_back.c */
void ld_give_back(struct ld *);

/* prove.c */
/* From now on, what is RESIDENT is of an earlier life. */
void ld_proof_begin(struct ld *, nsec now);
/* The next one, if none is under way. */
void ld_proof_go_on(struct ld *);
/* A proof is over; attached: its adapter is still where it was. */
void ld_proof_take(struct ld *, struct ld_job *, bool attached);
/* In a worker: the sum of what lies in the pool.  Reads alone, so that it may be
 * cancelled at any moment. */
void ld_prove(const struct ld_world *, struct ld_job *);

static inline enum dir_state
ld_state(const struct ld *l, uint32_t a)
{
	return dir_entry_state(
	    atomic_load_explicit(&l->w.entry[a], memory_order_relaxed));
}

static inline uint32_t
ld_serial(const struct ld_world *w, uint32_t a)
{
	return dir_serial(
	    atomic_load_explicit(&w->entry[a], memory_order_relaxed));
}

static inline void
ld_gauge(_Atomic uint64_t *meter, uint64_t v)
{
	atomic_store_explicit(meter, v, memory_order_relaxed);
}

static inline void
ld_add(_Atomic uint64_t *meter, uint64_t n)
{
	atomic_fetch_add_explicit(meter, n, memory_order_relaxed);
}

#endif

/*
 * gx.h -- the executor: what is placed is computed.
 *
 *	sweep	words f, s -> what runs			slots.c
 *	plan	what runs  -> the rows of a step	batch.c
 *	step	rows       -> logits			forward.h
 *	commit	logits     -> tok[], x			answer.c
 *
 * Nothing here decides who runs or what memory is whose: the scheduler's words
 * do.  All of it is rebuilt from words after a death; a new life obeys only
 * placements of its own epoch, so it starts with nothing to run.
 *
 * Whatever lies in another's segment is copied before it is checked and
 * checked before it is used; what is not legal ends its request, never the
 * process.
 *
 * Memory   gx_open allocates, from the plan; a step allocates nothing.
 * Threads  One; the forward pass has its own inside.
 * Waiting  Never; a step takes as long as it takes.
 */
#ifndef GPUEXEC_GX_H
#define GPUEXEC_GX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "device/device.h"
#include "gpuexec/forward.h"
#include "gpuexec/image.h"
#include "model/sample.h"
#include "shm/seg.h"
#include "shm/word.h"

#define GX_NONE UINT32_MAX

/* A request in the log; its id is the frontend's, maybe not ended. */
#define GX_WHO "request=%.*s slot=%u.%u"
#define GX_WHO_OF(r) SLOT_ID_MAX - 1, (r)->request.id, (r)->slot, (r)->gen

/* An adapter in the pool under one generation of its want. */
struct gx_lease {
	int32_t adapter; /* -1: never used */
	uint32_t gen;
	uint32_t refs; /* running requests that hold it */
	bool read;     /* image has been read and is legal */
	bool bad;      /* it is not */
	uint32_t rank; /* the greatest of its modules */
	uint64_t step; /* the last one it was counted in */
	uint32_t place, class;
	struct image *image;
};

/* One running request. */
struct gx_run {
	uint32_t slot, gen, round;
	struct slot_request request;	      /* a private copy, checked */
	const struct sample_params *sampling; /* in it */
	int32_t *prompt;	/* [context] private copy, checked */
	struct gx_lease *lease; /* NULL: the base model */
	int n;			/* tokens committed */
	int kv;			/* positions that are in the cache */
	void **blocks;		/* [blocks_per_slot] addresses */
	uint32_t nblocks;
	bool over;    /* leaves the list at the end of the turn */
	bool follows; /* is in the group that follows its adapter */

	/* The step at hand. */
	int seq; /* its sequence, -1: sits out */
	int rows;
	int picking; /* its number in picks */
	struct sample_pick pick;
};

/* Those that follow the adapter that is being copied: follow.c. */
struct gx_follow {
	struct gx_lease *lease;	  /* of all of them; NULL: there are none */
	struct gx_run **runs;	  /* [batch_max] */
	struct forward_seq *seqs; /* [batch_max] */
	int32_t *tokens;	  /* [step_tokens] of all of them */
	int n, rows;
	int layers; /* that they have been through; -1: they begin */
};

struct gx {
	struct segs *segs;
	const struct plan *plan;
	uint32_t epoch;
	struct forward *forward;
	struct device *device;
	struct ring_rx from_scheduler, from_frontend;
	struct ring_tx to_scheduler, to_frontend;
	bool wake_scheduler, wake_frontend; /* something was written */

	uint32_t *chunk_gen; /* [chunks] under which it was committed */
	struct gx_run *runs; /* [batch_max] */
	uint32_t *free_runs;
	uint32_t nfree;
	uint32_t *live; /* [batch_max] runs, in order of placement */
	uint32_t nlive;
	uint32_t *of_slot;	 /* [slots] run, GX_NONE: none */
	struct gx_lease *leases; /* [batch_max] */
	int pages_max;
	const void **pages; /* [pages_max] */

	struct forward_seq *seqs; /* [batch_max] */
	int nseqs, nrows, nsit;
	int32_t *tokens;	    /* [step_tokens] of all sequences */
	struct forward_pick *picks; /* [batch_max] */
	struct gx_follow follow;
	double row_ns;	/* what a row of a long step takes */
	nsec ended_ns;	/* the last step, if it left more to do; else 0 */
	nsec gap_ns;	/* the last gap between tokens, of so many requests, */
	uint64_t ngaps; /* not yet in the histogram */
};

/* forward.device and rings are the caller's. */
int gx_open(struct gx *);
void gx_close(struct gx *);

/* Pages that the largest adapter of a model can take. */
int gx_pages_most(const struct shape *, const struct plan *);

/* slots.c ---------------------------------------------------------------- */

/* Looks at the words of all slots; returns how many had news. */
int gx_sweep(struct gx *);

/* Takes hints from both rings; returns how many there were. */
int gx_hints(struct gx *);

/* Whether the words still allow that run `r` commits: transition 5. */
bool gx_may_commit(const struct gx *, const struct gx_run *r);

/* Ends a run by its own will: x = FIN. */
void gx_finish(struct gx *, struct gx_run *, enum slot_finish, int32_t stop_id);

/* Takes what is over off the list. */
void gx_reap(struct gx *);

/* start.c: copies and checks the payload of a slot; what is not legal or has
 * already met its end is finished at once. */
void gx_start(struct gx *, uint32_t slot, struct word s);

/* Whether the tokens so far are an end: FINISH_NONE if not. */
enum slot_finish gx_ended(const struct gx *, const struct gx_run *,
    int32_t *stop_id);

/* lease.c ----------------------------------------------------------------- */

/* Resolves blocks that were granted since; the run may end. */
void gx_grants(struct gx *, struct gx_run *);

/* The lease for a ticket; NULL: the ticket is not legal. */
struct gx_lease *gx_lease(struct gx *, int32_t adapter, uint32_t gen);

/* For the log: at most DIR_NAME_MAX - 1 bytes, maybe not ended. */
const char *gx_adapter_name(const struct gx *, int32_t adapter);

/* Whether the adapter is there now, under the ticket's generation: A5.  A run
 * whose image is not legal ends. */
bool gx_adapter_there(struct gx *, struct gx_run *);

/* Its header has been read and is legal, the adapter being there at least so
 * far.  A run whose image is not legal ends. */
bool gx_image_there(struct gx *, struct gx_run *);

/* batch.c ---------------------------------------------------------------- */

/* One step over what runs; returns its rows, and more than 0 if it did anything
 * at all. */
int gx_step(struct gx *);

/* Rows that a run has blocks for, its adapter apart; 0: it sits out. */
int gx_ready(struct gx *, struct gx_run *);

/* The token of a position, given or committed. */
int32_t gx_token_at(const struct gx *, const struct gx_run *, int position);

/* The sequence of its next rows; counts them. */
void gx_seq(struct gx *, const struct gx_run *, const int32_t *tokens, int rows,
    struct forward_seq *);

/* follow.c --------------------------------------------------------------- */

/* Whether the adapter of a run is being copied, and its first part is there. */
bool gx_follows(struct gx *, struct gx_run *);

/* The group, if none is under way; room: rows that a step may have. */
void gx_follow_choose(struct gx *, int room);

/* Whether it could go on. */
bool gx_follow_waits(const struct gx *);

/* As far as its adapter has come, behind the rows of the step: when it is through,
 * its sequences are the step's. */
void gx_follow_step(struct gx *);

/* Gives the group up; its members begin again. */
void gx_follow_end(struct gx *);

/* note.c ------------------------------------------------------------------ */

/* What the step at hand does, before it is computed. */
void gx_note_step(struct gx *, uint64_t step, struct step_note *);

/* What it took. */
void gx_note_took(struct gx *, nsec took);

/* A time between two tokens of one answer; gx_note_gaps when all of a step are
 * told. */
void gx_note_gap(struct gx *, nsec gap);
void gx_note_gaps(struct gx *);

/* answer.c --------------------------------------------------------------- */

/* Picks the tokens of the step; when it returns the step is over. */
void gx_pick(struct gx *);

/* Commits them. */
void gx_answer(struct gx *, nsec now);

/* Rings the bells of those for whom something was written. */
void gx_ring(struct gx *);

/* One more of what a meter counts. */
static inline void
gx_count(_Atomic uint64_t *meter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(meter, memory_order_relaxed);

	atomic_store_explicit(meter, v + n, memory_order_relaxed);
}

#endif

/*
 * forward.h -- the model's forward pass over a batch of sequences.
 *
 * A step takes slices of any number of sequences: one token of each running
 * answer, some hundred of a prompt, with or without an adapter, all ranks
 * mixed.  It writes their keys and values into KV blocks and gives logits for
 * the rows that want them.  Knows no slots and no shared memory: gpuexec's
 * process, the cli and the tests call it alike.
 *
 * On the cpu the logits of a prefix are the same bits whatever else is in the
 * step, where the prompt was cut, and how many threads there are
 * (cpu/kernels.h), as long as its KV blocks came from the same rule.  On a GPU
 * they are so but for the products of the base model, which cuBLAS may sum in
 * another order for another number of rows.
 *
 * Rows are ordered by adapter, so that each adapter's weights are read once a
 * step; rows of the base model cost nothing extra.
 *
 * Memory   forward_open allocates all of it, a step allocates nothing.
 * Threads  One caller; its own pool inside.
 */
#ifndef GPUEXEC_FORWARD_H
#define GPUEXEC_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuexec/image.h"
#include "model/sample.h"
#include "model/shape.h"
#include "model/tensors.h"

struct forward;

struct forward_options {
	enum tensor_dtype weights; /* OTHER: as the files have them */
	enum tensor_dtype kv;	   /* F32 or BF16 */
	int threads;		   /* 0: one a core */
	int rows_max;		   /* of a step */
	int seqs_max;
	int logits_max;	  /* rows of a step that may want logits */
	int context;	  /* positions of a sequence */
	int block_tokens; /* of a KV block */
};

/* On the cpu.  ERR_* as shape_read and weights_open; ERR_MEMORY. */
int forward_open(struct forward **, const char *model_dir,
    const struct forward_options *);
void forward_close(struct forward *);

const struct shape *forward_shape(const struct forward *);
enum tensor_dtype forward_dtype(const struct forward *); /* of weights */
const char *forward_kernels(const struct forward *);	 /* "avx512" ... */
int forward_threads(const struct forward *);

/* Operations a second, a first guess on the low side. */
double forward_rate(const struct forward *);

/* Bytes of a KV block, and those that forward_open takes beside them (cpu). */
size_t forward_block_bytes(const struct forward *);
size_t forward_work_bytes(const struct shape *, const struct forward_options *,
    int threads);

enum forward_want {
	FORWARD_NONE,
	FORWARD_LAST, /* logits of the last row */
	FORWARD_ALL,  /* of every row */
};

/* A slice of a sequence: tokens at positions first .. first + count - 1.  What
 * comes before has been through an earlier step with the same blocks. */
struct forward_seq {
	const int32_t *tokens; /* count of them, each 0 .. vocab - 1 */
	int first, count;
	void *const *blocks;	     /* first + count positions' worth */
	const struct image *adapter; /* NULL: the base model */
	enum forward_want want;
	int logits; /* filled in: number of its first logits row */
};

/* All of them in one step; none: only what follows has logits then.  Limits are
 * the caller's to keep (must).  May return
 * before the step is over: what it reads stays until forward_pick or
 * forward_logits has returned. */
void forward_step(struct forward *, struct forward_seq *, int n);

/* A group of sequences whose adapter is still being copied goes through the
 * layers as they arrive (architecture, 3: have.layers).  forward_follow takes
 * one beside the steps, instead of the one before; the adapter's header and what
 * lies in front of its layers must be there.  forward_follow_to takes it through
 * the first `layers` of the model, that many of the adapter being there, between
 * the step and its picks.  true: it is through, and its logits lie behind those of
 * the step; the sequences' numbers are put right.  Their blocks stay until then. */
bool forward_can_follow(const struct forward *);
void forward_follow(struct forward *, struct forward_seq *, int n);
bool forward_follow_to(struct forward *, struct forward_seq *, int n,
    int layers);

/* What a token is picked from, as sample_pick has it (model/sample.h). */
struct forward_pick {
	int logits; /* row of the last step's */
	const struct sample_params *params;
	const int32_t *prompt, *out;
	int nprompt, nout;
	const int32_t *banned;
	int nbanned, ntop;
	bool want_logprob;
	uint64_t position;
	struct sample_pick *into;
	bool ok; /* filled in: false, nothing could be picked */
};

/* Tokens from the last step's logits.  When it returns the step is over. */
void forward_pick(struct forward *, struct forward_pick *, int n);

/* Whether an image still has the checksum that its loader gave it, page by page
 * (base/checksum.h).  On the cpu it is not asked: true. */
bool forward_intact(struct forward *, const struct image *, uint64_t sum);

/* Logits (vocab) of row i of the last step, in the order of the sequences. */
const float *forward_logits(struct forward *, int i);
const float *forward_last(struct forward *); /* of the last of them */

#endif

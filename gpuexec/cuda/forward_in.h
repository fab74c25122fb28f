/*
 * forward_in.h -- the parts of the cuda backend's forward pass; for the files
 * of gpuexec/cuda/ alone.
 *
 *	plan_step.c  sequences -> rows, pieces, splits, tiles, on their way
 *	adapters.c   images -> the device's table of adapters
 *	layers.c     the kernels of a step, queued in order
 *	graphs.c     the same, captured once and launched whole
 *	forward.c    open, step, pick, close
 */
#ifndef GPUEXEC_CUDA_FORWARD_IN_H
#define GPUEXEC_CUDA_FORWARD_IN_H

#include "base/clock.h"
#include "gpuexec/cuda/forward.h"
#include "gpuexec/cuda/kernels.h"
#include "gpuexec/cuda/picks.h"
#include "gpuexec/cuda/products.h"
#include "gpuexec/cuda/weights.h"
#include "gpuexec/forward_ops.h"

#define CUDA_ROWS_BUCKETS 32 /* for which graphs are kept */

/* Which linear layers the adapters of a step change: none, those of attention
 * alone, as most do, or any. */
enum cuda_reach {
	CUDA_REACH_NONE,
	CUDA_REACH_ATTENTION,
	CUDA_REACH_ALL,
	CUDA_REACHES
};

/* What decides which kernels a step needs. */
struct cuda_kinds {
	int bucket; /* of rows */
	int logits; /* bucket of logits rows; 0: none */
	enum cuda_reach reach;
	bool alone, tiles;
};

/* The device's table of adapters, and the host's copy of it. */
struct cuda_table {
	int adapters, modules, pages; /* how many; of each */
	struct cuda_adapter *at;      /* device, [adapters] */
	char *device;		      /* pages and modules of each, behind it */
	char *host;		      /* pinned; its copy of all that */
	size_t each;		      /* bytes of one's pages and modules */
	const struct image **image;   /* [adapters] what is there, */
	uint32_t *reads;	      /* and which reading of it */
	uint32_t *linears;	      /* bit i: it changes linear layer i */
};

/* A graph of a step without prompts. */
struct cuda_graph {
	cudaGraphExec_t run[CUDA_REACHES];
};

struct cuda_forward {
	struct forward base;
	struct forward_cuda with;
	struct forward_cuda_told told;
	cudaStream_t stream;
	struct cuda_weights weights;
	struct cuda_products *products;
	struct cuda_table table;
	struct picks *picks;

	/* The step at hand. */
	struct cuda_step step; /* addresses of the device */
	struct cuda_kinds kinds;
	int *order;	     /* [seqs_max] sequences, by adapter */
	char *host, *device; /* what is copied to the device: pinned, there */
	size_t used, room;
	bool queued; /* its kernels are on their way, or have ended */
	uint64_t number;

	/* Memory of the host that the device writes. */
	struct cuda_picked *picked, *picked_there; /* [logits_max] */
	volatile uint64_t *done;
	uint64_t *done_there;
	float *logits_host; /* (vocab) */
	int logits_held;    /* the row in it; -1: none */

	/* Activations on the device, (rows, ...). */
	int rows_most;	 /* the bucket of rows_max */
	int logits_most; /* likewise */
	int splits_most;
	int sums_most; /* parts of an image */
	uint64_t *sums, *sums_host;
	float *h, *qkv, *gate_up, *t, *partial, *logits;
	void *x, *q, *att, *act, *picking;
	float *frequency;
	void *memory; /* all of these */
	size_t bytes;

	struct cuda_graph graph[CUDA_ROWS_BUCKETS]; /* by bucket, ascending */
	int buckets[CUDA_ROWS_BUCKETS], nbuckets;
};

static inline struct cuda_forward *
cuda_of(struct forward *f)
{
	return (struct cuda_forward *)(void *)f;
}

/* plan_step.c: fills step, kinds and the memory that will be copied. */
/* Bytes of that memory. */
size_t cuda_plan_room(const struct cuda_forward *);
void cuda_plan_step(struct cuda_forward *, struct forward_seq *, int n);
void cuda_plan_picks(struct cuda_forward *, const struct forward_pick *, int n);
/* The head, when all is filled in; then the copy to the device. */
int cuda_plan_send(struct cuda_forward *);

/* adapters.c */
int cuda_table_open(struct cuda_table *, const struct shape *, int adapters,
    int pages);
void cuda_table_close(struct cuda_table *);
/* Sees to it that an image is in the table as it is now. */
int cuda_table_put(struct cuda_table *, const struct image *,
    const struct shape *, cudaStream_t);

/* Where the table of pages of adapter i lies on the device. */
const uint64_t *cuda_table_pages(const struct cuda_table *, int i);

/* layers.c: queues the kernels of a step of these kinds. */
int cuda_queue_step(struct cuda_forward *, struct cuda_kinds);
/* Looks up the algorithms for them. */
int cuda_prepare_step(struct cuda_forward *, struct cuda_kinds);

/* graphs.c */
int cuda_graphs_open(struct cuda_forward *);
void cuda_graphs_close(struct cuda_forward *);
/* Launches the graph for these kinds; *done false: there is none. */
int cuda_graphs_run(struct cuda_forward *, struct cuda_kinds, bool *done);

#endif

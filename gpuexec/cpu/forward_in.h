/*
 * forward_in.h -- the parts of the cpu's forward pass; for forward*.c alone.
 */
#ifndef GPUEXEC_CPU_FORWARD_IN_H
#define GPUEXEC_CPU_FORWARD_IN_H

#include "gpuexec/cpu/attention.h"
#include "gpuexec/cpu/linear.h"
#include "gpuexec/cpu/weights.h"
#include "gpuexec/forward_ops.h"

/* Rows [row, row + rows) of the step, of one adapter. */
struct forward_run {
	const struct image *adapter;
	int row, rows;
};

struct cpu_forward {
	struct forward base;
	struct weights weights;
	struct pool *pool;
	const struct cpu_kernels *kernels;
	double *frequency; /* [rotary_dim / 2] */

	/* The step: rows ordered by adapter. */
	int rows, nruns, ntiles, nlogits;
	int *order;	     /* sequence numbers, ordered by adapter */
	int32_t *token;	     /* [rows_max] */
	struct cpu_row *row; /* [rows_max] */
	int *logits_row;     /* [logits_max] row of the step */
	struct forward_run *runs;
	struct cpu_attend_tile *tiles;

	/* Activations, (rows_max, stride). */
	float *h, *x, *qkv, *att, *gate, *up, *t;
	size_t ld_h, ld_qkv, ld_att, ld_inter, ld_logits;
	int k_at, v_at; /* columns in qkv */
	float *cos, *sin;
	float *scratch;
	size_t scratch_ld;
	float *head_x, *logits; /* (logits_max, stride) */

	/* Adapters of the linear layers at hand. */
	struct cpu_use *uses;
	struct cpu_use_job *jobs;

	struct sample_scratch **picking; /* [threads] */

	/* Sequences that follow their adapter (forward_follow.c): rows of
	 * their own, everything else is that of the step. */
	struct cpu_forward *follow;
	int follow_layer; /* layers that they have been through */

	void *memory; /* all of the above but weights and picking */
	size_t bytes;
};

/* forward_batch.c: from sequences to rows, runs and tiles. */
void forward_rows(struct cpu_forward *, struct forward_seq *, int n);

/* forward_pick.c: from logits to tokens. */
int cpu_pick_open(struct cpu_forward *);
void cpu_pick_close(struct cpu_forward *);
void cpu_pick(struct forward *, struct forward_pick *, int n);

/* forward_layers.c: from token ids to logits, in three parts. */
void forward_embed(struct cpu_forward *);
void forward_layers(struct cpu_forward *, int from, int to);
void forward_head(struct cpu_forward *); /* if any row wants logits */

/* forward_follow.c */
void cpu_follow(struct forward *, struct forward_seq *, int n);
bool cpu_follow_to(struct forward *, int layers);

#endif

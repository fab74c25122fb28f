/*
 * forward_ops.h -- what computes a forward pass does; for those that do.
 */
#ifndef GPUEXEC_FORWARD_OPS_H
#define GPUEXEC_FORWARD_OPS_H

#include "gpuexec/forward.h"

/* Those without follow cannot; else none is optional.  Limits have been checked. */
struct forward_ops {
	void (*close)(struct forward *);
	/* May return before it is computed. */
	void (*step)(struct forward *, struct forward_seq *, int n);
	/* Returns when the step is over, also with n = 0. */
	void (*pick)(struct forward *, struct forward_pick *, int n);
	const float *(*logits)(struct forward *, int i);
	bool (*intact)(struct forward *, const struct image *, uint64_t sum);
	void (*follow)(struct forward *, struct forward_seq *, int n);
	bool (*follow_to)(struct forward *, int layers);
};

/* The head of each kind's own struct. */
struct forward {
	const struct forward_ops *ops;
	struct shape shape;
	struct forward_options limit;
	enum tensor_dtype dtype; /* of weights */
	const char *kernels;
	int threads;
	double rate; /* operations a second: a first guess, rather too low */
	size_t block_bytes;
	int nlogits; /* of the last step */
};

/* Fills in what is alike for all, and reads the shape. */
int forward_begin(struct forward *, const struct forward_ops *,
    const char *model_dir, const struct forward_options *);

#endif

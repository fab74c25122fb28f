/*
 * here.h -- a model in this process, for one sequence: no engine, no sharing.
 *
 * Threads  One caller; the forward pass has its own inside.
 */
#ifndef CLI_HERE_H
#define CLI_HERE_H

#include "gpuexec/forward.h"

#include <stdint.h>

struct here_options {
	const char *model;
	const char *adapter; /* directory; NULL: the base model */
	const char *dtype;   /* "auto", "f32", "bf16" */
	uint64_t threads;
	int context; /* 0: the model's, at most 4096 */
};

struct here {
	struct forward *forward;
	struct image *image; /* NULL: the base model */
	void *image_bytes;
	void **blocks; /* of the whole context */
	void *kv;
	int context;
	int32_t *tokens; /* (context) */
	int n;		 /* of them are computed */
};

#define HERE_ROWS 256 /* of a step */

/* ERR_USAGE: dtype; and as the model's and the adapter's files say. */
int here_open(struct here *, const struct here_options *);
void here_close(struct here *);

/* Computes tokens[n .. n + count), at most HERE_ROWS of them; the logits that
 * were wanted are in forward_logits. */
void here_step(struct here *, int count, enum forward_want);

#endif

/*
 * solo.h -- one sequence through the forward pass, with memory of its own.
 *
 * For `chameleon logits` and `generate`, and for tests: no slots, no pool, no
 * other process.
 *
 *	solo_open(&s, &(struct solo_options){ .model = "models/demo" });
 *	solo_feed(s, prompt, n, NULL);
 *	next = argmax(solo_last(s)); solo_feed(s, &next, 1, NULL); ...
 *
 * Memory   solo_open allocates, solo_close frees.
 * Threads  One caller.
 */
#ifndef GPUEXEC_SOLO_H
#define GPUEXEC_SOLO_H

#include "gpuexec/forward.h"
#include "model/adapter.h"

struct solo;

struct solo_options {
	const char *model;   /* directory */
	const char *adapter; /* directory; NULL: the base model */
	struct adapter_rules rules;
	enum tensor_dtype weights; /* OTHER: as the files have them */
	enum tensor_dtype kv;	   /* F32 or BF16 */
	int threads;		   /* 0: one a core */
	int context;		   /* 0: the model's own, at most 4096 */
	int rows;		   /* tokens of a step; 0: 256 */
	int block_tokens;	   /* 0: 16 */
};

/* ERR_* as forward_open and adapter_open. */
int solo_open(struct solo **, const struct solo_options *);
void solo_close(struct solo *);

const struct shape *solo_shape(const struct solo *);
int solo_context(const struct solo *);
int solo_count(const struct solo *); /* tokens fed so far */

/* Puts n more tokens behind those fed.  logits (n, vocab) of all of them, or
 * NULL.  ERR_LIMIT: over the context; ERR_FORMAT: an id is no token. */
int solo_feed(struct solo *, const int32_t *tokens, int n, float *logits);

/* Logits (vocab) behind the last token fed. */
const float *solo_last(struct solo *);

/* Forgets all but the first n tokens fed. */
void solo_cut(struct solo *, int n);

#endif

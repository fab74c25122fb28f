/*
 * scene.h -- sequences with keys and values on the device, and what attention
 * is to make of them.
 *
 * Queries, keys and values of a sequence follow from its seed and the shape, so
 * that the same sequence may be put in another step.  Blocks lie shuffled, and
 * whatever no row may see in them is NaN: unused positions, other layers.
 * Behind the step's rows come rows of nobody.
 */
#ifndef TESTS_KERNELS_SCENE_H
#define TESTS_KERNELS_SCENE_H

#include "tests/kernels/rig.h"

#define SCENE_NOBODY 3 /* rows */

enum scene_how { SCENE_ALONE, SCENE_TILE, SCENE_NEITHER };

/* Rows at positions [first, first + rows); if alone, rows is 1. */
struct scene_sequence {
	int first, rows;
	enum scene_how how;
	uint64_t seed;
};

struct scene_shape {
	int heads, kv_heads, head_dim, block_tokens, window;
	enum tensor_dtype dtype;
	float sharp;	  /* queries are multiplied by it; 0: by 1 */
	int tile_rows;	  /* rows of a tile; 0: CUDA_TILE_ROWS */
	bool seen_splits; /* no splits before the window */
};

struct scene {
	struct scene_shape shape;
	const struct scene_sequence *sequence;
	int nsequences, rows, splits, alone, tiles;
	const struct cuda_step *step;
	struct cuda_attend attend;
	float *have; /* out of the device, (rows, heads * head_dim) */
	/* By definition; and the same of |V|, which is what errors of weights
	 * are multiplied by. */
	float *want, *want_size;
};

/* Puts it on the device, attends to all sequences and waits. */
void scene_play(struct scene *, const struct scene_shape *,
    const struct scene_sequence *, int nsequences);
void scene_free(struct scene *);

/* Every output is within one rounding of it, `weight_error` times the sum of
 * weight * |V|, and float's own; those of rows in no list, and behind the rows,
 * are as they were. */
void scene_check(struct scene *, float weight_error);

/* One rounding to the dtype, of 1. */
float scene_rounding(enum tensor_dtype);

/* Row 0 of sequence i, heads * head_dim numbers that the device has put out. */
const float *scene_row(const struct scene *, int i);

#endif

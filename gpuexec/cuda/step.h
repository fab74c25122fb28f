/*
 * step.h -- what varies from one step to the next, as the kernels read it.
 *
 * Everything that differs between two steps lies in device memory, in one block
 * that is copied there before the step: a struct cuda_step and the arrays it
 * points to.  A kernel's arguments are the same for every step of a layer, so
 * that a captured graph serves all steps that fit its grids; a grid is an upper
 * bound, and what is beyond the counts below returns at once.
 *
 *	rows	   one token of one sequence each, ordered by adapter
 *	piece	   neighbouring rows of one adapter, at most CUDA_PIECE_ROWS
 *	split	   CUDA_SPLIT_TOKENS positions of one row's attention
 *	tile	   neighbouring rows of one sequence that attend together
 *	logits row one that wants logits
 *
 * Pointers are device addresses.  Read by C, C++ and CUDA alike.
 */
#ifndef GPUEXEC_CUDA_STEP_H
#define GPUEXEC_CUDA_STEP_H

#include <stdint.h>

#include "model/sample.h"

#define CUDA_PIECE_ROWS 16
#define CUDA_SPLIT_TOKENS 256 /* fixed: sums do not depend on the batch */
#define CUDA_TILE_ROWS 64

/* Rows [row, row + rows) of one adapter. */
struct cuda_piece {
	int32_t adapter; /* index in the table of adapters */
	int32_t row, rows;
};

/* Positions [first, last] of row `row`, a row that attends alone.  The splits
 * of a row are neighbours, in the order of positions, and begin at multiples of
 * CUDA_SPLIT_TOKENS. */
struct cuda_split {
	int32_t row;
	int32_t first, last;
	int32_t only; /* 1: the row has no other */
};

/* A row that attends alone, and its splits. */
struct cuda_alone {
	int32_t row;
	int32_t split, nsplits; /* [split, split + nsplits) */
};

/* Rows [row, row + rows) of one sequence, each at the position behind that of
 * the row before; at most CUDA_TILE_ROWS. */
struct cuda_tile {
	int32_t row, rows;
};

struct cuda_step {
	int32_t rows, nlogits, npieces, nhead_pieces;
	int32_t nsplits, nalone, ntiles, npicks;
	int32_t rank_max; /* of the adapters of its pieces */
	/* Bit i: an adapter of its pieces changes linear layer i somewhere. */
	uint32_t linears;
	const int32_t *token;	 /* [rows] */
	const int32_t *position; /* [rows] */
	/* [rows] where the addresses of its sequence's KV blocks begin in
	 * `block`; the block of position p is block[row_block[r] + p /
	 * block_tokens]. */
	const int32_t *row_block;
	const uint64_t *block;
	const int32_t *logits_row;	     /* [nlogits] row of the step */
	const struct cuda_piece *piece;	     /* [npieces] of rows */
	const struct cuda_piece *head_piece; /* [nhead_pieces] of logits rows */
	const struct cuda_split *split;	     /* [nsplits] */
	const struct cuda_alone *alone;	     /* [nalone] */
	const struct cuda_tile *tile;	     /* [ntiles] */
	const struct cuda_pick *pick;	     /* [npicks] */
};

/* ---- adapters --------------------------------------------------------- */

/* One module of an adapter's image; rank 0: not changed. */
struct cuda_module {
	uint64_t a, b; /* offsets of the first rows in the image */
	int32_t rank;
	int32_t pad;
};

/* An image where it lies: pages that need not be neighbours, no row of A or B
 * over a border (model/adapter.h, adapter_row).  Row r of A has `in` numbers,
 * of B `out`; rows begin on ADAPTER_ALIGN bytes. */
struct cuda_adapter {
	const uint64_t *page;		   /* addresses of the pages */
	const struct cuda_module *modules; /* layer * LINEAR_LAYER_COUNT +
					    * linear; head and embedding
					    * behind the last layer */
	uint32_t page_bytes;		   /* 0: all in one page */
	uint32_t dtype;			   /* enum tensor_dtype */
};

/* ---- picking tokens --------------------------------------------------- */

/* An id that was seen: in the prompt or the answer (repetition), and how often
 * in the answer (presence, frequency).  Each id once. */
struct cuda_seen {
	int32_t id;
	int32_t in_answer;
};

/* What sample_pick takes (model/sample.h), for one logits row. */
struct cuda_pick {
	int32_t logits;
	float temperature, top_p, min_p;
	int32_t top_k;
	float repetition, presence, frequency;
	uint64_t seed, position;
	int32_t nbias, nbanned, nseen;
	int32_t want_logprob, ntop;
	int32_t pad;
	const struct sample_bias *bias; /* [nbias] applied in order */
	const int32_t *banned;		/* [nbanned] */
	const struct cuda_seen *seen;	/* [nseen] */
};

/* What comes back, in memory of the host that the device can write. */
struct cuda_picked {
	struct sample_pick pick;
	int32_t ok; /* 0: a logit is not finite, or nothing may be picked */
};

#endif

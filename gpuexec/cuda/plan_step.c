/* From the sequences of a step to what its kernels read, in one block of pinned
 * memory that is copied to the device before them.
 *
 * Rows are ordered by adapter; a sequence of one row attends alone, longer ones
 * in tiles.  Which kernels there are to be follows from that (struct
 * cuda_kinds). */
#include "gpuexec/cuda/forward_in.h"

#include <string.h>

#include "base/err.h"
#include "base/must.h"
#include "device/cuda_check.h"

#define ALIGN 16

/* ---- the block -------------------------------------------------------- */

/* The host's address of an array of so many bytes in the block. */
static void *
take(struct cuda_forward *f, size_t bytes)
{
	size_t at = f->used;

	f->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
	must(f->used <= f->room);
	return f->host + at;
}

/* Points the step's array at where it will lie on the device. */
#define TAKE(f, array, n)                                                      \
	((f)->step.array = (const void *)((f)->device + (f)->used),            \
	    take(f, (size_t)(n) * sizeof(*(f)->step.array)))

static int
blocks_of(const struct cuda_forward *f, int tokens)
{
	int each = f->base.limit.block_tokens;

	return (tokens + each - 1) / each;
}

size_t
cuda_plan_room(const struct cuda_forward *f)
{
	const struct forward_options *o = &f->base.limit;
	size_t rows = (size_t)o->rows_max, seqs = (size_t)o->seqs_max;
	size_t logits = (size_t)o->logits_max;
	size_t pieces = rows / CUDA_PIECE_ROWS + seqs + logits;

	return sizeof(struct cuda_step) + 3 * rows * sizeof(int32_t) +
	    seqs * (size_t)blocks_of(f, o->context) * sizeof(uint64_t) +
	    logits * (sizeof(int32_t) + sizeof(struct cuda_pick)) +
	    2 * (pieces + logits) * sizeof(struct cuda_piece) +
	    (size_t)f->splits_most * sizeof(struct cuda_split) +
	    seqs * sizeof(struct cuda_alone) +
	    (rows / CUDA_TILE_ROWS + seqs) * sizeof(struct cuda_tile) +
	    picks_bytes(o->logits_max, o->context, f->base.shape.vocab) +
	    32 * ALIGN;
}

/* ---- rows ------------------------------------------------------------- */

static int
number(const struct forward_seq *s)
{
	return s->adapter == NULL ? -1 : image_number(s->adapter);
}

/* Sequences of one adapter become neighbours, those of the base model first;
 * otherwise they stay in their order.  Few, and mostly in order already. */
static void
sort(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	for (int i = 0; i < n; i++) {
		int key = number(&seq[i]), j = i;

		for (; j > 0 && number(&seq[f->order[j - 1]]) > key; j--)
			f->order[j] = f->order[j - 1];
		f->order[j] = i;
	}
}

static void
fill_rows(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	int32_t *token = TAKE(f, token, f->step.rows);
	int32_t *position = TAKE(f, position, f->step.rows);
	int32_t *row_block = TAKE(f, row_block, f->step.rows);
	int r = 0, b = 0;

	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[f->order[i]];

		for (int k = 0; k < s->count; k++, r++) {
			must(s->tokens[k] >= 0 &&
			    s->tokens[k] < f->base.shape.vocab);
			token[r] = s->tokens[k];
			position[r] = s->first + k;
			row_block[r] = b;
		}
		b += blocks_of(f, s->first + s->count);
	}
}

static void
fill_blocks(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	uint64_t *block;
	int all = 0, b = 0;

	for (int i = 0; i < n; i++)
		all += blocks_of(f, seq[i].first + seq[i].count);
	block = TAKE(f, block, all);
	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[f->order[i]];
		int mine = blocks_of(f, s->first + s->count);

		for (int k = 0; k < mine; k++)
			block[b++] = (uint64_t)(uintptr_t)s->blocks[k];
	}
}

/* ---- logits ----------------------------------------------------------- */

/* They keep the order of the sequences, wherever their rows went. */
static void
number_logits(struct cuda_forward *f, struct forward_seq *seq, int n)
{
	for (int i = 0; i < n; i++) {
		seq[i].logits = f->step.nlogits;
		f->step.nlogits += seq[i].want == FORWARD_ALL ? seq[i].count :
		    seq[i].want == FORWARD_LAST		      ? 1 :
								0;
	}
	must(f->step.nlogits <= f->base.limit.logits_max);
}

static void
fill_logits(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	int32_t *to = TAKE(f, logits_row, f->step.nlogits);
	int row = 0;

	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[f->order[i]];

		if (s->want == FORWARD_LAST)
			to[s->logits] = row + s->count - 1;
		for (int k = 0; s->want == FORWARD_ALL && k < s->count; k++)
			to[s->logits + k] = row + k;
		row += s->count;
	}
}

/* ---- pieces ----------------------------------------------------------- */

/* Adds rows of an adapter: to the last piece if they go on in it. */
static void
add_rows(struct cuda_piece *piece, int32_t *n, int adapter, int row, int rows)
{
	while (rows > 0) {
		struct cuda_piece *last = *n > 0 ? &piece[*n - 1] : NULL;
		int fit;

		if (last == NULL || last->adapter != adapter ||
		    last->row + last->rows != row ||
		    last->rows == CUDA_PIECE_ROWS) {
			last = &piece[(*n)++];
			*last = (struct cuda_piece){ adapter, row, 0 };
		}
		fit = CUDA_PIECE_ROWS - last->rows;
		fit = rows < fit ? rows : fit;
		last->rows += fit;
		row += fit;
		rows -= fit;
	}
}

static void
fill_pieces(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	const struct forward_options *o = &f->base.limit;
	size_t most = (size_t)o->rows_max / CUDA_PIECE_ROWS +
	    (size_t)o->seqs_max + (size_t)o->logits_max;
	struct cuda_piece *piece = (void *)(f->host + f->used);
	struct cuda_piece *head;
	int row = 0;

	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[f->order[i]];

		row += s->count;
		if (s->adapter == NULL)
			continue;
		add_rows(piece, &f->step.npieces, number(s), row - s->count,
		    s->count);
		if (image_rank(s->adapter) > f->step.rank_max)
			f->step.rank_max = image_rank(s->adapter);
		f->step.linears |= f->table.linears[number(s)];
	}
	must((size_t)f->step.npieces <= most);
	(void)TAKE(f, piece, f->step.npieces);
	head = (void *)(f->host + f->used);
	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[i];

		if (s->adapter != NULL && s->want != FORWARD_NONE)
			add_rows(head, &f->step.nhead_pieces, number(s),
			    s->logits, s->want == FORWARD_ALL ? s->count : 1);
	}
	(void)TAKE(f, head_piece, f->step.nhead_pieces);
}

/* ---- attention -------------------------------------------------------- */

static int
splits(int position)
{
	return position / CUDA_SPLIT_TOKENS + 1;
}

static void
count_attention(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	for (int i = 0; i < n; i++) {
		if (seq[i].count > 1) {
			f->step.ntiles += (seq[i].count + CUDA_TILE_ROWS - 1) /
			    CUDA_TILE_ROWS;
			continue;
		}
		f->step.nalone++;
		f->step.nsplits += splits(seq[i].first);
	}
	must(f->step.nsplits <= f->splits_most);
}

static void
fill_attention(struct cuda_forward *f, const struct forward_seq *seq, int n)
{
	struct cuda_split *split = TAKE(f, split, f->step.nsplits);
	struct cuda_alone *alone = TAKE(f, alone, f->step.nalone);
	struct cuda_tile *tile = TAKE(f, tile, f->step.ntiles);
	int row = 0, at = 0;

	for (int i = 0; i < n; i++) {
		const struct forward_seq *s = &seq[f->order[i]];
		int last = s->first, left = s->count;

		if (s->count == 1) {
			*alone++ = (struct cuda_alone){ row, at, splits(last) };
			for (int p = 0; p <= last; p += CUDA_SPLIT_TOKENS, at++)
				*split++ = (struct cuda_split){ row, p,
					p + CUDA_SPLIT_TOKENS <= last ?
					    p + CUDA_SPLIT_TOKENS - 1 :
					    last,
					splits(last) == 1 };
		}
		for (int r = row; s->count > 1 && left > 0;
		     r += CUDA_TILE_ROWS, left -= CUDA_TILE_ROWS)
			*tile++ = (struct cuda_tile){ r,
				left < CUDA_TILE_ROWS ? left : CUDA_TILE_ROWS };
		row += s->count;
	}
}

static enum cuda_reach
reach(const struct cuda_step *s)
{
	const uint32_t attention = 1u << LINEAR_Q | 1u << LINEAR_K |
	    1u << LINEAR_V | 1u << LINEAR_O;

	return s->npieces == 0		   ? CUDA_REACH_NONE :
	    (s->linears & ~attention) == 0 ? CUDA_REACH_ATTENTION :
					     CUDA_REACH_ALL;
}

/* ---- a step ----------------------------------------------------------- */

void
cuda_plan_step(struct cuda_forward *f, struct forward_seq *seq, int n)
{
	const struct forward_options *o = &f->base.limit;

	must(n <= o->seqs_max);
	f->step = (struct cuda_step){ 0 };
	f->used = (sizeof(f->step) + ALIGN - 1) / ALIGN * ALIGN;
	for (int i = 0; i < n; i++) {
		must(seq[i].count >= 1 && seq[i].first >= 0);
		must(seq[i].first + seq[i].count <= o->context);
		f->step.rows += seq[i].count;
	}
	must(f->step.rows <= o->rows_max);
	sort(f, seq, n);
	number_logits(f, seq, n);
	count_attention(f, seq, n);
	fill_rows(f, seq, n);
	fill_blocks(f, seq, n);
	fill_logits(f, seq, n);
	fill_pieces(f, seq, n);
	fill_attention(f, seq, n);
	f->kinds = (struct cuda_kinds){
		.bucket = cuda_bucket(f->step.rows),
		.logits = f->step.nlogits == 0 ? 0 :
						 cuda_bucket(f->step.nlogits),
		.reach = reach(&f->step),
		.alone = f->step.nalone > 0,
		.tiles = f->step.ntiles > 0,
	};
}

void
cuda_plan_picks(struct cuda_forward *f, const struct forward_pick *pick, int n)
{
	struct picks_arena arena;
	struct cuda_pick *to = TAKE(f, pick, n);

	must(n <= f->base.limit.logits_max);
	f->step.npicks = n;
	arena = (struct picks_arena){ f->host, f->device, f->used, f->room };
	for (int i = 0; i < n; i++)
		picks_fill(f->picks, &to[i], &pick[i], &arena);
	f->used = arena.used;
}

int
cuda_plan_send(struct cuda_forward *f)
{
	memcpy(f->host, &f->step, sizeof(f->step));
	return cuda_check(cudaMemcpyAsync(f->device, f->host, f->used,
			      cudaMemcpyHostToDevice, f->stream),
	    "what a step is");
}

/*
 * y[r, column + o] += (t B)[o], for the rows of each piece
 *
 *	t (rows, CUDA_PRODUCTS, ADAPTER_RANK_MAX) float
 *	B (rank, out) bf16, f16 or float, as the image has it
 *	y (rows, ldy) float
 *
 * An item is a piece and some neighbouring tiles of a product, a warp's; a tile
 * is COLUMNS columns of B, all ranks.  Where B lies is several reads in a row
 * away, so that a warp should find out once: tiles are dealt out by as many as
 * there are for each warp.  How many there are follows from counts in the step.
 * Bound by memory, by B once, 2 rank out bytes of 16-bit numbers, and 8 bytes a
 * number of y.  A lane reads eight neighbouring columns of four neighbouring
 * ranks, 16 bytes at a time; eight lanes together 128; what comes next is on the
 * way while a tile is computed.
 *
 * Tensor cores (lora.h), also for a single row; t goes in as three bf16, which
 * is all of it.  Which rank is in which place of the product is free, as long as
 * t and B agree: a lane has its own four.  Likewise which column: a lane then
 * has eight neighbouring ones of y, and nothing passes through shared memory.
 *
 * A row's sums have one order, whatever else is in the launch and however rows
 * are cut into pieces: sixteens of ranks ascending.  Defined by
 * cpu/reference/lora.c; tested to 1e-5 of the terms' size.  Sources: as
 * lora_shrink.cu.
 */
#include "gpuexec/cuda/lora.h"

#define WARPS 4
#define THREADS (WARPS * WARP)
#define BLOCKS 4   /* a multiprocessor */
#define EIGHT 8	   /* columns of B that a lane has */
#define COLUMNS 64 /* of B in a tile */
#define SPAN 6	   /* tiles of an item, at most */
#define PAIRS 4	   /* of a lane's columns */
#define MINE 4	   /* ranks of sixteen that a lane has */
#define T_PARTS 3  /* of a float */

/* Eight columns of one rank, as they lie. */
template <typename B> struct eight {
	uint4 words[sizeof(B) / 2];
};

/* Row j of B from column o on, zeros where there is none.  A row is filled up to
 * ADAPTER_ALIGN bytes and begins on them, so that 16 may always be read; what
 * comes from behind its end stays in columns that nobody has. */
template <typename B>
static __device__ __forceinline__ eight<B>
take(const struct lora_rows &rows, int j, int rank, int o, int out)
{
	eight<B> to = {};

	if (j < rank && o < out) {
		const uint4 *from = (const uint4 *)((const B *)lora_row(rows,
							j) +
		    o);

#pragma unroll
		for (int k = 0; k < (int)(sizeof(B) / 2); k++)
			to.words[k] = from[k];
	}
	return to;
}

/* Column k of two ranks in a word, in parts. */
template <typename B>
static __device__ __forceinline__ void
pair_up(uint32_t *to, const eight<B> &first, const eight<B> &second, int k)
{
	B a[EIGHT], b[EIGHT];

	memcpy((void *)a, &first, sizeof(a));
	memcpy((void *)b, &second, sizeof(b));
	lora_split<lora_parts<bf16, B>::n>(to, widen(a[k]), widen(b[k]));
}

template <>
__device__ __forceinline__ void
pair_up<bf16>(uint32_t *to, const eight<bf16> &first, const eight<bf16> &second,
    int k)
{
	uint32_t a[EIGHT / 2], b[EIGHT / 2];

	memcpy(a, &first, sizeof(a));
	memcpy(b, &second, sizeof(b));
	to[0] = k % 2 == 0 ? (a[k / 2] & 0xffffu) | b[k / 2] << 16 :
			     a[k / 2] >> 16 | (b[k / 2] & 0xffff0000u);
}

/* t of ranks [j, j + 4), zero where there are none. */
static __device__ __forceinline__ float4
take_sums(const float *t, int j, int rank)
{
	float4 v = make_float4(0, 0, 0, 0);

	if (t == NULL || j >= rank)
		return v;
	v = *(const float4 *)(t + j);
	v.y = j + 1 < rank ? v.y : 0;
	v.z = j + 2 < rank ? v.z : 0;
	v.w = j + 3 < rank ? v.w : 0;
	return v;
}

/* t of this lane's four ranks and a row, as the right side of a product. */
static __device__ __forceinline__ void
split_sums(uint32_t (*to)[2], float4 v)
{
	uint32_t words[2][T_PARTS];

	lora_split<T_PARTS>(words[0], v.x, v.y);
	lora_split<T_PARTS>(words[1], v.z, v.w);
#pragma unroll
	for (int p = 0; p < T_PARTS; p++) {
		to[p][0] = words[0][p];
		to[p][1] = words[1][p];
	}
}

/* Columns k and k + 1 of every lane's eight, of its four ranks, as the left
 * side of a product. */
template <typename B>
static __device__ __forceinline__ void
pair_columns(uint32_t (*to)[4], const eight<B> *b, int k)
{
	const int parts = lora_parts<bf16, B>::n;
	uint32_t words[4][parts];

	pair_up<B>(words[0], b[0], b[1], k);
	pair_up<B>(words[1], b[0], b[1], k + 1);
	pair_up<B>(words[2], b[2], b[3], k);
	pair_up<B>(words[3], b[2], b[3], k + 1);
#pragma unroll
	for (int p = 0; p < parts; p++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			to[p][i] = words[i][p];
}

/* c[r] += sixteen ranks of t B, for rows 8 r of the piece on. */
template <int EIGHTS, typename B>
static __device__ __forceinline__ void
multiply(float (*c)[PAIRS][4], const eight<B> *b, const float4 *t)
{
	const int parts = lora_parts<bf16, B>::n;
	uint32_t left[parts][4], right[EIGHTS][T_PARTS][2];

#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
		split_sums(right[r], t[r]);
#pragma unroll
	for (int k = 0; k < PAIRS; k++) {
		pair_columns<B>(left, b, 2 * k);
#pragma unroll
		for (int r = 0; r < EIGHTS; r++)
			lora_multiply<bf16, parts, T_PARTS>(c[r][k], left,
			    right[r]);
	}
}

/* Of a tile, the first column that this lane has. */
static __device__ __forceinline__ int
my_column(void)
{
	return threadIdx.x % WARP / 4 * EIGHT;
}

/* Sixteen ranks of a tile, on their way. */
template <int EIGHTS, typename B> struct ahead {
	eight<B> b[MINE];
	float4 t[EIGHTS];
};

/* Ranks [rank, rank + 16) of the tile from column o on. */
struct cursor {
	int o, rank;
};

static __device__ __forceinline__ void
advance(struct cursor *at, int rank)
{
	at->rank += LORA_RANKS;
	if (at->rank >= rank)
		*at = { at->o + COLUMNS, 0 };
}

/* t: of this lane's rows, NULL where there is none.  Columns from `end` on are
 * others'. */
template <int EIGHTS, typename B>
static __device__ __forceinline__ void
send_for(struct ahead<EIGHTS, B> *to, struct cursor *next,
    const struct lora_rows &rows, const float *const *t, int rank, int end)
{
	int j = next->rank + threadIdx.x % 4 * MINE, o = next->o + my_column();

#pragma unroll
	for (int i = 0; i < MINE; i++)
		to->b[i] = take<B>(rows, j + i, rank, o, end);
#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
		to->t[r] = take_sums(t[r], j, rank);
	advance(next, rank);
}

/* y[i] += v for four columns, of which `left` are there. */
static __device__ __forceinline__ void
add_four(float *y, float4 v, int left, bool aligned)
{
	if (aligned && left >= 4) {
		float4 w = *(const float4 *)y;

		*(float4 *)y = make_float4(w.x + v.x, w.y + v.y, w.z + v.z,
		    w.w + v.w);
		return;
	}
	if (left > 0)
		y[0] += v.x;
	if (left > 1)
		y[1] += v.y;
	if (left > 2)
		y[2] += v.z;
	if (left > 3)
		y[3] += v.w;
}

/* Eight columns of row 2 t (which 0) or 2 t + 1. */
static __device__ __forceinline__ void
add_row(float *y, const float (*c)[4], int which, int left)
{
	bool aligned = (uintptr_t)y % sizeof(float4) == 0;

#pragma unroll
	for (int k = 0; k < PAIRS; k += 2)
		add_four(y + 2 * k,
		    make_float4(c[k][which], c[k][which + 2], c[k + 1][which],
			c[k + 1][which + 2]),
		    left - 2 * k, aligned);
}

/* Adds the tile from column o on to the rows of a piece, and begins anew. */
template <int EIGHTS>
static __device__ __forceinline__ void
add_tile(const struct cuda_lora &l, const struct cuda_lora_product &p,
    struct cuda_piece piece, int o, float (*c)[PAIRS][4])
{
	o += my_column();
#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
#pragma unroll
		for (int i = 0; i < 2; i++) {
			int row = 8 * r + threadIdx.x % 4 * 2 + i;

			if (row < piece.rows)
				add_row(l.y + (piece.row + row) * l.ldy +
					p.column + o,
				    c[r], i, p.out - o);
		}
#pragma unroll
	for (int i = 0; i < EIGHTS * PAIRS * 4; i++)
		(&c[0][0][0])[i] = 0;
}

/* ---- items ------------------------------------------------------------ */

static __host__ __device__ __forceinline__ int
tiles(int out)
{
	return (out + COLUMNS - 1) / COLUMNS;
}

static __host__ __device__ __forceinline__ int
all_tiles(const struct cuda_lora &l)
{
	int all = 0;

	for (int p = 0; p < CUDA_PRODUCTS; p++)
		if (p < l.nproducts)
			all += tiles(l.product[p].out);
	return all;
}

/* How the work of a launch is dealt out. */
struct deal {
	int span; /* tiles of an item */
	int each; /* items of a piece */
};

static __device__ __forceinline__ struct deal
deal_of(const struct cuda_lora &l, int pieces, int warps)
{
	struct deal d;

	d.span = min(SPAN, (pieces * all_tiles(l) + warps - 1) / warps);
	d.span = max(d.span, 1);
	d.each = 0;
#pragma unroll
	for (int p = 0; p < CUDA_PRODUCTS; p++)
		if (p < l.nproducts)
			d.each += (tiles(l.product[p].out) + d.span - 1) /
			    d.span;
	return d;
}

/* One item of a launch. */
struct item {
	struct cuda_piece piece;
	const struct cuda_adapter *adapter;
	struct cuda_module module;
	struct cuda_lora_product product;
	int number; /* of the product */
	int first;  /* tile */
};

static __device__ __forceinline__ struct item
item_at(const struct cuda_lora &l, const struct cuda_step *step, int i,
    const struct deal &d)
{
	int left = i % d.each, spans;
	struct item it;

	it.piece = lora_piece(l, step, i / d.each);
	it.adapter = &l.adapters[it.piece.adapter];
	for (it.number = 0;; it.number++, left -= spans) {
		it.product = lora_product(l, it.number);
		spans = (tiles(it.product.out) + d.span - 1) / d.span;
		if (left < spans)
			break;
	}
	it.first = left * d.span;
	it.module = lora_module(l, it.adapter, it.product.linear);
	return it;
}

/* DEPTH sixteens are under way at a time. */
template <int EIGHTS, int DEPTH, typename B>
static __device__ __forceinline__ void
expand_span(const struct cuda_lora &l, const struct item &it, int span)
{
	struct lora_rows rows = lora_rows(it.adapter, it.module.b,
	    it.product.out * (uint32_t)sizeof(B));
	int g = threadIdx.x % WARP / 4, rank = it.module.rank;
	int end = min(it.product.out, (it.first + span) * COLUMNS);
	struct cursor here = { it.first * COLUMNS, 0 }, next = here;
	float c[EIGHTS][PAIRS][4] = {};
	struct ahead<EIGHTS, B> on[DEPTH];
	const float *t[EIGHTS];

#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
		t[r] = g + 8 * r < it.piece.rows ?
		    lora_sums(l, it.piece.row + g + 8 * r, it.number) :
		    NULL;
#pragma unroll
	for (int k = 0; k < DEPTH; k++)
		send_for<EIGHTS, B>(&on[k], &next, rows, t, rank, end);
	while (here.o < end)
#pragma unroll
		for (int k = 0; k < DEPTH; k++) {
			if (here.o >= end)
				break;
			multiply<EIGHTS, B>(c, on[k].b, on[k].t);
			send_for<EIGHTS, B>(&on[k], &next, rows, t, rank, end);
			if (here.rank + LORA_RANKS >= rank)
				add_tile<EIGHTS>(l, it.product, it.piece,
				    here.o, c);
			advance(&here, rank);
		}
}

/* As many sixteens under way as there are registers for. */
template <typename B>
static __device__ __forceinline__ void
expand_piece(const struct cuda_lora &l, const struct item &it, int span)
{
	const int depth = lora_parts<bf16, B>::n == 1 ? 2 : 1;

	if (it.piece.rows <= 8)
		expand_span<1, depth, B>(l, it, span);
	else
		expand_span<2, 1, B>(l, it, span);
}

static __device__ __forceinline__ void
expand_item(const struct cuda_lora &l, const struct item &it, int span)
{
	if (it.adapter->dtype == TENSOR_BF16)
		expand_piece<bf16>(l, it, span);
	else if (it.adapter->dtype == TENSOR_F16)
		expand_piece<f16>(l, it, span);
	else
		expand_piece<float>(l, it, span);
}

/* Modules that an adapter leaves as they are may be many: a lane looks at an
 * item each. */
static __global__ void
__launch_bounds__(THREADS, BLOCKS)
expand(struct cuda_lora l, const struct cuda_step *step)
{
	int pieces = lora_pieces(l, step), stride = gridDim.x * WARPS;
	struct deal d = deal_of(l, pieces, stride);
	int items = pieces * d.each;

	let_next_begin();
	for (int at = blockIdx.x * WARPS + threadIdx.x / WARP; at < items;
	     at += WARP * stride) {
		int mine = at + (int)(threadIdx.x % WARP) * stride;
		bool there = mine < items &&
		    item_at(l, step, mine, d).module.rank > 0;

		wait_for_earlier();
		for (unsigned todo = __ballot_sync(ALL_LANES, there); todo != 0;
		     todo &= todo - 1)
			expand_item(l,
			    item_at(l, step,
				at + (__ffs((int)todo) - 1) * stride, d),
			    d.span);
	}
	wait_for_earlier();
}

int
cuda_lora_expand(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int items = pieces_max * all_tiles(*l);

	LAUNCH_EARLY(expand, cuda_grid((items + WARPS - 1) / WARPS, BLOCKS),
	    THREADS, 0, stream, *l, step);
	return cuda_launched("lora expand");
}

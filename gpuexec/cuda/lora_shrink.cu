/*
 * t = x A^T, for the rows of each piece and the products that share x
 *
 *	A (rank, in) bf16, f16 or float, as the image has it
 *	x (rows, in) bf16 or f16   t (rows, CUDA_PRODUCTS, ADAPTER_RANK_MAX) float
 *
 * An item is (piece, product, 16 rows of A), a block's; its warps share out
 * `in` by CHUNKs.  How many items there are follows from counts in the step, so
 * that the grid does not.  Blocks take them in an order that has the first rows
 * of all pieces in front: an adapter of rank r is as many items as it has
 * sixteens of rows, and they spread evenly whatever the others' ranks are.
 *
 * Queued before the product that reads the same x, so that a block finds its A
 * and sends for it while what makes x is still at work.
 *
 * Tensor cores (lora.h), also for a single row: then it is bound by memory, by A
 * once, 2 rank in bytes of 16-bit numbers, and what they do beside it is for
 * nothing.  x comes from L2, and is read once for sixteen rows of A.  A lane
 * reads 16 bytes of a row; which of a chunk's numbers meet in which place of
 * the product is free, as long as A and x agree.
 *
 * A row's sums have one order, whatever else is in the launch and however rows
 * are cut into pieces: the chunks of a warp ascending, then the warps.  Defined
 * by cpu/reference/lora.c; tested to 1e-5 of the terms' size.  Sources: arXiv
 * 2106.09685; 2310.18547 (segments); 2311.03285 (exact ranks).
 */
#include "gpuexec/cuda/lora.h"

#define WARPS 8
#define THREADS (WARPS * WARP)
#define BLOCKS 2 /* a multiprocessor */
#define EIGHT 8	 /* numbers of a lane in a chunk */
#define CHUNK 32 /* numbers of a row that its four lanes take together */
#define GROUP 4	 /* neighbouring chunks of a warp */
#define LINE 128 /* bytes that come to L2 together */

/* Eight numbers of kind T, as they lie. */
template <typename T> struct eight {
	uint4 words[sizeof(T) / 2];
};

/* Numbers [i, i + 8) of a row, zero where it has none; row NULL: all zero.
 * aligned: the row begins on 16 bytes. */
template <typename T>
static __device__ __forceinline__ eight<T>
take(const T *row, int i, int n, bool aligned)
{
	eight<T> to = {};
	T v[EIGHT];

	if (row == NULL || i >= n)
		return to;
	if (aligned && i + EIGHT <= n) {
#pragma unroll
		for (int k = 0; k < (int)(sizeof(T) / 2); k++)
			to.words[k] = ((const uint4 *)(row + i))[k];
		return to;
	}
#pragma unroll
	for (int k = 0; k < EIGHT; k++)
		v[k] = i + k < n ? row[i + k] : narrow<T>(0);
	memcpy((void *)&to, v, sizeof(to));
	return to;
}

/* Its four pairs as words of kind M, in parts. */
template <typename M, typename T> struct operand {
	uint32_t words[4][lora_parts<M, T>::n];
};

template <typename M, typename T>
static __device__ __forceinline__ void
prepare(operand<M, T> *to, const eight<T> &from)
{
	const int parts = lora_parts<M, T>::n;
	T v[EIGHT];

	if (parts == 1) {
		memcpy(to->words, &from, sizeof(to->words));
		return;
	}
	memcpy((void *)v, &from, sizeof(v));
#pragma unroll
	for (int k = 0; k < 4; k++)
		lora_split<parts>(to->words[k], widen(v[2 * k]),
		    widen(v[2 * k + 1]));
}

/* Sixteen rows of A with eight rows of x, over a chunk: two products, of which
 * each takes two of a lane's four pairs. */
template <typename M, typename A, typename T>
static __device__ __forceinline__ void
multiply(float *c, const operand<M, A> *a, const operand<M, T> &x)
{
	const int na = lora_parts<M, A>::n, nx = lora_parts<M, T>::n;

#pragma unroll
	for (int half = 0; half < 4; half += 2) {
		uint32_t left[na][4], right[nx][2];

#pragma unroll
		for (int p = 0; p < na; p++) {
			left[p][0] = a[0].words[half][p];
			left[p][1] = a[1].words[half][p];
			left[p][2] = a[0].words[half + 1][p];
			left[p][3] = a[1].words[half + 1][p];
		}
#pragma unroll
		for (int p = 0; p < nx; p++) {
			right[p][0] = x.words[half][p];
			right[p][1] = x.words[half + 1][p];
		}
		lora_multiply<M, na, nx>(c, left, right);
	}
}

/* The chunks of a warp; c[i] for rows 8 i of the piece on.  a, x: the rows of
 * this lane, NULL where there are none.  AHEAD chunks are under way at a time,
 * which divides GROUP: the order is the same for all. */
template <int EIGHTS, int AHEAD, typename T, typename A>
static __device__ __forceinline__ void
sum_chunks(float (*c)[4], const A *const *a, const T *const *x, int in)
{
	typedef typename lora_kind<A, T>::type M;
	bool aligned = in % EIGHT == 0;
	int warp = threadIdx.x / WARP, t = threadIdx.x % 4;

	for (int at = warp * GROUP * CHUNK; at < in; at += WARPS * GROUP * CHUNK)
#pragma unroll
		for (int part = 0; part < GROUP; part += AHEAD) {
			eight<A> va[AHEAD][2];
			eight<T> vx[AHEAD][EIGHTS];

#pragma unroll
			for (int k = 0; k < AHEAD; k++) {
				int i = at + (part + k) * CHUNK + t * EIGHT;

#pragma unroll
				for (int r = 0; r < 2; r++)
					va[k][r] = take(a[r], i, in, true);
#pragma unroll
				for (int r = 0; r < EIGHTS; r++)
					vx[k][r] = take(x[r], i, in, aligned);
			}
#pragma unroll
			for (int k = 0; k < AHEAD; k++) {
				operand<M, A> oa[2];
				operand<M, T> ox;

#pragma unroll
				for (int r = 0; r < 2; r++)
					prepare(&oa[r], va[k][r]);
#pragma unroll
				for (int r = 0; r < EIGHTS; r++) {
					prepare(&ox, vx[k][r]);
					multiply(c[r], oa, ox);
				}
			}
		}
}

/* Sums of the warps, [rank][row]; a column beside them against bank conflicts. */
struct joined {
	float sum[WARPS][LORA_RANKS][CUDA_PIECE_ROWS + 1];
};

/* The sums of this warp: c is (rank g and g + 8, row 2 t and 2 t + 1). */
template <int EIGHTS>
static __device__ __forceinline__ void
give(struct joined *j, const float (*c)[4])
{
	int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;

#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			j->sum[warp][lane / 4 + i / 2 * 8]
			      [r * 8 + lane % 4 * 2 + i % 2] = c[r][i];
}

template <int EIGHTS, typename T, typename A>
static __device__ __forceinline__ void
shrink_tile(struct joined *j, const struct cuda_lora &l,
    const struct lora_rows &rows, struct cuda_piece piece, int first, int rank)
{
	const int ahead = EIGHTS == 1 && sizeof(A) == 2 ? GROUP : GROUP / 2;
	int g = threadIdx.x % WARP / 4;
	const T *x[EIGHTS];
	const A *a[2];
	float c[EIGHTS][4] = {};

#pragma unroll
	for (int r = 0; r < 2; r++)
		a[r] = first + g + 8 * r < rank ?
		    (const A *)lora_row(rows, first + g + 8 * r) :
		    NULL;
#pragma unroll
	for (int r = 0; r < EIGHTS; r++)
		x[r] = g + 8 * r < piece.rows ? (const T *)l.x +
			(size_t)(piece.row + g + 8 * r) * l.in :
						NULL;
	sum_chunks<EIGHTS, ahead>(c, a, x, l.in);
	give<EIGHTS>(j, c);
}

template <typename T, typename A>
static __device__ __forceinline__ void
shrink_piece(struct joined *j, const struct cuda_lora &l,
    const struct lora_rows &rows, struct cuda_piece piece, int first, int rank)
{
	if (piece.rows <= 8)
		shrink_tile<1, T, A>(j, l, rows, piece, first, rank);
	else
		shrink_tile<2, T, A>(j, l, rows, piece, first, rank);
}

/* A thread a sum. */
static __device__ __forceinline__ void
join(const struct joined *j, const struct cuda_lora &l, struct cuda_piece piece,
    int product, int first, int rank)
{
	int row = threadIdx.x / LORA_RANKS, k = threadIdx.x % LORA_RANKS;
	float all = 0;

	if (row >= piece.rows || first + k >= rank)
		return;
#pragma unroll
	for (int w = 0; w < WARPS; w++)
		all += j->sum[w][k][row];
	lora_sums(l, piece.row + row, product)[first + k] = all;
}
static_assert(THREADS == CUDA_PIECE_ROWS * LORA_RANKS, "a thread a sum");

/* One item of a launch. */
struct item {
	struct cuda_piece piece;
	const struct cuda_adapter *adapter;
	struct cuda_module module;
	int product, first; /* row of A */
};

/* pairs: of pieces and products. */
static __device__ __forceinline__ struct item
item_at(const struct cuda_lora &l, const struct cuda_step *step, int i,
    int pairs)
{
	struct item it;

	it.first = i / pairs * LORA_RANKS;
	it.product = i % pairs % l.nproducts;
	it.piece = lora_piece(l, step, i % pairs / l.nproducts);
	it.adapter = &l.adapters[it.piece.adapter];
	it.module = lora_module(l, it.adapter,
	    lora_product(l, it.product).linear);
	return it;
}

template <typename T>
static __device__ __forceinline__ void
shrink_item(struct joined *j, const struct cuda_lora &l, const struct item &it)
{
	const struct cuda_adapter *a = it.adapter;
	int rank = it.module.rank, first = it.first;
	struct lora_rows rows = lora_rows(a, it.module.a,
	    l.in * lora_number_bytes(a));

	if (a->dtype == TENSOR_BF16)
		shrink_piece<T, bf16>(j, l, rows, it.piece, first, rank);
	else if (a->dtype == TENSOR_F16)
		shrink_piece<T, f16>(j, l, rows, it.piece, first, rank);
	else
		shrink_piece<T, float>(j, l, rows, it.piece, first, rank);
	__syncthreads();
	join(j, l, it.piece, it.product, first, rank);
	__syncthreads();
}

/* A block's first rows of A, on their way to L2 while x is not there yet. */
static __device__ __forceinline__ void
send_for_first(const struct cuda_lora &l, const struct item &it)
{
	uint32_t bytes = l.in * lora_number_bytes(it.adapter);
	int row = it.first + threadIdx.x % LORA_RANKS;
	struct lora_rows rows = lora_rows(it.adapter, it.module.a, bytes);
	const char *at;

	if (row >= it.module.rank)
		return;
	at = lora_row(rows, row);
	for (uint32_t i = threadIdx.x / LORA_RANKS * LINE; i < bytes;
	     i += THREADS / LORA_RANKS * LINE)
		fetch_to_l2(at + i);
}

/* Items beyond a module's rank are many where one adapter's is large: a lane
 * looks at one each. */
template <typename T>
static __global__ void
__launch_bounds__(THREADS, BLOCKS)
shrink(struct cuda_lora l, const struct cuda_step *step)
{
	__shared__ struct joined j;
	int pairs = lora_pieces(l, step) * l.nproducts;
	int items = pairs * ((step->rank_max + LORA_RANKS - 1) / LORA_RANKS);
	int stride = gridDim.x;

	let_next_begin();
	if ((int)blockIdx.x < items)
		send_for_first(l, item_at(l, step, blockIdx.x, pairs));
	wait_for_earlier();
	for (int at = blockIdx.x; at < items; at += WARP * stride) {
		int mine = at + (int)(threadIdx.x % WARP) * stride;
		bool there = false;

		if (mine < items) {
			struct item it = item_at(l, step, mine, pairs);

			there = it.first < it.module.rank;
		}
		for (unsigned todo = __ballot_sync(ALL_LANES, there); todo != 0;
		     todo &= todo - 1)
			shrink_item<T>(&j, l, item_at(l, step,
			    at + (__ffs((int)todo) - 1) * stride, pairs));
	}
}

int
cuda_lora_shrink(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int items = pieces_max * l->nproducts * (ADAPTER_RANK_MAX / LORA_RANKS);

	CUDA_BY_DTYPE(l->dtype, T,
	    LAUNCH_EARLY(shrink<T>, cuda_grid(items, BLOCKS), THREADS, 0,
		stream, *l, step));
	return cuda_launched("lora shrink");
}

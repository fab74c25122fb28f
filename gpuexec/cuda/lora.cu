/*
 * t = x A^T, then y[r, column + o] += (t B)[o], for the rows of each piece
 *
 *	A (rank, in), B (rank, out) bf16, f16 or float, as the image has them
 *	x (rows, in) bf16 or f16   t (rows, CUDA_PRODUCTS, ADAPTER_RANK_MAX) float
 *	y (rows, ldy) float
 *
 * Two launches for all adapters, all ranks and all layers that share x.  Their
 * work is cut into items of like size: the first into (piece, layer, RANKS rows
 * of A), the second into (piece, layer, COLUMNS columns of B).  A block takes
 * item after item; how many there are follows from counts in the step, so that
 * the grid does not.  Ranks mix freely: an adapter of rank r has r terms, and
 * as many items.
 *
 * With few rows an adapter it is bound by memory, by its A and B once: 2 rank
 * (in + out) bytes of 16-bit numbers.  x and t come from caches.  A warp reads a
 * row of A, a thread EIGHT neighbouring columns of B, 16 bytes at a time.
 *
 * A row's sums have one order, whatever else is in the launch and however rows
 * are cut into pieces: lanes by eights of `in`, joined by sum.h; ranks
 * ascending.  Defined by cpu/reference/lora.c; tested to 1e-5 of the terms'
 * size.  Sources: arXiv 2106.09685; 2310.18547 (segments); 2311.03285 (exact
 * ranks).
 */
#include "gpuexec/cuda/sum.h"
#include "model/adapter.h"

#define EIGHT 8
#define WARPS 8		       /* of a block of the first launch */
#define RANKS WARPS	       /* rows of A in an item */
#define THREADS 128	       /* of a block of the second */
#define COLUMNS (THREADS * EIGHT) /* columns of B in an item */
#define ROWS 4		       /* of a piece at a time in the second */
#define SHRINK_BLOCKS 8	       /* a multiprocessor */
#define EXPAND_BLOCKS 16

/* ---- where an image's rows lie ---------------------------------------- */

/* As adapter_row (model/adapter_image.c): no row crosses a page's border. */
static __device__ __forceinline__ const char *
image_row(const struct cuda_adapter *a, uint64_t start, uint32_t row_bytes,
    uint32_t i)
{
	uint32_t stride = (row_bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN *
	    ADAPTER_ALIGN;
	uint64_t page = a->page_bytes, at;

	if (page == 0)
		return (const char *)a->page[0] + start + (uint64_t)i * stride;
	uint32_t first = (uint32_t)((page - start % page) / stride);

	if (i < first) {
		at = start + (uint64_t)i * stride;
	} else {
		uint32_t each = (uint32_t)(page / stride), left = i - first;

		at = (start / page + 1 + left / each) * page +
		    (uint64_t)(left % each) * stride;
	}
	return (const char *)a->page[at / page] + at % page;
}

/* The rows of an array one after the other: an addition each. */
struct image_rows {
	const uint64_t *page;
	uint32_t at, stride, page_bytes;
};

static __device__ __forceinline__ struct image_rows
rows_from(const struct cuda_adapter *a, uint64_t start, uint32_t row_bytes)
{
	struct image_rows r;

	r.stride = (row_bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN *
	    ADAPTER_ALIGN;
	r.page_bytes = a->page_bytes;
	r.page = a->page + (a->page_bytes == 0 ? 0 : start / a->page_bytes);
	r.at = (uint32_t)(a->page_bytes == 0 ? start : start % a->page_bytes);
	return r;
}

static __device__ __forceinline__ const char *
take_row(struct image_rows *r)
{
	const char *row = (const char *)*r->page + r->at;

	r->at += r->stride;
	if (r->page_bytes != 0 && r->page_bytes - r->at < r->stride) {
		r->page++;
		r->at = 0;
	}
	return row;
}

static __device__ __forceinline__ struct cuda_module
module_of(const struct cuda_lora &l, const struct cuda_adapter *a, int product)
{
	int linear = l.product[product].linear;
	int at = linear < LINEAR_LAYER_COUNT ?
	    l.layer * LINEAR_LAYER_COUNT + linear :
	    l.layers * LINEAR_LAYER_COUNT + linear - LINEAR_LAYER_COUNT;

	return a->modules[at];
}

static __device__ __forceinline__ int
number_bytes(const struct cuda_adapter *a)
{
	return a->dtype == TENSOR_F32 ? 4 : 2;
}

static __device__ __forceinline__ float *
sums_of(const struct cuda_lora &l, int row, int product)
{
	return l.t +
	    ((size_t)row * CUDA_PRODUCTS + product) * ADAPTER_RANK_MAX;
}

/* ---- eight numbers ---------------------------------------------------- */

template <typename T>
static __device__ __forceinline__ void
take_eight(float *to, const T *from)
{
	uint4 words = *(const uint4 *)from;
	T v[EIGHT];

	memcpy((void *)v, &words, sizeof(v));
	for (int k = 0; k < EIGHT; k++)
		to[k] = widen(v[k]);
}

template <>
__device__ __forceinline__ void
take_eight<float>(float *to, const float *from)
{
	float4 a = *(const float4 *)from, b = *(const float4 *)(from + 4);

	to[0] = a.x;
	to[1] = a.y;
	to[2] = a.z;
	to[3] = a.w;
	to[4] = b.x;
	to[5] = b.y;
	to[6] = b.z;
	to[7] = b.w;
}

/* Of numbers [i, i + 8) those that there are, of n; fast: all of them are, and
 * begin on 16 bytes. */
template <typename T>
static __device__ __forceinline__ void
take_some(float *to, const T *from, int i, int n, bool fast)
{
	if (fast) {
		take_eight(to, from + i);
		return;
	}
	for (int k = 0; k < EIGHT; k++)
		to[k] = i + k < n ? widen(from[i + k]) : 0;
}

/* ---- t = x A^T -------------------------------------------------------- */

/* One row of A with the rows of a piece, N of them at the most. */
template <int N, typename T, typename A>
static __device__ __forceinline__ void
shrink_row(const struct cuda_lora &l, const A *a, struct cuda_piece piece,
    int product, int rank)
{
	const T *x = (const T *)l.x + (size_t)piece.row * l.in;
	bool aligned = l.in % EIGHT == 0;
	float sum[N] = {};

	for (int i = threadIdx.x * EIGHT; i < l.in; i += 32 * EIGHT) {
		float va[EIGHT], vx[EIGHT];

		/* A row of A is filled up to 64 bytes, and begins on them. */
		take_some(va, a, i, l.in, i + EIGHT <= l.in);
		for (int n = 0; n < N; n++) {
			if (n >= piece.rows)
				break;
			take_some(vx, x + (size_t)n * l.in, i, l.in, aligned);
			for (int k = 0; k < EIGHT; k++)
				sum[n] += vx[k] * va[k];
		}
	}
	for (int n = 0; n < N; n++) {
		if (n >= piece.rows)
			break;
		float all = warp_sum(sum[n]);

		if (threadIdx.x == 0)
			sums_of(l, piece.row + n, product)[rank] = all;
	}
}

template <typename T, typename A>
static __device__ __forceinline__ void
shrink_rows(const struct cuda_lora &l, const char *a, struct cuda_piece piece,
    int product, int rank)
{
	if (piece.rows == 1)
		shrink_row<1, T>(l, (const A *)a, piece, product, rank);
	else if (piece.rows <= ROWS)
		shrink_row<ROWS, T>(l, (const A *)a, piece, product, rank);
	else
		shrink_row<CUDA_PIECE_ROWS, T>(l, (const A *)a, piece, product,
		    rank);
}

template <typename T>
static __global__ void
__launch_bounds__(32 * WARPS)
shrink(struct cuda_lora l, const struct cuda_step *step)
{
	int pieces = l.head ? step->nhead_pieces : step->npieces;
	int tiles = (step->rank_max + RANKS - 1) / RANKS;
	int each = l.nproducts * tiles;

	for (int item = blockIdx.x; item < pieces * each; item += gridDim.x) {
		struct cuda_piece piece = (l.head ? step->head_piece :
						    step->piece)[item / each];
		const struct cuda_adapter *a = &l.adapters[piece.adapter];
		int product = item % each / tiles;
		int rank = item % tiles * RANKS + threadIdx.y;
		struct cuda_module m = module_of(l, a, product);
		const char *row;

		if (rank >= m.rank)
			continue;
		row = image_row(a, m.a, l.in * number_bytes(a), rank);
		if (a->dtype == TENSOR_BF16)
			shrink_rows<T, bf16>(l, row, piece, product, rank);
		else if (a->dtype == TENSOR_F16)
			shrink_rows<T, f16>(l, row, piece, product, rank);
		else
			shrink_rows<T, float>(l, row, piece, product, rank);
	}
}

/* Of an embedding A lies by token, (vocab, rank): t is a row of it. */
static __global__ void
look_up(struct cuda_lora l, const struct cuda_step *step)
{
	for (int p = blockIdx.x; p < step->npieces; p += gridDim.x) {
		struct cuda_piece piece = step->piece[p];
		const struct cuda_adapter *a = &l.adapters[piece.adapter];
		struct cuda_module m = module_of(l, a, 0);

		for (int i = threadIdx.x; i < piece.rows * m.rank;
		     i += blockDim.x) {
			int row = piece.row + i / m.rank, rank = i % m.rank;
			const char *at = image_row(a, m.a,
			    m.rank * number_bytes(a), step->token[row]);

			sums_of(l, row, 0)[rank] = a->dtype == TENSOR_BF16 ?
			    widen(((const bf16 *)at)[rank]) :
			    a->dtype == TENSOR_F16 ?
			    widen(((const f16 *)at)[rank]) :
			    ((const float *)at)[rank];
		}
	}
}

/* ---- y += t B --------------------------------------------------------- */

/* N rows of a piece, eight columns from o on. */
template <int N, typename B>
static __device__ __forceinline__ void
expand_rows(const struct cuda_lora &l, const struct cuda_adapter *a,
    struct cuda_module m, struct cuda_piece piece, int product, int o)
{
	int out = l.product[product].out;
	struct image_rows rows =
	    rows_from(a, m.b, out * (uint32_t)sizeof(B));
	bool whole = o + EIGHT <= out;
	float sum[N][EIGHT] = {};

#pragma unroll 4
	for (int j = 0; j < m.rank; j++) {
		float vb[EIGHT];

		take_some(vb, (const B *)take_row(&rows), o, out, whole);
		for (int n = 0; n < N; n++) {
			float t = n < piece.rows ?
			    sums_of(l, piece.row + n, product)[j] :
			    0;

			for (int k = 0; k < EIGHT; k++)
				sum[n][k] += t * vb[k];
		}
	}
	for (int n = 0; n < N && n < piece.rows; n++) {
		float *y = l.y + (piece.row + n) * l.ldy +
		    l.product[product].column + o;

		for (int k = 0; k < EIGHT; k++)
			if (o + k < out)
				y[k] += sum[n][k];
	}
}

template <typename B>
static __device__ __forceinline__ void
expand_piece(const struct cuda_lora &l, const struct cuda_adapter *a,
    struct cuda_module m, struct cuda_piece piece, int product, int o)
{
	if (piece.rows == 1) {
		expand_rows<1, B>(l, a, m, piece, product, o);
		return;
	}
	for (; piece.rows > 0; piece.rows -= ROWS, piece.row += ROWS)
		expand_rows<ROWS, B>(l, a, m, piece, product, o);
}

static __device__ __forceinline__ int
tiles_of(const struct cuda_lora &l, int product)
{
	return (l.product[product].out + COLUMNS - 1) / COLUMNS;
}

static __global__ void
__launch_bounds__(THREADS)
expand(struct cuda_lora l, const struct cuda_step *step)
{
	int pieces = l.head ? step->nhead_pieces : step->npieces, each = 0;

	for (int p = 0; p < l.nproducts; p++)
		each += tiles_of(l, p);
	for (int item = blockIdx.x; item < pieces * each; item += gridDim.x) {
		struct cuda_piece piece = (l.head ? step->head_piece :
						    step->piece)[item / each];
		const struct cuda_adapter *a = &l.adapters[piece.adapter];
		int tile = item % each, product = 0, o;
		struct cuda_module m;

		for (; tile >= tiles_of(l, product); product++)
			tile -= tiles_of(l, product);
		m = module_of(l, a, product);
		o = tile * COLUMNS + threadIdx.x * EIGHT;
		if (m.rank == 0 || o >= l.product[product].out)
			continue;
		if (a->dtype == TENSOR_BF16)
			expand_piece<bf16>(l, a, m, piece, product, o);
		else if (a->dtype == TENSOR_F16)
			expand_piece<f16>(l, a, m, piece, product, o);
		else
			expand_piece<float>(l, a, m, piece, product, o);
	}
}

/* ---- launches --------------------------------------------------------- */

static int
launch_expand(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int each = 0;

	for (int p = 0; p < l->nproducts; p++)
		each += (l->product[p].out + COLUMNS - 1) / COLUMNS;
	LAUNCH(expand, cuda_grid(pieces_max * each, EXPAND_BLOCKS), THREADS, 0,
	    stream, *l, step);
	return cuda_launched("lora expand");
}

int
cuda_lora(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int items = pieces_max * l->nproducts * (ADAPTER_RANK_MAX / RANKS);
	dim3 block(32, WARPS);
	int e;

	CUDA_BY_DTYPE(l->dtype, T,
	    LAUNCH(shrink<T>, cuda_grid(items, SHRINK_BLOCKS), block, 0,
		stream, *l, step));
	if ((e = cuda_launched("lora shrink")) != 0)
		return e;
	return launch_expand(stream, l, step, pieces_max);
}

int
cuda_lora_embed(cudaStream_t stream, const struct cuda_lora *l,
    const struct cuda_step *step, int pieces_max)
{
	int e;

	LAUNCH(look_up, cuda_grid(pieces_max, SHRINK_BLOCKS), THREADS, 0,
	    stream, *l, step);
	if ((e = cuda_launched("lora look-up")) != 0)
		return e;
	return launch_expand(stream, l, step, pieces_max);
}

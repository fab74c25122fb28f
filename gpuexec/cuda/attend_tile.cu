/*
 * Attention of neighbouring rows of one sequence, as in reading a prompt:
 *
 *	out[r,h] = softmax(q[r,h] K^T / sqrt(head_dim)) V,  K and V of the
 *	positions that r sees: its own and those before it, `window` at most
 *
 *	q, out (rows, heads, head_dim), K and V in blocks (attend.h), all of
 *	bf16 or f16
 *
 * The rows of a tile and the query heads of one key head make one list, row by
 * row (query m is row m / group, head m % group); a block of threads takes 64
 * of it, a warp 16.  So a short tile of a wide group fills the block, and few
 * products lie above the diagonal.  Keys come in tiles of KEYS that begin at
 * multiples of KEYS, from any block of the cache, those of this step as those
 * before; one tile is copied while the other is used.  What a query sees none
 * of leaves its sums as they were, bit by bit: so a row's output does not
 * depend on where a prompt is cut nor on what else is in the step.
 *
 * Weights are rounded to 16 bits for P V; their sum is of them unrounded.
 *
 * Bound by arithmetic, 4 head_dim flops a query and key.  A block does 64 times
 * that for the 4 head_dim bytes of a key and value from L2: at 64 flops a byte
 * L2 (some 5.5 TB/s) feeds about 350 TFLOP/s, near to what mma.sync reaches on
 * sm_90.  Memory gives each K and V about once.  head_dim 128: 168 registers, 68
 * KiB of shared memory, 3 blocks an SM.
 *
 * Defined by cpu/reference/attend.c; tested to one rounding of the output plus
 * one of each weight * |V|.  Sources: arXiv 1706.03762; 1805.02867 (online
 * softmax); 2205.14135, 2307.08691 (tiles); 2309.06180 (pages).
 */
#include "device/cuda_check.h"
#include "gpuexec/cuda/attend.h"

#define BLOCK_QUERIES (WARPS * QUERIES)

template <int DIM> struct plan {
	static const int keys = DIM <= 128 ? 64 : 32; /* of a tile of keys */
	static const int rows = keys * stride<DIM>::numbers;
	static const int bytes = 2 * 2 * rows * 2; /* K and V, two tiles */
	static const int blocks = DIM <= 64 ? 4 : DIM <= 128 ? 3 : 2; /* an SM */
};

/* What a block of threads does. */
struct part {
	struct paged paged;
	int row, position; /* of the tile's first row */
	int head, group;   /* query heads [head, head + group) */
	int begin, end;	   /* queries, of the tile's list */
	int low, high;	   /* positions that one of them sees */
	int window;
};

/* false: nothing, the grid is larger than the step.  Tiles come last to first:
 * those at the end of a prompt take longest. */
template <typename T>
static __device__ __forceinline__ bool
part_of(struct part *p, const struct cuda_attend &a,
    const struct cuda_step *step)
{
	int group = a.heads / a.kv_heads, kv_head = blockIdx.x / group;
	int number = step->ntiles - 1 - (int)blockIdx.y;

	if (number < 0)
		return false;
	struct cuda_tile tile = step->tile[number];

	p->begin = blockIdx.x % group * BLOCK_QUERIES;
	p->end = min(p->begin + BLOCK_QUERIES, tile.rows * group);
	if (p->begin >= p->end)
		return false;
	p->paged = paged_of<T>(a, step, tile.row, kv_head);
	p->row = tile.row;
	p->position = step->position[tile.row];
	p->head = kv_head * group;
	p->group = group;
	p->window = a.window;
	p->low = first_seen(p->position + p->begin / group, a.window);
	p->high = p->position + (p->end - 1) / group;
	return true;
}

/* The first query of this warp. */
static __device__ __forceinline__ int
warp_query(const struct part &p)
{
	return p.begin + threadIdx.x / WARP * QUERIES;
}

/* This lane's two, rows g and g + 8 of the warp's. */
static __device__ __forceinline__ int
lane_query(const struct part &p, int half)
{
	return warp_query(p) + threadIdx.x % WARP / 4 + 8 * half;
}

static __device__ __forceinline__ int
position_of(const struct part &p, int query)
{
	return p.position + query / p.group;
}

/* Where a query is in q and out. */
static __device__ __forceinline__ size_t
place_of(const struct part &p, const struct cuda_attend &a, int query)
{
	int row = p.row + query / p.group, head = p.head + query % p.group;

	return ((size_t)row * a.heads + head) * a.head_dim;
}

/* What a lane has of its two queries. */
template <int DIM> struct sums {
	struct seen seen[2];
	float o[DIM / 8][4];
};

/* How much of `n` keys from `first` the queries of this warp see. */
enum sight { SEE_NOTHING, SEE_SOME, SEE_ALL };

static __device__ __forceinline__ enum sight
sight_of(const struct part &p, int first, int n)
{
	int query = warp_query(p), from, to;

	if (query >= p.end)
		return SEE_NOTHING;
	from = position_of(p, query);
	to = position_of(p, min(query + QUERIES, p.end) - 1);
	if (first > to || first + n <= first_seen(from, p.window))
		return SEE_NOTHING;
	if (first + n - 1 > from || first < first_seen(to, p.window))
		return SEE_SOME;
	return SEE_ALL;
}

/* Scores of keys that a query does not see become -INFINITY. */
template <int KEYS>
static __device__ __forceinline__ void
hide(float (*s)[4], const struct part &p, int first)
{
	int key = first + 2 * (threadIdx.x % 4);

#pragma unroll
	for (int half = 0; half < 2; half++) {
		int high = position_of(p, lane_query(p, half));
		int low = first_seen(high, p.window);

#pragma unroll
		for (int i = 0; i < KEYS / 4; i++) {
			int at = key + i / 2 * 8 + i % 2;

			if (at > high || at < low)
				s[i / 2][2 * half + i % 2] = -INFINITY;
		}
	}
}

/* KEYS keys from position `first`, in shared memory, for this warp. */
template <typename T, int DIM>
static __device__ __forceinline__ void
add_keys(struct sums<DIM> *to, const uint32_t (*q)[4], const T *k,
    const struct part &p, int first, float scale, enum sight sight)
{
	const int keys = plan<DIM>::keys;
	float s[keys / 8][4];
	uint32_t weights[keys / 16][4];

	score_keys<T, DIM, keys>(s, q, k);
	if (sight == SEE_SOME)
		hide<keys>(s, p, first);
#pragma unroll
	for (int half = 0; half < 2; half++) {
		float fade = weigh<keys>(s, half, &to->seen[half], scale);

#pragma unroll
		for (int n = 0; n < DIM / 8; n++) {
			to->o[n][2 * half] *= fade;
			to->o[n][2 * half + 1] *= fade;
		}
	}
#pragma unroll
	for (int n = 0; n < keys / 8; n++) {
		weights[n / 2][n % 2 * 2] = pair<T>(s[n][0], s[n][1]);
		weights[n / 2][n % 2 * 2 + 1] = pair<T>(s[n][2], s[n][3]);
	}
	add_values<T, DIM, keys>(to->o, weights, k + plan<DIM>::rows);
}

/* This warp's share of a tile of keys and values. */
template <typename T, int DIM>
static __device__ __forceinline__ void
copy_tile(struct copies *copies, T *k, const struct part &p, int first)
{
	const int share = plan<DIM>::keys / WARPS;
	int row = threadIdx.x / WARP * share;

	k += row * stride<DIM>::numbers;
	copy_rows<T, DIM, share>(copies, k, k + plan<DIM>::rows, p.paged,
	    first + row, p.low, p.high);
}

template <typename T, int DIM>
static __device__ __forceinline__ void
add_all(struct sums<DIM> *to, T *shared, const struct part &p,
    const uint32_t (*q)[4], float scale)
{
	const int keys = plan<DIM>::keys, place = 2 * plan<DIM>::rows;
	int at = p.low / keys * keys, here = 0;
	struct copies copies;

	copies_begin(&copies);
	copy_tile<T, DIM>(&copies, shared, p, at);
	copies_close(&copies);
	for (; at <= p.high; at += keys, here = place - here) {
		enum sight sight = sight_of(p, at, keys);

		if (at + keys <= p.high)
			copy_tile<T, DIM>(&copies, shared + (place - here), p,
			    at + keys);
		copies_close(&copies);
		copies_wait<1>(&copies);
		__syncthreads();
		if (sight != SEE_NOTHING)
			add_keys<T, DIM>(to, q, shared + here, p, at, scale,
			    sight);
		__syncthreads();
	}
}

template <typename T, int DIM>
static __device__ __forceinline__ void
put_sums(const struct sums<DIM> &of, const struct part &p,
    const struct cuda_attend &a)
{
#pragma unroll
	for (int half = 0; half < 2; half++) {
		float share = 1 / sum_of_query(of.seen[half].sum);
		int query = lane_query(p, half);
		T *to = (T *)a.out + place_of(p, a, query) +
		    2 * (threadIdx.x % 4);

		if (query >= p.end)
			continue;
#pragma unroll
		for (int n = 0; n < DIM / 8; n++)
			if (n * 8 < a.head_dim)
				*(uint32_t *)(to + n * 8) =
				    pair<T>(of.o[n][2 * half] * share,
					of.o[n][2 * half + 1] * share);
	}
}

template <typename T, int DIM>
static __global__ void
__launch_bounds__(THREADS, plan<DIM>::blocks)
tile_parts(struct cuda_attend a, const struct cuda_step *step)
{
	SHARED_DYNAMIC(T, shared);
	__shared__ struct part p; /* the registers are for sums */
	__shared__ bool have;
	struct sums<DIM> sums = { { { -INFINITY, 0 }, { -INFINITY, 0 } }, {} };
	uint32_t q[DIM / 16][4];

	if (threadIdx.x == 0)
		have = part_of<T>(&p, a, step);
	__syncthreads();
	if (!have)
		return;
#pragma unroll
	for (int half = 0; half < 2; half++) {
		int query = lane_query(p, half);

		take_query<T, DIM>(q, half,
		    query < p.end ? (const T *)a.q + place_of(p, a, query) :
				    NULL,
		    a.head_dim);
	}
	add_all<T, DIM>(&sums, shared, p, q, scale_of(a.head_dim));
	put_sums<T, DIM>(sums, p, a);
}

/* A block a tile and a query head, a warp every fourth row. */
template <typename T>
static __global__ void
__launch_bounds__(THREADS)
tile_plain(struct cuda_attend a, const struct cuda_step *step)
{
	int head = blockIdx.x, kv_head = head / (a.heads / a.kv_heads);

	if (blockIdx.y >= (unsigned)step->ntiles)
		return;
	struct cuda_tile tile = step->tile[blockIdx.y];
	struct paged paged = paged_of<T>(a, step, tile.row, kv_head);

	for (int r = threadIdx.x / WARP; r < tile.rows; r += WARPS) {
		int row = tile.row + r, position = step->position[row];
		size_t at = ((size_t)row * a.heads + head) * a.head_dim;
		struct plain p;

		attend_plain<T>(&p, (const T *)a.q + at, paged,
		    first_seen(position, a.window), position);
#pragma unroll
		for (int i = 0; i < PLAIN_PAIRS; i++) {
			int d = 2 * (threadIdx.x % WARP + WARP * i);

			if (d < a.head_dim)
				*(uint32_t *)((T *)a.out + at + d) =
				    pair<T>(p.out[i][0] / p.sum,
					p.out[i][1] / p.sum);
		}
	}
}

template <typename T, int DIM>
static int
queue_parts(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int tiles_max)
{
	int err = cuda_check(cudaFuncSetAttribute(tile_parts<T, DIM>,
				 cudaFuncAttributeMaxDynamicSharedMemorySize,
				 plan<DIM>::bytes),
	    "attend: shared memory");

	if (err != 0)
		return err;
	LAUNCH((tile_parts<T, DIM>), dim3(a->heads, tiles_max), THREADS,
	    plan<DIM>::bytes, stream, *a, step);
	return cuda_launched("attend tile");
}

template <typename T>
static int
queue_any(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int tiles_max)
{
#define TRY(dim)                                                               \
	if (a->head_dim <= dim)                                                \
		return queue_parts<T, dim>(stream, a, step, tiles_max);

	if (!attend_is_plain(a)) {
		ATTEND_DIMS(TRY)
	}
	LAUNCH(tile_plain<T>, dim3(a->heads, tiles_max), THREADS, 0, stream, *a,
	    step);
	return cuda_launched("attend tile, plain");
}

int
cuda_attend_tile(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int tiles_max)
{
	int err = 0;

	if (tiles_max == 0)
		return 0;
	CUDA_BY_DTYPE(a->dtype, T,
	    err = queue_any<T>(stream, a, step, tiles_max));
	return err;
}

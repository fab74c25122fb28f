/*
 * Attention of rows that are alone in their sequence, as in decoding:
 *
 *	out[r,h] = softmax(q[r,h] K^T / sqrt(head_dim)) V
 *
 *	q, out (rows, heads, head_dim), K and V in blocks (attend.h), all of
 *	bf16 or f16; partial float
 *
 * A context is cut at fixed positions into splits of CUDA_SPLIT_TOKENS, so that
 * a row's sums are the same in any batch.  A block of threads takes a split and
 * a key head with up to 8 of its query heads: K and V are read once for them
 * (a larger group is several items, neighbours, whose second reading finds them
 * in L2).  Warp w takes every fourth 16 positions, copies them into its own two
 * slots of shared memory, one on the way while the other is used, and meets the
 * other warps only at the split's end.  What a split makes goes to partial
 * (attend_partial.h), for attend_join.cu; a row with but one is finished at
 * once.  Splits before the window are neutral: sum 0.
 *
 * An mma has 16 queries, a group at most 8: the weights' rounding errors, again
 * rounded, are the other 8.  So a weight has some 16 bits, for nothing.
 *
 * Bound by memory: 4 S head_dim kv_heads bytes a row with S positions.  On the
 * way in an SM: 3 blocks, 4 warps, 8 to 16 KiB each (head_dim 128), where 4.3
 * TB/s at 1 us of latency want 33 KiB; tensor cores are busy an eighth of the
 * time.  partial, written and read, adds 0.8 % a query head of the group.
 *
 * Defined by cpu/reference/attend.c; tested to one rounding of the output plus
 * 2^-15 of the sum of weight * |V|.  Sources: arXiv 1706.03762; 2309.06180
 * (pages); Flash-Decoding, Dao and others, 2023 (splits).
 */
#include "device/cuda_check.h"
#include "gpuexec/cuda/attend.h"
#include "gpuexec/cuda/attend_partial.h"

#define HEADS 8	 /* of a group, in one item */
#define CHUNK 16 /* positions a warp takes at once */
#define SLOTS 2
#define GRID_MAX (132 * 8)

template <int DIM> struct plan {
	static const int rows = CHUNK * stride<DIM>::numbers;
	static const int warp = SLOTS * 2 * rows; /* numbers of shared memory */
	static const int bytes = WARPS * warp * 2;
	static const int blocks = DIM <= 64 ? 4 : DIM <= 128 ? 3 : 1; /* an SM */
};

static __host__ __device__ inline int
parts_of(const struct cuda_attend &a)
{
	return (a.heads / a.kv_heads + HEADS - 1) / HEADS;
}

/* One split, one key head, up to HEADS query heads. */
struct item {
	struct cuda_split split;
	int index;	  /* of the split */
	int head, nheads; /* query heads [head, head + nheads) */
	int low, high;	  /* positions that are seen */
	struct paged paged;
};

template <typename T>
static __device__ __forceinline__ struct item
item_of(const struct cuda_attend &a, const struct cuda_step *step, int number)
{
	int group = a.heads / a.kv_heads, parts = parts_of(a);
	int part = number % parts, kv_head = number / parts % a.kv_heads;
	struct item it;

	it.index = number / parts / a.kv_heads;
	it.split = step->split[it.index];
	it.head = kv_head * group + part * HEADS;
	it.nheads = min(HEADS, group - part * HEADS);
	it.low = max(it.split.first,
	    first_seen(step->position[it.split.row], a.window));
	it.high = it.split.last;
	it.paged = paged_of<T>(a, step, it.split.row, kv_head);
	return it;
}

/* What a warp has of its query heads, head lane / 4 in this lane: o[n][0..1]
 * is of the weights, o[n][2..3] of their rounding errors. */
template <int DIM> struct sums {
	struct seen seen;
	float o[DIM / 8][4];
};

/* The weights as 16-bit numbers and, 8 rows below, what they lack. */
template <typename T>
static __device__ __forceinline__ void
round_weights(uint32_t *p, const float (*s)[4])
{
#pragma unroll
	for (int n = 0; n < 2; n++) {
		float first = s[n][0], second = s[n][1];

		p[2 * n] = pair<T>(first, second);
		p[2 * n + 1] = pair<T>(first - widen(narrow<T>(first)),
		    second - widen(narrow<T>(second)));
	}
}

template <typename T, int DIM>
static __device__ __forceinline__ void
add_chunk(struct sums<DIM> *to, const uint32_t (*q)[4], const T *k, const T *v,
    const struct item &it, int first, float scale)
{
	float s[CHUNK / 8][4], fade;
	uint32_t p[1][4];
	int mine = first + 2 * (threadIdx.x % 4);

	score_keys<T, DIM, CHUNK>(s, q, k);
#pragma unroll
	for (int n = 0; n < CHUNK / 8; n++)
#pragma unroll
		for (int i = 0; i < 2; i++) {
			int at = mine + n * 8 + i;

			if (at < it.low || at > it.high)
				s[n][i] = -INFINITY;
		}
	fade = weigh<CHUNK>(s, 0, &to->seen, scale);
#pragma unroll
	for (int n = 0; n < DIM / 8; n++)
#pragma unroll
		for (int i = 0; i < 4; i++)
			to->o[n][i] *= fade;
	round_weights<T>(p[0], s);
	add_values<T, DIM, CHUNK>(to->o, p, v);
}

/* This warp's chunks of an item.  Which they are depends on positions alone.
 * slots: this warp's shared memory. */
template <typename T, int DIM>
static __device__ __forceinline__ void
add_item(struct sums<DIM> *to, T *slots, const struct item &it, const T *query)
{
	const int rows = plan<DIM>::rows, step = WARPS * CHUNK;
	int warp = threadIdx.x / WARP, head = threadIdx.x % WARP / 4;
	int at = it.low / CHUNK, slot = 0;
	float scale = scale_of(it.paged.head_dim);
	uint32_t q[DIM / 16][4];
	struct copies copies;

	copies_begin(&copies);
	at = (at + (warp - at % WARPS + WARPS) % WARPS) * CHUNK;
	if (at <= it.high)
		copy_rows<T, DIM, CHUNK>(&copies, slots, slots + rows, it.paged,
		    at, it.low, it.high);
	copies_close(&copies);
	take_query<T, DIM>(q, 0,
	    head < it.nheads ? query + head * it.paged.head_dim : NULL,
	    it.paged.head_dim);
	take_query<T, DIM>(q, 1, NULL, 0);
	for (; at <= it.high; at += step, slot ^= 1) {
		T *next = slots + (slot ^ 1) * 2 * rows;
		T *here = slots + slot * 2 * rows;

		if (at + step <= it.high)
			copy_rows<T, DIM, CHUNK>(&copies, next, next + rows,
			    it.paged, at + step, it.low, it.high);
		copies_close(&copies);
		copies_wait<1>(&copies);
		__syncwarp();
		add_chunk<T, DIM>(to, q, here, here + rows, it, at, scale);
		__syncwarp();
	}
	copies_wait<0>(&copies);
}

/* ---- the end of a split ----------------------------------------------- */

/* What a warp leaves in its slots for the others. */
template <int DIM> struct left {
	float most[HEADS], sum[HEADS];
	float out[HEADS][DIM];
};

template <int DIM>
static __device__ __forceinline__ void
leave(struct left<DIM> *to, const struct sums<DIM> &s, float scale)
{
	int head = threadIdx.x % WARP / 4, t = threadIdx.x % 4;
	float sum = sum_of_query(s.seen.sum);

	if (t == 0) {
		to->most[head] = s.seen.most * scale;
		to->sum[head] = sum;
	}
#pragma unroll
	for (int n = 0; n < DIM / 8; n++) {
		float *out = &to->out[head][n * 8 + 2 * t];

		out[0] = s.o[n][0] + s.o[n][2];
		out[1] = s.o[n][1] + s.o[n][3];
	}
}

/* Two neighbouring numbers of a head's output, `out` not yet divided by sum. */
struct result {
	float most, sum, out[2];
};

template <int DIM>
static __device__ __forceinline__ struct result
join_warps(const char *shared, int head, int d)
{
	const struct left<DIM> *of[WARPS];
	struct result r = { -INFINITY, 0, { 0, 0 } };

#pragma unroll
	for (int w = 0; w < WARPS; w++) {
		of[w] = (const struct left<DIM> *)(shared +
		    w * plan<DIM>::warp * 2);
		r.most = fmaxf(r.most, of[w]->most[head]);
	}
	if (r.most == -INFINITY)
		return r;
#pragma unroll
	for (int w = 0; w < WARPS; w++) {
		float weight = power_of_two(of[w]->most[head] - r.most);

		r.sum += weight * of[w]->sum[head];
		r.out[0] += weight * of[w]->out[head][d];
		r.out[1] += weight * of[w]->out[head][d + 1];
	}
	return r;
}

template <typename T>
static __device__ __forceinline__ void
put_result(const struct cuda_attend &a, const struct cuda_split &split,
    int index, int splits_max, int head, int d, const struct result &r)
{
	if (split.only) {
		put_out<T>(a, split.row, head, d, r.sum, r.out);
		return;
	}
	*(float2 *)(partial_out(a, splits_max, index, head) + d) =
	    make_float2(r.out[0], r.out[1]);
	if (d == 0)
		*(float2 *)partial_stat(a, index, head) =
		    make_float2(r.most, r.sum);
}

/* ---- kernels ---------------------------------------------------------- */

template <typename T, int DIM>
static __global__ void
__launch_bounds__(THREADS, plan<DIM>::blocks)
alone_splits(struct cuda_attend a, const struct cuda_step *step, int splits_max)
{
	SHARED_DYNAMIC(char, shared);
	char *mine = shared + threadIdx.x / WARP * plan<DIM>::warp * 2;
	int nitems = step->nsplits * a.kv_heads * parts_of(a);

	let_next_begin();
	wait_for_earlier();
	for (int i = blockIdx.x; i < nitems; i += gridDim.x) {
		struct item it = item_of<T>(a, step, i);
		const T *q = (const T *)a.q +
		    ((size_t)it.split.row * a.heads + it.head) * a.head_dim;
		struct sums<DIM> sums = { { -INFINITY, 0 }, {} };
		int pairs = a.head_dim / 2;

		add_item<T, DIM>(&sums, (T *)mine, it, q);
		leave((struct left<DIM> *)mine, sums, scale_of(a.head_dim));
		__syncthreads();
		for (int j = threadIdx.x; j < it.nheads * pairs; j += THREADS) {
			int head = j / pairs, d = j % pairs * 2;

			put_result<T>(a, it.split, it.index, splits_max,
			    it.head + head, d,
			    join_warps<DIM>(shared, head, d));
		}
		__syncthreads();
	}
}

/* A warp a split and a query head. */
template <typename T>
static __global__ void
__launch_bounds__(THREADS)
alone_plain(struct cuda_attend a, const struct cuda_step *step, int splits_max)
{
	int nitems = step->nsplits * a.heads, group = a.heads / a.kv_heads;
	int lane = threadIdx.x % WARP;

	let_next_begin();
	wait_for_earlier();
	for (int i = blockIdx.x * WARPS + threadIdx.x / WARP; i < nitems;
	     i += gridDim.x * WARPS) {
		struct cuda_split split = step->split[i / a.heads];
		int head = i % a.heads, row = split.row;
		struct paged paged = paged_of<T>(a, step, row, head / group);
		struct plain p;

		attend_plain<T>(&p,
		    (const T *)a.q +
			((size_t)row * a.heads + head) * a.head_dim,
		    paged,
		    max(split.first,
			first_seen(step->position[row], a.window)),
		    split.last);
#pragma unroll
		for (int j = 0; j < PLAIN_PAIRS; j++) {
			int d = 2 * (lane + WARP * j);
			struct result r = { p.most, p.sum,
				{ p.out[j][0], p.out[j][1] } };

			if (d < a.head_dim)
				put_result<T>(a, split, i / a.heads, splits_max,
				    head, d, r);
		}
	}
}

/* ---- launchers -------------------------------------------------------- */

static int
grid_of(int items)
{
	return items < GRID_MAX ? items : GRID_MAX;
}

template <typename T, int DIM>
static int
queue_splits(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int splits_max)
{
	int err = cuda_check(cudaFuncSetAttribute(alone_splits<T, DIM>,
				 cudaFuncAttributeMaxDynamicSharedMemorySize,
				 plan<DIM>::bytes),
	    "attend: shared memory");

	if (err != 0)
		return err;
	LAUNCH_EARLY((alone_splits<T, DIM>),
	    grid_of(splits_max * a->kv_heads * parts_of(*a)), THREADS,
	    plan<DIM>::bytes, stream, *a, step, splits_max);
	return cuda_launched("attend alone");
}

template <typename T>
static int
queue_any(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int splits_max)
{
#define TRY(dim)                                                               \
	if (a->head_dim <= dim)                                                \
		return queue_splits<T, dim>(stream, a, step, splits_max);

	if (!attend_is_plain(a)) {
		ATTEND_DIMS(TRY)
	}
	LAUNCH_EARLY(alone_plain<T>, grid_of(splits_max * a->heads), THREADS, 0,
	    stream, *a, step, splits_max);
	return cuda_launched("attend alone, plain");
}

int
cuda_attend_alone(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int splits_max, int alone_max)
{
	int err = 0;

	if (splits_max == 0)
		return 0;
	CUDA_BY_DTYPE(a->dtype, T,
	    err = queue_any<T>(stream, a, step, splits_max));
	return err != 0 ?
	    err :
	    cuda_attend_join(stream, a, step, splits_max, alone_max);
}

/*
 * sample_cut.h -- cuts and the draw by weight, without sorting; for *.cu alone.
 *
 * The order of tokens is by weight, of equals by ascending id, and the bits of a
 * weight that is not negative are ordered like numbers.  So the place in that
 * order at which a rank or a mass is reached is found digit by digit: what those
 * kept weigh is added up by the value of DIGIT bits of theirs, the digit is taken
 * in which the goal is reached, and so on among those that have it:
 *
 *	 30 bits, 3 at a time: 10 passes, then equals one by one (walk)
 *
 * Each thread adds up in bins of its own, and these are joined in one order: no
 * atomics, so that the same row gives the same bits.  After a cut the kept are
 * few as a rule; then they move to shared memory, and what follows costs little.
 *
 * Rounding may put a goal just beyond those that reached it a pass before.  Then
 * the last of them is taken, as in model/sample.c, never one that is not kept.
 */
#ifndef GPUEXEC_CUDA_SAMPLE_CUT_H
#define GPUEXEC_CUDA_SAMPLE_CUT_H

#include <stdint.h>

#define THREADS 512
#define WARPS (THREADS / 32)
#define LOADS 8 /* of a thread, under way at once */
#define DIGIT 3
#define DIGITS (1 << DIGIT)
#define DIGITS_FROM 27 /* the heaviest weighs 1: its bits are below 2^30 */
#define FEW 1024

/* What the threads of a block work on together: tokens by ascending ids. */
struct row {
	const float *weight;
	const int *id; /* NULL: places are ids */
	int n;
	/* Of those with a weight, these are kept: heavier than `cut`, or as
	 * heavy and at no greater place. */
	float cut;
	int cut_at;
	float least; /* and none lighter: min_p */
};

/* How far along an order: so many of them, or so much of weight; strictly more,
 * if so. */
struct goal {
	bool by_count, strict;
	double amount;
};

/* ---- over the block --------------------------------------------------- */

static __device__ __forceinline__ double
warp_total(double v)
{
	for (int by = 16; by > 0; by /= 2)
		v += __shfl_xor_sync(0xffffffffu, v, by);
	return v;
}

static __device__ double
block_total(double v)
{
	__shared__ double part[WARPS];
	double all = 0;

	v = warp_total(v);
	__syncthreads(); /* an earlier result has been read */
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = v;
	__syncthreads();
	for (int w = 0; w < WARPS; w++)
		all += part[w];
	return all;
}

/* v[j] = from[i + j * THREADS], beyond n: `beyond`.  All are read at once, so
 * what is beyond reads the last, not nothing. */
static __device__ __forceinline__ void
load(float *v, const float *from, int i, int n, float beyond)
{
#pragma unroll
	for (int j = 0; j < LOADS; j++) {
		int at = i + j * THREADS;

		v[j] = from[min(at, n - 1)];
		v[j] = at < n ? v[j] : beyond;
	}
}

/* ---- who is kept ------------------------------------------------------ */

static __device__ __forceinline__ bool
is_kept(const struct row &w, float v, int at)
{
	return v > 0 && v >= w.least &&
	    (v > w.cut || (v == w.cut && at <= w.cut_at));
}

static __device__ double
kept_mass(const struct row &w)
{
	double sum = 0;
	float v[LOADS];

	for (int i = threadIdx.x; i < w.n; i += LOADS * THREADS) {
		load(v, w.weight, i, w.n, 0);
#pragma unroll
		for (int j = 0; j < LOADS; j++)
			if (is_kept(w, v[j], i + j * THREADS))
				sum += v[j];
	}
	return block_total(sum);
}

/* ---- where a goal is reached ------------------------------------------ */

static __device__ __forceinline__ bool
reached(struct goal g, double have)
{
	return g.strict ? have > g.amount : have >= g.amount;
}

/* The first of n parts with which the goal is reached, or the last that has
 * anything; *before becomes what comes before it. */
static __device__ int
part_of(const double *part, int n, struct goal g, double *before)
{
	double have = *before;
	int at = 0;

	for (int i = 0; i < n; i++) {
		if (part[i] == 0)
			continue;
		at = i;
		*before = have;
		have += part[i];
		if (reached(g, have))
			break;
	}
	return at;
}

/* Adds those kept, whose bits begin as `low`, to the bins of their digits, the
 * greatest digit first. */
static __device__ void
tally(double (*bin)[THREADS], const struct row &w, bool by_count, unsigned low,
    int shift)
{
	float v[LOADS];

	for (int d = 0; d < DIGITS; d++)
		bin[d][threadIdx.x] = 0;
	for (int i = threadIdx.x; i < w.n; i += LOADS * THREADS) {
		load(v, w.weight, i, w.n, 0);
#pragma unroll
		for (int j = 0; j < LOADS; j++) {
			unsigned d = (__float_as_uint(v[j]) - low) >> shift;

			if (d < DIGITS && is_kept(w, v[j], i + j * THREADS))
				bin[DIGITS - 1 - d][threadIdx.x] += by_count ?
				    1 :
				    v[j];
		}
	}
}

/* The weight at which the goal is reached; what is heavier comes to *above. */
static __device__ float
level_of(const struct row &w, struct goal g, double *above)
{
	__shared__ double bin[DIGITS][THREADS];
	__shared__ double total[DIGITS];
	int warp = threadIdx.x / 32;
	unsigned low = 0;

	*above = 0;
	for (int shift = DIGITS_FROM; shift >= 0; shift -= DIGIT) {
		tally(bin, w, g.by_count, low, shift);
		__syncthreads();
		if (warp < DIGITS) {
			double sum = 0;

			for (int t = threadIdx.x % 32; t < THREADS; t += 32)
				sum += bin[warp][t];
			sum = warp_total(sum);
			if (threadIdx.x % 32 == 0)
				total[warp] = sum;
		}
		__syncthreads();
		low += (unsigned)(DIGITS - 1 - part_of(total, DIGITS, g, above))
		    << shift;
	}
	return __uint_as_float(low);
}

/* Which tokens are walked past, and in which direction. */
struct way {
	bool equals; /* only those that weigh `weight` */
	float weight;
	bool down; /* from the last place to the first */
};

static __device__ __forceinline__ double
amount_at(const struct row &w, struct way k, bool by_count, int step)
{
	int at = k.down ? w.n - 1 - step : step;
	float v = w.weight[at];

	if (!is_kept(w, v, at) || (k.equals && v != k.weight))
		return 0;
	return by_count ? 1 : v;
}

/* The place at which the goal is reached, of which there is `before` already:
 * the row in parts of a warp each, then the part in parts, down to one token. */
static __device__ int
walk(const struct row &w, struct way k, struct goal g, double before)
{
	__shared__ double part[32];
	int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	int from = 0, n = w.n;

	while (n > 32) {
		int each = (n + THREADS - 1) / THREADS * 32, at;
		int end = min((warp + 1) * each, n);
		double sum = 0;

#pragma unroll 8
		for (int i = warp * each + lane; i < end; i += 32)
			sum += amount_at(w, k, g.by_count, from + i);
		sum = warp_total(sum);
		__syncthreads();
		if (lane == 0)
			part[warp] = sum;
		__syncthreads();
		at = part_of(part, WARPS, g, &before);
		from += at * each;
		n = min(each, n - at * each);
	}
	__syncthreads();
	if (warp == 0)
		part[lane] = lane < n ?
		    amount_at(w, k, g.by_count, from + lane) :
		    0;
	__syncthreads();
	from += part_of(part, 32, g, &before);
	return k.down ? w.n - 1 - from : from;
}

/* The place in the order by weight at which the goal is reached. */
static __device__ int
find(const struct row &w, struct goal g)
{
	struct way equals = { true, 0, false };
	double above;

	equals.weight = level_of(w, g, &above);
	return walk(w, equals, g, above);
}

/* ---- cuts ------------------------------------------------------------- */

/* Those kept to shared memory, in their order, if they are few. */
static __device__ void
gather(struct row *w)
{
	__shared__ float weights[FEW];
	__shared__ int ids[FEW], counts[WARPS];
	int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	int each = (w->n + THREADS - 1) / THREADS * 32, to = 0, all = 0;
	int end = min((warp + 1) * each, w->n), mine = 0;

#pragma unroll 8
	for (int i = warp * each + lane; i < end; i += 32)
		mine += is_kept(*w, w->weight[i], i);
	mine = (int)__reduce_add_sync(0xffffffffu, (unsigned)mine);
	if (lane == 0)
		counts[warp] = mine;
	__syncthreads();
	for (int i = 0; i < WARPS; i++) {
		to += i < warp ? counts[i] : 0;
		all += counts[i];
	}
	if (all > FEW)
		return;
	for (int i = warp * each; i < end; i += 32) {
		float v = i + lane < end ? w->weight[i + lane] : 0;
		bool kept = is_kept(*w, v, i + lane);
		unsigned who = __ballot_sync(0xffffffffu, kept);

		if (kept) {
			int at = to + __popc(who & ((1u << lane) - 1));

			weights[at] = v;
			ids[at] = i + lane;
		}
		to += __popc(who);
	}
	__syncthreads();
	*w = (struct row){ weights, ids, all, 0, all, w->least };
}

static __device__ void
cut(struct row *w, struct goal g)
{
	int at = find(*w, g);

	w->cut = w->weight[at];
	w->cut_at = at;
	if (w->id == NULL)
		gather(w);
}

static __device__ __forceinline__ int
id_of(const struct row &w, int at)
{
	return w.id == NULL ? at : w.id[at];
}

#endif

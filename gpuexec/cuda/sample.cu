/*
 * picks[i] = the token that sample_pick takes for pick[i] (model/sample.c)
 *
 *	logits (nlogits, ld) float   work: a float a token and pick
 *
 * A block a pick.  Greedy reads a row and writes its modified copy, 8 bytes a
 * token, then looks for the greatest.  Cuts need no sorting: the order is by
 * weight, and the bits of a weight that is not negative are ordered like
 * numbers, so the weight at which a rank or a mass is reached is found by halving
 * the range of bits, 31 passes over the row (from L2: 4 bytes a token each).
 * Tokens of equal weight come by ascending id.
 *
 * Weights are the same bits as on the cpu (model/sample_weight.h), masses are
 * sums in double.  Defined by model/sample.c: the same token.
 */
#define SAMPLE_MUL(a, b) __fmul_rn(a, b)
#define SAMPLE_ADD(a, b) __fadd_rn(a, b)
#define SAMPLE_FUNCTION static __device__ __forceinline__

#include "gpuexec/cuda/launch.h"
#include "model/sample_weight.h"

#define THREADS 512
#define WARPS (THREADS / 32)
#define NOBODY 0x7fffffff

struct best {
	float value;
	int id;
};

/* What the threads of a block work on together. */
struct row {
	const float *logit; /* the model's */
	float *weight;	    /* modified logits, then weights */
	int vocab;
	/* Of those with a weight, these are kept: heavier than `weight`, or as
	 * heavy and with no greater id. */
	float cut;
	int cut_id;
	float least; /* and none lighter: min_p */
};

/* ---- over the block --------------------------------------------------- */

static __device__ __forceinline__ bool
beats(struct best a, struct best b)
{
	return a.value > b.value || (a.value == b.value && a.id < b.id);
}

/* The greatest value, of equals the lowest id; all threads get it. */
static __device__ struct best
block_best(struct best mine)
{
	__shared__ struct best part[WARPS];
	struct best all;

	for (int by = 16; by > 0; by /= 2) {
		struct best other;

		other.value = __shfl_xor_sync(0xffffffffu, mine.value, by);
		other.id = __shfl_xor_sync(0xffffffffu, mine.id, by);
		if (beats(other, mine))
			mine = other;
	}
	__syncthreads(); /* an earlier result has been read */
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = mine;
	__syncthreads();
	all = part[0];
	for (int w = 1; w < WARPS; w++)
		if (beats(part[w], all))
			all = part[w];
	return all;
}

struct mass {
	double sum;
	int count;
};

static __device__ struct mass
block_mass(struct mass mine)
{
	__shared__ double sums[WARPS];
	__shared__ int counts[WARPS];
	struct mass all = { 0, 0 };

	for (int by = 16; by > 0; by /= 2) {
		mine.sum += __shfl_xor_sync(0xffffffffu, mine.sum, by);
		mine.count += __shfl_xor_sync(0xffffffffu, mine.count, by);
	}
	__syncthreads();
	if (threadIdx.x % 32 == 0) {
		sums[threadIdx.x / 32] = mine.sum;
		counts[threadIdx.x / 32] = mine.count;
	}
	__syncthreads();
	for (int w = 0; w < WARPS; w++) {
		all.sum += sums[w];
		all.count += counts[w];
	}
	return all;
}

/* ---- before the weights ----------------------------------------------- */

/* Whether a logit is not finite. */
static __device__ bool
copy_row(const struct row &w)
{
	struct mass bad = { 0, 0 };

	for (int i = threadIdx.x; i < w.vocab; i += THREADS) {
		float v = w.logit[i];

		bad.count += !isfinite(v);
		w.weight[i] = v;
	}
	return block_mass(bad).count != 0;
}

static __device__ void
change_row(const struct row &w, const struct cuda_pick &p)
{
	/* An id may be there twice: in order, by one. */
	if (threadIdx.x == 0)
		for (int i = 0; i < p.nbias; i++)
			w.weight[p.bias[i].id] += p.bias[i].add;
	__syncthreads();
	for (int i = threadIdx.x; i < p.nbanned; i += THREADS)
		w.weight[p.banned[i]] = -INFINITY;
	__syncthreads();
	for (int i = threadIdx.x; i < p.nseen; i += THREADS) {
		struct cuda_seen s = p.seen[i];
		float v = w.weight[s.id];

		if (p.repetition != 1)
			v = v > 0 ? __fdiv_rn(v, p.repetition) :
				    __fmul_rn(v, p.repetition);
		if (s.in_answer > 0 && (p.presence != 0 || p.frequency != 0))
			v = __fsub_rn(v,
			    __fadd_rn(p.presence,
				__fmul_rn(p.frequency, (float)s.in_answer)));
		w.weight[s.id] = v;
	}
	__syncthreads();
}

static __device__ struct best
greatest(const float *logit, int vocab)
{
	struct best best = { -INFINITY, NOBODY };

	for (int i = threadIdx.x; i < vocab; i += THREADS) {
		struct best one = { logit[i], i };

		if (one.value > best.value)
			best = one;
	}
	return block_best(best);
}

static __device__ struct mass
weigh(const struct row &w, float top, float temperature)
{
	struct mass all = { 0, 0 };

	for (int i = threadIdx.x; i < w.vocab; i += THREADS) {
		float v = sample_weight(
		    __fdiv_rn(__fsub_rn(w.weight[i], top), temperature));

		w.weight[i] = v;
		if (v > 0) {
			all.sum += v;
			all.count++;
		}
	}
	return block_mass(all);
}

/* ---- cuts ------------------------------------------------------------- */

static __device__ __forceinline__ bool
is_kept(const struct row &w, float v, int i)
{
	return v > 0 && v >= w.least &&
	    (v > w.cut || (v == w.cut && i <= w.cut_id));
}

/* Of those kept, the ones of at least such a weight. */
static __device__ struct mass
mass_from(const struct row &w, float weight)
{
	struct mass all = { 0, 0 };

	for (int i = threadIdx.x; i < w.vocab; i += THREADS) {
		float v = w.weight[i];

		if (v >= weight && is_kept(w, v, i)) {
			all.sum += v;
			all.count++;
		}
	}
	return block_mass(all);
}

/* How far down the order: so many, or so much (strictly more, if so). */
struct goal {
	bool by_count, strict;
	int count;
	double sum;
};

static __device__ __forceinline__ bool
reached(struct goal g, struct mass m)
{
	if (g.by_count)
		return m.count >= g.count;
	return g.strict ? m.sum > g.sum : m.sum >= g.sum;
}

/* The greatest weight down to which the goal is reached; 0: nowhere. */
static __device__ float
level_of(const struct row &w, struct goal g)
{
	unsigned low = 0, high = 0x3f800001u; /* bits; the heaviest weighs 1 */

	while (high - low > 1) {
		unsigned middle = (low + high) / 2;

		if (reached(g, mass_from(w, __uint_as_float(middle))))
			low = middle;
		else
			high = middle;
	}
	return __uint_as_float(low);
}

/* The id of the n-th (from 1) of those kept that weigh exactly so much, by
 * ascending ids; the last one, if there are fewer. */
static __device__ int
id_of_equal(const struct row &w, float weight, int n)
{
	__shared__ int counts[THREADS];
	__shared__ int found;
	int each = (w.vocab + THREADS - 1) / THREADS;
	int first = threadIdx.x * each, end = min(first + each, w.vocab);
	int before = 0, mine = 0, all = 0;

	for (int i = first; i < end; i++)
		mine += w.weight[i] == weight && is_kept(w, weight, i);
	__syncthreads();
	counts[threadIdx.x] = mine;
	__syncthreads();
	for (int t = 0; t < THREADS; t++) {
		before += t < (int)threadIdx.x ? counts[t] : 0;
		all += counts[t];
	}
	if (n > all)
		n = all;
	if (n > before && n <= before + mine)
		for (int i = first, k = before; i < end; i++)
			if (w.weight[i] == weight && is_kept(w, weight, i) &&
			    ++k == n)
				found = i;
	__syncthreads();
	return found;
}

/* The one in the order by weight at which the goal is reached: its weight and
 * its id.  Nowhere: the last. */
static __device__ struct best
find(const struct row &w, struct goal g)
{
	struct best at;
	struct mass here, above;
	int n = 0;

	at.value = level_of(w, g);
	if (at.value == 0) {
		/* The least that is kept. */
		struct goal all = { true, false, mass_from(w, 0).count, 0 };

		at.value = level_of(w, all);
		g = all;
	}
	here = mass_from(w, at.value);
	above = mass_from(w, __uint_as_float(__float_as_uint(at.value) + 1));
	/* Equals are added one by one, as sample.c does it. */
	do {
		n++;
		above.sum += at.value;
		above.count++;
	} while (n < here.count && !reached(g, above));
	at.id = id_of_equal(w, at.value, n);
	return at;
}

static __device__ void
cut(struct row *w, struct goal g)
{
	struct best at = find(*w, g);

	w->cut = at.value;
	w->cut_id = at.id;
}

/* Without cuts sample.c goes by descending ids. */
static __device__ int
draw_by_id(const struct row &w, double goal)
{
	__shared__ double sums[THREADS];
	__shared__ int found;
	int each = (w.vocab + THREADS - 1) / THREADS;
	int end = w.vocab - threadIdx.x * each, first = max(end - each, 0);
	double before = 0, mine = 0;
	int last = NOBODY;

	for (int i = end - 1; i >= first; i--)
		if (is_kept(w, w.weight[i], i)) {
			mine += w.weight[i];
			last = i;
		}
	__syncthreads();
	sums[threadIdx.x] = mine;
	if (threadIdx.x == 0)
		found = NOBODY;
	__syncthreads();
	for (int t = 0; t < (int)threadIdx.x; t++)
		before += sums[t];
	/* One thread alone has it; rounding aside, the last of them. */
	if (before <= goal && before + mine > goal) {
		for (int i = end - 1; i >= first; i--) {
			if (!is_kept(w, w.weight[i], i))
				continue;
			before += w.weight[i];
			last = i;
			if (before > goal)
				break;
		}
		atomicMin(&found, last);
	}
	__syncthreads();
	int somebody = found;

	__syncthreads(); /* all have read it, before one writes again */
	if (somebody == NOBODY && last != NOBODY)
		atomicMin(&found, last);
	__syncthreads();
	return found;
}

/* A number in [0, 1) by seed and position: Philox 4x32-10, as base/rng.c. */
static __device__ double
unit_at(uint64_t seed, uint64_t position)
{
	uint32_t c[4] = { (uint32_t)position, (uint32_t)(position >> 32), 0,
		0 };
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
		uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
		uint32_t c1 = c[1], c3 = c[3];

		c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c[1] = (uint32_t)p1;
		c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c[3] = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	return (double)(((uint64_t)c[0] << 32 | c[1]) >> 11) *
	    1.1102230246251565e-16; /* 2^-53 */
}

static __device__ int
sample(struct row *w, const struct cuda_pick &p, float top)
{
	struct mass all = weigh(*w, top, p.temperature);
	bool by_rank = p.top_k > 0 && p.top_k < all.count, by_p = p.top_p < 1;
	double unit = unit_at(p.seed, p.position), sum;

	if (by_rank) {
		struct goal k = { true, false, p.top_k, 0 };

		cut(w, k);
		all = mass_from(*w, 0);
	}
	if (by_p) {
		struct goal mass = { false, false, 0, p.top_p * all.sum };

		cut(w, mass);
	}
	w->least = p.min_p < 1 ? p.min_p : 1;
	sum = mass_from(*w, 0).sum;
	if (by_rank || by_p) {
		struct goal at = { false, true, 0, unit * sum };

		return find(*w, at).id;
	}
	return draw_by_id(*w, unit * sum);
}

/* ---- what is told of it ----------------------------------------------- */

static __device__ void
report(struct sample_pick *to, const struct row &w, const struct cuda_pick &p)
{
	struct best last = greatest(w.logit, w.vocab);
	struct mass all = { 0, 0 };
	double norm;

	for (int i = threadIdx.x; i < w.vocab; i += THREADS)
		all.sum += expf(w.logit[i] - last.value);
	norm = last.value + log(block_mass(all).sum);
	if (threadIdx.x == 0) {
		to->logprob = (float)(w.logit[to->id] - norm);
		to->ntop = min(p.ntop, w.vocab);
	}
	for (int n = 0; n < p.ntop && n < w.vocab; n++) {
		struct best next = { -INFINITY, NOBODY };

		if (threadIdx.x == 0) {
			to->top_id[n] = last.id;
			to->top_logprob[n] = (float)(last.value - norm);
		}
		for (int i = threadIdx.x; i < w.vocab; i += THREADS) {
			struct best one = { w.logit[i], i };

			if (beats(last, one) && beats(one, next))
				next = one;
		}
		last = block_best(next);
	}
}

static __global__ void
__launch_bounds__(THREADS)
pick_rows(struct cuda_picked *picks, const float *logits, size_t ld, int vocab,
    float *work, const struct cuda_step *step)
{
	int i = blockIdx.x, id;
	struct row w;
	struct best top;

	if (i >= step->npicks)
		return;
	const struct cuda_pick &p = step->pick[i];
	struct cuda_picked *to = &picks[i];

	w.logit = logits + p.logits * ld;
	w.weight = work + (size_t)i * vocab;
	w.vocab = vocab;
	w.cut = 0;
	w.cut_id = NOBODY;
	w.least = 0;
	if (copy_row(w)) {
		if (threadIdx.x == 0)
			to->ok = 0;
		return;
	}
	change_row(w, p);
	top = greatest(w.weight, vocab);
	if (top.id == NOBODY || !isfinite(top.value)) {
		if (threadIdx.x == 0)
			to->ok = 0;
		return;
	}
	id = p.temperature > 0 ? sample(&w, p, top.value) : top.id;
	if (threadIdx.x == 0) {
		to->pick.id = id;
		to->pick.logprob = 0;
		to->pick.ntop = 0;
		to->ok = 1;
	}
	if (p.want_logprob || p.ntop > 0)
		report(&to->pick, w, p);
}

size_t
cuda_sample_bytes(int picks_max, int vocab)
{
	return (size_t)picks_max * vocab * sizeof(float);
}

int
cuda_sample(cudaStream_t stream, struct cuda_picked *picks, const float *logits,
    size_t ld, int vocab, void *work, const struct cuda_step *step,
    int picks_max)
{
	LAUNCH(pick_rows, picks_max, THREADS, 0, stream, picks, logits, ld,
	    vocab, (float *)work, step);
	return cuda_launched("sample");
}

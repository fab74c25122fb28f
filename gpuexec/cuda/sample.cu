/*
 * picks[i] = the token that sample_pick takes for pick[i] (model/sample.c)
 *
 *	logits (nlogits, ld) float   work: a float a token and pick
 *
 * A block a pick.  Greedy reads a row once, 4 bytes a token; where something
 * changes the row (bias, bans, penalties), it writes a copy and reads that again,
 * 12 bytes.  Sampling writes weights and reads them twice, and 13 times more for
 * the first cut (sample_cut.h), all from L2; what comes behind a cut is free if
 * that kept few.  Alternatives cost a pass each.
 *
 * Weights are the same bits as on the cpu (model/sample_weight.h), masses are
 * sums in double.  Defined by model/sample.c: the same token.
 */
#define SAMPLE_MUL(a, b) __fmul_rn(a, b)
#define SAMPLE_ADD(a, b) __fadd_rn(a, b)
#define SAMPLE_FUNCTION static __device__ __forceinline__
#define RNG_FUNCTION static __device__ __forceinline__

#include "gpuexec/cuda/launch.h"
#include "gpuexec/cuda/sample_cut.h"

#include "base/rng_at.h"
#include "model/sample_weight.h"

#define NOBODY 0x7fffffff

struct best {
	float value;
	int id;
};

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

/* ---- before the weights ----------------------------------------------- */

/* The greatest of a row; NOBODY: there is none.  *bad, whether one of them is
 * not finite.  copy: where the row is copied to; NULL: nowhere. */
static __device__ struct best
look(const float *logit, int vocab, float *copy, bool *bad)
{
	struct best best = { -INFINITY, NOBODY };
	float v[LOADS];
	int strange = 0;

	for (int i = threadIdx.x; i < vocab; i += LOADS * THREADS) {
		load(v, logit, i, vocab, 0);
#pragma unroll
		for (int j = 0; j < LOADS; j++) {
			struct best one = { v[j], i + j * THREADS };

			if (one.id >= vocab)
				break;
			strange |= !isfinite(one.value);
			if (one.value > best.value)
				best = one;
			if (copy != NULL)
				copy[one.id] = one.value;
		}
	}
	*bad = __syncthreads_or(strange) != 0;
	return block_best(best);
}

static __device__ void
change(float *logit, const struct cuda_pick &p)
{
	/* An id may be there twice: in order, by one. */
	if (threadIdx.x == 0)
		for (int i = 0; i < p.nbias; i++)
			logit[p.bias[i].id] += p.bias[i].add;
	__syncthreads();
	for (int i = threadIdx.x; i < p.nbanned; i += THREADS)
		logit[p.banned[i]] = -INFINITY;
	__syncthreads();
	for (int i = threadIdx.x; i < p.nseen; i += THREADS) {
		struct cuda_seen s = p.seen[i];
		float v = logit[s.id];

		if (p.repetition != 1)
			v = v > 0 ? __fdiv_rn(v, p.repetition) :
				    __fmul_rn(v, p.repetition);
		if (s.in_answer > 0 && (p.presence != 0 || p.frequency != 0))
			v = __fsub_rn(v,
			    __fadd_rn(p.presence,
				__fmul_rn(p.frequency, (float)s.in_answer)));
		logit[s.id] = v;
	}
	__syncthreads();
}

/* ---- the draw --------------------------------------------------------- */

struct mass {
	double sum, count;
};

/* Weights of all; what they weigh, and how many weigh anything.  to may be
 * where the logits are. */
static __device__ struct mass
weigh(float *to, const float *logit, int vocab, float top, float temperature)
{
	struct mass all = { 0, 0 };
	float v[LOADS];

	for (int i = threadIdx.x; i < vocab; i += LOADS * THREADS) {
		load(v, logit, i, vocab, -INFINITY);
#pragma unroll
		for (int j = 0; j < LOADS; j++) {
			float w = sample_weight(
			    __fdiv_rn(__fsub_rn(v[j], top), temperature));

			if (i + j * THREADS < vocab)
				to[i + j * THREADS] = w;
			if (w > 0) {
				all.sum += w;
				all.count++;
			}
		}
	}
	/* Behind its barriers all see what all have written. */
	all.sum = block_total(all.sum);
	all.count = block_total(all.count);
	return all;
}

static __device__ int
sample(const float *logit, float *work, int vocab, const struct cuda_pick &p,
    float top)
{
	struct mass all = weigh(work, logit, vocab, top, p.temperature);
	struct row w = { work, NULL, vocab, 0, vocab, 0 };
	bool by_rank = p.top_k > 0 && p.top_k < all.count, by_p = p.top_p < 1;
	struct way down = { false, 0, true };
	struct goal goal = { false, true, 0 };

	if (by_rank) {
		struct goal rank = { true, false, (double)p.top_k };

		cut(&w, rank);
		all.sum = kept_mass(w);
	}
	if (by_p) {
		struct goal mass = { false, false, p.top_p * all.sum };

		cut(&w, mass);
	}
	w.least = p.min_p < 1 ? p.min_p : 1;
	goal.amount = rng_philox(p.seed, p.position) * kept_mass(w);
	/* Without cuts sample.c goes by descending ids. */
	return id_of(w,
	    by_rank || by_p ? find(w, goal) : walk(w, down, goal, 0));
}

/* ---- what is told of it ----------------------------------------------- */

/* last: the likeliest. */
static __device__ void
report(struct sample_pick *to, const float *logit, int vocab,
    const struct cuda_pick &p, struct best last)
{
	float most = last.value, v[LOADS];
	double sum = 0, norm;

	for (int i = threadIdx.x; i < vocab; i += LOADS * THREADS) {
		load(v, logit, i, vocab, -INFINITY);
#pragma unroll
		for (int j = 0; j < LOADS; j++)
			sum += expf(v[j] - most);
	}
	norm = most + log(block_total(sum));
	if (threadIdx.x == 0) {
		to->logprob = (float)(logit[to->id] - norm);
		to->ntop = min(p.ntop, vocab);
	}
	for (int n = 0; n < p.ntop && n < vocab; n++) {
		struct best next = { -INFINITY, NOBODY };

		if (threadIdx.x == 0) {
			to->top_id[n] = last.id;
			to->top_logprob[n] = (float)(last.value - norm);
		}
		for (int i = threadIdx.x; i < vocab; i += LOADS * THREADS) {
			load(v, logit, i, vocab, -INFINITY);
#pragma unroll
			for (int j = 0; j < LOADS; j++) {
				struct best one = { v[j], i + j * THREADS };

				if (beats(last, one) && beats(one, next))
					next = one;
			}
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
	struct best model, top;
	bool bad;

	if (i >= step->npicks)
		return;
	const struct cuda_pick &p = step->pick[i];
	struct cuda_picked *to = &picks[i];
	bool changes = p.nbias > 0 || p.nbanned > 0 || p.nseen > 0, any;
	const float *row = logits + p.logits * ld, *logit = row;

	work += (size_t)i * vocab;
	top = model = look(row, vocab, changes ? work : NULL, &bad);
	if (!bad && changes) {
		change(work, p);
		logit = work;
		top = look(work, vocab, NULL, &any);
	}
	if (bad || top.id == NOBODY || !isfinite(top.value)) {
		if (threadIdx.x == 0)
			to->ok = 0;
		return;
	}
	id = p.temperature > 0 ? sample(logit, work, vocab, p, top.value) :
				 top.id;
	if (threadIdx.x == 0) {
		to->pick.id = id;
		to->pick.logprob = 0;
		to->pick.ntop = 0;
		to->ok = 1;
	}
	if (p.want_logprob || p.ntop > 0)
		report(&to->pick, row, vocab, p, model);
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

/* One token out of logits.  Nothing is sorted that need not be: the likeliest
 * come off a heap, and only as many as the cuts keep. */
#include "model/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/rng.h"
#include "model/sample_weight.h"

struct sample_scratch {
	int vocab;
	float *logit;  /* with bias, bans and penalties */
	float *weight; /* exp((logit - greatest) / temperature) */
	int32_t *id;   /* candidates */
	uint32_t *seen;
};

struct sample_scratch *
sample_scratch_new(int vocab)
{
	struct sample_scratch *s = calloc(1, sizeof(*s));
	size_t n = vocab > 0 ? (size_t)vocab : 1;

	if (s == NULL)
		return NULL;
	s->vocab = vocab;
	s->logit = malloc(n * sizeof(*s->logit));
	s->weight = malloc(n * sizeof(*s->weight));
	s->id = malloc(n * sizeof(*s->id));
	s->seen = calloc(n, sizeof(*s->seen));
	if (s->logit && s->weight && s->id && s->seen)
		return s;
	sample_scratch_free(s);
	return NULL;
}

void
sample_scratch_free(struct sample_scratch *s)
{
	if (s == NULL)
		return;
	free(s->logit);
	free(s->weight);
	free(s->id);
	free(s->seen);
	free(s);
}

static bool
known(const struct sample_scratch *s, int32_t id)
{
	return id >= 0 && id < s->vocab;
}

static bool
all_finite(const float *logits, int vocab)
{
	float sum = 0;

	/* x - x is 0, or not a number if x is not finite: one test for all. */
	for (int i = 0; i < vocab; i++)
		sum += logits[i] - logits[i];
	return sum == 0;
}

static void
bias(struct sample_scratch *s, const struct sample_params *p,
    const int32_t *banned, int nbanned)
{
	int n = p->nbias < SAMPLE_BIAS_MAX ? p->nbias : SAMPLE_BIAS_MAX;

	for (int i = 0; i < n; i++)
		if (known(s, p->bias[i].id))
			s->logit[p->bias[i].id] += p->bias[i].add;
	for (int i = 0; i < nbanned; i++)
		if (known(s, banned[i]))
			s->logit[banned[i]] = -INFINITY;
}

/* Each id once, however often it was seen. */
static void
repeat_once(struct sample_scratch *s, float by, const int32_t *ids, int n)
{
	for (int i = 0; i < n; i++) {
		if (!known(s, ids[i]) || s->seen[ids[i]]++ > 0)
			continue;
		if (s->logit[ids[i]] > 0)
			s->logit[ids[i]] /= by;
		else
			s->logit[ids[i]] *= by;
	}
}

static void
forget(struct sample_scratch *s, const int32_t *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (known(s, ids[i]))
			s->seen[ids[i]] = 0;
}

static void
penalise(struct sample_scratch *s, const struct sample_params *p,
    const int32_t *prompt, int nprompt, const int32_t *out, int nout)
{
	if (p->repetition != 1 && p->repetition > 0) {
		repeat_once(s, p->repetition, prompt, nprompt);
		repeat_once(s, p->repetition, out, nout);
		forget(s, prompt, nprompt);
		forget(s, out, nout);
	}
	if (p->presence == 0 && p->frequency == 0)
		return;
	for (int i = 0; i < nout; i++)
		if (known(s, out[i]))
			s->seen[out[i]]++;
	for (int i = 0; i < nout; i++) {
		if (!known(s, out[i]) || s->seen[out[i]] == 0)
			continue;
		s->logit[out[i]] -= p->presence +
		    p->frequency * (float)s->seen[out[i]];
		s->seen[out[i]] = 0;
	}
}

/* The greatest, of equals the lowest id; -1: there is none. */
static int32_t
greatest(const float *logit, int vocab)
{
	float best = -INFINITY;
	int32_t at = -1;

	for (int i = 0; i < vocab; i++)
		if (logit[i] > best) {
			best = logit[i];
			at = i;
		}
	return at;
}

/* The order of all cuts: the likelier first, of equals the lower id. */
static bool
before(const struct sample_scratch *s, int32_t a, int32_t b)
{
	return s->weight[a] != s->weight[b] ? s->weight[a] > s->weight[b] :
					      a < b;
}

static void
sink(const struct sample_scratch *s, int32_t *heap, int n, int i)
{
	int32_t id = heap[i];
	int child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && before(s, heap[child + 1], heap[child]))
			child++;
		if (!before(s, heap[child], id))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = id;
}

/* A heap of n candidates, of which the first leave for the end of the array:
 * the k-th that left is id[n - 1 - k]. */
struct order {
	const struct sample_scratch *s;
	int32_t *id;
	int n, left;
};

static void
order_start(struct order *o, const struct sample_scratch *s, int n)
{
	*o = (struct order){ s, s->id, n, n };
	for (int i = n / 2 - 1; i >= 0; i--)
		sink(s, o->id, n, i);
}

static void
order_next(struct order *o)
{
	int32_t top = o->id[0];

	o->id[0] = o->id[--o->left];
	sink(o->s, o->id, o->left, 0);
	o->id[o->left] = top;
}

/* Weights of all, and as candidates those heavier than nothing. */
static int
weigh(struct sample_scratch *s, float top, float temperature, double *sum)
{
	int n = 0;

	*sum = 0;
	for (int i = 0; i < s->vocab; i++) {
		float w = sample_weight((s->logit[i] - top) / temperature);

		s->weight[i] = w;
		s->id[n] = i;
		if (w > 0) {
			*sum += w;
			n++;
		}
	}
	return n;
}

/* Those too light to be among the smallest set that sums to top_p: all of
 * them together weigh less than the rest that may be left out. */
static int
drop_light(struct sample_scratch *s, int n, double sum, float top_p)
{
	float least = (float)((1 - (double)top_p) * sum / n);
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (s->weight[s->id[i]] >= least * 0.999f)
			s->id[kept++] = s->id[i];
	return kept;
}

/* Cuts by rank and by probability: of o, as many leave as are kept. */
static void
keep_first(struct order *o, int k, float top_p, double sum)
{
	const float *w = o->s->weight;
	double have = 0;
	int kept = 0;

	if (k < o->n) {
		for (sum = 0; kept < k; kept++) {
			order_next(o);
			sum += w[o->id[o->left]];
		}
		kept = 0;
	}
	do {
		if (kept == o->n - o->left)
			order_next(o);
		have += w[o->id[o->n - 1 - kept++]];
	} while (kept < k && (top_p >= 1 || have < top_p * sum));
	o->left = o->n - kept;
}

static int32_t
draw(const struct sample_scratch *s, const int32_t *id, int n, float least,
    double unit)
{
	double sum = 0, have = 0;
	int32_t last = id[n - 1];

	for (int i = 0; i < n; i++)
		if (s->weight[id[i]] >= least)
			sum += s->weight[id[i]];
	for (int i = n - 1; i >= 0; i--) {
		if (s->weight[id[i]] < least)
			continue;
		have += s->weight[last = id[i]];
		if (have > unit * sum)
			break;
	}
	return last;
}

static int32_t
sample(struct sample_scratch *s, const struct sample_params *p, float top,
    uint64_t position)
{
	bool by_rank, by_p = p->top_p < 1;
	struct order o;
	double sum;
	int n = weigh(s, top, p->temperature, &sum);

	by_rank = p->top_k > 0 && p->top_k < n;
	if (by_p && !by_rank)
		n = drop_light(s, n, sum, p->top_p > 0 ? p->top_p : 0);
	o = (struct order){ s, s->id, n, 0 };
	if (by_rank || by_p) {
		order_start(&o, s, n);
		keep_first(&o, by_rank ? p->top_k : n, p->top_p, sum);
	}
	/* The heaviest weighs 1, so min_p is the least weight kept. */
	return draw(s, o.id + o.left, n - o.left, p->min_p < 1 ? p->min_p : 1,
	    rng_at(p->seed, position));
}

/* The likeliest by the model alone, kept sorted while looking. */
static int
alternatives(struct sample_pick *pick, const float *logits, int vocab, int want)
{
	int n = 0, at;

	for (int i = 0; i < vocab; i++) {
		if (n == want && !(logits[i] > pick->top_logprob[n - 1]))
			continue;
		at = n < want ? n++ : n - 1;
		for (; at > 0 && logits[i] > pick->top_logprob[at - 1]; at--) {
			pick->top_id[at] = pick->top_id[at - 1];
			pick->top_logprob[at] = pick->top_logprob[at - 1];
		}
		pick->top_id[at] = i;
		pick->top_logprob[at] = logits[i];
	}
	return n;
}

static void
report(struct sample_pick *pick, const float *logits, int vocab, int ntop)
{
	float top = logits[greatest(logits, vocab)];
	double sum = 0, norm;

	for (int i = 0; i < vocab; i++)
		sum += expf(logits[i] - top);
	norm = top + log(sum);
	pick->logprob = (float)(logits[pick->id] - norm);
	if (ntop <= 0)
		return;
	pick->ntop = alternatives(pick, logits, vocab,
	    ntop < SAMPLE_TOP_MAX ? ntop : SAMPLE_TOP_MAX);
	for (int i = 0; i < pick->ntop; i++)
		pick->top_logprob[i] = (float)(pick->top_logprob[i] - norm);
}

bool
sample_pick(struct sample_pick *pick, struct sample_scratch *s,
    const float *logits, int vocab, const struct sample_params *p,
    const int32_t *prompt, int nprompt, const int32_t *out, int nout,
    const int32_t *banned, int nbanned, bool want_logprob, int ntop,
    uint64_t position)
{
	int32_t top;

	must(vocab > 0 && vocab == s->vocab);
	pick->ntop = 0;
	pick->logprob = 0;
	if (!all_finite(logits, vocab))
		return false;
	memcpy(s->logit, logits, (size_t)vocab * sizeof(*logits));
	bias(s, p, banned, nbanned);
	penalise(s, p, prompt, nprompt, out, nout);
	top = greatest(s->logit, vocab);
	if (top < 0 || !isfinite(s->logit[top]))
		return false; /* all are banned, or a bias is no number */
	pick->id = p->temperature > 0 ? sample(s, p, s->logit[top], position) :
					top;
	if (want_logprob || ntop > 0)
		report(pick, logits, vocab, ntop);
	return true;
}

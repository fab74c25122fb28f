/* How many tokens an answer will have: four predictors over one memory. */
#include "policy/predict.h"

#include <math.h>
#include <string.h>

#include "base/must.h"
#include "policy/learned.h"

#define LAST 32	       /* answers of an adapter that history looks at */
#define FEW 2	       /* fewer: all adapters' answers instead */
#define SEEN 4096      /* answers that the oracle draws from */
#define FADE 0.9986471 /* of all answers a bucket holds: half after 512 */

/* Who of history and features came nearer, by an adapter's answers: what it
 * remembers of the last, and how many of its own all adapters' are worth. */
#define LEAD_FADE 0.95
#define LEAD_ALL_FADE 0.99
#define LEAD_ALL_WORTH 8

/* What is known of an adapter. */
struct past {
	struct learned_adapter features;
	uint32_t last[LAST];
	uint32_t answers; /* so far; last is full from LAST on */
	uint32_t life;	  /* how often its index was forgotten */
	double lead;	  /* buckets the features came nearer, fading */
};

struct predict {
	struct rng rng;
	struct predict_score score;
	uint32_t nadapters;
	uint32_t seen[SEEN]; /* lengths, a ring */
	uint64_t answers;
	double buckets[PREDICT_BUCKETS]; /* answers in each, fading */
	double lead;			 /* a mean, of all adapters */
	struct learned learned;
	struct past past[]; /* the base model, then nadapters */
};

static const char *const names[PREDICT_KINDS] = {
	[PREDICT_MAX_TOKENS] = "max_tokens",
	[PREDICT_HISTORY] = "history",
	[PREDICT_LEARNED] = "learned",
	[PREDICT_ORACLE] = "oracle",
};

static struct past *
past_of(struct predict *p, int32_t adapter)
{
	must(adapter >= -1 && (int64_t)adapter < (int64_t)p->nadapters);
	return &p->past[adapter + 1];
}

/* The whole tokens at a place on the scale of buckets, in its bucket. */
static uint32_t
tokens_at(double place)
{
	double within = fmax(0, fmin(PREDICT_BUCKETS - 0.5, place));
	double least = ceil(exp2(floor(within) / 2));

	return (uint32_t)fmax(least, floor(exp2(within / 2)));
}

/* Of the adapter's last answers; there is one. */
static uint32_t
quantile_of(const struct past *past, double quantile)
{
	uint32_t n = past->answers < LAST ? past->answers : LAST;
	uint32_t sorted[LAST];
	int32_t rank = (int32_t)floor(quantile * n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i;

		for (; at > 0 && sorted[at - 1] > past->last[i]; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = past->last[i];
	}
	return sorted[rank < 0 ? 0 : rank < (int32_t)n ? rank : (int32_t)n - 1];
}

/* Of all answers, as the buckets remember them. */
static uint32_t
quantile_of_all(const struct predict *p, double quantile)
{
	double want = 0, below = 0;
	int b = 0;

	for (int i = 0; i < PREDICT_BUCKETS; i++)
		want += quantile * p->buckets[i];
	while (b < PREDICT_BUCKETS - 1 && below + p->buckets[b] < want)
		below += p->buckets[b++];
	if (!(p->buckets[b] > 0))
		return tokens_at(b);
	return tokens_at(b + fmin(0.999, (want - below) / p->buckets[b]));
}

static uint32_t
say_max_tokens(struct predict *p, const struct predict_rules *rules,
    const struct predict_view *v)
{
	(void)p, (void)rules;
	return v->max_tokens;
}

static uint32_t
say_history(struct predict *p, const struct predict_rules *rules,
    const struct predict_view *v)
{
	const struct past *past = past_of(p, v->adapter);

	if (past->answers >= FEW)
		return quantile_of(past, rules->quantile);
	return p->answers > 0 ? quantile_of_all(p, rules->quantile) :
				v->max_tokens;
}

static uint32_t
say_features(struct predict *p, const struct predict_view *v)
{
	struct past *past = past_of(p, v->adapter);

	return tokens_at(learned_place(&p->learned, &past->features, v));
}

/* What the features say, but for an adapter whose own median has come nearer:
 * where nothing in a request tells, the features only add noise. */
static uint32_t
say_learned(struct predict *p, const struct predict_rules *rules,
    const struct predict_view *v)
{
	const struct past *past = past_of(p, v->adapter);

	(void)rules;
	if (p->answers == 0)
		return v->max_tokens;
	if (past->answers >= FEW && past->lead + LEAD_ALL_WORTH * p->lead < 0)
		return quantile_of(past, 0.5);
	return say_features(p, v);
}

/* Takes two random numbers whatever it says, so that what it says of the next
 * request does not hang on it. */
static uint32_t
say_oracle(struct predict *p, const struct predict_rules *rules,
    const struct predict_view *v)
{
	bool knows = rng_unit(&p->rng) < rules->accuracy;
	uint64_t n = p->answers < SEEN ? p->answers : SEEN;
	uint64_t drawn = rng_below(&p->rng, n > 0 ? n : 1);

	if (v->truth == 0 || (!knows && n == 0))
		return v->max_tokens;
	return knows ? v->truth : p->seen[drawn];
}

typedef uint32_t say_f(struct predict *, const struct predict_rules *,
    const struct predict_view *);

static say_f *const say[PREDICT_KINDS] = {
	[PREDICT_MAX_TOKENS] = say_max_tokens,
	[PREDICT_HISTORY] = say_history,
	[PREDICT_LEARNED] = say_learned,
	[PREDICT_ORACLE] = say_oracle,
};

static uint32_t
apart(uint32_t a, uint32_t b)
{
	uint32_t x = predict_bucket(a), y = predict_bucket(b);

	return x < y ? y - x : x - y;
}

static void
keep_score(struct predict_score *s, uint32_t predicted, uint32_t tokens)
{
	s->total++;
	s->right += apart(predicted, tokens) == 0;
	s->near += apart(predicted, tokens) <= 1;
}

/* Two buckets off and more are equally wrong. */
static double
miss(uint32_t predicted, uint32_t tokens)
{
	return fmin(2, apart(predicted, tokens));
}

/* Before the answer is learned: what either would have said of it. */
static void
compare(struct predict *p, struct past *past, const struct predict_view *v,
    uint32_t tokens)
{
	double nearer;

	if (past->answers < FEW)
		return;
	nearer = miss(quantile_of(past, 0.5), tokens) -
	    miss(say_features(p, v), tokens);
	past->lead = LEAD_FADE * past->lead + nearer;
	p->lead += (1 - LEAD_ALL_FADE) * (nearer - p->lead);
}

static void
note_length(struct predict *p, struct past *past, uint32_t tokens)
{
	for (int b = 0; b < PREDICT_BUCKETS; b++)
		p->buckets[b] *= FADE;
	p->buckets[predict_bucket(tokens)]++;
	p->seen[p->answers++ % SEEN] = tokens;
	past->last[past->answers % LAST] = tokens;
	/* Never back to few: it stays between LAST and twice that. */
	past->answers++;
	if (past->answers == 2 * LAST)
		past->answers = LAST;
}

uint32_t
predict_bucket(uint32_t tokens)
{
	uint64_t n = tokens > 0 ? tokens : 1;
	uint32_t b = 63 - (uint32_t)__builtin_clzll(n * n);

	return b < PREDICT_BUCKETS ? b : PREDICT_BUCKETS - 1;
}

int
predict_find(const char *name)
{
	for (int i = 0; i < PREDICT_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

size_t
predict_bytes(uint32_t nadapters)
{
	return sizeof(struct predict) +
	    ((size_t)nadapters + 1) * sizeof(struct past);
}

struct predict *
predict_init(void *memory, uint32_t nadapters, uint64_t seed)
{
	struct predict *p = memory;

	memset(memory, 0, predict_bytes(nadapters));
	rng_seed(&p->rng, seed);
	p->nadapters = nadapters;
	for (uint64_t i = 0; i <= nadapters; i++)
		p->past[i].features.who = i + 1;
	return p;
}

uint32_t
predict_tokens(struct predict *p, const struct predict_rules *rules,
    const struct predict_view *v)
{
	uint32_t tokens = say[rules->kind](p, rules, v);

	if (tokens > v->max_tokens)
		tokens = v->max_tokens;
	return tokens > 0 ? tokens : 1;
}

void
predict_learn(struct predict *p, const struct predict_view *v,
    uint32_t predicted, uint32_t tokens)
{
	struct past *past = past_of(p, v->adapter);

	keep_score(&p->score, predicted, tokens);
	compare(p, past, v, tokens);
	learned_teach(&p->learned, &past->features, v, predict_bucket(tokens));
	note_length(p, past, tokens);
}

void
predict_forget(struct predict *p, int32_t adapter)
{
	struct past *past = past_of(p, adapter);
	uint32_t life = past->life + 1;

	*past = (struct past){ .life = life };
	past->features.who = (uint64_t)life << 32 | (uint64_t)(adapter + 2);
}

struct predict_score
predict_score(const struct predict *p)
{
	return p->score;
}

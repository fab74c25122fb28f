/* Requests for predictors: the demo's, and some made up. */
#include "tests/unit/predict_mix.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define HELD_OUT "models/demo/heldout.jsonl"
#define DEMO_BEGIN 256 /* its token in front of every prompt */
#define DEMO_MAX 96
#define ADAPTERS_MAX 1000
#define VOCAB 32000
#define MOST 2048 /* max_tokens of what is made up */
#define WISHES 12

static int32_t *
make_tokens(struct predict_view *v, uint32_t n)
{
	int32_t *tokens = calloc(n, sizeof(*tokens));

	ck_assert_ptr_nonnull(tokens);
	v->prompt = n;
	v->tokens = tokens;
	return tokens;
}

static void
make_room(struct mix *m, uint32_t n, uint32_t nadapters)
{
	ck_assert_uint_le(nadapters, ADAPTERS_MAX);
	*m = (struct mix){ .n = n, .nadapters = nadapters };
	m->of = calloc(n, sizeof(*m->of));
	ck_assert_ptr_nonnull(m->of);
}

static void
shuffle(struct mix *m, uint64_t seed)
{
	struct rng rng;

	rng_seed(&rng, seed);
	for (uint32_t i = m->n; i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, i);
		struct predict_view v = m->of[i - 1];

		m->of[i - 1] = m->of[j];
		m->of[j] = v;
	}
}

/* Rows stand by adapter: another name is another adapter. */
static void
read_row(struct mix *m, const char *line, char name[64])
{
	json_t *j = json_loads(line, 0, NULL);
	struct predict_view *v = &m->of[m->n++];
	const char *prompt, *text, *adapter;
	int32_t *tokens;

	ck_assert_int_eq(json_unpack(j, "{s:s, s:s, s:s}", "adapter", &adapter,
			     "prompt", &prompt, "text", &text),
	    0);
	if (strcmp(adapter, name) != 0)
		m->nadapters++;
	snprintf(name, 64, "%s", adapter);
	v->adapter = (int32_t)m->nadapters - 1;
	v->max_tokens = DEMO_MAX;
	v->truth = (uint32_t)strlen(text) + 1;
	tokens = make_tokens(v, (uint32_t)strlen(prompt) + 1);
	tokens[0] = DEMO_BEGIN;
	for (uint32_t i = 1; i < v->prompt; i++)
		tokens[i] = (unsigned char)prompt[i - 1];
	json_decref(j);
}

void
mix_demo(struct mix *m, uint64_t seed)
{
	FILE *f = fopen(HELD_OUT, "re");
	char line[1024], name[64] = "";

	ck_assert_ptr_nonnull(f);
	make_room(m, 4000, 0);
	m->n = 0;
	while (fgets(line, sizeof(line), f) != NULL && m->n < 4000)
		read_row(m, line, name);
	fclose(f);
	ck_assert_uint_eq(m->n, 4000);
	ck_assert_uint_eq(m->nadapters, 20);
	shuffle(m, seed);
}

static uint32_t
whole(double tokens)
{
	return (uint32_t)fmax(1, fmin(MOST, tokens));
}

/* Few words are common and most are rare, as in a text. */
static void
make_request(struct predict_view *v, struct rng *rng, uint32_t nadapters)
{
	int32_t *tokens = make_tokens(v, 16 + (uint32_t)rng_below(rng, 200));

	v->adapter = (int32_t)rng_below(rng, nadapters);
	v->max_tokens = MOST;
	for (uint32_t i = 0; i < v->prompt; i++)
		tokens[i] = (int32_t)pow(VOCAB, rng_unit(rng));
}

void
mix_lognormal(struct mix *m, uint32_t n, uint32_t nadapters, uint64_t seed)
{
	double median[ADAPTERS_MAX], strays[ADAPTERS_MAX];
	struct rng rng;

	rng_seed(&rng, seed);
	make_room(m, n, nadapters);
	for (uint32_t i = 0; i < nadapters; i++) {
		median[i] = 8 * pow(64, rng_unit(&rng));
		strays[i] = 0.1 + 0.3 * rng_unit(&rng);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct predict_view *v = &m->of[i];

		make_request(v, &rng, nadapters);
		v->truth = whole(median[v->adapter] *
		    exp(strays[v->adapter] * rng_normal(&rng)));
	}
}

/* Returns how long the answer is for an adapter that does not change it. */
static double
wish(struct predict_view *v, int32_t *tokens, struct rng *rng)
{
	uint32_t what = (uint32_t)rng_below(rng, WISHES);
	uint32_t at = (uint32_t)rng_below(rng, 4);

	if (rng_below(rng, 2) == 1)
		at = v->prompt - 1 - at;
	tokens[at] = VOCAB + (int32_t)what;
	return what == WISHES - 1 ? v->prompt : 4 * pow(1.6, what);
}

void
mix_instructed(struct mix *m, uint32_t n, uint32_t nadapters, uint64_t seed)
{
	double factor[ADAPTERS_MAX];
	struct rng rng;

	rng_seed(&rng, seed);
	make_room(m, n, nadapters);
	for (uint32_t i = 0; i < nadapters; i++)
		factor[i] = pow(4, rng_unit(&rng) - 0.5);
	for (uint32_t i = 0; i < n; i++) {
		struct predict_view *v = &m->of[i];
		double tokens;

		make_request(v, &rng, nadapters);
		tokens = wish(v, (int32_t *)(uintptr_t)v->tokens, &rng);
		v->truth = whole(
		    factor[v->adapter] * tokens * exp(0.25 * rng_normal(&rng)));
	}
}

void
mix_fickle(struct mix *m, uint32_t n, uint32_t nadapters, uint64_t seed)
{
	struct rng rng;

	mix_lognormal(m, n, nadapters, seed);
	rng_seed(&rng, seed + 1);
	for (uint32_t i = 0; i < n; i++)
		if (rng_unit(&rng) < 0.4)
			m->of[i].truth = 1 + (uint32_t)rng_below(&rng, 2);
}

void
mix_free(struct mix *m)
{
	for (uint32_t i = 0; i < m->n; i++)
		free((void *)(uintptr_t)m->of[i].tokens);
	free(m->of);
}

struct predict *
mix_predictor(uint32_t nadapters, uint64_t seed)
{
	size_t bytes = (predict_bytes(nadapters) + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, bytes);

	ck_assert_ptr_nonnull(memory);
	return predict_init(memory, nadapters, seed);
}

struct predict_score
mix_play(const struct mix *m, const struct predict_rules *rules)
{
	struct predict *p = mix_predictor(m->nadapters, 1);
	struct predict_score score;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct predict_view *v = &m->of[i];
		uint32_t said = predict_tokens(p, rules, v);

		ck_assert_uint_ge(said, 1);
		ck_assert_uint_le(said, v->max_tokens);
		predict_learn(p, v, said, v->truth);
	}
	score = predict_score(p);
	ck_assert_uint_eq(score.total, m->n);
	free(p);
	return score;
}

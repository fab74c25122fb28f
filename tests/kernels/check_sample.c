/* Tokens picked on the device against sample_pick: the same ones. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cuda/picks.h"
#include "model/sample_weight.h"
#include "tests/kernels/rig.h"

Suite *suite_device_sample(void);

#define PICKS 6
#define HISTORY 40
#define FEW 1024 /* gpuexec/cuda/sample_cut.h */
#define ROOM (256 * 1024)

static struct rng rng;

/* One draw of everything that a pick may ask for. */
struct wish {
	struct sample_params params;
	int32_t prompt[HISTORY], out[HISTORY], banned[4];
	struct forward_pick pick;
	struct sample_pick want;
	bool want_ok;
};

static float
unit(void)
{
	return (float)rng_unit(&rng);
}

static bool
maybe(int of)
{
	return rng_below(&rng, (uint64_t)of) == 0;
}

/* Ids may be none of the vocabulary: such are passed over. */
static int32_t
id_below(int vocab)
{
	return (int32_t)rng_below(&rng, (uint64_t)vocab + 2) - 1;
}

/* Coarse ones are equal often; of flat ones a cut keeps many. */
static void
draw_logits(float *logits, int vocab)
{
	float step = maybe(2) ? 0 : maybe(2) ? 0.5f : 4;
	float size = maybe(3) ? 0.3f : 4;

	for (int i = 0; i < vocab; i++) {
		logits[i] = (float)rng_normal(&rng) * size;
		if (step > 0)
			logits[i] = rintf(logits[i] / step) * step;
	}
	if (maybe(12))
		logits[rng_below(&rng, (uint64_t)vocab)] = maybe(2) ? NAN :
								      INFINITY;
}

static int32_t
draw_top_k(int vocab)
{
	return (int32_t)rng_below(&rng,
	    maybe(2) ? 60 : (uint64_t)vocab + vocab / 8 + 2);
}

static void
draw_params(struct sample_params *p, int vocab)
{
	static const float temperatures[] = { 0, 0.05f, 0.7f, 1, 2 };

	*p = (struct sample_params){
		.temperature = temperatures[rng_below(&rng, 5)],
		.top_p = maybe(2) ? 1 :
		    maybe(8)	  ? 0 :
				    unit(),
		.min_p = maybe(3) ? unit() * 0.3f : 0,
		.top_k = maybe(2) ? draw_top_k(vocab) : 0,
		.repetition = maybe(3) ? 0.5f + unit() : 1,
		.presence = maybe(3) ? unit() * 2 - 1 : 0,
		.frequency = maybe(3) ? unit() * 2 - 1 : 0,
		.seed = rng_next(&rng),
		.nbias = maybe(3) ? (int32_t)rng_below(&rng, 20) : 0,
	};
	for (int i = 0; i < p->nbias; i++)
		p->bias[i] = (struct sample_bias){ id_below(vocab),
			maybe(40) ? NAN : unit() * 10 - 5 };
}

static void
draw_wish(struct wish *w, int row, int vocab)
{
	draw_params(&w->params, vocab);
	for (int i = 0; i < HISTORY; i++) {
		w->prompt[i] = id_below(vocab);
		w->out[i] = id_below(vocab);
	}
	for (int i = 0; i < 4; i++)
		w->banned[i] = id_below(vocab);
	w->pick = (struct forward_pick){ .logits = row,
		.params = &w->params,
		.prompt = w->prompt,
		.nprompt = (int)rng_below(&rng, HISTORY),
		.out = w->out,
		.nout = (int)rng_below(&rng, HISTORY),
		.banned = w->banned,
		.nbanned = (int)rng_below(&rng, 5),
		.ntop = maybe(3) ? (int)rng_below(&rng, SAMPLE_TOP_MAX + 4) : 0,
		.want_logprob = maybe(2),
		.position = rng_next(&rng) >> 40 };
}

static void
ask_cpu(struct wish *w, struct sample_scratch *s, const float *logits,
    int vocab)
{
	const struct forward_pick *p = &w->pick;

	w->want_ok = sample_pick(&w->want, s, logits, vocab, p->params,
	    p->prompt, p->nprompt, p->out, p->nout, p->banned, p->nbanned,
	    p->want_logprob, p->ntop, p->position);
}

static void
compare(const struct wish *w, const struct cuda_picked *have)
{
	ck_assert_int_eq(have->ok != 0, w->want_ok);
	if (!w->want_ok)
		return;
	ck_assert_msg(have->pick.id == w->want.id,
	    "token %d, want %d: temperature %g top_p %g min_p %g top_k %d",
	    have->pick.id, w->want.id, (double)w->params.temperature,
	    (double)w->params.top_p, (double)w->params.min_p, w->params.top_k);
	ck_assert_int_eq(have->pick.ntop, w->want.ntop);
	if (w->pick.want_logprob || w->pick.ntop > 0)
		rig_near(have->pick.logprob, w->want.logprob, 1, 1e-5f,
		    "logprob");
	for (int i = 0; i < w->want.ntop; i++) {
		ck_assert_int_eq(have->pick.top_id[i], w->want.top_id[i]);
		rig_near(have->pick.top_logprob[i], w->want.top_logprob[i], 1,
		    1e-5f, "alternative");
	}
}

/* PICKS picks in one launch, from rows of their own. */
static void
launch(struct wish *w, const float *logits, int vocab, struct picks *picks,
    struct cuda_picked *have)
{
	static char host[ROOM];
	char *device = rig_new(ROOM);
	struct picks_arena arena = { host, device, 0, ROOM };
	struct cuda_pick pick[PICKS];
	struct cuda_step step = { .npicks = PICKS, .pick = pick };
	void *there = rig_new(PICKS * sizeof(*have));
	size_t bytes = (size_t)PICKS * (size_t)vocab * sizeof(float);

	ck_assert_uint_le(picks_bytes(PICKS, 2 * HISTORY, vocab), ROOM);
	for (int i = 0; i < PICKS; i++)
		picks_fill(picks, &pick[i], &w[i].pick, &arena);
	ck_assert_uint_le(arena.used, picks_bytes(PICKS, 2 * HISTORY, vocab));
	rig_write(device, host, ROOM);
	ck_assert_int_eq(cuda_sample(rig_stream, there, rig_put(logits, bytes),
			     (size_t)vocab, vocab,
			     rig_new(cuda_sample_bytes(PICKS, vocab)),
			     rig_step(&step, 0), PICKS + 1),
	    0);
	rig_get(have, there, PICKS * sizeof(*have));
}

static void
attempt(int vocab, int rounds)
{
	static struct wish w[PICKS];
	struct cuda_picked have[PICKS];
	float *logits = malloc((size_t)(PICKS * vocab) * sizeof(*logits));
	struct sample_scratch *scratch = sample_scratch_new(vocab);
	struct picks *picks;

	ck_assert_int_eq(picks_open(&picks, vocab), 0);
	for (int round = 0; round < rounds; round++) {
		rig_begin();
		for (int i = 0; i < PICKS; i++) {
			draw_logits(logits + (size_t)i * (size_t)vocab, vocab);
			draw_wish(&w[i], i, vocab);
			ask_cpu(&w[i], scratch,
			    logits + (size_t)i * (size_t)vocab, vocab);
		}
		launch(w, logits, vocab, picks, have);
		for (int i = 0; i < PICKS; i++)
			compare(&w[i], &have[i]);
		rig_end();
	}
	picks_close(picks);
	sample_scratch_free(scratch);
	free(logits);
}

START_TEST(tokens_are_those_of_the_cpu)
{
	static const int vocabs[] = { 1, 2, 31, 260, 1000 };

	rng_seed(&rng, (uint64_t)_i);
	attempt(vocabs[_i % 5], 40);
}
END_TEST

START_TEST(large_vocabularies_too)
{
	static const int vocabs[] = { 5000, 5000, 32000, 128257 };
	static const int rounds[] = { 20, 20, 4, 1 };

	rng_seed(&rng, (uint64_t)_i + 100);
	attempt(vocabs[_i], rounds[_i]);
}
END_TEST

/* Kept by their rank, one less to two more than move to shared memory. */
START_TEST(as_many_are_kept_as_are_few_and_one_more)
{
	static struct wish w[PICKS];
	struct cuda_picked have[PICKS];
	static float logits[PICKS * FEW * 2];
	struct sample_scratch *scratch = sample_scratch_new(FEW * 2);
	struct picks *picks;

	rng_seed(&rng, 7);
	rig_begin();
	ck_assert_int_eq(picks_open(&picks, FEW * 2), 0);
	for (int i = 0; i < PICKS; i++) {
		for (int k = 0; k < FEW * 2; k++)
			logits[i * FEW * 2 + k] = (float)(k * 37 % 100) * 0.01f;
		w[i].params = (struct sample_params){ .temperature = 1,
			.top_k = FEW - 1 + i % 4,
			.top_p = i < 4 ? 1 : 0.9f,
			.repetition = 1,
			.seed = (uint64_t)i };
		w[i].pick = (struct forward_pick){ .logits = i,
			.params = &w[i].params };
		ask_cpu(&w[i], scratch, logits + i * FEW * 2, FEW * 2);
	}
	launch(w, logits, FEW * 2, picks, have);
	for (int i = 0; i < PICKS; i++)
		compare(&w[i], &have[i]);
	picks_close(picks);
	sample_scratch_free(scratch);
	rig_end();
}
END_TEST

START_TEST(the_exponential_is_one_at_nought_and_close_everywhere)
{
	ck_assert(sample_weight(0) == 1);
	ck_assert(sample_weight(-105) == 0);
	ck_assert(sample_weight(-INFINITY) == 0);
	ck_assert(sample_weight(NAN) == 0);
	for (float x = 0; x > -87; x -= 0.00317f) {
		float have = sample_weight(x), want = (float)exp((double)x);

		ck_assert_msg(have >= nextafterf(want, 0) &&
			have <= nextafterf(want, 2),
		    "e^%g: %g", (double)x, (double)have);
	}
}
END_TEST

/* All floats from `from` down, n of them. */
static void
falls(float from, int n)
{
	float x = from, last = sample_weight(from);

	for (int i = 0; i < n; i++) {
		float w = sample_weight(x = nextafterf(x, -INFINITY));

		ck_assert_msg(w <= last, "e^%.9g: %.9g, above %.9g", (double)x,
		    (double)w, (double)last);
		last = w;
	}
}

START_TEST(what_is_likelier_is_not_lighter)
{
	/* Where one power of two ends and the next begins, and anywhere. */
	for (int n = 0; n < 150; n++)
		falls(-((float)n + 0.5f) * 0.69314718f + 1e-5f * (float)n,
		    4000);
	for (float x = 0; x > -104; x -= 0.0517f)
		falls(x, 200);
}
END_TEST

Suite *
suite_device_sample(void)
{
	Suite *s = suite_create("device_sample");
	TCase *c = tcase_create("device_sample");

	tcase_add_loop_test(c, tokens_are_those_of_the_cpu, 0, 10);
	tcase_add_loop_test(c, large_vocabularies_too, 0, 4);
	tcase_add_test(c, as_many_are_kept_as_are_few_and_one_more);
	tcase_add_test(c,
	    the_exponential_is_one_at_nought_and_close_everywhere);
	tcase_add_test(c, what_is_likelier_is_not_lighter);
	suite_add_tcase(s, c);
	return s;
}

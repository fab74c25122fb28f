/* The promises of model/sample.h. */
#include "model/sample.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

Suite *suite_sample(void);

#define BIG 128256

/* One call, everything that is not asked for switched off. */
struct ask {
	const float *logits;
	int vocab;
	struct sample_params p;
	const int32_t *prompt, *out, *banned;
	int nprompt, nout, nbanned;
	bool logprob;
	int ntop;
};

static struct ask
plain(const float *logits, int vocab, float temperature)
{
	struct ask a = { .logits = logits, .vocab = vocab };

	a.p.temperature = temperature;
	a.p.top_p = 1;
	a.p.repetition = 1;
	a.p.seed = 20240229;
	return a;
}

static bool
pick_with(struct sample_scratch *s, const struct ask *a, uint64_t position,
    struct sample_pick *pick)
{
	return sample_pick(pick, s, a->logits, a->vocab, &a->p, a->prompt,
	    a->nprompt, a->out, a->nout, a->banned, a->nbanned, a->logprob,
	    a->ntop, position);
}

static struct sample_pick
pick_at(const struct ask *a, uint64_t position)
{
	struct sample_scratch *s = sample_scratch_new(a->vocab);
	struct sample_pick pick;

	ck_assert_ptr_nonnull(s);
	ck_assert(pick_with(s, a, position, &pick));
	ck_assert(pick.id >= 0 && pick.id < a->vocab);
	sample_scratch_free(s);
	return pick;
}

/* How often each of the first ids is drawn at positions 0 .. n-1. */
static void
tally(const struct ask *a, int n, int *count)
{
	struct sample_scratch *s = sample_scratch_new(a->vocab);
	struct sample_pick pick;

	memset(count, 0, (size_t)a->vocab * sizeof(*count));
	for (int i = 0; i < n; i++) {
		ck_assert(pick_with(s, a, (uint64_t)i, &pick));
		count[pick.id]++;
	}
	sample_scratch_free(s);
}

/* Counts against exact probabilities, each within five deviations. */
static void
follows(const int *count, const double *p, int vocab, int n)
{
	for (int i = 0; i < vocab; i++) {
		double want = p[i] * n;

		if (p[i] == 0)
			ck_assert_int_eq(count[i], 0);
		else
			ck_assert_double_le(fabs(count[i] - want),
			    5 * sqrt(want * (1 - p[i])) + 1e-9);
	}
}

static const float eight[8] = { 1.0f, 3.5f, -2.0f, 3.0f, 0.0f, 3.5f, 2.0f,
	-9.0f };

static void
softmax(const float *l, int n, double temperature, double *p)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += p[i] = exp((double)l[i] / temperature);
	for (int i = 0; i < n; i++)
		p[i] /= sum;
}

START_TEST(greedy_takes_the_greatest_and_of_equals_the_lowest_id)
{
	struct ask a = plain(eight, 8, 0);

	for (uint64_t position = 0; position < 50; position++)
		ck_assert_int_eq(pick_at(&a, position).id, 1);
	a.p.top_k = 3;
	a.p.top_p = 0.5f;
	ck_assert_int_eq(pick_at(&a, 7).id, 1);
}
END_TEST

START_TEST(a_temperature_near_zero_is_nearly_greedy)
{
	struct ask a = plain(eight, 8, 1e-30f);
	int count[8];

	tally(&a, 400, count);
	ck_assert_int_eq(count[1] + count[5], 400); /* equals share */
	ck_assert_int_gt(count[1], 100);
	ck_assert_int_gt(count[5], 100);
}
END_TEST

START_TEST(logits_are_not_changed)
{
	static const int32_t seen[3] = { 1, 3, 5 };
	struct ask a = plain(NULL, 8, 0.7f);
	float logits[8];

	memcpy(logits, eight, sizeof(logits));
	a.logits = logits;
	a.prompt = a.out = a.banned = seen;
	a.nprompt = a.nout = 3;
	a.nbanned = 1;
	a.p.repetition = 1.5f;
	a.p.presence = a.p.frequency = 0.5f;
	a.ntop = 8;
	pick_at(&a, 3);
	ck_assert_mem_eq(logits, eight, sizeof(logits));
}
END_TEST

START_TEST(a_logit_that_is_not_finite_is_refused)
{
	static const float bad[3] = { NAN, INFINITY, -INFINITY };
	struct sample_scratch *s = sample_scratch_new(8);
	struct sample_pick pick;
	float logits[8];

	for (int b = 0; b < 3; b++)
		for (int i = 0; i < 8; i++)
			for (int hot = 0; hot < 2; hot++) {
				struct ask a = plain(logits, 8, (float)hot);

				memcpy(logits, eight, sizeof(logits));
				logits[i] = bad[b];
				ck_assert(!pick_with(s, &a, 0, &pick));
			}
	sample_scratch_free(s);
}
END_TEST

START_TEST(the_draw_is_a_function_of_seed_and_position)
{
	struct sample_scratch *s = sample_scratch_new(8);
	struct ask a = plain(eight, 8, 1.2f), b = a;
	struct sample_pick pick;
	int32_t first[64];
	int differ = 0;

	for (uint64_t i = 0; i < 64; i++)
		first[i] = pick_at(&a, i).id;
	/* Again, backwards, with other requests in between. */
	b.p.seed++;
	b.p.top_k = 2;
	for (uint64_t i = 64; i-- > 0;) {
		ck_assert(pick_with(s, &b, i, &pick));
		ck_assert(pick_with(s, &a, i, &pick));
		ck_assert_int_eq(pick.id, first[i]);
	}
	b.p.top_k = 0;
	for (uint64_t i = 0; i < 64; i++)
		differ += pick_at(&b, i).id != first[i];
	ck_assert_int_gt(differ, 10);
	sample_scratch_free(s);
}
END_TEST

START_TEST(a_request_that_starts_again_goes_on_as_if_it_had_not)
{
	enum { PROMPT = 5, LENGTH = 40 };
	int32_t tokens[PROMPT + LENGTH] = { 0, 3, 3, 1, 7 };
	struct ask a = plain(eight, 8, 1);

	a.p.repetition = 1.3f;
	a.p.frequency = 0.4f;
	a.prompt = tokens;
	a.nprompt = PROMPT;
	a.out = tokens + PROMPT;
	for (a.nout = 0; a.nout < LENGTH; a.nout++)
		tokens[PROMPT + a.nout] =
		    pick_at(&a, (uint64_t)(PROMPT + a.nout)).id;
	for (int cut = 0; cut < LENGTH; cut += 7)
		for (a.nout = cut; a.nout < LENGTH; a.nout++)
			ck_assert_int_eq(pick_at(&a,
					     (uint64_t)(PROMPT + a.nout))
					     .id,
			    tokens[PROMPT + a.nout]);
}
END_TEST

START_TEST(draws_follow_the_distribution_at_each_temperature)
{
	static const float temperatures[3] = { 0.5f, 1, 2.5f };
	double p[8];
	int count[8];

	for (int t = 0; t < 3; t++) {
		struct ask a = plain(eight, 8, temperatures[t]);

		softmax(eight, 8, (double)temperatures[t], p);
		tally(&a, 60000, count);
		follows(count, p, 8, 60000);
	}
}
END_TEST

/* The distribution that is left when only the given ids are. */
static void
only(const float *l, int n, const int *ids, int nids, double *p)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		p[i] = 0;
	for (int i = 0; i < nids; i++)
		sum += p[ids[i]] = exp((double)l[ids[i]]);
	for (int i = 0; i < n; i++)
		p[i] /= sum;
}

START_TEST(top_k_keeps_the_k_likeliest_and_of_equals_the_lower_id)
{
	static const float equal[6] = { 1, 2, 1, 1, 2, 1 };
	struct ask a = plain(equal, 6, 1);
	double p[6];
	int count[6];

	a.p.top_k = 4;
	only(equal, 6, (const int[]){ 1, 4, 0, 2 }, 4, p);
	tally(&a, 40000, count);
	follows(count, p, 6, 40000);
	a.p.top_k = 1;
	ck_assert_int_eq(pick_at(&a, 11).id, 1);
	a.p.top_k = 100; /* more than there are: off */
	only(equal, 6, (const int[]){ 0, 1, 2, 3, 4, 5 }, 6, p);
	tally(&a, 40000, count);
	follows(count, p, 6, 40000);
}
END_TEST

START_TEST(top_p_keeps_the_smallest_set_that_reaches_it)
{
	/* Probabilities 0.4, 0.3, 0.2, 0.1 in another order. */
	const float l[4] = { logf(0.1f), logf(0.4f), logf(0.2f), logf(0.3f) };
	struct ask a = plain(l, 4, 1);
	double p[4];
	int count[4];

	a.p.top_p = 0.39f;
	ck_assert_int_eq(pick_at(&a, 1).id, 1);
	a.p.top_p = 0.6f;
	only(l, 4, (const int[]){ 1, 3 }, 2, p);
	tally(&a, 20000, count);
	follows(count, p, 4, 20000);
	a.p.top_p = 0.71f;
	only(l, 4, (const int[]){ 1, 3, 2 }, 3, p);
	tally(&a, 20000, count);
	follows(count, p, 4, 20000);
	a.p.top_p = 0.95f;
	only(l, 4, (const int[]){ 0, 1, 2, 3 }, 4, p);
	tally(&a, 20000, count);
	follows(count, p, 4, 20000);
}
END_TEST

START_TEST(top_p_looks_at_what_top_k_left)
{
	const float l[4] = { logf(0.1f), logf(0.4f), logf(0.2f), logf(0.3f) };
	struct ask a = plain(l, 4, 1);
	int count[4];

	/* Of the first two, 0.4 is 0.571: enough alone for a top_p of 0.55. */
	a.p.top_k = 2;
	a.p.top_p = 0.55f;
	tally(&a, 500, count);
	ck_assert_int_eq(count[1], 500);
	a.p.top_p = 0.58f;
	tally(&a, 500, count);
	ck_assert_int_gt(count[3], 0);
	ck_assert_int_eq(count[1] + count[3], 500);
}
END_TEST

START_TEST(min_p_cuts_what_is_unlikely_beside_the_likeliest)
{
	const float l[4] = { logf(0.1f), logf(0.4f), logf(0.2f), logf(0.3f) };
	struct ask a = plain(l, 4, 1);
	double p[4];
	int count[4];

	a.p.min_p = 0.45f; /* 0.18 of 0.4 */
	only(l, 4, (const int[]){ 1, 2, 3 }, 3, p);
	tally(&a, 20000, count);
	follows(count, p, 4, 20000);
	a.p.min_p = 1;
	ck_assert_int_eq(pick_at(&a, 4).id, 1);
	a.p.min_p = 0.6f;
	a.p.top_p = 0.95f;
	only(l, 4, (const int[]){ 1, 3 }, 2, p);
	tally(&a, 20000, count);
	follows(count, p, 4, 20000);
}
END_TEST

START_TEST(banned_ids_are_never_picked)
{
	static const int32_t banned[5] = { 1, 5, -3, 8, 1000000 };
	struct ask a = plain(eight, 8, 0);
	struct sample_scratch *s = sample_scratch_new(8);
	struct sample_pick pick;
	int32_t all[8];
	int count[8];

	a.banned = banned;
	a.nbanned = 5;
	ck_assert_int_eq(pick_at(&a, 0).id, 3);
	a.p.temperature = 1;
	a.p.nbias = 1;
	a.p.bias[0] = (struct sample_bias){ 5, 100 };
	tally(&a, 3000, count);
	ck_assert_int_eq(count[1] + count[5], 0);
	for (int i = 0; i < 8; i++)
		all[i] = i;
	a.banned = all;
	a.nbanned = 8;
	ck_assert(!pick_with(s, &a, 0, &pick));
	sample_scratch_free(s);
}
END_TEST

START_TEST(bias_is_added_to_the_logit)
{
	struct ask a = plain(eight, 8, 1);
	float moved[8];
	double p[8];
	int count[8];

	a.p.nbias = 4;
	a.p.bias[0] = (struct sample_bias){ 4, 3 };
	a.p.bias[1] = (struct sample_bias){ 1, -100 };
	a.p.bias[2] = (struct sample_bias){ -1, 50 };
	a.p.bias[3] = (struct sample_bias){ 8, 50 };
	memcpy(moved, eight, sizeof(moved));
	moved[4] += 3;
	moved[1] -= 100;
	softmax(moved, 8, 1, p);
	p[1] = 0;
	tally(&a, 40000, count);
	follows(count, p, 8, 40000);
}
END_TEST

START_TEST(repetition_weakens_each_id_once_whatever_its_sign)
{
	static const int32_t prompt[4] = { 1, 1, 1, 2 }, out[3] = { 1, 6, -5 };
	struct ask a = plain(eight, 8, 1);
	float moved[8];
	double p[8];
	int count[8];

	a.prompt = prompt;
	a.nprompt = 4;
	a.out = out;
	a.nout = 3;
	a.p.repetition = 1.6f;
	memcpy(moved, eight, sizeof(moved));
	moved[1] /= 1.6f;
	moved[2] *= 1.6f;
	moved[6] /= 1.6f;
	softmax(moved, 8, 1, p);
	tally(&a, 40000, count);
	follows(count, p, 8, 40000);
}
END_TEST

START_TEST(presence_and_frequency_look_at_the_answer_alone)
{
	static const int32_t prompt[3] = { 5, 5, 5 }, out[4] = { 1, 1, 1, 3 };
	struct ask a = plain(eight, 8, 1);
	float moved[8];
	double p[8];
	int count[8];

	a.prompt = prompt;
	a.nprompt = 3;
	a.out = out;
	a.nout = 4;
	a.p.presence = 0.5f;
	a.p.frequency = 0.25f;
	memcpy(moved, eight, sizeof(moved));
	moved[1] -= 0.5f + 3 * 0.25f;
	moved[3] -= 0.5f + 0.25f;
	softmax(moved, 8, 1, p);
	tally(&a, 40000, count);
	follows(count, p, 8, 40000);
}
END_TEST

START_TEST(bias_comes_before_repetition_and_penalties_before_top_k)
{
	static const int32_t prompt[1] = { 1 };
	static const float l[3] = { 1.0f, -1.0f, 2.0f };
	struct ask a = plain(l, 3, 0);

	/* -1 + 5 = 4, then halved to 2: a tie that the lower id wins.  Halving
	 * first would leave 3. */
	a.prompt = prompt;
	a.nprompt = 1;
	a.p.repetition = 2;
	a.p.nbias = 1;
	a.p.bias[0] = (struct sample_bias){ 1, 5 };
	ck_assert_int_eq(pick_at(&a, 0).id, 1);
	a.p.bias[0].add = 4.9f;
	ck_assert_int_eq(pick_at(&a, 0).id, 2);
	a.p.temperature = 1;
	a.p.top_k = 1;
	ck_assert_int_eq(pick_at(&a, 0).id, 2);
}
END_TEST

START_TEST(logprobs_are_those_of_the_model_alone)
{
	static const int32_t banned[1] = { 1 };
	struct ask a = plain(eight, 8, 0.3f);
	struct sample_pick pick;
	double p[8];

	softmax(eight, 8, 1, p);
	a.p.top_k = 3;
	a.p.presence = 1;
	a.banned = banned;
	a.nbanned = 1;
	a.logprob = true;
	for (uint64_t i = 0; i < 20; i++) {
		pick = pick_at(&a, i);
		ck_assert_double_eq_tol((double)pick.logprob, log(p[pick.id]),
		    1e-5);
		ck_assert_int_eq(pick.ntop, 0);
	}
}
END_TEST

START_TEST(alternatives_are_sorted_and_of_equals_the_lower_id_is_first)
{
	static const int32_t order[8] = { 1, 5, 3, 6, 0, 4, 2, 7 };
	struct ask a = plain(eight, 8, 0);
	struct sample_pick pick;
	double p[8];

	softmax(eight, 8, 1, p);
	for (a.ntop = 1; a.ntop <= SAMPLE_TOP_MAX; a.ntop++) {
		pick = pick_at(&a, 0);
		ck_assert_int_eq(pick.ntop, a.ntop < 8 ? a.ntop : 8);
		for (int i = 0; i < pick.ntop; i++) {
			ck_assert_int_eq(pick.top_id[i], order[i]);
			ck_assert_double_eq_tol((double)pick.top_logprob[i],
			    log(p[order[i]]), 1e-5);
		}
		ck_assert_float_eq(pick.logprob, pick.top_logprob[0]);
	}
}
END_TEST

static const float *sort_by;

static int
likelier(const void *l, const void *r)
{
	int32_t a = *(const int32_t *)l, b = *(const int32_t *)r;

	if (sort_by[a] != sort_by[b])
		return sort_by[a] > sort_by[b] ? -1 : 1;
	return a < b ? -1 : 1;
}

/* Rank of each id of a large vocabulary, and the probability up to it. */
static void
rank_all(const float *l, int n, int *rank, double *until)
{
	int32_t *ids = malloc((size_t)n * sizeof(*ids));
	double sum = 0, have = 0;

	for (int i = 0; i < n; i++) {
		ids[i] = i;
		sum += exp((double)l[i]);
	}
	sort_by = l;
	qsort(ids, (size_t)n, sizeof(*ids), likelier);
	for (int i = 0; i < n; i++) {
		rank[ids[i]] = i;
		until[ids[i]] = have / sum; /* of those before it */
		have += exp((double)l[ids[i]]);
	}
	free(ids);
}

START_TEST(cuts_of_a_large_vocabulary_are_those_of_a_full_sort)
{
	float *l = malloc(BIG * sizeof(*l));
	int *rank = malloc(BIG * sizeof(*rank));
	double *until = malloc(BIG * sizeof(*until));
	struct sample_scratch *s = sample_scratch_new(BIG);
	struct sample_pick pick;
	struct rng r;

	rng_seed(&r, 7);
	for (int flat = 0; flat < 2; flat++) {
		struct ask a = plain(l, BIG, 1);

		for (int i = 0; i < BIG; i++)
			l[i] = (float)rng_normal(&r) * (flat ? 0.2f : 3.0f);
		rank_all(l, BIG, rank, until);
		for (uint64_t i = 0; i < 20; i++) {
			a.p.top_p = 0.6f;
			a.p.top_k = 0;
			ck_assert(pick_with(s, &a, i, &pick));
			ck_assert_double_le(until[pick.id], 0.6001);
			a.p.top_p = 1;
			a.p.top_k = 50;
			ck_assert(pick_with(s, &a, i, &pick));
			ck_assert_int_lt(rank[pick.id], 50);
			a.p.top_k = 0;
			ck_assert(pick_with(s, &a, i, &pick));
		}
	}
	sample_scratch_free(s);
	free(l);
	free(rank);
	free(until);
}
END_TEST

Suite *
suite_sample(void)
{
	Suite *s = suite_create("sample");
	TCase *t = tcase_create("sample");

	tcase_add_test(t,
	    greedy_takes_the_greatest_and_of_equals_the_lowest_id);
	tcase_add_test(t, a_temperature_near_zero_is_nearly_greedy);
	tcase_add_test(t, logits_are_not_changed);
	tcase_add_test(t, a_logit_that_is_not_finite_is_refused);
	tcase_add_test(t, the_draw_is_a_function_of_seed_and_position);
	tcase_add_test(t, a_request_that_starts_again_goes_on_as_if_it_had_not);
	tcase_add_test(t, draws_follow_the_distribution_at_each_temperature);
	tcase_add_test(t,
	    top_k_keeps_the_k_likeliest_and_of_equals_the_lower_id);
	tcase_add_test(t, top_p_keeps_the_smallest_set_that_reaches_it);
	tcase_add_test(t, top_p_looks_at_what_top_k_left);
	tcase_add_test(t, min_p_cuts_what_is_unlikely_beside_the_likeliest);
	tcase_add_test(t, banned_ids_are_never_picked);
	tcase_add_test(t, bias_is_added_to_the_logit);
	tcase_add_test(t, repetition_weakens_each_id_once_whatever_its_sign);
	tcase_add_test(t, presence_and_frequency_look_at_the_answer_alone);
	tcase_add_test(t,
	    bias_comes_before_repetition_and_penalties_before_top_k);
	tcase_add_test(t, logprobs_are_those_of_the_model_alone);
	tcase_add_test(t,
	    alternatives_are_sorted_and_of_equals_the_lower_id_is_first);
	tcase_add_test(t, cuts_of_a_large_vocabulary_are_those_of_a_full_sort);
	suite_add_tcase(s, t);
	return s;
}

/* Promises of policy/predict: each kind by itself, and how good they are. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/predict_mix.h"

Suite *suite_predict(void);

static const struct predict_rules max_tokens = { PREDICT_MAX_TOKENS, 1, 0.5 };
static const struct predict_rules history = { PREDICT_HISTORY, 1, 0.5 };
static const struct predict_rules learned = { PREDICT_LEARNED, 1, 0.5 };
static const struct predict_rules oracle = { PREDICT_ORACLE, 1, 0.5 };

static struct predict *p;

static void
begin(void)
{
	p = mix_predictor(4, 7);
}

static void
end(void)
{
	free(p);
}

static uint32_t
ask(const struct predict_rules *rules, int32_t adapter)
{
	struct predict_view v = { .adapter = adapter,
		.prompt = 100,
		.max_tokens = 1000 };

	return predict_tokens(p, rules, &v);
}

static void
teach(int32_t adapter, uint32_t tokens, int times)
{
	struct predict_view v = { .adapter = adapter,
		.prompt = 100,
		.max_tokens = 1000 };

	while (times-- > 0)
		predict_learn(p, &v, 1, tokens);
}

START_TEST(buckets_are_two_to_an_octave)
{
	static const uint32_t first[] = { 1, 2, 2, 3, 4, 6, 8, 12, 16, 23, 32,
		46, 64, 91, 128 };
	const uint32_t n = sizeof(first) / sizeof(first[0]);

	for (uint32_t b = 0; b < n; b++)
		if (b != 1)
			ck_assert_uint_eq(predict_bucket(first[b]), b);
	for (uint32_t b = 2; b < n; b++)
		ck_assert_uint_lt(predict_bucket(first[b] - 1), b);
	ck_assert_uint_eq(predict_bucket(0), 0);
	ck_assert_uint_eq(predict_bucket(UINT32_MAX), PREDICT_BUCKETS - 1);
}
END_TEST

START_TEST(kinds_have_names)
{
	ck_assert_int_eq(predict_find("max_tokens"), PREDICT_MAX_TOKENS);
	ck_assert_int_eq(predict_find("history"), PREDICT_HISTORY);
	ck_assert_int_eq(predict_find("learned"), PREDICT_LEARNED);
	ck_assert_int_eq(predict_find("oracle"), PREDICT_ORACLE);
	ck_assert_int_eq(predict_find("bert"), -1);
}
END_TEST

START_TEST(untaught_all_say_max_tokens)
{
	struct predict_rules rules = { .quantile = 0.5 };

	for (int kind = 0; kind < PREDICT_KINDS; kind++) {
		rules.kind = (enum predict_kind)kind;
		ck_assert_uint_eq(ask(&rules, -1), 1000);
		ck_assert_uint_eq(ask(&rules, 3), 1000);
	}
}
END_TEST

START_TEST(a_prediction_lies_between_one_and_max_tokens)
{
	struct predict_rules rules = { .accuracy = 0.5, .quantile = 0.9 };
	struct rng rng;

	rng_seed(&rng, 3);
	for (int i = 0; i < 4000; i++) {
		struct predict_view v = {
			.adapter = (int32_t)rng_below(&rng, 5) - 1,
			.prompt = (uint32_t)rng_below(&rng, UINT32_MAX),
			.max_tokens = (uint32_t)rng_next(&rng) >>
			    rng_below(&rng, 32),
			.truth = (uint32_t)rng_next(&rng) >> rng_below(&rng, 32)
		};
		uint32_t most = v.max_tokens > 0 ? v.max_tokens : 1, said;

		rules.kind = (enum predict_kind)(i % PREDICT_KINDS);
		said = predict_tokens(p, &rules, &v);
		ck_assert_uint_ge(said, 1);
		ck_assert_uint_le(said, most);
		predict_learn(p, &v, said, v.truth);
	}
}
END_TEST

START_TEST(max_tokens_learns_nothing)
{
	teach(2, 5, 100);
	ck_assert_uint_eq(ask(&max_tokens, 2), 1000);
}
END_TEST

START_TEST(history_is_a_quantile_of_the_last_answers)
{
	struct predict_rules rules = history;

	teach(1, 900, 50);
	for (uint32_t tokens = 1; tokens <= 32; tokens++)
		teach(1, tokens, 1);
	ck_assert_uint_eq(ask(&rules, 1), 17);
	rules.quantile = 0;
	ck_assert_uint_eq(ask(&rules, 1), 1);
	rules.quantile = 0.75;
	ck_assert_uint_eq(ask(&rules, 1), 25);
	rules.quantile = 1;
	ck_assert_uint_eq(ask(&rules, 1), 32);
}
END_TEST

START_TEST(history_of_few_is_that_of_all)
{
	teach(0, 40, 20);
	ck_assert_uint_eq(predict_bucket(ask(&history, 3)), predict_bucket(40));
	teach(3, 400, 1);
	ck_assert_uint_eq(predict_bucket(ask(&history, 3)), predict_bucket(40));
	teach(3, 400, 1);
	ck_assert_uint_eq(ask(&history, 3), 400);
}
END_TEST

START_TEST(the_base_model_is_one_by_itself)
{
	teach(-1, 10, 9);
	teach(0, 300, 9);
	ck_assert_uint_eq(ask(&history, -1), 10);
	ck_assert_uint_eq(ask(&history, 0), 300);
}
END_TEST

START_TEST(every_kind_is_taught_whichever_is_in_use)
{
	teach(1, 20, 40);
	teach(2, 500, 40);
	ck_assert_uint_eq(ask(&history, 1), 20);
	ck_assert_uint_eq(predict_bucket(ask(&learned, 1)), predict_bucket(20));
	ck_assert_uint_eq(ask(&history, 2), 500);
	ck_assert_uint_eq(predict_bucket(ask(&learned, 2)),
	    predict_bucket(500));
}
END_TEST

START_TEST(learned_follows_a_change)
{
	teach(1, 20, 1000);
	teach(1, 300, 40);
	ck_assert_uint_eq(predict_bucket(ask(&learned, 1)),
	    predict_bucket(300));
}
END_TEST

START_TEST(a_forgotten_adapter_is_unknown)
{
	for (int i = 0; i < 40; i++) {
		teach(1, 20, 1);
		teach(2, 500, 1);
	}
	predict_forget(p, 2);
	ck_assert_uint_eq(ask(&history, 1), 20);
	ck_assert_uint_eq(ask(&history, 2), ask(&history, 3));
	ck_assert_uint_eq(ask(&learned, 2), ask(&learned, 3));
	ck_assert_uint_ne(ask(&learned, 2), 500);
}
END_TEST

/* Answers of 1, 2, .. 1000 tokens; truth is none of them. */
START_TEST(the_oracle_is_as_accurate_as_is_asked)
{
	static const double wanted[] = { 1, 0.8, 0.6, 0 };
	struct predict_view v = { .adapter = 0,
		.max_tokens = 9999,
		.truth = 5000 };

	for (uint32_t tokens = 1; tokens <= 1000; tokens++)
		teach(0, tokens, 1);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct predict_rules rules = { PREDICT_ORACLE, wanted[i], 0.5 };
		int right = 0;
		double sum = 0;

		for (int k = 0; k < 10000; k++) {
			uint32_t said = predict_tokens(p, &rules, &v);

			right += said == 5000;
			sum += said == 5000 ? 0 : said;
			ck_assert(said == 5000 || said <= 1000);
		}
		ck_assert_double_eq_tol(right / 10000., wanted[i], 0.02);
		if (right < 10000)
			ck_assert_double_eq_tol(sum / (10000 - right), 500, 25);
	}
}
END_TEST

START_TEST(the_oracle_draws_for_each_request_alone)
{
	struct predict *q = mix_predictor(4, 7);
	struct predict_rules never = { PREDICT_ORACLE, 0, 0.5 };
	struct predict_view v = { .adapter = 1,
		.max_tokens = 9999,
		.truth = 5000 };

	for (uint32_t tokens = 1; tokens <= 100; tokens++) {
		predict_learn(p, &v, 1, tokens);
		predict_learn(q, &v, 1, tokens);
	}
	for (int i = 0; i < 50; i++) {
		ck_assert_uint_eq(predict_tokens(p, &oracle, &v), 5000);
		ck_assert_uint_le(predict_tokens(q, &never, &v), 100);
		ck_assert_uint_eq(predict_tokens(p, &never, &v),
		    predict_tokens(q, &never, &v));
	}
	free(q);
}
END_TEST

START_TEST(right_and_near_are_counted)
{
	static const uint32_t said[] = { 64, 90, 63, 91, 45, 128 };
	struct predict_view v = { .adapter = 0, .max_tokens = 1000 };
	struct predict_score score;

	for (int i = 0; i < 6; i++)
		predict_learn(p, &v, said[i], 70);
	score = predict_score(p);
	ck_assert_uint_eq(score.total, 6);
	ck_assert_uint_eq(score.right, 2);
	ck_assert_uint_eq(score.near, 4);
}
END_TEST

START_TEST(memory_is_bounded)
{
	ck_assert_uint_le(predict_bytes(0), 4 << 20);
	ck_assert_uint_le(predict_bytes(10000), (4 << 20) + 10000 * 256);
}
END_TEST

/* The share of answers predicted in the right bucket or a neighbour's. */
static double
near(const struct mix *m, enum predict_kind kind, double accuracy)
{
	const struct predict_rules rules = { kind, accuracy, 0.5 };
	struct predict_score score = mix_play(m, &rules);

	ck_assert_uint_le(score.right, score.near);
	return (double)score.near / (double)score.total;
}

START_TEST(learned_is_right_or_near_on_the_demo)
{
	struct mix m;

	mix_demo(&m, 1);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1), 0.95);
	ck_assert_double_gt(near(&m, PREDICT_LEARNED, 1),
	    near(&m, PREDICT_HISTORY, 1));
	ck_assert_double_lt(near(&m, PREDICT_MAX_TOKENS, 1), 0.1);
	mix_free(&m);
}
END_TEST

START_TEST(learned_is_right_or_near_where_adapters_differ)
{
	struct mix m;

	mix_lognormal(&m, 20000, 100, 2);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1), 0.8);
	mix_free(&m);
	mix_lognormal(&m, 20000, 1000, 2);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1), 0.8);
	mix_free(&m);
}
END_TEST

/* It takes some thousand answers to learn the twelve wishes in all places. */
START_TEST(learned_is_right_or_near_where_prompts_tell)
{
	struct mix m;

	mix_instructed(&m, 40000, 50, 3);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1), 0.8);
	ck_assert_double_lt(near(&m, PREDICT_HISTORY, 1), 0.3);
	mix_free(&m);
}
END_TEST

START_TEST(learned_is_no_worse_than_history)
{
	struct mix m;

	mix_lognormal(&m, 20000, 100, 5);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1),
	    near(&m, PREDICT_HISTORY, 1) - 0.01);
	mix_free(&m);
	mix_fickle(&m, 20000, 50, 5);
	ck_assert_double_ge(near(&m, PREDICT_LEARNED, 1),
	    near(&m, PREDICT_HISTORY, 1) - 0.01);
	mix_free(&m);
}
END_TEST

START_TEST(the_oracle_comes_near_by_its_accuracy)
{
	struct mix m;

	mix_lognormal(&m, 20000, 100, 2);
	ck_assert_double_ge(near(&m, PREDICT_ORACLE, 1), 1);
	ck_assert_double_ge(near(&m, PREDICT_ORACLE, 0.8), 0.79);
	ck_assert_double_lt(near(&m, PREDICT_ORACLE, 0.6), 0.8);
	mix_free(&m);
}
END_TEST

START_TEST(the_same_answers_teach_the_same)
{
	struct mix m;
	struct predict_score a, b;

	mix_demo(&m, 9);
	a = mix_play(&m, &learned);
	b = mix_play(&m, &learned);
	ck_assert(a.right == b.right && a.near == b.near);
	mix_free(&m);
}
END_TEST

Suite *
suite_predict(void)
{
	Suite *s = suite_create("predict");
	TCase *kinds = tcase_create("kinds"), *mixes = tcase_create("mixes");

	tcase_add_checked_fixture(kinds, begin, end);
	tcase_add_test(kinds, buckets_are_two_to_an_octave);
	tcase_add_test(kinds, kinds_have_names);
	tcase_add_test(kinds, untaught_all_say_max_tokens);
	tcase_add_test(kinds, a_prediction_lies_between_one_and_max_tokens);
	tcase_add_test(kinds, max_tokens_learns_nothing);
	tcase_add_test(kinds, history_is_a_quantile_of_the_last_answers);
	tcase_add_test(kinds, history_of_few_is_that_of_all);
	tcase_add_test(kinds, the_base_model_is_one_by_itself);
	tcase_add_test(kinds, every_kind_is_taught_whichever_is_in_use);
	tcase_add_test(kinds, learned_follows_a_change);
	tcase_add_test(kinds, a_forgotten_adapter_is_unknown);
	tcase_add_test(kinds, the_oracle_is_as_accurate_as_is_asked);
	tcase_add_test(kinds, the_oracle_draws_for_each_request_alone);
	tcase_add_test(kinds, right_and_near_are_counted);
	tcase_add_test(kinds, memory_is_bounded);
	tcase_add_test(mixes, learned_is_right_or_near_on_the_demo);
	tcase_add_test(mixes, learned_is_right_or_near_where_adapters_differ);
	tcase_add_test(mixes, learned_is_right_or_near_where_prompts_tell);
	tcase_add_test(mixes, learned_is_no_worse_than_history);
	tcase_add_test(mixes, the_oracle_comes_near_by_its_accuracy);
	tcase_add_test(mixes, the_same_answers_teach_the_same);
	suite_add_tcase(s, kinds);
	suite_add_tcase(s, mixes);
	return s;
}

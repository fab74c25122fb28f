/* What a token is picked from, as the kernel reads it; no device is asked. */
#include "gpuexec/cuda/picks.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *suite_picks(void);

#define VOCAB 50
#define CONTEXT 200
#define ROOM (64 * 1024)

static _Alignas(16) char host[ROOM];
static char elsewhere[ROOM]; /* its addresses stand for the device's */
static struct picks_arena arena;
static struct sample_params params;
static struct picks *picks;

static void
begin(void)
{
	memset(host, 0xee, sizeof(host));
	arena = (struct picks_arena){ host, elsewhere, 0, ROOM };
	params = (struct sample_params){ .top_p = 1, .repetition = 1 };
	ck_assert_int_eq(picks_open(&picks, VOCAB), 0);
}

static void
end(void)
{
	picks_close(picks);
}

/* Where on the host what the device will find at p lies. */
static const void *
here(const void *p)
{
	size_t at = (size_t)((const char *)p - elsewhere);

	ck_assert_uint_lt(at, arena.used);
	ck_assert_uint_eq(at % 8, 0);
	return host + at;
}

static struct cuda_pick
fill(const struct forward_pick *f)
{
	struct cuda_pick to;

	picks_fill(picks, &to, f, &arena);
	ck_assert_uint_le(arena.used, arena.room);
	return to;
}

/* How often the answer has it; -1: it was not seen.  No id stands twice. */
static int
in_answer(const struct cuda_pick *p, int32_t id)
{
	const struct cuda_seen *seen = here(p->seen);
	int found = -1;

	for (int i = 0; i < p->nseen; i++)
		if (seen[i].id == id) {
			ck_assert_int_eq(found, -1);
			found = seen[i].in_answer;
		}
	return found;
}

START_TEST(each_id_seen_is_told_once_with_its_count_in_the_answer)
{
	static const int32_t prompt[] = { 3, 7, 3, 0 }, out[] = { 7, 49, 7, 7 };
	struct forward_pick f = { .params = &params,
		.prompt = prompt,
		.nprompt = 4,
		.out = out,
		.nout = 4 };
	struct cuda_pick p;

	params.frequency = 0.5f;
	p = fill(&f);
	ck_assert_int_eq(p.nseen, 4);
	ck_assert_int_eq(in_answer(&p, 0), 0);
	ck_assert_int_eq(in_answer(&p, 3), 0);
	ck_assert_int_eq(in_answer(&p, 7), 3);
	ck_assert_int_eq(in_answer(&p, 49), 1);
}
END_TEST

START_TEST(a_pick_leaves_nothing_to_the_next)
{
	static const int32_t one[] = { 1, 2, 2 }, two[] = { 2, 5 };
	struct forward_pick f = { .params = &params, .out = one, .nout = 3 };
	struct cuda_pick first, second;

	params.presence = 1;
	first = fill(&f);
	f.out = two;
	f.nout = 2;
	second = fill(&f);
	ck_assert_int_eq(second.nseen, 2);
	ck_assert_int_eq(in_answer(&second, 1), -1);
	ck_assert_int_eq(in_answer(&second, 2), 1);
	ck_assert_int_eq(in_answer(&second, 5), 1);
	ck_assert_int_eq(in_answer(&first, 2), 2);
}
END_TEST

START_TEST(without_a_penalty_nothing_is_looked_at)
{
	static const int32_t ids[] = { 1, 2, 3 };
	static const float off[] = { 1, 0, -2 };
	struct forward_pick f = { .params = &params,
		.prompt = ids,
		.nprompt = 3,
		.out = ids,
		.nout = 3 };
	struct cuda_pick p;

	params.repetition = off[_i];
	p = fill(&f);
	ck_assert_int_eq(p.nseen, 0);
	ck_assert_int_eq(p.nbias, 0);
	ck_assert_int_eq(p.nbanned, 0);
	ck_assert(p.repetition == 1);
	ck_assert_uint_eq(arena.used, 0);
}
END_TEST

START_TEST(ids_that_are_no_tokens_are_left_out)
{
	static const int32_t ids[] = { -1, 4, VOCAB, INT32_MAX, INT32_MIN, 49 };
	struct forward_pick f = { .params = &params,
		.prompt = ids,
		.nprompt = 6,
		.out = ids,
		.nout = 6,
		.banned = ids,
		.nbanned = 6 };
	const struct sample_bias *bias;
	const int32_t *banned;
	struct cuda_pick p;

	params.repetition = 1.5f;
	params.nbias = 6;
	for (int i = 0; i < 6; i++)
		params.bias[i] = (struct sample_bias){ ids[i], (float)i };
	p = fill(&f);
	bias = here(p.bias);
	banned = here(p.banned);
	ck_assert_int_eq(p.nbias, 2);
	ck_assert_int_eq(p.nbanned, 2);
	ck_assert_int_eq(p.nseen, 2);
	ck_assert_int_eq(bias[0].id, 4);
	ck_assert(bias[0].add == 1);
	ck_assert_int_eq(bias[1].id, 49);
	ck_assert(bias[1].add == 5);
	ck_assert_int_eq(banned[0], 4);
	ck_assert_int_eq(banned[1], 49);
	ck_assert_int_eq(in_answer(&p, 4), 1);
}
END_TEST

START_TEST(a_bias_that_stands_twice_keeps_its_order)
{
	struct forward_pick f = { .params = &params };
	const struct sample_bias *bias;
	struct cuda_pick p;

	params.nbias = 3;
	for (int i = 0; i < 3; i++)
		params.bias[i] = (struct sample_bias){ 9, (float)i };
	p = fill(&f);
	bias = here(p.bias);
	ck_assert_int_eq(p.nbias, 3);
	for (int i = 0; i < 3; i++)
		ck_assert(bias[i].id == 9 && bias[i].add == (float)i);
}
END_TEST

START_TEST(the_rest_is_told_as_it_is)
{
	struct forward_pick f = { .params = &params,
		.logits = 3,
		.ntop = SAMPLE_TOP_MAX + 5,
		.want_logprob = true,
		.position = 1ull << 40 };
	struct cuda_pick p;

	params.temperature = 0.7f;
	params.top_k = 5;
	params.top_p = 0.9f;
	params.min_p = 0.1f;
	params.seed = UINT64_MAX;
	p = fill(&f);
	ck_assert_int_eq(p.logits, 3);
	ck_assert_int_eq(p.top_k, 5);
	ck_assert(p.temperature == 0.7f && p.top_p == 0.9f && p.min_p == 0.1f);
	ck_assert(p.seed == UINT64_MAX && p.position == 1ull << 40);
	ck_assert_int_eq(p.want_logprob, 1);
	ck_assert_int_eq(p.ntop, SAMPLE_TOP_MAX);
}
END_TEST

/* All lists as long as they can be; the vocabulary is shorter than the context,
 * and every token was seen. */
START_TEST(the_room_that_is_asked_for_is_enough)
{
	static int32_t ids[CONTEXT];
	struct forward_pick f = { .params = &params,
		.prompt = ids,
		.nprompt = CONTEXT / 2,
		.out = ids + CONTEXT / 2,
		.nout = CONTEXT / 2,
		.banned = ids,
		.nbanned = SAMPLE_STOP_IDS_MAX };
	struct cuda_pick p[3];

	for (int i = 0; i < CONTEXT; i++)
		ids[i] = i % VOCAB;
	params.nbias = SAMPLE_BIAS_MAX;
	params.presence = 1;
	arena.room = picks_bytes(3, CONTEXT, VOCAB);
	ck_assert_uint_le(arena.room, ROOM);
	for (int i = 0; i < 3; i++) {
		p[i] = fill(&f);
		ck_assert_int_eq(p[i].nseen, VOCAB);
		ck_assert_int_eq(p[i].nbanned, SAMPLE_STOP_IDS_MAX);
		ck_assert_int_eq(p[i].nbias, SAMPLE_BIAS_MAX);
	}
	/* None has written over another's. */
	for (int i = 0; i < 3; i++)
		for (int id = 0; id < VOCAB; id++)
			ck_assert_int_eq(in_answer(&p[i], id), 2);
}
END_TEST

Suite *
suite_picks(void)
{
	Suite *s = suite_create("picks");
	TCase *c = tcase_create("picks");

	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c,
	    each_id_seen_is_told_once_with_its_count_in_the_answer);
	tcase_add_test(c, a_pick_leaves_nothing_to_the_next);
	tcase_add_loop_test(c, without_a_penalty_nothing_is_looked_at, 0, 3);
	tcase_add_test(c, ids_that_are_no_tokens_are_left_out);
	tcase_add_test(c, a_bias_that_stands_twice_keeps_its_order);
	tcase_add_test(c, the_rest_is_told_as_it_is);
	tcase_add_test(c, the_room_that_is_asked_for_is_enough);
	suite_add_tcase(s, c);
	return s;
}

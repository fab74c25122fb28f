/* The forward pass on the device at the ends of what it may be asked for. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "gpuexec/cuda/forward.h"
#include "tests/kernels/rig.h"

Suite *suite_limits(void);

#define MODEL "models/demo"
#define BLOCK 16
#define REGION (8u << 20)
#define SEQS 64
#define CONTEXT 64
#define BLOCKS (CONTEXT / BLOCK)

static struct forward *forward;
static void *blocks[SEQS][BLOCKS];
static int32_t tokens[CONTEXT];
static const char zeros[1 << 16];

static void
begin(int rows, int seqs)
{
	struct forward_options o = { .weights = TENSOR_BF16,
		.kv = TENSOR_BF16,
		.threads = 1,
		.rows_max = rows,
		.seqs_max = seqs,
		.logits_max = seqs,
		.context = CONTEXT,
		.block_tokens = BLOCK };
	struct forward_cuda with = { .room = REGION,
		.kv_tokens = SEQS * CONTEXT,
		.adapters = 1,
		.pages = 1,
		.page_bytes = 1 << 20,
		.graphs = true };

	rig_begin();
	with.region = rig_new(REGION);
	ck_assert_msg(forward_open_cuda(&forward, MODEL, &o, &with, false) == 0,
	    "%s", err_text());
	for (int i = 0; i < seqs; i++) {
		size_t each = forward_block_bytes(forward);
		char *all = rig_put(zeros, BLOCKS * each);

		ck_assert_uint_le(BLOCKS * each, sizeof(zeros));

		for (int b = 0; b < BLOCKS; b++)
			blocks[i][b] = all + (size_t)b * each;
	}
	for (int i = 0; i < CONTEXT; i++)
		tokens[i] = 'a' + i % 26;
}

static void
finish(void)
{
	forward_close(forward);
	rig_end();
}

static struct forward_seq
seq_of(int i, int first, int count, enum forward_want want)
{
	return (struct forward_seq){ .tokens = tokens + first,
		.first = first,
		.count = count,
		.blocks = blocks[i],
		.want = want };
}

static float *
copy_of(const float *logits)
{
	size_t n = (size_t)forward_shape(forward)->vocab * sizeof(*logits);
	float *to = malloc(n);

	memcpy(to, logits, n);
	return to;
}

/* Tiles round where rows alone do not: a part in 256 each. */
static void
compare(const float *have, const float *want)
{
	int vocab = forward_shape(forward)->vocab;
	float size = 0;

	for (int i = 0; i < vocab; i++)
		size = fmaxf(size, fabsf(want[i]));
	for (int i = 0; i < vocab; i++)
		ck_assert_float_le(fabsf(have[i] - want[i]), 0.04f * size);
}

/* As many lists as there can be, all of them as long as they can be. */
START_TEST(the_longest_lists_of_all_picks_have_room)
{
	static struct forward_seq s[SEQS];
	static struct forward_pick picks[SEQS];
	static struct sample_pick into[SEQS];
	static int32_t history[CONTEXT], banned[SAMPLE_STOP_IDS_MAX];
	static struct sample_params p = { .top_p = 1,
		.repetition = 1.5f,
		.nbias = SAMPLE_BIAS_MAX };

	begin(SEQS, SEQS);
	for (int i = 0; i < CONTEXT; i++)
		history[i] = i;
	for (int i = 0; i < SAMPLE_STOP_IDS_MAX; i++)
		banned[i] = i;
	for (int i = 0; i < SEQS; i++) {
		s[i] = seq_of(i, CONTEXT - 1, 1, FORWARD_LAST);
		picks[i] = (struct forward_pick){ .params = &p,
			.prompt = history,
			.nprompt = CONTEXT,
			.banned = banned,
			.nbanned = SAMPLE_STOP_IDS_MAX,
			.into = &into[i] };
	}
	forward_step(forward, s, SEQS);
	for (int i = 0; i < SEQS; i++)
		picks[i].logits = s[i].logits;
	forward_pick(forward, picks, SEQS);
	for (int i = 0; i < SEQS; i++) {
		ck_assert(picks[i].ok);
		ck_assert_int_eq(into[i].id, into[0].id);
	}
	finish();
}
END_TEST

/* Which kernels there are differs from one step to the next. */
START_TEST(steps_without_logits_leave_what_later_ones_find)
{
	struct forward_seq s[2];
	float *whole;

	begin(32, 2);
	s[0] = seq_of(0, 0, 21, FORWARD_LAST);
	forward_step(forward, s, 1);
	whole = copy_of(forward_last(forward));
	for (int at = 0; at < 20; at += 5) {
		s[0] = seq_of(1, at, 5, FORWARD_NONE);
		s[1] = seq_of(0, 21 + at / 5, 1, FORWARD_NONE);
		forward_step(forward, s, 2);
		forward_pick(forward, NULL, 0);
	}
	s[0] = seq_of(1, 20, 1, FORWARD_LAST);
	s[1] = seq_of(0, 25, 1, FORWARD_NONE);
	forward_step(forward, s, 2);
	compare(forward_last(forward), whole);
	free(whole);
	finish();
}
END_TEST

START_TEST(one_row_a_step_is_enough)
{
	struct forward_seq s;
	float *whole;

	begin(32, 1);
	s = seq_of(0, 0, 21, FORWARD_LAST);
	forward_step(forward, &s, 1);
	whole = copy_of(forward_last(forward));
	finish();
	begin(1, 1);
	for (int at = 0; at <= 20; at++) {
		s = seq_of(0, at, 1, FORWARD_LAST);
		forward_step(forward, &s, 1);
		forward_pick(forward, NULL, 0);
	}
	compare(forward_last(forward), whole);
	free(whole);
	finish();
}
END_TEST

Suite *
suite_limits(void)
{
	Suite *s = suite_create("limits");
	TCase *c = tcase_create("limits");

	tcase_add_test(c, the_longest_lists_of_all_picks_have_room);
	tcase_add_test(c, steps_without_logits_leave_what_later_ones_find);
	tcase_add_test(c, one_row_a_step_is_enough);
	suite_add_tcase(s, c);
	return s;
}

/* Rows that attend alone.  Their weights have 16 bits, so that an output is
 * within one rounding of its own. */
#include <check.h>
#include <string.h>

#include "tests/kernels/scene.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const enum tensor_dtype dtypes[] = { TENSOR_BF16, TENSOR_F16 };

/* At positions 0, 14, 15, 16, ...: contexts of one more. */
static const struct scene_sequence edges[] = {
	{ 0, 1, SCENE_ALONE, 1 },
	{ 14, 1, SCENE_ALONE, 2 },
	{ 15, 1, SCENE_ALONE, 3 },
	{ 16, 1, SCENE_ALONE, 4 },
	{ 254, 1, SCENE_ALONE, 5 },
	{ 255, 1, SCENE_ALONE, 6 },
	{ 256, 1, SCENE_ALONE, 7 },
	{ 999, 1, SCENE_ALONE, 8 },
};

static const struct scene_sequence few[] = {
	{ 16, 1, SCENE_ALONE, 21 },
	{ 300, 1, SCENE_ALONE, 22 },
};

static void
play(const struct scene_shape *shape, const struct scene_sequence *sequence,
    int n)
{
	struct scene scene;

	rig_begin();
	scene_play(&scene, shape, sequence, n);
	scene_check(&scene, 0);
	scene_free(&scene);
	rig_end();
}

START_TEST(every_context_is_attended_whole)
{
	struct scene_shape shape = { 4, 2, 64, 16, 0, dtypes[_i], 0, 0, false };

	play(&shape, edges, COUNT(edges));
}
END_TEST

START_TEST(sharp_weights_pick_their_value)
{
	struct scene_shape shape = { 4, 2, 64, 16, 0, dtypes[_i], 8, 0, false };

	play(&shape, edges, COUNT(edges));
}
END_TEST

START_TEST(any_even_head_dim_will_do)
{
	static const int dims[] = { 2, 8, 20, 24, 32, 36, 40, 64, 72, 80, 96,
		112, 128, 160, 250, 256 };

	for (int i = 0; i < COUNT(dims); i++) {
		struct scene_shape shape = { 6, 2, dims[i], 16, 0, dtypes[_i],
			0, 0, false };

		play(&shape, few, COUNT(few));
	}
}
END_TEST

START_TEST(a_group_may_have_any_number_of_heads)
{
	for (int group = 1; group <= 8; group++) {
		struct scene_shape shape = { 2 * group, 2, 32, 16, 0,
			dtypes[group % 2], 0, 0, false };

		play(&shape, few, COUNT(few));
	}
	for (int group = 9; group <= 27; group += 9) {
		struct scene_shape shape = { 2 * group, 2, 32, 16, 0,
			TENSOR_BF16, 0, 0, false };

		play(&shape, few, COUNT(few));
	}
}
END_TEST

START_TEST(blocks_may_have_any_number_of_tokens)
{
	static const int tokens[] = { 1, 7, 16, 64, 100, 1024 };

	for (int i = 0; i < COUNT(tokens); i++) {
		struct scene_shape shape = { 2, 1, i % 2 == 0 ? 32 : 36,
			tokens[i], 0, dtypes[i / 2 % 2], 0, 0, false };

		play(&shape, edges, COUNT(edges));
	}
}
END_TEST

START_TEST(a_window_hides_what_is_before_it)
{
	static const int windows[] = { 1, 15, 16, 100, 256, 257, 1000, 5000 };

	for (int i = 0; i < COUNT(windows); i++) {
		struct scene_shape shape = { 2, 1, i % 3 == 0 ? 20 : 32, 16,
			windows[i], dtypes[i % 2], 0, 0, false };

		play(&shape, edges, COUNT(edges));
	}
}
END_TEST

/* The same bits of sequence i of both. */
static void
same_row(const struct scene *a, int i, const struct scene *b, int j)
{
	ck_assert_int_eq(memcmp(scene_row(a, i), scene_row(b, j),
			     sizeof(float) * a->shape.heads *
				 a->shape.head_dim),
	    0);
}

START_TEST(a_row_has_the_same_bits_alone_and_in_a_batch)
{
	static const int dims[] = { 32, 128, 36 };

	for (int d = 0; d < COUNT(dims); d++) {
		struct scene_shape shape = { 4, 2, dims[d], 16, 0, TENSOR_BF16,
			0, 0, false };
		struct scene all, one;

		rig_begin();
		scene_play(&all, &shape, edges, COUNT(edges));
		for (int i = 0; i < COUNT(edges); i++) {
			scene_play(&one, &shape, &edges[i], 1);
			same_row(&one, 0, &all, i);
			scene_free(&one);
		}
		scene_free(&all);
		rig_end();
	}
}
END_TEST

START_TEST(splits_before_the_window_may_be_left_out)
{
	struct scene_shape shape = { 2, 1, 64, 16, 300, TENSOR_F16, 0, 0,
		false };
	struct scene all, seen;

	rig_begin();
	scene_play(&all, &shape, edges, COUNT(edges));
	shape.seen_splits = true;
	scene_play(&seen, &shape, edges, COUNT(edges));
	ck_assert_int_lt(seen.splits, all.splits);
	scene_check(&seen, 0);
	for (int i = 0; i < COUNT(edges); i++)
		same_row(&all, i, &seen, i);
	scene_free(&all);
	scene_free(&seen);
	rig_end();
}
END_TEST

START_TEST(rows_in_no_list_are_not_touched)
{
	static const struct scene_sequence some[] = {
		{ 5, 2, SCENE_NEITHER, 1 },
		{ 33, 1, SCENE_ALONE, 2 },
		{ 300, 1, SCENE_NEITHER, 3 },
		{ 300, 1, SCENE_ALONE, 4 },
	};
	struct scene_shape shape = { 4, 2, 64, 16, 0, TENSOR_F16, 0, 0, false };

	play(&shape, some, COUNT(some));
	play(&shape, some, 1);
	shape.head_dim = 20;
	play(&shape, some, COUNT(some));
}
END_TEST

/* More than the join takes at once. */
START_TEST(hundreds_of_splits_are_joined)
{
	static const struct scene_sequence one[] = {
		{ 33100, 1, SCENE_ALONE, 1 },
	};
	struct scene_shape shape = { 2, 1, 8, 64, 0, TENSOR_F16, 0, 0, false };

	play(&shape, one, 1);
}
END_TEST

/* More items than a grid has blocks. */
START_TEST(a_large_batch_takes_several_rounds)
{
	struct scene_shape shape = { 8, 8, 32, 16, 0, TENSOR_BF16, 0, 0,
		false };
	struct scene_sequence many[140];

	for (int i = 0; i < COUNT(many); i++)
		many[i] = (struct scene_sequence){ i % 40, 1, SCENE_ALONE,
			(uint64_t)i };
	play(&shape, many, COUNT(many));
}
END_TEST

Suite *suite_attend_alone(void);

Suite *
suite_attend_alone(void)
{
	Suite *s = suite_create("attend_alone");
	TCase *t = tcase_create("attend_alone");

	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, every_context_is_attended_whole, 0, 2);
	tcase_add_loop_test(t, sharp_weights_pick_their_value, 0, 2);
	tcase_add_loop_test(t, any_even_head_dim_will_do, 0, 2);
	tcase_add_test(t, a_group_may_have_any_number_of_heads);
	tcase_add_test(t, blocks_may_have_any_number_of_tokens);
	tcase_add_test(t, a_window_hides_what_is_before_it);
	tcase_add_test(t, a_row_has_the_same_bits_alone_and_in_a_batch);
	tcase_add_test(t, splits_before_the_window_may_be_left_out);
	tcase_add_test(t, rows_in_no_list_are_not_touched);
	tcase_add_test(t, hundreds_of_splits_are_joined);
	tcase_add_test(t, a_large_batch_takes_several_rounds);
	suite_add_tcase(s, t);
	return s;
}

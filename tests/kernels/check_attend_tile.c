/* Rows that attend in tiles.  Their weights are rounded once, so that an output
 * is within one rounding of its own and one of each weight * |V|. */
#include <check.h>
#include <string.h>

#include "tests/kernels/scene.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const enum tensor_dtype dtypes[] = { TENSOR_BF16, TENSOR_F16 };

/* Prompts from their beginning, and parts of them behind what was read. */
static const struct scene_sequence parts[] = {
	{ 0, 1, SCENE_TILE, 1 },
	{ 0, 64, SCENE_TILE, 2 },
	{ 0, 70, SCENE_TILE, 3 },
	{ 5, 17, SCENE_TILE, 4 },
	{ 64, 2, SCENE_TILE, 5 },
	{ 200, 63, SCENE_TILE, 6 },
	{ 997, 3, SCENE_TILE, 7 },
};

static const struct scene_sequence few[] = {
	{ 0, 19, SCENE_TILE, 21 },
	{ 75, 22, SCENE_TILE, 22 },
};

static void
play(const struct scene_shape *shape, const struct scene_sequence *sequence,
    int n)
{
	struct scene scene;

	rig_begin();
	scene_play(&scene, shape, sequence, n);
	scene_check(&scene, scene_rounding(shape->dtype));
	scene_free(&scene);
	rig_end();
}

START_TEST(a_row_sees_itself_and_all_before_it)
{
	struct scene_shape shape = { 2, 1, 64, 16, 0, dtypes[_i], 0, 0, false };

	play(&shape, parts, COUNT(parts));
}
END_TEST

START_TEST(sharp_weights_pick_their_value)
{
	struct scene_shape shape = { 2, 1, 32, 16, 0, dtypes[_i], 8, 0, false };

	play(&shape, parts, COUNT(parts));
}
END_TEST

START_TEST(any_even_head_dim_will_do)
{
	static const int dims[] = { 2, 8, 20, 24, 32, 36, 40, 64, 72, 80, 96,
		112, 128, 160, 250, 256 };

	for (int i = 0; i < COUNT(dims); i++) {
		struct scene_shape shape = { 3, 1, dims[i], 16, 0, dtypes[_i],
			0, 0, false };

		play(&shape, few, COUNT(few));
	}
}
END_TEST

START_TEST(a_group_may_have_any_number_of_heads)
{
	for (int group = 1; group <= 9; group++) {
		struct scene_shape shape = { 2 * group, 2, 32, 16, 0,
			dtypes[group % 2], 0, 0, false };

		play(&shape, few, COUNT(few));
	}
}
END_TEST

START_TEST(blocks_may_have_any_number_of_tokens)
{
	static const int tokens[] = { 1, 7, 16, 64, 100, 1024 };

	for (int i = 0; i < COUNT(tokens); i++) {
		struct scene_shape shape = { 2, 2, i % 2 == 0 ? 32 : 36,
			tokens[i], 0, dtypes[i / 2 % 2], 0, 0, false };

		play(&shape, few, COUNT(few));
	}
}
END_TEST

START_TEST(a_window_hides_what_is_before_it)
{
	static const int windows[] = { 1, 5, 16, 64, 65, 100, 1000 };

	for (int i = 0; i < COUNT(windows); i++) {
		struct scene_shape shape = { 2, 1, i % 3 == 0 ? 20 : 32, 16,
			windows[i], dtypes[i % 2], 0, 0, false };

		play(&shape, parts, COUNT(parts));
	}
}
END_TEST

/* Sequence i has the same bits in both. */
static void
same_rows(const struct scene *a, const struct scene *b, int i, int j)
{
	ck_assert_int_eq(memcmp(scene_row(a, i), scene_row(b, j),
			     sizeof(float) * a->shape.heads *
				 a->shape.head_dim * a->sequence[i].rows),
	    0);
}

START_TEST(bits_do_not_depend_on_where_a_prompt_is_cut)
{
	static const int cuts[] = { 1, 7, 16, 63 };
	int window = _i == 0 ? 0 : 50;
	struct scene_shape shape = { 3, 1, 32, 16, window, TENSOR_BF16, 0, 0,
		false };
	struct scene whole, cut, alone;

	rig_begin();
	scene_play(&whole, &shape, parts, COUNT(parts) - 1);
	for (int i = 0; i < COUNT(cuts); i++) {
		shape.tile_rows = cuts[i];
		scene_play(&cut, &shape, parts, COUNT(parts) - 1);
		for (int j = 0; j < COUNT(parts) - 1; j++)
			same_rows(&whole, &cut, j, j);
		scene_free(&cut);
	}
	shape.tile_rows = 0;
	for (int i = 0; i < COUNT(parts) - 1; i++) {
		scene_play(&alone, &shape, &parts[i], 1);
		same_rows(&whole, &alone, i, 0);
		scene_free(&alone);
	}
	scene_free(&whole);
	rig_end();
}
END_TEST

START_TEST(rows_in_no_list_are_not_touched)
{
	static const struct scene_sequence some[] = {
		{ 5, 2, SCENE_NEITHER, 1 },
		{ 33, 20, SCENE_TILE, 2 },
		{ 300, 1, SCENE_NEITHER, 3 },
		{ 50, 1, SCENE_ALONE, 4 },
		{ 2, 3, SCENE_TILE, 5 },
	};
	struct scene_shape shape = { 4, 2, 64, 16, 0, TENSOR_F16, 0, 0, false };

	play(&shape, some, COUNT(some));
	play(&shape, some, 1);
	shape.head_dim = 20;
	play(&shape, some, COUNT(some));
}
END_TEST

Suite *suite_attend_tile(void);

Suite *
suite_attend_tile(void)
{
	Suite *s = suite_create("attend_tile");
	TCase *t = tcase_create("attend_tile");

	tcase_set_timeout(t, 600);
	tcase_add_loop_test(t, a_row_sees_itself_and_all_before_it, 0, 2);
	tcase_add_loop_test(t, sharp_weights_pick_their_value, 0, 2);
	tcase_add_loop_test(t, any_even_head_dim_will_do, 0, 2);
	tcase_add_test(t, a_group_may_have_any_number_of_heads);
	tcase_add_test(t, blocks_may_have_any_number_of_tokens);
	tcase_add_test(t, a_window_hides_what_is_before_it);
	tcase_add_loop_test(t, bits_do_not_depend_on_where_a_prompt_is_cut, 0,
	    2);
	tcase_add_test(t, rows_in_no_list_are_not_touched);
	suite_add_tcase(s, t);
	return s;
}

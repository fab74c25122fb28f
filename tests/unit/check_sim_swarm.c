/* tests/swarm: a few of its worlds, so that each change meets some. */
#include <check.h>
#include <string.h>

#include "tests/swarm/world.h"

Suite *suite_sim_swarm(void);

#define WORLDS 60

START_TEST(laws_hold_in_drawn_worlds)
{
	struct swarm *w = swarm_open(1 + (uint64_t)_i);
	struct sim_result r;

	ck_assert_ptr_nonnull(w);
	swarm_run(w, &r);
	ck_assert_msg(*r.breach == '\0', "%s", r.breach);
	if (_i % 10 == 0)
		swarm_again(w, &r);
	ck_assert_msg(*r.breach == '\0', "%s", r.breach);
	sim_result_free(&r);
	swarm_close(w);
}
END_TEST

START_TEST(a_seed_is_a_world)
{
	struct swarm *w = swarm_open(7), *again = swarm_open(7);
	struct swarm *other = swarm_open(8);
	char text[3][8192] = { { 0 } };
	struct swarm *all[] = { w, again, other };

	for (int i = 0; i < 3; i++) {
		FILE *f = fmemopen(text[i], sizeof(text[i]) - 1, "w");

		ck_assert_ptr_nonnull(f);
		swarm_print(all[i], f);
		fclose(f);
		swarm_close(all[i]);
	}
	ck_assert_str_eq(text[0], text[1]);
	ck_assert_str_ne(text[0], text[2]);
	ck_assert_ptr_nonnull(strstr(text[0], "world 7: "));
	ck_assert_ptr_nonnull(strstr(text[0], "\nrules: admission="));
}
END_TEST

Suite *
suite_sim_swarm(void)
{
	Suite *s = suite_create("sim_swarm");
	TCase *t = tcase_create("worlds");

	tcase_add_loop_test(t, laws_hold_in_drawn_worlds, 0, WORLDS);
	tcase_add_test(t, a_seed_is_a_world);
	suite_add_tcase(s, t);
	return s;
}

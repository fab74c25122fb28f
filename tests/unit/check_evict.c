/* Promises of policy/evict.h: what each kind keeps, and who leaves first. */
#include "policy/evict.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

Suite *suite_evict(void);

#define NOW (1000 * SECOND)
#define VIEWS 12

static const char *const kinds[] = { "chameleon", "fairshare", "lru", "lfu",
	"gdsf", "value", "none", "queued", "first" };
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static const struct evict_scale scale = {
	.uses_mean = 10,
	.bytes_max = 256,
	.window_ns = 300 * SECOND,
	.frequency = 0.45,
	.recency = 0.10,
	.size = 0.45,
};

/* Half as often used as they are on the average, a quarter of a window ago, a quarter of
 * the largest; its rate has halved since it was noted. */
static const struct evict_view known = {
	.adapter = 6,
	.bytes = 64,
	.used_ns = NOW - 75 * SECOND,
	.uses = 5,
	.rate = 0.01,
	.rate_ns = NOW - 300 * SECOND,
	.reload_s = 0.025,
	.floor = 2,
};

static const struct {
	const char *kind;
	double keep;
	enum evict_idle idle;
} golden[] = {
	/* .45 * .5 + .1 * .75 + .45 * .25 */
	{ "chameleon", 0.4125, EVICT_KEEPS },
	{ "fairshare", 0.5, EVICT_KEEPS },
	{ "lru", 925e9, EVICT_KEEPS },
	{ "lfu", 5, EVICT_KEEPS },
	/* 5 * .025 / 64 + 2 */
	{ "gdsf", 2.001953125, EVICT_KEEPS },
	/* .025 * (1 - exp(-.005 * 5)) / 64 */
	{ "value", 0.025 * 0.02469008797167 / 64, EVICT_KEEPS },
	{ "none", 925e9, EVICT_DROPS },
	{ "queued", 925e9, EVICT_DROPS_UNQUEUED },
	{ "first", 6, EVICT_KEEPS },
};

static double
keep(const char *kind, struct evict_view v)
{
	return evict_find(kind)->keep(&v, &scale, NOW);
}

START_TEST(each_kind_is_its_formula)
{
	const struct evict_policy *p = evict_find(golden[_i].kind);

	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->name, golden[_i].kind);
	ck_assert_int_eq(p->idle, golden[_i].idle);
	ck_assert_double_eq_tol(p->keep(&known, &scale, NOW), golden[_i].keep,
	    1e-12);
}
END_TEST

START_TEST(recency_is_full_now_and_none_beyond_the_window)
{
	struct evict_view v = { .used_ns = NOW };

	ck_assert_double_eq_tol(keep("chameleon", v), 0.10, 1e-12);
	v.used_ns = NOW + SECOND;
	ck_assert_double_eq_tol(keep("chameleon", v), 0.10, 1e-12);
	v.used_ns = NOW - 300 * SECOND;
	ck_assert_double_eq_tol(keep("chameleon", v), 0, 1e-12);
	v.used_ns = 0;
	ck_assert_double_eq_tol(keep("chameleon", v), 0, 1e-12);
}
END_TEST

START_TEST(a_rate_halves_in_each_window)
{
	nsec w = 300 * SECOND;

	ck_assert_double_eq(evict_rate(8, 0, 0, w), 8);
	ck_assert_double_eq_tol(evict_rate(8, 0, w, w), 4, 1e-12);
	ck_assert_double_eq_tol(evict_rate(8, w, 4 * w, w), 1, 1e-12);
	ck_assert_double_eq(evict_rate(8, w, 0, w), 8);
	ck_assert_double_eq_tol(evict_rate_use(8, 0, w, w),
	    4 + 0.693147180559945 / 300, 1e-12);
}
END_TEST

/* One use each fifth of a second is a rate of five, half of it after a window
 * and all of it after many. */
START_TEST(regular_uses_make_the_rate_theirs)
{
	nsec w = 100 * SECOND, then = 0;
	double rate = 0;

	for (nsec now = 0; now < 20 * w; then = now, now += SECOND / 5) {
		rate = evict_rate_use(rate, then, now, w);
		if (now == w)
			ck_assert_double_eq_tol(rate, 2.5, 0.02);
	}
	ck_assert_double_eq_tol(rate, 5, 0.02);
}
END_TEST

static int
pick(const char *kind, const struct evict_view *v, int n, bool queued)
{
	return evict_pick(evict_find(kind), &scale, v, n, queued, NOW);
}

static const struct evict_view few[] = {
	{ .adapter = 4, .level = EVICT_NEVER, .used_ns = 1 },
	{ .adapter = 3, .level = EVICT_QUEUED, .used_ns = 2 },
	{ .adapter = 9, .used_ns = 7 },
	{ .adapter = 1, .used_ns = 8 },
	{ .adapter = 2, .level = EVICT_NEVER, .used_ns = 0 },
	{ .adapter = 0, .used_ns = 8 },
};

START_TEST(the_longest_unused_leaves)
{
	ck_assert_int_eq(pick("lru", few, 6, true), 2);
}
END_TEST

START_TEST(ties_go_to_the_lower_index)
{
	ck_assert_int_eq(pick("lru", few + 3, 3, true), 2);
	ck_assert_int_eq(pick("first", few, 6, true), 5);
}
END_TEST

START_TEST(one_that_is_waited_for_leaves_when_no_other_is_left)
{
	ck_assert_int_eq(pick("lru", few, 2, true), 1);
	ck_assert_int_eq(pick("lru", few, 2, false), -1);
	ck_assert_int_eq(pick("lru", few, 3, true), 2);
}
END_TEST

START_TEST(used_and_pinned_ones_never_leave)
{
	const struct evict_view kept[] = { few[0], few[4] };

	for (int k = 0; k < KINDS; k++) {
		ck_assert_int_eq(pick(kinds[k], kept, 2, true), -1);
		ck_assert_int_eq(pick(kinds[k], kept, 0, true), -1);
	}
}
END_TEST

/* Whatever they are worth. */
START_TEST(of_those_waited_for_that_of_the_last_waiter_leaves)
{
	const struct evict_view v[] = {
		{ .adapter = 0, .level = EVICT_QUEUED, .waits_since_ns = 5 },
		{ .adapter = 7,
		    .level = EVICT_QUEUED,
		    .waits_since_ns = 9,
		    .uses = 10,
		    .bytes = 256,
		    .used_ns = NOW,
		    .rate = 9,
		    .rate_ns = NOW,
		    .reload_s = 1 },
		{ .adapter = 2, .level = EVICT_QUEUED, .waits_since_ns = 7 },
	};

	for (int k = 0; k < KINDS; k++)
		ck_assert_int_eq(pick(kinds[k], v, 3, true), 1);
}
END_TEST

/* The paper's own order: lru would take the first, lfu alone could not tell. */
START_TEST(small_cold_old_leaves_before_large_hot_new)
{
	const struct evict_view v[] = {
		{ .adapter = 0, .bytes = 256, .uses = 10, .used_ns = NOW },
		{ .adapter = 1,
		    .bytes = 16,
		    .uses = 1,
		    .used_ns = NOW - 290 * SECOND },
		{ .adapter = 2,
		    .bytes = 256,
		    .uses = 1,
		    .used_ns = NOW - 300 * SECOND },
	};

	ck_assert_int_eq(pick("chameleon", v, 3, true), 1);
	ck_assert_int_eq(pick("fairshare", v, 3, true), 1);
	ck_assert_int_eq(pick("lru", v, 3, true), 2);
	ck_assert_int_eq(pick("chameleon", v, 1, true), 0);
}
END_TEST

/* By level; those that are waited for by the last first waiter; by worth; by
 * last use; by index. */
struct ranked {
	struct evict_view v;
	double keep;
	int index;
};

static bool
is_waited_for(const struct ranked *r)
{
	return r->v.level == EVICT_QUEUED || r->v.level == EVICT_PROMISED;
}

static int
in_order(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;
	const double key[][2] = {
		{ a->v.level, b->v.level },
		{ is_waited_for(a) ? -(double)a->v.waits_since_ns : 0,
		    is_waited_for(b) ? -(double)b->v.waits_since_ns : 0 },
		{ a->keep, b->keep },
		{ (double)a->v.used_ns, (double)b->v.used_ns },
		{ a->v.adapter, b->v.adapter },
	};

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		if (key[i][0] < key[i][1] || key[i][1] < key[i][0])
			return key[i][0] < key[i][1] ? -1 : 1;
	return 0;
}

/* Few values each, so that there are many ties. */
static void
draw(struct rng *r, struct evict_view *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i] = (struct evict_view){
			.adapter = (i * 5 + 3) % VIEWS,
			.level = (uint8_t)rng_below(r, 4),
			.bytes = 64 * (1 + rng_below(r, 4)),
			.used_ns = NOW - (nsec)rng_below(r, 4) * 100 * SECOND,
			.waits_since_ns = (nsec)rng_below(r, 3),
			.uses = (double)rng_below(r, 4),
			.rate = (double)rng_below(r, 3) / 100,
			.rate_ns = NOW - (nsec)rng_below(r, 3) * SECOND,
			.reload_s = (double)rng_below(r, 3) / 100,
			.floor = (double)rng_below(r, 2) / 10000,
		};
}

/* One after the other leaves, in the order of a sort. */
START_TEST(picks_are_those_of_a_sort)
{
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 300; round++) {
		struct evict_view v[VIEWS];
		struct ranked order[VIEWS];
		int n = (int)rng_below(&r, VIEWS + 1);
		bool queued = rng_below(&r, 2) == 0;

		draw(&r, v, n);
		for (int i = 0; i < n; i++)
			order[i] = (struct ranked){ v[i], keep(kinds[_i], v[i]),
				i };
		qsort(order, (size_t)n, sizeof(order[0]), in_order);
		for (int i = 0; i <= n; i++) {
			bool leaves = i < n &&
			    order[i].v.level <=
				(queued ? EVICT_PROMISED : EVICT_FREELY);
			int at = pick(kinds[_i], v, n, queued);

			ck_assert_int_eq(at, leaves ? order[i].index : -1);
			if (!leaves)
				break;
			v[at].level = EVICT_NEVER;
		}
	}
}
END_TEST

START_TEST(an_unknown_kind_is_none)
{
	ck_assert_ptr_null(evict_find(""));
	ck_assert_ptr_null(evict_find("mru"));
}
END_TEST

START_TEST(a_weight_multiplies_what_it_is_worth)
{
	for (int k = 0; k < KINDS; k++) {
		const struct evict_policy *p = evict_find(kinds[k]);
		struct evict_view v = known;
		double plain, heavy, light;

		v.weight = 1;
		plain = evict_keep(p, &v, &scale, NOW);
		ck_assert(plain >= p->keep(&known, &scale, NOW) &&
		    plain <= p->keep(&known, &scale, NOW));
		v.weight = 2;
		heavy = evict_keep(p, &v, &scale, NOW);
		v.weight = 0.5;
		light = evict_keep(p, &v, &scale, NOW);
		ck_assert_msg(light < plain && plain < heavy, "%s", kinds[k]);
	}
	/* Unused for twice as long as another, with twice its weight: alike. */
	struct evict_view a = known, b = known;

	a.weight = 2;
	b.weight = 1;
	a.used_ns = NOW - 100 * SECOND;
	b.used_ns = NOW - 50 * SECOND;
	ck_assert(fabs(evict_keep(evict_find("lru"), &a, &scale, NOW) -
		      evict_keep(evict_find("lru"), &b, &scale, NOW)) < 1e3);
}
END_TEST

Suite *
suite_evict(void)
{
	Suite *s = suite_create("evict");
	TCase *c = tcase_create("evict");

	tcase_add_loop_test(c, each_kind_is_its_formula, 0, KINDS);
	tcase_add_test(c, recency_is_full_now_and_none_beyond_the_window);
	tcase_add_test(c, a_rate_halves_in_each_window);
	tcase_add_test(c, regular_uses_make_the_rate_theirs);
	tcase_add_test(c, the_longest_unused_leaves);
	tcase_add_test(c, ties_go_to_the_lower_index);
	tcase_add_test(c, one_that_is_waited_for_leaves_when_no_other_is_left);
	tcase_add_test(c, used_and_pinned_ones_never_leave);
	tcase_add_test(c, of_those_waited_for_that_of_the_last_waiter_leaves);
	tcase_add_test(c, small_cold_old_leaves_before_large_hot_new);
	tcase_add_loop_test(c, picks_are_those_of_a_sort, 0, KINDS);
	tcase_add_test(c, an_unknown_kind_is_none);
	tcase_add_test(c, a_weight_multiplies_what_it_is_worth);
	suite_add_tcase(s, c);
	return s;
}

/* Promises of policy/: the orders, and the ties. */
#include <check.h>

#include "policy/admit.h"
#include "policy/evict.h"

Suite *suite_policy(void);

START_TEST(fifo_goes_by_arrival_then_by_submission_then_by_slot)
{
	const struct admit_policy *fifo = admit_find("fifo");
	struct admit_view a = { .slot = 3, .arrived_ns = 10, .order = 5 };
	struct admit_view b = { .slot = 2, .arrived_ns = 11, .order = 4 };

	ck_assert(fifo->before(&a, &b) && !fifo->before(&b, &a));
	b.arrived_ns = 10;
	ck_assert(fifo->before(&b, &a) && !fifo->before(&a, &b));
	b.order = 5;
	ck_assert(fifo->before(&b, &a) && !fifo->before(&a, &b));
}
END_TEST

START_TEST(an_unknown_policy_is_none)
{
	ck_assert_ptr_null(admit_find("lifo"));
	ck_assert_ptr_null(evict_find(""));
}
END_TEST

static const struct evict_view views[] = {
	{ .adapter = 4, .level = EVICT_NEVER, .used_ns = 1 },
	{ .adapter = 3, .level = EVICT_QUEUED, .used_ns = 2 },
	{ .adapter = 9, .used_ns = 7 },
	{ .adapter = 1, .used_ns = 8 },
	{ .adapter = 2, .level = EVICT_NEVER, .used_ns = 0 },
	{ .adapter = 0, .used_ns = 8 },
};

static int
pick(const struct evict_policy *p, const struct evict_view *v, int n,
    bool queued)
{
	struct evict_scale scale = { .uses_max = 1,
		.bytes_max = 1,
		.window_ns = SECOND };

	return evict_pick(p, &scale, v, n, queued, 100);
}

START_TEST(the_longest_unused_leaves)
{
	ck_assert_int_eq(pick(evict_find("lru"), views, 6, true), 2);
}
END_TEST

START_TEST(ties_go_to_the_lower_index)
{
	ck_assert_int_eq(pick(evict_find("lru"), views + 3, 3, true), 2);
	ck_assert_int_eq(pick(evict_find("first"), views, 6, true), 5);
}
END_TEST

START_TEST(one_that_is_waited_for_leaves_when_no_other_is_left)
{
	const struct evict_policy *lru = evict_find("lru");

	ck_assert_int_eq(pick(lru, views, 2, true), 1);
	ck_assert_int_eq(pick(lru, views, 2, false), -1);
	ck_assert_int_eq(pick(lru, views, 3, true), 2);
}
END_TEST

START_TEST(used_and_pinned_ones_never_leave)
{
	const struct evict_view kept[] = { views[0], views[4] };

	ck_assert_int_eq(pick(evict_find("lru"), kept, 2, true), -1);
	ck_assert_int_eq(pick(evict_find("first"), kept, 2, true), -1);
	ck_assert_int_eq(pick(evict_find("lru"), kept, 0, true), -1);
}
END_TEST

Suite *
suite_policy(void)
{
	Suite *s = suite_create("policy");
	TCase *c = tcase_create("policy");

	tcase_add_test(c, fifo_goes_by_arrival_then_by_submission_then_by_slot);
	tcase_add_test(c, an_unknown_policy_is_none);
	tcase_add_test(c, the_longest_unused_leaves);
	tcase_add_test(c, ties_go_to_the_lower_index);
	tcase_add_test(c, one_that_is_waited_for_leaves_when_no_other_is_left);
	tcase_add_test(c, used_and_pinned_ones_never_leave);
	suite_add_tcase(s, c);
	return s;
}

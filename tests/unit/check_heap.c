/* Promises of base/heap.h. */
#include "base/heap.h"
#include "base/rng.h"

#include <check.h>

Suite *suite_heap(void);

#define N 200

static uint32_t rank[N];
static struct heap_node node[N];

static bool
before(const void *arg, uint32_t a, uint32_t b)
{
	(void)arg;
	return rank[a] != rank[b] ? rank[a] < rank[b] : a < b;
}

static const struct heap_order order = { node, before, NULL };

/* By looking at all. */
static uint32_t
first(void)
{
	uint32_t best = HEAP_NONE;

	for (uint32_t i = 0; i < N; i++)
		if (heap_has(&order, i) &&
		    (best == HEAP_NONE || before(NULL, i, best)))
			best = i;
	return best;
}

START_TEST(the_first_of_all_is_on_top_whoever_comes_and_goes)
{
	struct heap h = { HEAP_NONE, 0 };
	struct rng rng;
	uint32_t n = 0;

	rng_seed(&rng, (uint64_t)_i);
	heap_format(node, N);
	for (int k = 0; k < 5000; k++) {
		uint32_t i = (uint32_t)rng_below(&rng, N);

		if (heap_has(&order, i)) {
			heap_leave(&h, &order, i);
			n--;
		} else {
			rank[i] = (uint32_t)rng_below(&rng, 50);
			heap_enter(&h, &order, i);
			n++;
		}
		ck_assert_uint_eq(h.n, n);
		ck_assert_uint_eq(h.top, first());
	}
}
END_TEST

START_TEST(one_whose_rank_has_changed_may_leave)
{
	struct heap h = { HEAP_NONE, 0 };
	struct rng rng;

	rng_seed(&rng, 7);
	heap_format(node, N);
	for (uint32_t i = 0; i < N; i++) {
		rank[i] = (uint32_t)rng_below(&rng, 1000);
		heap_enter(&h, &order, i);
	}
	for (int k = 0; k < 5000; k++) {
		uint32_t i = (uint32_t)rng_below(&rng, N);

		/* Only one's rank may be wrong at a time. */
		rank[i] = (uint32_t)rng_below(&rng, 1000);
		heap_leave(&h, &order, i);
		heap_enter(&h, &order, i);
		ck_assert_uint_eq(h.top, first());
	}
}
END_TEST

START_TEST(emptied_from_the_top_it_gives_all_in_order)
{
	struct heap h = { HEAP_NONE, 0 };
	uint32_t last = HEAP_NONE;

	heap_format(node, N);
	for (uint32_t i = 0; i < N; i++) {
		rank[i] = i * 7919 % 101;
		heap_enter(&h, &order, i);
	}
	while (h.n > 0) {
		uint32_t top = h.top;

		ck_assert(last == HEAP_NONE || before(NULL, last, top));
		heap_leave(&h, &order, top);
		ck_assert(!heap_has(&order, top));
		last = top;
	}
	ck_assert_uint_eq(h.top, HEAP_NONE);
}
END_TEST

Suite *
suite_heap(void)
{
	Suite *s = suite_create("heap");
	TCase *c = tcase_create("heap");

	tcase_add_loop_test(c,
	    the_first_of_all_is_on_top_whoever_comes_and_goes, 0, 5);
	tcase_add_test(c, one_whose_rank_has_changed_may_leave);
	tcase_add_test(c, emptied_from_the_top_it_gives_all_in_order);
	suite_add_tcase(s, c);
	return s;
}

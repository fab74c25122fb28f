/* Rings: order, fullness, and what a restart or a liar can do to them. */
#include "shm/ring.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_ring(void);

#define DEPTH 8u

static struct ring_out *out;
static struct ring_in *in;
static struct ring_tx tx;
static struct ring_rx rx;

/* Both cursors begin two hints before they wrap. */
static void
make(void)
{
	unsigned char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(at, MAP_FAILED);
	out = (void *)at;
	in = (void *)(at + 4096);
	ring_format(out, DEPTH);
	atomic_store(&out->head, UINT64_MAX - 1);
	atomic_store(&in->tail, UINT64_MAX - 1);
	ring_join_tx(&tx, out, in, DEPTH);
	ring_join_rx(&rx, out, in, DEPTH);
}

static void
drop(void)
{
	munmap(out, 8192);
}

START_TEST(hints_come_out_in_order)
{
	uint64_t got;

	for (uint64_t v = 0; v < 1000; v++) {
		ck_assert(ring_push(&tx, v));
		ck_assert(ring_push(&tx, v + 5000));
		ck_assert(ring_waiting(&rx));
		ck_assert(ring_pop(&rx, &got));
		ck_assert_uint_eq(got, v);
		ck_assert(ring_pop(&rx, &got));
		ck_assert_uint_eq(got, v + 5000);
	}
	ck_assert(!ring_waiting(&rx));
	ck_assert(!ring_pop(&rx, &got));
}
END_TEST

START_TEST(full_is_an_answer_and_nothing_is_overwritten)
{
	uint64_t got;

	for (uint64_t v = 0; v < DEPTH; v++)
		ck_assert(ring_push(&tx, v));
	ck_assert(!ring_push(&tx, 99));
	for (uint64_t v = 0; v < DEPTH; v++) {
		ck_assert(ring_pop(&rx, &got));
		ck_assert_uint_eq(got, v);
	}
	ck_assert(ring_push(&tx, 100));
}
END_TEST

START_TEST(a_restarted_end_finds_its_cursor)
{
	uint64_t got;

	for (uint64_t v = 0; v < 5; v++)
		ck_assert(ring_push(&tx, v));
	ck_assert(ring_pop(&rx, &got) && got == 0);
	ring_join_rx(&rx, out, in, DEPTH);
	ck_assert(ring_pop(&rx, &got) && got == 1);
	ring_join_tx(&tx, out, in, DEPTH);
	ck_assert(ring_push(&tx, 5));
	for (uint64_t v = 2; v < 6; v++)
		ck_assert(ring_pop(&rx, &got) && got == v);
	ck_assert(!ring_pop(&rx, &got));
}
END_TEST

START_TEST(a_producer_that_dies_before_its_store_of_head_has_pushed_nothing)
{
	uint64_t got;

	out->slot[atomic_load(&out->head) & (DEPTH - 1)] = 77;
	ck_assert(!ring_pop(&rx, &got));
	ring_join_tx(&tx, out, in, DEPTH);
	ck_assert(ring_push(&tx, 1));
	ck_assert(ring_pop(&rx, &got) && got == 1);
}
END_TEST

START_TEST(a_head_that_cannot_be_loses_hints_and_nothing_else)
{
	uint64_t got;

	atomic_store(&out->head, 123456789);
	ck_assert(!ring_pop(&rx, &got));
	ck_assert(!ring_waiting(&rx));
	ring_join_tx(&tx, out, in, DEPTH);
	ck_assert(ring_push(&tx, 4));
	ck_assert(ring_pop(&rx, &got) && got == 4);
}
END_TEST

START_TEST(a_tail_that_cannot_be_reads_as_full)
{
	uint64_t got;

	atomic_store(&in->tail, 12345);
	ring_join_tx(&tx, out, in, DEPTH);
	ck_assert(!ring_push(&tx, 1));
	/* Its owner joins again, gives everything back, and all is well. */
	ring_join_rx(&rx, out, in, DEPTH);
	ck_assert(!ring_pop(&rx, &got));
	ck_assert(ring_push(&tx, 2));
	ck_assert(ring_pop(&rx, &got) && got == 2);
}
END_TEST

START_TEST(the_depth_in_the_segment_is_not_believed)
{
	uint64_t got;

	out->depth = 1u << 30;
	ring_join_rx(&rx, out, in, DEPTH);
	atomic_store(&out->head, atomic_load(&out->head) + DEPTH + 1);
	ck_assert(!ring_pop(&rx, &got));
}
END_TEST

static void
produce(uint64_t from, uint64_t to)
{
	struct ring_tx t;

	ring_join_tx(&t, out, in, DEPTH);
	while (from < to)
		if (ring_push(&t, from))
			from++;
		else
			sched_yield();
	_exit(0);
}

START_TEST(order_survives_a_restart_of_either_end)
{
	uint64_t got, next = 0;

	for (uint64_t v = 200; v <= 10000; v += 200) {
		if (fork() == 0)
			produce(v - 200, v); /* a new producer each time */
		while (next < v) {
			if (next % 7 == 0) /* a new consumer now and then */
				ring_join_rx(&rx, out, in, DEPTH);
			if (ring_pop(&rx, &got))
				ck_assert_uint_eq(got, next++);
			else
				sched_yield();
		}
		ck_assert_int_gt(wait(NULL), 0);
	}
}
END_TEST

/* However a producer is killed, what comes out is a run of what it meant to
 * push, once each, in order. */
START_TEST(a_killed_producer_leaves_a_ring_that_works)
{
	uint64_t got, next;

	for (int round = 0; round < 30; round++) {
		pid_t p = fork();

		if (p == 0)
			produce(0, UINT64_MAX);
		for (next = 0; next < 100u + (unsigned)round;) {
			if (ring_pop(&rx, &got))
				ck_assert_uint_eq(got, next++);
			else
				sched_yield();
		}
		kill(p, SIGKILL);
		ck_assert_int_eq(waitpid(p, NULL, 0), p);
		while (ring_pop(&rx, &got))
			ck_assert_uint_eq(got, next++);
	}
}
END_TEST

Suite *
suite_ring(void)
{
	Suite *s = suite_create("ring");
	TCase *t = tcase_create("ring");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, hints_come_out_in_order);
	tcase_add_test(t, full_is_an_answer_and_nothing_is_overwritten);
	tcase_add_test(t, a_restarted_end_finds_its_cursor);
	tcase_add_test(t,
	    a_producer_that_dies_before_its_store_of_head_has_pushed_nothing);
	tcase_add_test(t, a_head_that_cannot_be_loses_hints_and_nothing_else);
	tcase_add_test(t, a_tail_that_cannot_be_reads_as_full);
	tcase_add_test(t, the_depth_in_the_segment_is_not_believed);
	tcase_add_test(t, order_survives_a_restart_of_either_end);
	tcase_add_test(t, a_killed_producer_leaves_a_ring_that_works);
	suite_add_tcase(s, t);
	return s;
}

/* Promises of the gate, with threads. */
#include <check.h>
#include <pthread.h>
#include <sched.h>

#include "device/gate.h"

Suite *suite_gate(void);

#define THREADS 5

static struct gate gate;
static int order[THREADS], norder;

static uint64_t
count(const uint64_t *what)
{
	uint64_t n;

	(void)pthread_mutex_lock(&gate.lock);
	n = *what;
	(void)pthread_mutex_unlock(&gate.lock);
	return n;
}

static void
wait_for(const uint64_t *what, uint64_t n)
{
	while (count(what) < n)
		(void)sched_yield();
}

static void *
go_in(void *arg)
{
	gate_enter(&gate);
	order[norder++] = *(int *)arg; /* one at a time */
	gate_leave(&gate);
	return NULL;
}

START_TEST(who_comes_first_goes_first)
{
	int number[THREADS];
	pthread_t thread[THREADS];

	gate_open(&gate, 1);
	gate_enter(&gate);
	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		ck_assert_int_eq(pthread_create(&thread[i], NULL, go_in,
				     &number[i]),
		    0);
		wait_for(&gate.came, (uint64_t)i + 2);
	}
	gate_leave(&gate);
	/* Behind all of them, though it asks before some have been in. */
	gate_enter(&gate);
	ck_assert_int_eq(norder, THREADS);
	gate_leave(&gate);
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(thread[i], NULL);
		ck_assert_int_eq(order[i], i);
	}
	gate_close(&gate);
}
END_TEST

static void *
go_in_and_stay(void *arg)
{
	(void)arg;
	gate_enter(&gate);
	return NULL;
}

START_TEST(as_many_are_in_as_there_is_room_for)
{
	pthread_t thread[THREADS];

	gate_open(&gate, 3);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL,
				     go_in_and_stay, NULL),
		    0);
	wait_for(&gate.came, THREADS);
	wait_for(&gate.entered, 3);
	ck_assert_uint_eq(count(&gate.entered), 3);
	gate_leave(&gate);
	wait_for(&gate.entered, 4);
	gate_leave(&gate);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(thread[i], NULL);
	gate_close(&gate);
}
END_TEST

Suite *
suite_gate(void)
{
	Suite *s = suite_create("gate");
	TCase *c = tcase_create("gate");

	tcase_add_test(c, who_comes_first_goes_first);
	tcase_add_test(c, as_many_are_in_as_there_is_room_for);
	suite_add_tcase(s, c);
	return s;
}

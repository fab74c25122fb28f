/* Bells: no ring is lost, a dead sleeper is no harm. */
#include "shm/bell.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_bell(void);

/* So long that a test which needs it has failed. */
#define FOREVER (clock_mono() + 3600 * SECOND)

static struct page {
	struct bell a, b;
	_Atomic uint32_t ball; /* odd: to a, even: to b */
} * page;

static void
make(void)
{
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	bell_format(&page->a);
	bell_format(&page->b);
}

static void
drop(void)
{
	munmap(page, sizeof(*page));
}

static bool
always(void *arg)
{
	(void)arg;
	return true;
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

START_TEST(a_wait_ends_at_its_time)
{
	ck_assert(!bell_wait(&page->a, always, NULL, clock_mono()));
	ck_assert_uint_eq(atomic_load(&page->a.asleep), 0);
}
END_TEST

START_TEST(nobody_sleeps_who_has_work)
{
	ck_assert(!bell_wait(&page->a, never, NULL, FOREVER));
}
END_TEST

static bool
ring_now(void *arg)
{
	bell_ring(arg);
	return true;
}

START_TEST(a_ring_between_the_look_and_the_sleep_is_heard)
{
	ck_assert(bell_wait(&page->a, ring_now, &page->a, FOREVER));
}
END_TEST

START_TEST(a_ring_to_one_awake_costs_no_later_sleep)
{
	bell_ring(&page->a);
	bell_post(&page->a);
	bell_post(&page->a);
	ck_assert(!bell_wait(&page->a, always, NULL, clock_mono()));
}
END_TEST

static bool
not_mine(void *arg)
{
	return (atomic_load(&page->ball) & 1) != *(const uint32_t *)arg;
}

static void
play(struct bell *mine, struct bell *theirs, uint32_t side, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		while (not_mine(&side))
			(void)bell_wait(mine, not_mine, &side, FOREVER);
		atomic_fetch_add(&page->ball, 1);
		bell_ring(theirs);
	}
}

/* One lost ring, and this would never end. */
START_TEST(no_ring_is_lost_between_processes)
{
	int status;

	if (fork() == 0) {
		play(&page->b, &page->a, 1, 3000);
		_exit(0);
	}
	play(&page->a, &page->b, 0, 3000);
	ck_assert_int_gt(wait(&status), 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(atomic_load(&page->ball), 6000);
}
END_TEST

START_TEST(a_killed_sleeper_leaves_a_bell_that_works_once_formatted)
{
	for (int i = 0; i < 20; i++) {
		pid_t p = fork();

		if (p == 0) {
			(void)bell_wait(&page->a, always, NULL, FOREVER);
			_exit(0);
		}
		while (atomic_load(&page->a.asleep) == 0)
			sched_yield();
		kill(p, SIGKILL);
		ck_assert_int_eq(waitpid(p, NULL, 0), p);
		bell_format(&page->a);
		ck_assert(!bell_wait(&page->a, always, NULL, clock_mono()));
		ck_assert(bell_wait(&page->a, ring_now, &page->a, FOREVER));
	}
}
END_TEST

Suite *
suite_bell(void)
{
	Suite *s = suite_create("bell");
	TCase *t = tcase_create("bell");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, a_wait_ends_at_its_time);
	tcase_add_test(t, nobody_sleeps_who_has_work);
	tcase_add_test(t, a_ring_between_the_look_and_the_sleep_is_heard);
	tcase_add_test(t, a_ring_to_one_awake_costs_no_later_sleep);
	tcase_add_test(t, no_ring_is_lost_between_processes);
	tcase_add_test(t,
	    a_killed_sleeper_leaves_a_bell_that_works_once_formatted);
	suite_add_tcase(s, t);
	return s;
}

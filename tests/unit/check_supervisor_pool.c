/* Who stands on the holder: in what order they start, and what its death does
 * to them. */
#include "base/log.h"
#include "supervisor/child.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_supervisor_pool(void);

static struct sv sv;
static struct conf conf;
static struct segs loader; /* as the loader has them */

static void
set_up(void)
{
	struct plan p;

	/* Nothing here can be started: the programs lie elsewhere. */
	log_open("check", LOG_ERROR + 1);
	conf_defaults(&conf);
	memset(&sv, 0, sizeof(sv));
	sv.conf = &conf;
	sv.ready = true;
	sv.epoll = sv.signals = -1;
	instance_plan(&p);
	p.backend = BACKEND_CUDA;
	plan_segments(&p);
	ck_assert_int_eq(segs_create(&sv.segs, instance_name(), &p, &conf,
			     sizeof(conf)),
	    0);
	ck_assert_int_eq(segs_open(&loader, instance_name(), PROC_LOADER), 0);
	for (int i = 0; i < PROC_COUNT; i++) {
		sv.child[i].id = (enum proc_id)i;
		sv.child[i].at = (struct spawned){ -1, -1, -1 };
		atomic_store(&sv.segs.supervisor->order[i].epoch, 1);
	}
}

static void
tear_down(void)
{
	segs_close(&loader);
	instance_end(&sv.segs);
}

/* A process that does nothing until it is killed. */
static struct child *
lives(enum proc_id id, enum sv_state state)
{
	struct child *c = &sv.child[id];

	if ((c->at.pid = fork()) == 0)
		for (;;)
			pause();
	c->at.pidfd = pidfd_open(c->at.pid, 0);
	ck_assert_int_ge(c->at.pidfd, 0);
	c->state = state;
	return c;
}

/* It has ended; the supervisor hears of it. */
static void
hear_end(struct child *c)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)c->at.pid, &info,
			     WEXITED | WNOWAIT),
	    0);
	ck_assert_int_eq(info.si_status, SIGKILL);
	child_ended(&sv, c, clock_mono());
}

/* Whether a child that waits is started now: here that fails at once. */
static bool
starts(enum proc_id id)
{
	struct child *c = &sv.child[id];

	c->state = SV_WAITING;
	child_look(&sv, c, clock_mono());
	return c->state != SV_WAITING;
}

START_TEST(loader_and_gpuexec_wait_until_the_holder_is_up)
{
	static const enum sv_state no[] = { SV_DOWN, SV_WAITING, SV_BOOTING,
		SV_DYING, SV_BACKOFF };
	struct child *holder = &sv.child[PROC_HOLDER];

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		holder->state = no[i];
		ck_assert(!starts(PROC_LOADER));
		ck_assert(!starts(PROC_GPUEXEC));
	}
	ck_assert(starts(PROC_MONITOR));
	ck_assert(starts(PROC_SCHEDULER));
	ck_assert(starts(PROC_FRONTEND));
	holder->state = SV_UP;
	ck_assert(starts(PROC_LOADER));
	ck_assert(starts(PROC_GPUEXEC));
}
END_TEST

START_TEST(gpuexec_waits_until_the_loader_speaks_of_this_pool)
{
	sv.child[PROC_HOLDER].state = SV_UP;
	atomic_store(loader.pool_number, 1);
	ck_assert(starts(PROC_GPUEXEC));
	atomic_store(&sv.segs.supervisor->order[PROC_HOLDER].epoch, 2);
	ck_assert(!starts(PROC_GPUEXEC));
	ck_assert(starts(PROC_LOADER));
	atomic_store(loader.pool_number, 2);
	ck_assert(starts(PROC_GPUEXEC));
}
END_TEST

START_TEST(the_death_of_the_holder_ends_who_has_its_pool)
{
	struct child *h = lives(PROC_HOLDER, SV_UP);
	struct child *l = lives(PROC_LOADER, SV_UP);
	struct child *g = lives(PROC_GPUEXEC, SV_BOOTING);
	struct child *s = lives(PROC_SCHEDULER, SV_UP);

	spawn_signal(&h->at, SIGKILL);
	hear_end(h);
	ck_assert_int_eq(h->state, SV_BACKOFF);
	ck_assert_int_eq(l->state, SV_DYING);
	ck_assert_int_eq(g->state, SV_DYING);
	ck_assert_int_eq(s->state, SV_UP);
	/* The next pool has another number. */
	ck_assert_uint_eq(atomic_load(
			      &sv.segs.supervisor->order[PROC_HOLDER].epoch),
	    2);
	/* Its memory is free when nobody holds it any more. */
	ck_assert(!starts(PROC_HOLDER));
	hear_end(g);
	ck_assert(!starts(PROC_HOLDER));
	hear_end(l);
	ck_assert_int_eq(l->state, SV_BACKOFF);
	ck_assert(starts(PROC_HOLDER));
	spawn_signal(&s->at, SIGKILL);
	hear_end(s);
}
END_TEST

START_TEST(the_death_of_loader_or_gpuexec_is_its_own_affair)
{
	struct child *h = lives(PROC_HOLDER, SV_UP);
	struct child *l = lives(PROC_LOADER, SV_UP);
	struct child *g = lives(PROC_GPUEXEC, SV_UP);

	atomic_store(loader.pool_number, 1);
	spawn_signal(&g->at, SIGKILL);
	hear_end(g);
	ck_assert_int_eq(l->state, SV_UP);
	ck_assert(starts(PROC_GPUEXEC));
	spawn_signal(&l->at, SIGKILL);
	hear_end(l);
	ck_assert_int_eq(h->state, SV_UP);
	ck_assert(starts(PROC_LOADER));
	spawn_signal(&h->at, SIGKILL);
	hear_end(h);
}
END_TEST

START_TEST(one_that_does_not_die_is_said_and_is_no_reason_not_to_end)
{
	struct child *c = lives(PROC_GPUEXEC, SV_UP);
	nsec now = clock_mono();

	child_event(&sv, c, EV_LOST, now);
	child_look(&sv, c, now + SV_KILL_NS - 1);
	ck_assert_int_eq(c->timer_ns, now + SV_KILL_NS);
	child_look(&sv, c, now + SV_KILL_NS);
	ck_assert_int_eq(c->state, SV_DYING);
	child_event(&sv, c, EV_STOP, now);
	ck_assert_int_eq(c->state, SV_LEAVING);
	child_look(&sv, c, now + SV_KILL_NS);
	ck_assert_int_eq(c->state, SV_DOWN);
	ck_assert_int_eq(sv.status, 111);
	hear_end(c);
	ck_assert_int_eq(c->state, SV_DOWN);
}
END_TEST

Suite *
suite_supervisor_pool(void)
{
	Suite *s = suite_create("supervisor_pool");
	TCase *t = tcase_create("pool");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, loader_and_gpuexec_wait_until_the_holder_is_up);
	tcase_add_test(t, gpuexec_waits_until_the_loader_speaks_of_this_pool);
	tcase_add_test(t, the_death_of_the_holder_ends_who_has_its_pool);
	tcase_add_test(t, the_death_of_loader_or_gpuexec_is_its_own_affair);
	tcase_add_test(t,
	    one_that_does_not_die_is_said_and_is_no_reason_not_to_end);
	suite_add_tcase(s, t);
	return s;
}

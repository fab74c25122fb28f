/* The harness: births, deaths, drains, ticks; and the door's datagrams. */
#include "base/err.h"
#include "proc/door.h"
#include "proc/idle.h"
#include "proc/proc.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_proc(void);

#define ME PROC_SCHEDULER

/* What the process under test and its test tell each other. */
static struct talk {
	_Atomic int open_fails; /* with this code */
	_Atomic int hold;	/* not drained */
	_Atomic int work;	/* step always finds some */
	_Atomic int crash;
	_Atomic int hints, taken; /* hints: as a ring would hold them */
	_Atomic int ticks, closed, draining;
} * talk;

static struct segs made;
static struct proc seen; /* a view, for proc_is_up and proc_wake */
static int control;	 /* our end */

static void
make(void)
{
	static struct conf c;

	conf_defaults(&c);
	snprintf(c.log, sizeof(c.log), "error");
	instance_make(&made, &c);
	for (int i = 0; i < PROC_COUNT; i++)
		atomic_store(&made.supervisor->order[i].epoch, 1);
	seen.segs = made;
	talk = mmap(NULL, sizeof(*talk), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(talk, MAP_FAILED);
}

static void
drop(void)
{
	instance_end(&made);
	munmap(talk, sizeof(*talk));
}

static int
open_it(struct proc *p)
{
	ck_assert_ptr_nonnull(p->plan);
	if (talk->open_fails != 0)
		return err_set(talk->open_fails, "the moon is full");
	return 0;
}

static int
step(struct proc *p, nsec now)
{
	(void)now;
	talk->draining = p->draining;
	if (talk->crash)
		abort();
	if (talk->hints > talk->taken) {
		talk->taken++;
		return 1;
	}
	return talk->work;
}

static void
tick(struct proc *p, nsec now)
{
	(void)p;
	(void)now;
	talk->ticks++;
}

static bool
drained(struct proc *p)
{
	(void)p;
	return !talk->hold;
}

static void
close_it(struct proc *p)
{
	(void)p;
	talk->closed = 1;
}

static bool
busy(struct proc *p)
{
	(void)p;
	return talk->hints > talk->taken;
}

static pid_t
start(void)
{
	const struct proc_ops ops = { ME, open_it, step, tick, drained,
		close_it, NULL, busy };
	char name[] = "it", instance[SEG_INSTANCE_MAX];
	char *argv[] = { name, instance, NULL };
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	snprintf(instance, sizeof(instance), "%s", made.instance);
	if ((pid = fork()) == 0) {
		close(ends[0]);
		if (ends[1] != PROC_CONTROL_FD) {
			dup2(ends[1], PROC_CONTROL_FD);
			close(ends[1]);
		}
		(void)!freopen("/dev/null", "w", stderr);
		_exit(proc_main(2, argv, &ops));
	}
	close(ends[1]);
	control = ends[0];
	return pid;
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static uint32_t
state(void)
{
	return atomic_load(&made.cell[ME]->state);
}

static void
await(uint32_t wanted)
{
	while (state() != wanted)
		clock_sleep(MILLISECOND);
}

static void
halt(uint32_t how)
{
	atomic_store(&made.supervisor->order[ME].halt, how);
	bell_post(&made.bell[ME]);
}

START_TEST(a_life_in_order)
{
	pid_t pid;

	ck_assert(!proc_is_up(&seen, ME));
	pid = start();
	await(CELL_RUN);
	ck_assert(proc_is_up(&seen, ME));
	while (talk->ticks < 3)
		clock_sleep(MILLISECOND);
	ck_assert_int_gt(atomic_load(&made.cell[ME]->beat_ns), 0);
	ck_assert(!talk->draining);
	halt(1);
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_uint_eq(state(), CELL_DONE);
	ck_assert(talk->closed);
}
END_TEST

START_TEST(a_drain_lasts_until_all_is_finished)
{
	pid_t pid;

	talk->hold = 1;
	pid = start();
	await(CELL_RUN);
	halt(1);
	await(CELL_DRAIN);
	while (!talk->draining)
		clock_sleep(MILLISECOND);
	ck_assert(proc_is_up(&seen, ME));
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	talk->hold = 0;
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(stop_now_waits_for_nothing)
{
	pid_t pid;

	talk->hold = talk->work = 1;
	pid = start();
	await(CELL_RUN);
	halt(2);
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert(talk->closed);
}
END_TEST

START_TEST(without_a_supervisor_it_finishes_and_ends)
{
	pid_t pid = start();

	await(CELL_RUN);
	close(control);
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_uint_eq(state(), CELL_DONE);
}
END_TEST

START_TEST(the_tick_comes_even_under_load)
{
	pid_t pid;

	talk->work = 1;
	pid = start();
	while (talk->ticks < 5)
		clock_sleep(MILLISECOND);
	halt(1);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(a_hint_wakes_it)
{
	pid_t pid = start();

	await(CELL_RUN);
	for (int i = 1; i <= 50; i++) {
		talk->hints = i;
		proc_wake(&seen, ME);
		while (talk->taken < i)
			clock_sleep(MILLISECOND / 10);
	}
	halt(1);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(who_cannot_start_says_why_and_whether_to_try_again)
{
	int status;

	talk->open_fails = ERR_CONFIG;
	status = status_of(start());
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 100);
	ck_assert_uint_eq(state(), CELL_FAILED);
	ck_assert_str_eq(made.cell[ME]->last_words, "the moon is full");
	ck_assert(!talk->closed);
	talk->open_fails = ERR_MEMORY;
	status = status_of(start());
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 111);
}
END_TEST

START_TEST(a_crash_leaves_last_words_and_a_new_life_none)
{
	pid_t pid;
	int status;

	talk->crash = 1;
	status = status_of(start());
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(made.cell[ME]->last_words, "SIGABRT"));
	talk->crash = 0;
	atomic_store(&made.supervisor->order[ME].epoch, 2);
	pid = start();
	while (!proc_is_up(&seen, ME))
		clock_sleep(MILLISECOND);
	ck_assert_str_eq(made.cell[ME]->last_words, "");
	halt(1);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(of_a_former_life_nobody_is_up)
{
	pid_t pid = start();

	await(CELL_RUN);
	ck_assert(proc_is_up(&seen, ME));
	atomic_store(&made.supervisor->order[ME].epoch, 2);
	ck_assert(!proc_is_up(&seen, ME));
	ck_assert_uint_eq(proc_epoch(&seen, ME), 2);
	/* One that has a successor leaves its segment alone. */
	int status = status_of(pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 111);
}
END_TEST

START_TEST(settings_of_another_build_are_refused)
{
	int status;

	made.supervisor->settings_bytes--;
	status = status_of(start());
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 100);
}
END_TEST

START_TEST(signals_to_the_group_are_the_supervisors_affair)
{
	pid_t pid = start();

	await(CELL_RUN);
	kill(pid, SIGTERM);
	kill(pid, SIGINT);
	talk->hints = 1;
	proc_wake(&seen, ME);
	while (talk->taken < 1)
		clock_sleep(MILLISECOND);
	halt(1);
	ck_assert_int_eq(status_of(pid), 0);
}
END_TEST

START_TEST(ticks_grow_rare_when_nothing_happens)
{
	struct idle i;
	nsec now = 7 * SECOND;

	idle_begin(&i, now);
	ck_assert_int_eq(idle_tick(&i, now + MILLISECOND, false), PROC_TICK_NS);
	now += IDLE_LATELY_NS;
	ck_assert_int_eq(idle_tick(&i, now, false), 2 * PROC_TICK_NS);
	for (int k = 0; k < 10; k++)
		(void)idle_tick(&i, now, false);
	ck_assert_int_eq(idle_tick(&i, now, false), IDLE_TICK_MAX_NS);
	/* An open request, or work, and they are fast again. */
	ck_assert_int_eq(idle_tick(&i, now, true), PROC_TICK_NS);
	(void)idle_tick(&i, now, false);
	i.worked_ns = now;
	ck_assert_int_eq(idle_tick(&i, now, false), PROC_TICK_NS);
}
END_TEST

/* ------------------------------------------------------------------ door */

static int ends[2];

static void
pair(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
}

static void
unpair(void)
{
	close(ends[0]);
	close(ends[1]);
}

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

START_TEST(a_message_brings_its_descriptor)
{
	struct door_message m;
	char text[8] = "";
	int pipefd[2], fd;

	ck_assert_int_eq(pipe(pipefd), 0);
	ck_assert_int_eq(door_send(ends[0],
			     (struct door_message){ DOOR_PARK, DOOR_IS_ADMIN,
				 0x100000002 },
			     pipefd[1]),
	    0);
	ck_assert_int_eq(door_send(ends[0],
			     (struct door_message){ DOOR_DROP, 0, 3 }, -1),
	    0);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), 0);
	ck_assert_uint_eq(m.kind, DOOR_PARK);
	ck_assert_uint_eq(m.flags, DOOR_IS_ADMIN);
	ck_assert_uint_eq(m.tag, 0x100000002);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(write(fd, "through", 7), 7);
	ck_assert_int_eq(read(pipefd[0], text, 7), 7);
	ck_assert_str_eq(text, "through");
	close(fd);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), 0);
	ck_assert_uint_eq(m.kind, DOOR_DROP);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), ERR_BUSY);
	close(pipefd[0]);
	close(pipefd[1]);
}
END_TEST

START_TEST(the_other_ends_death_is_told)
{
	struct door_message m = { DOOR_BEGIN, 0, 0 };
	int fd;

	close(ends[0]);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), ERR_GONE);
	ck_assert_int_eq(door_send(ends[1], m, -1), ERR_GONE);
	ends[0] = dup(ends[1]);
}
END_TEST

START_TEST(a_full_socket_is_an_answer)
{
	struct door_message m = { DOOR_KEPT, 0, 0 };
	uint64_t sent = 0, got = 0;
	int e, fd;

	while ((e = door_send(ends[0], m, -1)) == 0)
		m.tag = ++sent;
	ck_assert_int_eq(e, ERR_BUSY);
	while (door_receive(ends[1], &m, &fd) == 0)
		ck_assert_uint_eq(m.tag, got++);
	ck_assert_uint_eq(got, sent);
}
END_TEST

START_TEST(a_strangers_message_is_refused_and_leaks_no_descriptor)
{
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} room = { 0 };
	struct door_message m = { DOOR_PARK, 0, 0 };
	struct iovec io = { &m, sizeof(m) - 1 };
	struct msghdr h = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = room.bytes,
		.msg_controllen = sizeof(room.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int three[3] = { 0, 1, 2 }, fd, before = open_fds();

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(three));
	memcpy(CMSG_DATA(c), three, sizeof(three));
	ck_assert_int_ge(sendmsg(ends[0], &h, 0), 0);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), ERR_FORMAT);
	ck_assert_int_eq(open_fds(), before);
	io.iov_len = sizeof(m);
	ck_assert_int_ge(sendmsg(ends[0], &h, 0), 0);
	ck_assert_int_eq(door_receive(ends[1], &m, &fd), 0);
	ck_assert_int_eq(open_fds(), before + 1);
	close(fd);
}
END_TEST

Suite *
suite_proc(void)
{
	Suite *s = suite_create("proc");
	TCase *t = tcase_create("life"), *d = tcase_create("door");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, a_life_in_order);
	tcase_add_test(t, a_drain_lasts_until_all_is_finished);
	tcase_add_test(t, stop_now_waits_for_nothing);
	tcase_add_test(t, without_a_supervisor_it_finishes_and_ends);
	tcase_add_test(t, the_tick_comes_even_under_load);
	tcase_add_test(t, a_hint_wakes_it);
	tcase_add_test(t, who_cannot_start_says_why_and_whether_to_try_again);
	tcase_add_test(t, a_crash_leaves_last_words_and_a_new_life_none);
	tcase_add_test(t, of_a_former_life_nobody_is_up);
	tcase_add_test(t, settings_of_another_build_are_refused);
	tcase_add_test(t, signals_to_the_group_are_the_supervisors_affair);
	tcase_add_test(t, ticks_grow_rare_when_nothing_happens);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(d, pair, unpair);
	tcase_add_test(d, a_message_brings_its_descriptor);
	tcase_add_test(d, the_other_ends_death_is_told);
	tcase_add_test(d, a_full_socket_is_an_answer);
	tcase_add_test(d,
	    a_strangers_message_is_refused_and_leaks_no_descriptor);
	suite_add_tcase(s, d);
	return s;
}

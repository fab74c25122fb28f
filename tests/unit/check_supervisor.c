/* The supervisor's mind, and its hands one by one. */
#include "base/err.h"
#include "base/log.h"
#include "supervisor/door.h"
#include "supervisor/house.h"
#include "supervisor/listen.h"
#include "supervisor/spawn.h"
#include "supervisor/table.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_supervisor(void);

/* ----------------------------------------------------------------- table */

static const char *const state_names[SV_NSTATE] = { "down", "waiting",
	"booting", "up", "dying", "backing off", "stopping", "leaving" };
static const char *const action_names[SV_NACTION] = { "-", "try", "spawn",
	"note", "wait", "give_up", "ask_halt", "hurry", "abort", "kill", "warn",
	"abandon" };

/* Every square once more, as a reader would say it: next state, action. */
static const struct {
	enum sv_state at;
	const char *squares[SV_NEVENT];
} expected[SV_NSTATE] = {
	/* in the order start, clear, running, exited, refused, timer, silent,
	 * lost, wedged, stop, hurry */
	{ SV_DOWN, { "waiting try", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ SV_WAITING,
	    { 0, "booting spawn", 0, 0, 0, 0, 0, 0, 0, "down note",
		"down note" } },
	{ SV_BOOTING,
	    { 0, 0, "up note", "backing off wait", "down give_up",
		"dying abort", 0, "dying kill", 0, "stopping ask_halt",
		"leaving hurry" } },
	{ SV_UP,
	    { 0, 0, 0, "backing off wait", "down give_up", 0, "dying abort",
		"dying kill", 0, "stopping ask_halt", "leaving hurry" } },
	{ SV_DYING,
	    { 0, 0, 0, "backing off wait", "backing off wait", "dying kill", 0,
		"dying kill", "dying warn", "leaving kill", "leaving kill" } },
	{ SV_BACKOFF,
	    { 0, 0, 0, 0, 0, "waiting try", 0, 0, 0, "down note",
		"down note" } },
	{ SV_STOPPING,
	    { 0, 0, 0, "down note", "down note", "leaving hurry",
		"leaving kill", "leaving kill", 0, 0, "leaving hurry" } },
	{ SV_LEAVING,
	    { 0, 0, 0, "down note", "down note", "leaving kill", 0, 0,
		"down abandon", 0, 0 } },
};

START_TEST(every_square)
{
	for (int i = 0; i < SV_NSTATE; i++)
		for (int k = 0; k < SV_NEVENT; k++) {
			enum sv_state at = expected[i].at;
			struct sv_row row = sv_next(at, (enum sv_event)k);
			const char *want = expected[i].squares[k];
			char got[64];

			snprintf(got, sizeof(got), "%s %s",
			    state_names[row.next], action_names[row.action]);
			if (want == NULL) {
				ck_assert_uint_eq(row.next, at);
				ck_assert_uint_eq(row.action, DO_NOTHING);
			} else
				ck_assert_str_eq(got, want);
		}
	for (int i = 0; i < SV_NSTATE; i++)
		ck_assert_str_eq(sv_state_name((enum sv_state)i),
		    state_names[i]);
}
END_TEST

/* Whatever the state, an end that is wanted comes: with each sort of end of
 * the process, and with none, when timers run out. */
START_TEST(from_every_state_stop_leads_down)
{
	for (int i = 0; i < SV_NSTATE; i++)
		for (int k = EV_EXITED; k <= EV_REFUSED; k++) {
			enum sv_state at = sv_next((enum sv_state)i, EV_STOP)
					       .next;

			at = sv_next(at, (enum sv_event)k).next;
			ck_assert_uint_eq(at, SV_DOWN);
		}
}
END_TEST

/* ---------------------------------------------------------------- deaths */

START_TEST(one_that_was_ready_is_started_at_once)
{
	struct sv_deaths d = { 0 };

	ck_assert_int_eq(sv_wait(&d, SV_HEALTHY_NS, 100 * SECOND), 0);
	ck_assert(!d.too_often);
	ck_assert_int_eq(sv_wait(&d, 60 * SECOND, 160 * SECOND), 0);
}
END_TEST

START_TEST(one_that_never_gets_ready_waits_longer_each_time)
{
	struct sv_deaths d = { 0 };
	nsec now = 0;
	nsec want = SV_WAIT_MIN_NS;

	/* Far enough apart not to be too many. */
	for (int k = 0; k < 12; k++, now += 60 * SECOND) {
		ck_assert_int_eq(sv_wait(&d, 0, now), want);
		ck_assert(!d.too_often);
		want = want * 2 < SV_WAIT_MAX_NS ? want * 2 : SV_WAIT_MAX_NS;
	}
	/* A healthy life forgives. */
	ck_assert_int_eq(sv_wait(&d, SV_HEALTHY_NS, now), 0);
	ck_assert_int_eq(sv_wait(&d, 0, now + 60 * SECOND), SV_WAIT_MIN_NS);
}
END_TEST

START_TEST(more_than_five_deaths_in_ten_seconds_are_too_many)
{
	struct sv_deaths d = { 0 };
	nsec now = 5 * SECOND;

	for (int k = 0; k < 5; k++, now += 2 * SECOND) {
		ck_assert_int_eq(sv_wait(&d, SV_HEALTHY_NS, now), 0);
		ck_assert(!d.too_often);
	}
	ck_assert_int_eq(sv_wait(&d, SV_HEALTHY_NS, now), SV_WAIT_MAX_NS);
	ck_assert(d.too_often);
	now += SV_DEATHS_NS + 1;
	ck_assert_int_eq(sv_wait(&d, SV_HEALTHY_NS, now), 0);
	ck_assert(!d.too_often);
}
END_TEST

/* ------------------------------------------------------------- addresses */

START_TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = { "", "7070", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
		"127.0.0.1:7070x", "::1:7070", "[::1]", "999.0.0.1:1" };
	char shown[LISTEN_TEXT_MAX];
	uint16_t port;
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(listen_tcp("listen", bad[i], &fd, &port,
				     shown),
		    ERR_CONFIG);
		ck_assert_ptr_nonnull(strstr(err_text(), "listen: "));
	}
}
END_TEST

START_TEST(port_0_is_a_free_one_and_a_taken_one_is_told)
{
	char shown[LISTEN_TEXT_MAX], again[LISTEN_TEXT_MAX];
	uint16_t port, other;
	int fd, fd2;

	ck_assert_int_eq(listen_tcp("listen", "127.0.0.1:0", &fd, &port, shown),
	    0);
	ck_assert_uint_gt(port, 0);
	snprintf(again, sizeof(again), "127.0.0.1:%u", port);
	ck_assert_str_eq(shown, again);
	ck_assert_int_eq(listen_tcp("metrics.listen", again, &fd2, &other,
			     shown),
	    ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(err_text(), "in use"));
	ck_assert_ptr_nonnull(strstr(err_text(), "metrics.listen: "));
	close(fd);
}
END_TEST

/* --------------------------------------------------------------- parking */

static int
some_fd(void)
{
	return dup(0);
}

START_TEST(what_is_parked_is_found_dropped_and_bounded)
{
	struct park p;
	uint32_t at = 0;

	ck_assert_int_eq(park_open(&p, 5), 0);
	for (uint64_t tag = 1; tag <= 5; tag++)
		ck_assert(park_add(&p, tag << 32, 0, some_fd()));
	int extra = some_fd();
	ck_assert(!park_add(&p, 6, 0, extra));
	ck_assert_uint_eq(p.count, 5);
	ck_assert(park_drop(&p, 2ull << 32));
	ck_assert(!park_drop(&p, 2ull << 32));
	ck_assert(park_add(&p, 6, 1, extra));
	/* The same tag again replaces. */
	ck_assert(park_add(&p, 6, 1, some_fd()));
	ck_assert_uint_eq(p.count, 5);
	for (int n = 0; n < 5; n++, at++)
		ck_assert_ptr_nonnull(park_from(&p, &at));
	ck_assert_ptr_null(park_from(&p, &at));
	park_close(&p);
}
END_TEST

static void
open_door(struct door *d, uint32_t places)
{
	*d = (struct door){ .listener = some_fd(), .admin = some_fd() };
	ck_assert_int_eq(park_open(&d->park, places), 0);
}

static void
close_door(struct door *d)
{
	close(d->listener);
	close(d->admin);
	park_close(&d->park);
}

/* More than the socket holds at once, so that handing over takes turns. */
START_TEST(a_new_frontend_gets_everything_then_begin)
{
	struct door_message m = { 0 };
	struct door d;
	int ends[2], fd, n = 0;
	uint64_t sum = 0;

	open_door(&d, 600);
	for (uint64_t tag = 1; tag <= 600; tag++)
		ck_assert(park_add(&d.park, tag, tag == 9 ? DOOR_IS_ADMIN : 0,
		    some_fd()));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	door_hand_over(&d);
	while (m.kind != DOOR_BEGIN) {
		ck_assert_int_eq(door_turn(&d, ends[0]), 0);
		if (door_receive(ends[1], &m, &fd) != 0)
			continue;
		ck_assert_int_eq(fd < 0, m.kind == DOOR_BEGIN);
		if (n == 0)
			ck_assert_uint_eq(m.kind, DOOR_LISTENER);
		else if (n == 1)
			ck_assert_uint_eq(m.kind, DOOR_ADMIN);
		else if (m.kind == DOOR_PARKED) {
			ck_assert_int_eq(m.flags == DOOR_IS_ADMIN, m.tag == 9);
			sum += m.tag;
		}
		if (fd >= 0)
			close(fd);
		n++;
	}
	ck_assert_int_eq(n, 603);
	ck_assert_uint_eq(sum, 600 * 601 / 2);
	ck_assert(!door_wants_room(&d));
	close(ends[0]);
	close(ends[1]);
	close_door(&d);
}
END_TEST

static uint32_t
answer(struct door *d, int ends[2], struct door_message m, int fd)
{
	ck_assert_int_eq(door_send(ends[1], m, fd), 0);
	ck_assert_int_eq(door_turn(d, ends[0]), 0);
	return door_receive(ends[1], &m, &fd) == 0 ? m.kind : 0;
}

START_TEST(parking_is_answered_and_refused_when_full)
{
	struct door d;
	int ends[2], fd = some_fd();

	open_door(&d, 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	d.stage = DOOR_OPEN;
	ck_assert_uint_eq(answer(&d, ends,
			      (struct door_message){ DOOR_PARK, 0, 1 }, fd),
	    DOOR_KEPT);
	ck_assert_uint_eq(answer(&d, ends,
			      (struct door_message){ DOOR_PARK, 0, 2 }, fd),
	    DOOR_REFUSED);
	ck_assert_uint_eq(answer(&d, ends,
			      (struct door_message){ DOOR_DROP, 0, 1 }, -1),
	    0);
	ck_assert_uint_eq(answer(&d, ends,
			      (struct door_message){ DOOR_PARK, 0, 2 }, fd),
	    DOOR_KEPT);
	/* Without a descriptor there is nothing to keep. */
	ck_assert_uint_eq(answer(&d, ends,
			      (struct door_message){ DOOR_PARK, 0, 3 }, -1),
	    DOOR_REFUSED);
	close(ends[1]);
	ck_assert_int_eq(door_turn(&d, ends[0]), ERR_GONE);
	close(ends[0]);
	close(fd);
	close_door(&d);
}
END_TEST

/* ----------------------------------------------------------------- house */

static struct conf conf;
static char dir[64];

static void
settle(void)
{
	log_open("check", LOG_ERROR);
	conf_defaults(&conf);
	snprintf(conf.instance, sizeof(conf.instance), "%s", instance_name());
	snprintf(dir, sizeof(dir), "/tmp/chameleon-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(conf.run_dir, sizeof(conf.run_dir), "%s/run", dir);
}

static void
leave(void)
{
	ck_assert_int_eq(rmdir(dir), 0); /* nothing was left in it */
}

START_TEST(an_instance_has_one_supervisor)
{
	struct house a, b;
	char pid[32];

	ck_assert_int_eq(house_enter(&a, &conf), 0);
	/* Elsewhere, but of the same name. */
	snprintf(conf.run_dir, sizeof(conf.run_dir), "%s/other", dir);
	ck_assert_int_eq(house_enter(&b, &conf), ERR_BUSY);
	snprintf(pid, sizeof(pid), "already running (pid %d)", (int)getpid());
	ck_assert_ptr_nonnull(strstr(err_text(), pid));
	/* Of another name, but in the same place. */
	snprintf(conf.run_dir, sizeof(conf.run_dir), "%s/run", dir);
	strcat(conf.instance, "x");
	ck_assert_int_eq(house_enter(&b, &conf), ERR_BUSY);
	house_leave(&a);
	ck_assert_int_eq(house_enter(&b, &conf), 0);
	house_leave(&b);
}
END_TEST

START_TEST(what_a_dead_one_left_is_removed_and_its_children_ended)
{
	struct house h;
	struct segs old;
	struct order *o;
	int status;
	pid_t pid;

	instance_make(&old, &conf);
	if ((pid = fork()) == 0)
		for (;;)
			pause();
	o = &old.supervisor->order[PROC_LOADER];
	atomic_store(&o->pid, (uint32_t)pid);
	atomic_store(&o->start_time, spawn_start_time(pid));
	/* A pid that is somebody else's by now is left alone. */
	o = &old.supervisor->order[PROC_GPUEXEC];
	atomic_store(&o->pid, (uint32_t)getpid());
	atomic_store(&o->start_time, 1);
	ck_assert_int_eq(house_enter(&h, &conf), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	house_leave(&h);
	segs_close(&old);
	ck_assert_int_eq(segs_open(&old, conf.instance, PROC_COUNT),
	    ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_directory_open_to_others_is_refused)
{
	struct house h;

	ck_assert_int_eq(mkdir(conf.run_dir, 0777), 0);
	ck_assert_int_eq(chmod(conf.run_dir, 0777), 0);
	ck_assert_int_eq(house_enter(&h, &conf), ERR_CONFIG);
	ck_assert_int_eq(rmdir(conf.run_dir), 0);
}
END_TEST

/* It is told at the start, not when an operator's first wish is to be written. */
START_TEST(a_state_directory_is_made_or_refused)
{
	char path[128];
	struct house h;

	snprintf(conf.state_dir, sizeof(conf.state_dir), "%s/state/x", dir);
	ck_assert_int_eq(house_state_dir(&conf, false), ERR_CONFIG);
	ck_assert_int_eq(house_enter(&h, &conf), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "make it, or set another"));
	snprintf(path, sizeof(path), "%s/state", dir);
	strcpy(conf.state_dir, path);
	ck_assert_int_eq(house_state_dir(&conf, false), 0);
	ck_assert_int_eq(access(path, F_OK), -1); /* only looked at */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(house_enter(&h, &conf), 0);
		house_leave(&h);
		ck_assert_int_eq(access(path, F_OK), 0);
	}
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mknod(path, S_IFREG | 0600, 0), 0);
	ck_assert_int_eq(house_state_dir(&conf, true), ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err_text(), "Not a directory"));
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(the_admin_socket_is_its_users_alone)
{
	char path[128];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/a.sock", dir);
	ck_assert_int_eq(listen_file(path, &fd), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	close(fd);
	/* One that a dead supervisor left is no obstacle. */
	ck_assert_int_eq(listen_file(path, &fd), 0);
	close(fd);
	ck_assert_int_eq(unlink(path), 0);
	memset(path, 'x', sizeof(path));
	path[127] = '\0';
	ck_assert_int_eq(listen_file(path, &fd), ERR_CONFIG);
}
END_TEST

START_TEST(a_missing_program_is_told_with_its_name)
{
	struct spawned s;

	ck_assert_int_eq(spawn_role(&s, "nobody", "x"), ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err_text(), "chameleon-nobody"));
}
END_TEST

Suite *
suite_supervisor(void)
{
	Suite *s = suite_create("supervisor");
	TCase *t = tcase_create("supervisor"), *h = tcase_create("house");

	tcase_add_test(t, every_square);
	tcase_add_test(t, from_every_state_stop_leads_down);
	tcase_add_test(t, one_that_was_ready_is_started_at_once);
	tcase_add_test(t, one_that_never_gets_ready_waits_longer_each_time);
	tcase_add_test(t, more_than_five_deaths_in_ten_seconds_are_too_many);
	tcase_add_test(t, what_is_no_address_is_refused);
	tcase_add_test(t, port_0_is_a_free_one_and_a_taken_one_is_told);
	tcase_add_test(t, what_is_parked_is_found_dropped_and_bounded);
	tcase_add_test(t, a_new_frontend_gets_everything_then_begin);
	tcase_add_test(t, parking_is_answered_and_refused_when_full);
	tcase_add_test(t, a_missing_program_is_told_with_its_name);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(h, settle, leave);
	tcase_add_test(h, an_instance_has_one_supervisor);
	tcase_add_test(h,
	    what_a_dead_one_left_is_removed_and_its_children_ended);
	tcase_add_test(h, a_directory_open_to_others_is_refused);
	tcase_add_test(h, a_state_directory_is_made_or_refused);
	tcase_add_test(h, the_admin_socket_is_its_users_alone);
	suite_add_tcase(s, h);
	return s;
}

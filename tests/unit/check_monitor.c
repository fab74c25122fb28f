/* The monitor: history, health, and answers that nobody can hold up. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/health.h"
#include "monitor/past.h"
#include "monitor/web.h"
#include "tests/unit/instance.h"

static struct segs made, as[PROC_COUNT];
static struct past past;
static struct conf conf;

static void
make(void)
{
	conf_defaults(&conf);
	instance_make(&made, &conf);
	for (int i = 0; i < PROC_COUNT; i++)
		ck_assert_int_eq(segs_open(&as[i], made.instance,
				     (enum proc_id)i),
		    0);
}

static void
drop(void)
{
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&as[i]);
	instance_end(&made);
}

/* --------------------------------------------------------------- history */

static struct history_point
point(uint64_t number)
{
	struct history_point p;

	ck_assert(history_get(made.history, number, &p));
	return p;
}

static struct segs *
own(void)
{
	return &as[PROC_MONITOR];
}

START_TEST(a_point_has_what_has_come_since_the_last)
{
	struct frontend_meters *m = as[PROC_FRONTEND].frontend_meters;
	struct histogram *h = as[PROC_FRONTEND]
				  .histogram[HISTOGRAM_FRONTEND_ttft];

	atomic_store(&m->finished, 100);
	histogram_add(h, HISTOGRAM_TIME, 5 * SECOND, 50);
	past_begin(&past, own(), 10 * SECOND);
	ck_assert(!past_turn(&past, own(), 11 * SECOND - 1));
	ck_assert_uint_eq(atomic_load(&made.history->last), 0);
	atomic_store(&m->finished, 107);
	atomic_store(&as[PROC_SCHEDULER].scheduler_meters->waiting, 3);
	histogram_add(h, HISTOGRAM_TIME, 10 * MILLISECOND, 4);
	ck_assert(past_turn(&past, own(), 11 * SECOND));
	ck_assert(!past_turn(&past, own(), 11 * SECOND));
	ck_assert_uint_eq(point(1).finished, 7);
	ck_assert_uint_eq(point(1).waiting, 3);
	ck_assert_int_eq(point(1).at_ns, 11 * SECOND);
	ck_assert_int_eq(point(1).took_ns, SECOND);
	ck_assert(point(1).ttft_p99 > 8e6 && point(1).ttft_p99 <= 10e6);
	/* Then nothing does. */
	ck_assert(past_turn(&past, own(), 12 * SECOND));
	ck_assert_uint_eq(point(2).finished, 0);
	ck_assert_uint_eq(point(2).waiting, 3);
	ck_assert(point(2).ttft_p99 == 0);
}
END_TEST

START_TEST(a_late_turn_says_how_long_it_took_and_time_goes_on)
{
	past_begin(&past, own(), 0);
	ck_assert(past_turn(&past, own(), 1200 * MILLISECOND));
	ck_assert_int_eq(point(1).took_ns, 1200 * MILLISECOND);
	ck_assert(past_turn(&past, own(), 2000 * MILLISECOND));
	ck_assert_int_eq(point(2).took_ns, 800 * MILLISECOND);
	/* It was stopped for a minute: one point, not sixty. */
	ck_assert(past_turn(&past, own(), 62500 * MILLISECOND));
	ck_assert(!past_turn(&past, own(), 63000 * MILLISECOND));
	ck_assert(past_turn(&past, own(), 63500 * MILLISECOND));
	ck_assert_uint_eq(atomic_load(&made.history->last), 4);
}
END_TEST

START_TEST(a_new_monitor_goes_on_behind_the_points_that_are_there)
{
	struct frontend_meters *m = as[PROC_FRONTEND].frontend_meters;

	past_begin(&past, own(), 0);
	atomic_store(&m->accepted, 5);
	ck_assert(past_turn(&past, own(), SECOND));
	atomic_store(&m->accepted, 50);
	memset(&past, 0xff, sizeof(past));
	past_begin(&past, own(), 4 * SECOND);
	atomic_store(&m->accepted, 52);
	ck_assert(past_turn(&past, own(), 5 * SECOND));
	ck_assert_uint_eq(point(1).accepted, 5);
	/* What came while there was none is in no point. */
	ck_assert_uint_eq(point(2).accepted, 2);
	ck_assert_int_eq(point(2).at_ns - point(2).took_ns, 4 * SECOND);
}
END_TEST

START_TEST(the_ring_keeps_the_last_points)
{
	past_begin(&past, own(), 0);
	for (int i = 1; i <= HISTORY_KEPT + 5; i++)
		ck_assert(past_turn(&past, own(), i * SECOND));
	struct history_point p;

	ck_assert(!history_get(made.history, 5, &p));
	ck_assert_int_eq(point(6).at_ns, 6 * SECOND);
	ck_assert_int_eq(point(HISTORY_KEPT + 5).at_ns,
	    (HISTORY_KEPT + 5) * SECOND);
}
END_TEST

START_TEST(a_meter_that_falls_says_nothing)
{
	struct loader_meters *m = as[PROC_LOADER].loader_meters;

	atomic_store(&m->loads, 9);
	past_begin(&past, own(), 0);
	atomic_store(&m->loads, 2);
	ck_assert(past_turn(&past, own(), SECOND));
	ck_assert_uint_eq(point(1).loads, 0);
}
END_TEST

/* ---------------------------------------------------------------- health */

static char why[HEALTH_WHY_MAX];

static bool
well(void)
{
	why[0] = '\0';
	return health_look(own(), 100 * SECOND, why);
}

static void
all_up(void)
{
	for (int i = 0; i < PROC_COUNT; i++) {
		atomic_store(&made.supervisor->order[i].epoch, 1);
		atomic_store(&as[i].cell[i]->epoch, 1);
		atomic_store(&as[i].cell[i]->state, CELL_RUN);
		atomic_store(&as[i].cell[i]->beat_ns, 100 * SECOND);
	}
}

START_TEST(health_follows_the_processes)
{
	all_up();
	ck_assert(well());
	atomic_store(&as[PROC_MONITOR].cell[PROC_MONITOR]->state, CELL_BOOT);
	ck_assert(well());
	atomic_store(&made.supervisor->order[PROC_GPUEXEC].epoch, 2);
	ck_assert(!well());
	ck_assert_str_eq(why, "gpuexec is not up");
}
END_TEST

START_TEST(health_ends_with_silence_and_with_the_end)
{
	struct cell *cell = as[PROC_SCHEDULER].cell[PROC_SCHEDULER];

	all_up();
	atomic_store(&cell->beat_ns, 97 * SECOND);
	ck_assert(!well());
	ck_assert_str_eq(why, "scheduler has been silent for 3.0 s");
	atomic_store(&cell->beat_ns, 100 * SECOND);
	ck_assert(well());
	atomic_store(&made.supervisor->order[PROC_FRONTEND].halt, 1);
	ck_assert(!well());
	ck_assert_str_eq(why, "the engine is about to end");
}
END_TEST

/* ------------------------------------------------------------------- web */

static struct web *web;
static struct sockaddr_in place;
static nsec now;
static bool sick;
static int pages;

static bool
give_page(void *arg, struct page *p, char text[WEB_WHY_MAX])
{
	(void)arg;
	pages++;
	page_text(p, "page\n");
	snprintf(text, WEB_WHY_MAX, "no page today");
	return !sick;
}

static bool
give_health(void *arg, char text[WEB_WHY_MAX])
{
	(void)arg;
	if (sick)
		snprintf(text, WEB_WHY_MAX, "gpuexec is not up");
	return !sick;
}

static void
open_web(void)
{
	struct web_source source = { give_page, give_health, NULL };
	socklen_t n = sizeof(place);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	place = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&place, n), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	getsockname(fd, (struct sockaddr *)&place, &n);
	ck_assert_int_eq(web_open(&web, fd, &source), 0);
	now = SECOND;
	sick = false;
	pages = 0;
}

static void
close_web(void)
{
	web_close(web);
}

static int
say(const char *text)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&place, sizeof(place)),
	    0);
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (int)strlen(text));
	return fd;
}

/* Until the other end closes: everything that it said. */
static const char *
hear(int fd)
{
	static char said[65536];
	size_t n = 0;
	ssize_t got = -1;

	while (got != 0) {
		struct pollfd on[] = { { .fd = fd, .events = POLLIN },
			{ .fd = web_fd(web), .events = POLLIN } };

		web_turn(web, now);
		ck_assert_int_ge(poll(on, 2,
				     (int)(web_rest(web, SECOND) /
					 MILLISECOND)),
		    0);
		got = recv(fd, said + n, sizeof(said) - 1 - n, MSG_DONTWAIT);
		if (got > 0)
			n += (size_t)got;
		/* It may have gone over bytes that it did not want. */
		if (got < 0 && errno != EAGAIN)
			break;
	}
	said[n] = '\0';
	close(fd);
	return said;
}

static void
has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "no '%s' in: %s", part, text);
}

#define GET(path)                                                              \
	"GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

START_TEST(metrics_and_health_are_answered)
{
	const char *said = hear(say(GET("/metrics")));

	has(said, "HTTP/1.1 200 ");
	has(said, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	has(said, "\r\n\r\npage\n");
	said = hear(say("HEAD /metrics HTTP/1.0\r\n\r\n"));
	has(said, " 200 ");
	ck_assert_ptr_null(strstr(said, "page"));
	has(hear(say(GET("/health"))), " 200 ");
	has(hear(say(GET("/metrics?name=x"))), " 200 ");
}
END_TEST

START_TEST(anything_else_is_refused)
{
	const char *said;

	has(hear(say(GET("/"))), " 404 ");
	has(hear(say(GET("/metrics/"))), " 404 ");
	said = hear(say("POST /metrics HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 0\r\nConnection: close\r\n\r\n"));
	has(said, " 405 ");
	has(said, "Allow: GET, HEAD\r\n");
	said = hear(say("nonsense\r\n\r\n"));
	ck_assert_ptr_null(strstr(said, " 200 "));
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	sick = true;
	has(hear(say(GET("/health"))), " 503 ");
	has(hear(say(GET("/health"))), "gpuexec is not up\n");
	has(hear(say(GET("/metrics"))), "no page today\n");
}
END_TEST

START_TEST(many_scrapes_at_once_make_one_page)
{
	for (int i = 0; i < 10; i++)
		has(hear(say(GET("/metrics"))), "page");
	ck_assert_int_eq(pages, 1);
	now += WEB_FRESH_NS;
	has(hear(say(GET("/metrics"))), "page");
	ck_assert_int_eq(pages, 2);
}
END_TEST

START_TEST(who_dawdles_is_sent_away_however_busy)
{
	int fd = say("GET /metrics HTTP/1.1\r\nHost:");

	web_turn(web, now);
	for (int s = 1; s < 10; s++) {
		now += SECOND;
		ck_assert_int_eq(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		web_turn(web, now);
	}
	now += SECOND;
	ck_assert_str_eq(hear(fd), "");
}
END_TEST

/* As many as may come say half a sentence: the next one is answered when they
 * have had a moment. */
START_TEST(a_crowd_holds_up_nobody_for_long)
{
	int slow[WEB_CLIENTS_MAX], last;

	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		slow[i] = say("GET /metrics HTTP/1.1\r\nHost:");
	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		web_turn(web, now);
	last = say(GET("/metrics"));
	now += WEB_CROWDED_NS;
	has(hear(last), " 200 ");
	for (int i = 0; i < WEB_CLIENTS_MAX; i++)
		close(slow[i]);
}
END_TEST

/* More than the head of a request may have. */
START_TEST(a_long_head_is_refused)
{
	static char head[4 * WEB_CLIENT_BYTES];
	int n = snprintf(head, sizeof(head), "GET /metrics HTTP/1.1\r\nX: ");

	memset(head + n, 'x', sizeof(head) - 1 - (size_t)n);
	ck_assert_ptr_null(strstr(hear(say(head)), " 200 "));
	ck_assert_int_eq(pages, 0);
}
END_TEST

Suite *suite_monitor(void);
Suite *
suite_monitor(void)
{
	Suite *s = suite_create("monitor");
	TCase *t = tcase_create("history");
	TCase *w = tcase_create("web");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, a_point_has_what_has_come_since_the_last);
	tcase_add_test(t, a_late_turn_says_how_long_it_took_and_time_goes_on);
	tcase_add_test(t,
	    a_new_monitor_goes_on_behind_the_points_that_are_there);
	tcase_add_test(t, the_ring_keeps_the_last_points);
	tcase_add_test(t, a_meter_that_falls_says_nothing);
	tcase_add_test(t, health_follows_the_processes);
	tcase_add_test(t, health_ends_with_silence_and_with_the_end);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(w, open_web, close_web);
	tcase_add_test(w, metrics_and_health_are_answered);
	tcase_add_test(w, anything_else_is_refused);
	tcase_add_test(w, what_is_wrong_is_said);
	tcase_add_test(w, many_scrapes_at_once_make_one_page);
	tcase_add_test(w, who_dawdles_is_sent_away_however_busy);
	tcase_add_test(w, a_crowd_holds_up_nobody_for_long);
	tcase_add_test(w, a_long_head_is_refused);
	suite_add_tcase(s, w);
	return s;
}

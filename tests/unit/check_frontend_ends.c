/* frontend/: how a request ends, what is kept of it, and where its time went. */
#include "shm/word.h"
#include "tests/unit/frontend_rig.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;

static void
set_up(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	rig_script(&rig, "MCMLXXXVII", FINISH_LENGTH);
	rig_adapter(&rig, 2, "roman", DIR_LISTED);
}

static void
tear_down(void)
{
	rig_end(&rig);
}

/* Milliseconds of a member, as microseconds. */
static long
us(const json_t *timing, const char *part, const char *name)
{
	const json_t *of = part == NULL ? timing :
					  json_object_get(timing, part);
	const json_t *v = json_object_get(of, name);

	ck_assert_msg(json_is_number(v), "no %s", name);
	return lround(json_number_value(v) * 1000);
}

/* Asks, lets it wait so long, then lets the engine work. */
static json_t *
answer_after(int fd, const char *line, nsec wait)
{
	rig.engine = false;
	rig_say(fd, line);
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	rig.later += wait;
	rig.engine = true;
	return rig_hear(&rig, fd);
}

static uint64_t
records(void)
{
	return atomic_load(&rig.made.records->last);
}

static struct record_note
last_record(void)
{
	struct record_note n;

	ck_assert(record_get(rig.made.records, records(), &n));
	return n;
}

static void
expect_sums(const json_t *timing, bool answered)
{
	static const char *const parts[] = { "quota_ms", "memory_ms",
		"adapter_ms", "batch_ms", "interval_ms", "other_ms" };
	long queue = 0, stages;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		ck_assert_int_ge(us(timing, "queue", parts[i]), 0);
		queue += us(timing, "queue", parts[i]);
	}
	ck_assert_int_eq(queue, us(timing, NULL, "queue_ms"));
	stages = queue + us(timing, NULL, "adapter_ms") +
	    us(timing, NULL, "prefill_ms");
	ck_assert_int_eq(stages,
	    us(timing, NULL, answered ? "ttft_ms" : "total_ms"));
	ck_assert_int_le(stages + us(timing, NULL, "decode_ms"),
	    us(timing, NULL, "total_ms"));
	ck_assert_int_le(us(timing, NULL, "longest_gap_ms"),
	    us(timing, NULL, "decode_ms"));
}

START_TEST(the_parts_of_an_answers_time_add_up_as_they_are_printed)
{
	int fd = rig_connect(&rig);
	json_t *line, *t;

	rig.placed_ns = 400123456;
	rig.first_ns = 500000999;
	rig.last_ns = 900777777;
	rig.longest_ns = 9999999;
	rig.queue = 2;
	rig.wait = (struct wait_split){ .loading_ns = 50000789,
		.by_ns[WHY_QUOTA] = 100000333,
		.by_ns[WHY_MEMORY] = 100000777,
		.by_ns[WHY_INTERVAL] = 1999,
		.disk_ns = 40000501,
		.copy_ns = 10000000 };
	line = answer_after(fd, "{\"prompt\":\"x\",\"model\":\"roman\"}\n",
	    2 * SECOND);
	t = json_object_get(line, "timing");
	expect_sums(t, true);
	ck_assert_int_eq(us(t, NULL, "adapter_ms"), 50000);
	ck_assert_int_eq(us(t, NULL, "ttft_ms"), 500000);
	ck_assert_int_eq(us(t, NULL, "decode_ms"), 400777);
	ck_assert_int_eq(us(t, NULL, "longest_gap_ms"), 9999);
	ck_assert_int_eq(us(t, "queue", "quota_ms"), 100000);
	ck_assert_int_eq(us(t, "queue", "memory_ms"), 100000);
	ck_assert_int_eq(us(t, "queue", "interval_ms"), 1);
	ck_assert_int_eq(us(t, "queue", "other_ms"), 150122);
	ck_assert_int_eq(us(t, "adapter", "disk_ms"), 40000);
	ck_assert_int_eq(us(t, "adapter", "host_ms"), 0);
	ck_assert_int_eq(us(t, "adapter", "copy_ms"), 10000);
	ck_assert_int_eq(last_record().queue, 2);
	json_decref(line);
	close(fd);
}
END_TEST

static const struct wait_split nonsense[] = {
	{ .loading_ns = INT64_MAX, .by_ns[WHY_QUOTA] = INT64_MAX },
	{ .loading_ns = INT64_MIN, .by_ns[WHY_QUOTA] = INT64_MIN },
	{ .loading_ns = 1, .by_ns = { 1, INT64_MAX, 1, INT64_MAX, -1, 1 } },
	{ .disk_ns = INT64_MAX, .host_ns = -1, .copy_ns = INT64_MIN },
};

START_TEST(what_others_claim_cannot_break_the_sums)
{
	static const nsec moments[] = { INT64_MIN / 2, -1, 1, 700 * MILLISECOND,
		INT64_MAX / 2 };
	int fd = rig_connect(&rig);
	json_t *line;

	rig.wait = nonsense[_i];
	rig.longest_ns = INT64_MAX;
	rig.queue = 77;
	for (int i = 0; i < 125; i++) {
		rig.placed_ns = moments[i % 5];
		rig.first_ns = moments[i / 5 % 5];
		rig.last_ns = moments[i / 25];
		line = answer_after(fd, "{\"prompt\":\"x\"}\n", SECOND);
		expect_sums(json_object_get(line, "timing"), true);
		ck_assert_int_eq(last_record().queue, 0);
		json_decref(line);
	}
	close(fd);
}
END_TEST

/* One that the scheduler shows as waiting in a queue held by memory. */
static void
show_waiting(uint32_t slot)
{
	struct segs *g = &rig.as[PROC_SCHEDULER];

	atomic_store(&g->waits[slot].queue, 1);
	atomic_store(&g->waits[slot].predicted, 33);
	atomic_store(&g->waits[slot].gen, word_load(&g->f[slot]).gen);
	atomic_store(&g->queues[1].why, WHY_MEMORY);
}

static json_t *
cancel_waiting(const char *model)
{
	int fd = rig_connect(&rig);
	char line[64];
	json_t *last;

	rig.engine = false;
	snprintf(line, sizeof(line), "{\"id\":1,\"prompt\":\"x\"%s}\n", model);
	rig_say(fd, line);
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	for (uint32_t slot = 0; slot < rig.plan.slots; slot++)
		if (word_load(&rig.made.f[slot]).state == F_SUB)
			show_waiting(slot);
	rig.later += SECOND;
	rig_say(fd, "{\"op\":\"cancel\",\"id\":1}\n");
	last = rig_hear(&rig, fd);
	ck_assert_str_eq(rig_text(last, "finish_reason"), "cancelled");
	close(fd);
	return last;
}

START_TEST(the_wait_of_one_that_never_started_is_put_to_what_holds_its_queue)
{
	json_t *line = cancel_waiting("");
	json_t *t = json_object_get(line, "timing");

	expect_sums(t, false);
	ck_assert_int_eq(us(t, NULL, "ttft_ms"), 0);
	ck_assert_int_ge(us(t, NULL, "total_ms"), 1000000);
	ck_assert_int_eq(us(t, "queue", "memory_ms"), us(t, NULL, "total_ms"));
	ck_assert_int_eq(last_record().queue, 1);
	ck_assert_int_eq(last_record().predicted, 33);
	json_decref(line);
}
END_TEST

START_TEST(one_that_never_started_for_its_adapter_says_so)
{
	json_t *line, *t;

	word_store_place(&rig.as[PROC_SCHEDULER].want[2],
	    (struct place_word){ 1, WANT_IN, 0, 0 });
	line = cancel_waiting(",\"model\":\"roman\"");
	t = json_object_get(line, "timing");
	ck_assert_int_eq(us(t, "queue", "adapter_ms"), us(t, NULL, "total_ms"));
	json_decref(line);
}
END_TEST

static void
gone(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	while (rig_open_slots(&rig) > 0)
		rig_turn(&rig);
}

/* A line that ends an open request; it has its timing. */
static void
expect_end(int fd)
{
	json_t *line;

	while ((line = rig_hear(&rig, fd)) != NULL && json_is_null(line))
		;
	ck_assert_ptr_nonnull(line);
	expect_sums(json_object_get(line, "timing"),
	    us(json_object_get(line, "timing"), NULL, "ttft_ms") > 0);
	json_decref(line);
}

static void
end_answered(int fd)
{
	rig.engine = true;
	expect_end(fd);
}

static void
end_stopped(int fd)
{
	rig.finish = FINISH_STOP;
	end_answered(fd);
}

static void
end_numbers(int fd)
{
	rig.finish = FINISH_NUMBERS;
	end_answered(fd);
}

static void
end_denied(int fd)
{
	rig.deny = DENIED_MEMORY;
	end_answered(fd);
}

static void
end_cancelled(int fd)
{
	rig_say(fd, "{\"op\":\"cancel\",\"id\":1}\n");
	expect_end(fd);
}

static void
end_by_operator(int fd)
{
	int op = rig_connect_admin(&rig);
	uint32_t slot = 0;
	char line[80];

	while (word_load(&rig.made.f[slot]).state != F_SUB)
		slot++;
	snprintf(line, sizeof(line),
	    "{\"op\":\"cancel\",\"request\":\"%u.%u\"}\n", slot,
	    word_load(&rig.made.f[slot]).gen);
	rig_say(op, line);
	expect_end(fd);
	json_decref(rig_hear(&rig, op));
	close(op);
}

static void
end_late(int fd)
{
	rig.later += 3600 * SECOND;
	expect_end(fd);
}

static void
end_drained(int fd)
{
	rig.proc.draining = true;
	atomic_store(&rig.made.supervisor->order[PROC_FRONTEND].drain_until_ns,
	    1);
	expect_end(fd);
}

static void
end_restarted(int fd)
{
	rig_crash(&rig);
	expect_end(fd);
}

static void
end_orphaned(int fd)
{
	(void)fd;
	for (int i = 0; i < RIG_PARKED_MAX; i++)
		if (rig.parked[i] >= 0) {
			close(rig.parked[i]);
			rig.parked[i] = -1;
		}
	rig_crash(&rig);
	while (rig_open_slots(&rig) > 0)
		rig_turn(&rig);
}

static const struct {
	void (*end)(int fd);
	enum record_end how;
	const char *code;
} ends[] = {
	{ end_answered, RECORD_LENGTH, "" },
	{ end_stopped, RECORD_STOP, "" },
	{ end_numbers, RECORD_FAILED, "not_finite" },
	{ end_denied, RECORD_FAILED, "out_of_memory" },
	{ end_cancelled, RECORD_CANCELLED, "client" },
	{ end_by_operator, RECORD_CANCELLED, "operator" },
	{ gone, RECORD_CANCELLED, "gone" },
	{ end_late, RECORD_FAILED, "deadline" },
	{ end_drained, RECORD_FAILED, "shutting_down" },
	{ end_restarted, RECORD_FAILED, "frontend_restarted" },
	{ end_orphaned, RECORD_CANCELLED, "gone" },
};

static uint64_t
meter(enum record_end how)
{
	const struct frontend_meters *m = rig.made.frontend_meters;
	const _Atomic uint64_t *of[RECORD_ENDS] = {
		[RECORD_STOP] = &m->finished_stop,
		[RECORD_LENGTH] = &m->finished_length,
		[RECORD_CANCELLED] = &m->cancelled,
		[RECORD_FAILED] = &m->failed,
	};

	return atomic_load(of[how]);
}

START_TEST(every_end_makes_one_record_and_counts_once)
{
	int fd = rig_connect(&rig);
	struct record_note n;
	uint64_t sum = 0;

	rig.engine = false;
	rig_say(fd,
	    "{\"id\":1,\"prompt\":[5,6,7],\"model\":\"roman\",\"max_tokens\":"
	    "12,\"timeout_ms\":60000}\n");
	while (rig_open_slots(&rig) < 1)
		rig_turn(&rig);
	ck_assert_uint_eq(records(), 0);
	ends[_i].end(fd);
	ck_assert_uint_eq(records(), 1);
	n = last_record();
	ck_assert_str_eq(n.id, "1");
	ck_assert_str_eq(n.name, "roman");
	ck_assert_int_eq(n.adapter, 2);
	ck_assert_uint_eq(n.prompt, 3);
	ck_assert_uint_eq(n.max_tokens, 12);
	ck_assert_uint_eq(n.end, ends[_i].how);
	ck_assert_str_eq(n.code, ends[_i].code);
	for (int how = 0; how < RECORD_ENDS; how++)
		sum += meter((enum record_end)how);
	ck_assert_uint_eq(sum, 1);
	ck_assert_uint_eq(meter(ends[_i].how), 1);
	/* What comes late changes nothing. */
	rig.engine = true;
	for (int i = 0; i < 5; i++)
		rig_turn(&rig);
	ck_assert_uint_eq(records(), 1);
	if (ends[_i].end != gone)
		close(fd);
}
END_TEST

static uint64_t
counted(enum histogram_id id)
{
	struct histogram_view v;

	histogram_read(rig.made.histogram[id], &v);
	return v.total;
}

START_TEST(distributions_count_the_stages_that_were_gone_through)
{
	int fd = rig_connect(&rig);

	for (int i = 0; i < 3; i++)
		json_decref(
		    answer_after(fd, "{\"prompt\":\"x\"}\n", MILLISECOND));
	json_decref(cancel_waiting(""));
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_ttft), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_e2e), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_queue_wait), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_adapter_wait), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_placed), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_prefill), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_inference), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_decode), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_tpot), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_prompt_tokens), 3);
	ck_assert_uint_eq(counted(HISTOGRAM_FRONTEND_output_tokens), 3);
	close(fd);
}
END_TEST

/* Standard error into a file, while something is done. */
static FILE *log_file;
static int log_was;

static void
log_begin(void)
{
	log_file = tmpfile();
	ck_assert_ptr_nonnull(log_file);
	log_was = dup(STDERR_FILENO);
	dup2(fileno(log_file), STDERR_FILENO);
}

/* Lines with this in them; prints none. */
static int
log_lines(const char *with)
{
	char line[2048];
	int n = 0;

	rewind(log_file);
	while (fgets(line, sizeof(line), log_file) != NULL)
		n += strstr(line, with) != NULL;
	return n;
}

static void
log_end(void)
{
	dup2(log_was, STDERR_FILENO);
	close(log_was);
	fclose(log_file);
}

static uint64_t
slow(void)
{
	return atomic_load(&rig.made.frontend_meters->slow);
}

START_TEST(a_slow_first_token_is_logged_with_where_its_time_went)
{
	int fd = rig_connect(&rig);
	struct event_note e;

	rig.placed_ns = 6 * SECOND;
	rig.first_ns = 6001 * MILLISECOND;
	rig.wait.by_ns[WHY_MEMORY] = 5500 * MILLISECOND;
	log_begin();
	json_decref(answer_after(fd,
	    "{\"id\":\"a b\",\"prompt\":\"x\",\"model\":\"roman\"}\n",
	    7 * SECOND));
	ck_assert_int_eq(log_lines("slow request request=\"a b\" slot="), 1);
	ck_assert_int_eq(log_lines(" adapter=roman "), 1);
	ck_assert_int_eq(log_lines(" ttft_ms=6001.000 queue_ms=6000.000 "), 1);
	ck_assert_int_eq(log_lines(" queue_memory_ms=5500.000 "), 1);
	log_end();
	ck_assert_uint_eq(slow(), 1);
	ck_assert(event_get(rig.made.events[PROC_FRONTEND], 1, &e));
	ck_assert_int_eq(e.kind, EVENT_SLOW);
	ck_assert_int_eq(e.adapter, 2);
	ck_assert_int_eq((int64_t)e.value, 6001 * MILLISECOND);
	ck_assert_str_eq(e.text, "roman: 5500 of 6001 ms memory");
	/* A slow rest is none. */
	rig.placed_ns = rig.first_ns = 1;
	json_decref(answer_after(fd, "{\"prompt\":\"x\"}\n", 9 * SECOND));
	ck_assert_uint_eq(slow(), 1);
	close(fd);
}
END_TEST

START_TEST(one_that_waited_long_for_no_token_is_logged_too)
{
	log_begin();
	rig.proc.conf.frontend_slow_ms = 500;
	json_decref(cancel_waiting(""));
	ck_assert_int_eq(log_lines(" tokens=0 ttft_ms=0.000 "), 1);
	log_end();
	ck_assert_uint_eq(slow(), 1);
}
END_TEST

START_TEST(when_all_are_slow_ten_a_second_are_logged_and_the_rest_counted)
{
	struct record_note n = { .ran = true,
		.adapter = SLOT_BASE,
		.id = "1",
		.ttft_ns = 6 * SECOND };

	rig_turn(&rig);
	log_begin();
	for (int i = 0; i < 1000; i++)
		fe_keep(&rig.fe, &n);
	ck_assert_int_eq(log_lines("slow request request="), 10);
	ck_assert_int_eq(log_lines("left_out"), 0);
	rig.later += 2 * SECOND;
	rig_turn(&rig);
	rig_turn(&rig);
	ck_assert_int_eq(log_lines("slow requests were left out"), 1);
	ck_assert_int_eq(log_lines(" left_out=990"), 1);
	fe_keep(&rig.fe, &n);
	ck_assert_int_eq(log_lines("slow request request="), 11);
	rig.proc.conf.frontend_slow_ms = 0;
	fe_keep(&rig.fe, &n);
	ck_assert_int_eq(log_lines("slow request request="), 11);
	log_end();
	ck_assert_uint_eq(slow(), 1001);
	ck_assert_uint_eq(atomic_load(&rig.made.events[PROC_FRONTEND]->last),
	    11);
}
END_TEST

Suite *suite_frontend_ends(void);

Suite *
suite_frontend_ends(void)
{
	Suite *s = suite_create("frontend ends");
	TCase *t = tcase_create("ends");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
	    the_parts_of_an_answers_time_add_up_as_they_are_printed);
	tcase_add_loop_test(t, what_others_claim_cannot_break_the_sums, 0,
	    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(t,
	    the_wait_of_one_that_never_started_is_put_to_what_holds_its_queue);
	tcase_add_test(t, one_that_never_started_for_its_adapter_says_so);
	tcase_add_loop_test(t, every_end_makes_one_record_and_counts_once, 0,
	    sizeof(ends) / sizeof(ends[0]));
	tcase_add_test(t,
	    distributions_count_the_stages_that_were_gone_through);
	tcase_add_test(t,
	    a_slow_first_token_is_logged_with_where_its_time_went);
	tcase_add_test(t, one_that_waited_long_for_no_token_is_logged_too);
	tcase_add_test(t,
	    when_all_are_slow_ten_a_second_are_logged_and_the_rest_counted);
	suite_add_tcase(s, t);
	return s;
}

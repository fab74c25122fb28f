/* ctl, explain and trace: what is shown of an instance, how it ends where there
 * is none, and that what was recorded can be replayed. */
#include "base/err.h"
#include "base/pidstat.h"
#include "cli/arrivals.h"
#include "cli/ctl.h"
#include "cli/explain.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_ctl(void);

static char *text;
static size_t length;
static FILE *to_text;

static void
set_up(void)
{
	to_text = open_memstream(&text, &length);
	ck_assert_ptr_nonnull(to_text);
}

static void
tear_down(void)
{
	fclose(to_text);
	free(text);
}

static const char *
written(void)
{
	fflush(to_text);
	return text;
}

static void
has(const char *part)
{
	ck_assert_msg(strstr(written(), part) != NULL, "no '%s' in: %s", part,
	    text);
}

/* ---- grid ---- */

static const struct grid_column columns[] = { { "name", NULL }, { "n", NULL },
	{ "deep", "a.b" }, { "text", NULL } };
static const struct grid grid = { columns, 4 };

static json_t *
three(void)
{
	return json_loads("[{\"name\":\"b b\",\"n\":9,\"a\":{\"b\":1.5},"
			  "\"text\":\"some \\u001b words\"},"
			  "{\"name\":\"a\",\"n\":10,\"text\":null},"
			  "{\"name\":\"c\",\"n\":7,\"a\":{\"b\":2}}]",
	    0, NULL);
}

START_TEST(a_table_has_as_many_words_a_line_as_columns)
{
	json_t *rows = three();

	grid_print(&grid, rows, to_text);
	ck_assert_str_eq(written(),
	    "name   n   deep  text\n"
	    "b_b    9  1.500  some _ words\n"
	    "a     10      -  -\n"
	    "c      7      2  -\n");
	json_decref(rows);
}
END_TEST

START_TEST(a_table_of_nothing_has_its_header)
{
	json_t *rows = json_array();

	grid_print(&grid, rows, to_text);
	ck_assert_str_eq(written(), "name  n  deep  text\n");
	json_decref(rows);
}
END_TEST

START_TEST(rows_are_sorted_as_numbers_and_filtered_by_any_cell)
{
	json_t *rows = three();

	ck_assert_int_eq(grid_sort(&grid, rows, "n"), 0);
	ck_assert_int_eq(json_integer_value(
			     json_object_get(json_array_get(rows, 0), "n")),
	    7);
	ck_assert_int_eq(grid_sort(&grid, rows, "-n"), 0);
	ck_assert_int_eq(json_integer_value(
			     json_object_get(json_array_get(rows, 0), "n")),
	    10);
	ck_assert_int_eq(grid_sort(&grid, rows, "x"), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_text(), "name n deep text"));
	grid_filter(&grid, rows, "WORDS");
	ck_assert_uint_eq(json_array_size(rows), 1);
	json_decref(rows);
}
END_TEST

/* ---- explain ---- */

static struct record_note
slow_one(void)
{
	struct record_note n = { .number = 1,
		.id = "\"r1\"",
		.slot = 17,
		.gen = 3,
		.adapter = 2,
		.version = 1,
		.name = "roman",
		.digest = { 0x3f, 0x9c, 7, 0xd1, 0xa2, 0xb4 },
		.source = SLOT_DISK,
		.queue = 2,
		.ran = true,
		.prompt = 128,
		.tokens = 35,
		.max_tokens = 64,
		.predicted = 40,
		.squashes = 1,
		.arrived_ns = 10 * SECOND,
		.queue_ns = 600 * MILLISECOND,
		.adapter_ns = 200 * MILLISECOND,
		.prefill_ns = 200 * MILLISECOND,
		.ttft_ns = SECOND,
		.decode_ns = 340 * MILLISECOND,
		.total_ns = 1340 * MILLISECOND,
		.longest_ns = 40 * MILLISECOND };

	n.wait.by_ns[WHY_MEMORY] = 500 * MILLISECOND;
	n.wait.by_ns[WHY_NONE] = 100 * MILLISECOND;
	n.wait.disk_ns = 150 * MILLISECOND;
	n.wait.copy_ns = 50 * MILLISECOND;
	return n;
}

START_TEST(a_page_says_where_the_time_went)
{
	struct record_note n = slow_one();

	explain_record(&n, 20 * SECOND, to_text);
	has("Request \"r1\" (17.3) arrived 10.0 s ago and ended 8.7 s ago: "
	    "stop.\n");
	has("adapter roman, version 1, digest 3f9c07d1a2b4; that was on disk");
	has("128 tokens, its answer 35 of at most 64; 40 were predicted");
	has("Most of it, 50 %: no device memory was free.");
	has("queue             600.000 ms   60.0 %");
	has("memory          500.000 ms   50.0 %");
	has("disk            150.000 ms\n");
	has("prefill           200.000 ms   20.0 %");
	has("The other 34 tokens took 340.000 ms, 10.000 each; the longest gap "
	    "was 40.000 ms.");
	has("put back for want of memory 1 time.");
	ck_assert_ptr_null(strstr(written(), "quota"));
}
END_TEST

START_TEST(one_that_never_ran_is_explained_too)
{
	struct record_note n = slow_one();

	n.ran = false;
	n.end = RECORD_FAILED;
	strcpy(n.code, "deadline");
	n.name[0] = '\0';
	n.adapter = SLOT_BASE;
	n.tokens = 0;
	n.ttft_ns = 0;
	n.total_ns = SECOND;
	explain_record(&n, 20 * SECOND, to_text);
	has("failed, deadline.");
	has("It asked the base model.");
	has("No token came in 1000.000 ms.");
}
END_TEST

START_TEST(the_object_has_the_parts_that_add_up)
{
	struct record_note n = slow_one();
	json_t *o = explain_record_json(&n, 20 * SECOND), *times, *by, *v;
	const char *name;
	double sum = 0;

	ck_assert_str_eq(json_string_value(json_object_get(o, "id")), "r1");
	ck_assert_str_eq(json_string_value(json_object_get(o, "request")),
	    "17.3");
	times = json_object_get(o, "times_ms");
	by = json_object_get(times, "queue_by");
	json_object_foreach(by, name, v) sum += json_real_value(v);
	ck_assert(sum == json_real_value(json_object_get(times, "queue")));
	sum += json_real_value(json_object_get(times, "adapter"));
	sum += json_real_value(json_object_get(times, "prefill"));
	ck_assert(sum == json_real_value(json_object_get(times, "ttft")));
	json_decref(o);
}
END_TEST

START_TEST(an_open_one_says_what_it_waits_for)
{
	struct snap_request r[2] = { { .slot = 1,
					 .gen = 1,
					 .id = "7",
					 .adapter = SLOT_BASE,
					 .queue = 2,
					 .age_ns = 3 * SECOND },
		{ .slot = 2,
		    .gen = 5,
		    .id = "\"x\"",
		    .name = "roman",
		    .queue = 2,
		    .why = WHY_QUOTA,
		    .age_ns = 2 * SECOND,
		    .waited_ns = 2 * SECOND } };
	struct snap s = { .nrequests = 2, .request = r };
	json_t *o;

	explain_open(&s, 1, to_text);
	has("It waits 2.0 s in queue 2");
	has("the first of the queue, 1.1, needs more tokens");
	has("In its queue 1 came before it.");
	o = explain_open_json(&s, 1);
	ck_assert_str_eq(json_string_value(json_object_get(o, "waits_for")),
	    "quota");
	json_decref(o);
	o = explain_open_json(&s, 0);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "id")), 7);
	json_decref(o);
}
END_TEST

START_TEST(ids_are_known_as_they_are_typed)
{
	char cut[RECORD_ID_MAX];

	ck_assert(ctl_means_id("r1", "\"r1\""));
	ck_assert(ctl_means_id("\"r1\"", "\"r1\""));
	ck_assert(ctl_means_id("17", "17") && ctl_means_id("17", "\"17\""));
	ck_assert(!ctl_means_id("r", "\"r1\"") && !ctl_means_id("", "\"r\""));
	memset(cut, 'a', sizeof(cut) - 1);
	cut[0] = '"';
	cut[sizeof(cut) - 1] = '\0';
	ck_assert(ctl_means_id("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    cut));
	ck_assert(!ctl_means_id("aaaa", cut));
	ck_assert(ctl_means("17.3", 17, 3) && !ctl_means("17.30", 17, 3));
}
END_TEST

/* ---- arrivals ---- */

static struct arrivals arrivals;
static struct snap snap;
static struct record_note records[8];
static struct snap_adapter known[3] = {
	{ .name = "m", .rank = 8, .bytes = 100, .state = SNAP_DISK },
	{ .name = "x", .rank = 16, .bytes = 200, .state = SNAP_RESIDENT },
	{ .name = "bad", .rank = 4, .bytes = 5, .state = SNAP_BROKEN }
};

/* The record of a request that arrived then; its answer has n tokens. */
static void
ended(uint64_t number, nsec arrived, const char *name, uint32_t n)
{
	struct record_note *r = &records[snap.nrecords++];

	memset(r, 0, sizeof(*r));
	r->number = number;
	r->arrived_ns = arrived;
	r->prompt = 10;
	r->tokens = n;
	r->adapter = SLOT_BASE;
	strcpy(r->name, name);
}

static void
begin(void)
{
	set_up();
	memset(&snap, 0, sizeof(snap));
	snap.record = records;
	snap.adapter = known;
	snap.nadapters = 3;
	ended(40, 5 * SECOND, "", 1);
	ck_assert_int_eq(arrivals_open(&arrivals, &snap, 10 * SECOND), 0);
	snap.nrecords = 0;
}

static void
end(void)
{
	arrivals_free(&arrivals);
	tear_down();
}

static void
take(void)
{
	ck_assert_int_eq(arrivals_take(&arrivals, NULL, &snap), 0);
	snap.nrecords = 0;
}

START_TEST(a_recorded_trace_is_read_by_the_simulator)
{
	char path[] = "/tmp/chameleon-trace.XXXXXX";
	int fd = mkstemp(path);
	struct sim_trace t;
	FILE *f = fdopen(fd, "w");

	ended(41, 12 * SECOND, "x", 7);
	ended(42, 11 * SECOND, "", 3); /* came first, ended last */
	take();
	ended(42, 11 * SECOND, "", 3); /* the same, in the next reading */
	ended(43, 13 * SECOND, "m", 2);
	take();
	ck_assert_int_eq(arrivals_write(&arrivals, 100, f), 0);
	ck_assert_int_eq(arrivals_write(&arrivals, 2, to_text), 0);
	fclose(f);
	ck_assert_int_eq(sim_trace_read(&t, path, 0), 0);
	unlink(path);
	ck_assert_uint_eq(t.n, 3);
	ck_assert_uint_eq(t.adapters.n, 2);
	ck_assert_int_eq(t.rows[0].at, 0);
	ck_assert_int_eq(t.rows[0].adapter, -1);
	ck_assert_uint_eq(t.rows[0].output, 3);
	ck_assert_int_eq(t.rows[2].at, 2 * SECOND);
	ck_assert_str_eq(t.adapters.at[t.rows[1].adapter].name, "x");
	ck_assert_int_eq(t.adapters.at[t.rows[2].adapter].rank, 8);
	sim_trace_free(&t);
	ck_assert_ptr_null(strstr(written(), "2.000000000,"));
	ck_assert_ptr_nonnull(strstr(written(), "1.000000000,10,7,x\n"));
}
END_TEST

START_TEST(what_is_not_taken_is_counted)
{
	ended(41, 9 * SECOND, "", 7); /* arrived before */
	ended(43, 12 * SECOND, "", 0);
	ended(44, 12 * SECOND, "gone", 3);
	take();
	ck_assert_uint_eq(arrivals.n, 0);
	ck_assert_uint_eq(arrivals.missed, 1);
	ck_assert_uint_eq(arrivals.silent, 1);
	ck_assert_uint_eq(arrivals.unknown, 1);
	ck_assert_int_eq(arrivals_write(&arrivals, 1, to_text), ERR_NOT_FOUND);
	arrivals.until = 20 * SECOND;
	ended(45, 20 * SECOND, "", 3); /* arrived behind the end */
	take();
	ck_assert_uint_eq(arrivals.n, 0);
}
END_TEST

START_TEST(another_life_of_the_instance_counts_anew)
{
	ended(41, 12 * SECOND, "", 7);
	take();
	arrivals_anew(&arrivals);
	ended(1, 14 * SECOND, "", 7);
	ended(2, 15 * SECOND, "", 7);
	take();
	ck_assert_uint_eq(arrivals.n, 3);
	ck_assert_uint_eq(arrivals.missed, 0);
}
END_TEST

START_TEST(requests_in_flight_are_told_from_later_ones)
{
	struct snap_request open[3] = { { .age_ns = 5 * SECOND },
		{ .age_ns = 15 * SECOND }, { .age_ns = SECOND } };

	snap.request = open;
	snap.nrequests = 3;
	snap.now = 20 * SECOND;
	ck_assert_uint_eq(arrivals_open_still(&arrivals, &snap), 2);
	arrivals.until = 18 * SECOND;
	ck_assert_uint_eq(arrivals_open_still(&arrivals, &snap), 1);
}
END_TEST

/* ---- instances that are not as they should be ---- */

static struct segs made, loader;
static struct conf conf;

static void
make(void)
{
	set_up();
	conf_defaults(&conf);
	instance_make(&made, &conf);
	ck_assert_int_eq(segs_open(&loader, made.instance, PROC_LOADER), 0);
	/* What is printed is not what is looked at. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

static void
drop(void)
{
	segs_close(&loader);
	instance_end(&made);
	tear_down();
}

/* Exit status of `chameleon ctl --instance NAME ...`. */
static int
ctl_of(const char *instance, const char *verb, const char *operand)
{
	static char program[] = "chameleon", command[] = "ctl",
		    option[] = "--instance";
	char words[3][128];
	char *argv[] = { program, command, option, words[0], words[1], words[2],
		NULL };

	snprintf(words[0], sizeof(words[0]), "%s", instance);
	snprintf(words[1], sizeof(words[1]), "%s", verb);
	snprintf(words[2], sizeof(words[2]), "%s",
	    operand != NULL ? operand : "");
	return cmd_run(operand != NULL ? 6 : 5, argv);
}

START_TEST(no_such_instance_ends_with_three)
{
	ck_assert_int_eq(ctl_of("no-such-instance", "status", NULL), 3);
	ck_assert_int_eq(ctl_of("no-such-instance", "pin", "roman"), 3);
	ck_assert_ptr_nonnull(strstr(err_text(), made.instance));
}
END_TEST

START_TEST(an_instance_whose_supervisor_has_gone_is_named_as_dead)
{
	char dead[SEG_INSTANCE_MAX + 16];
	struct pidstat me;

	snprintf(dead, sizeof(dead), "%s (dead)", made.instance);
	ck_assert(pidstat_read(getpid(), &me));
	atomic_store(&made.supervisor->pid, (uint32_t)getpid());
	atomic_store(&made.supervisor->start_time, me.start_time);
	ck_assert(!segs_is_dead(made.instance));
	/* Its number is another's by now. */
	atomic_store(&made.supervisor->start_time, me.start_time + 1);
	ck_assert(segs_is_dead(made.instance));
	ck_assert_int_eq(ctl_of("no-such-instance", "status", NULL), 3);
	ck_assert_ptr_nonnull(strstr(err_text(), dead));
	ck_assert(!segs_is_dead("no-such-instance"));
}
END_TEST

START_TEST(another_version_ends_with_four)
{
	made.supervisor->header.fingerprint++;
	ck_assert_int_eq(ctl_of(made.instance, "adapters", NULL), 4);
	ck_assert_int_eq(ctl_of(made.instance, "pin", "roman"), 4);
}
END_TEST

START_TEST(what_an_engine_has_left_can_be_looked_at_but_not_asked)
{
	static const char *const shown[] = { "overview", "adapters", "queues",
		"requests", "ended", "processes", "rings", "events",
		"history" };

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		ck_assert_int_eq(ctl_of(made.instance, shown[i], NULL), 0);
	ck_assert_int_eq(ctl_of(made.instance, "status", NULL), 3);
	ck_assert_int_eq(ctl_of(made.instance, "pin", "roman"), 3);
	ck_assert_int_eq(ctl_of(made.instance, "explain", "r1"), 1);
	ck_assert_int_eq(ctl_of(made.instance, "cancel", "r1"), 1);
}
END_TEST

START_TEST(misuse_ends_with_two)
{
	ck_assert_int_eq(ctl_of(made.instance, "adaptrs", NULL), 2);
	ck_assert_int_eq(ctl_of(made.instance, "adapters", "x"), 2);
	ck_assert_int_eq(ctl_of(made.instance, "pin", NULL), 2);
	ck_assert_int_eq(ctl_of(made.instance, "set", "a"), 2);
}
END_TEST

START_TEST(texts_of_others_do_no_harm)
{
	struct dir_info *info = &loader.info[0];

	memset(info->name, 0xff, sizeof(info->name));
	info->reason = 1;
	memset(loader.reasons[0].text, '\n', sizeof(loader.reasons[0].text));
	atomic_store(&loader.reasons[0].entry, 1);
	info->rank = -5;
	atomic_store(&loader.entry[0], dir_entry(1, DIR_BROKEN));
	memset(loader.cell[PROC_LOADER]->last_words, 0x1b, SEG_WORDS_BYTES);
	atomic_store(&loader.cell[PROC_LOADER]->state, 77);
	ck_assert_int_eq(ctl_of(made.instance, "adapters", NULL), 0);
	ck_assert_int_eq(ctl_of(made.instance, "processes", NULL), 0);
	ck_assert_int_eq(ctl_of(made.instance, "overview", NULL), 0);
}
END_TEST

Suite *
suite_ctl(void)
{
	Suite *s = suite_create("ctl");
	TCase *t = tcase_create("pages"), *a = tcase_create("arrivals"),
	      *i = tcase_create("instances");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_table_has_as_many_words_a_line_as_columns);
	tcase_add_test(t, a_table_of_nothing_has_its_header);
	tcase_add_test(t, rows_are_sorted_as_numbers_and_filtered_by_any_cell);
	tcase_add_test(t, a_page_says_where_the_time_went);
	tcase_add_test(t, one_that_never_ran_is_explained_too);
	tcase_add_test(t, the_object_has_the_parts_that_add_up);
	tcase_add_test(t, an_open_one_says_what_it_waits_for);
	tcase_add_test(t, ids_are_known_as_they_are_typed);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(a, begin, end);
	tcase_add_test(a, a_recorded_trace_is_read_by_the_simulator);
	tcase_add_test(a, what_is_not_taken_is_counted);
	tcase_add_test(a, another_life_of_the_instance_counts_anew);
	tcase_add_test(a, requests_in_flight_are_told_from_later_ones);
	suite_add_tcase(s, a);
	tcase_add_checked_fixture(i, make, drop);
	tcase_add_test(i, no_such_instance_ends_with_three);
	tcase_add_test(i,
	    an_instance_whose_supervisor_has_gone_is_named_as_dead);
	tcase_add_test(i, another_version_ends_with_four);
	tcase_add_test(i,
	    what_an_engine_has_left_can_be_looked_at_but_not_asked);
	tcase_add_test(i, misuse_ends_with_two);
	tcase_add_test(i, texts_of_others_do_no_harm);
	suite_add_tcase(s, i);
	return s;
}

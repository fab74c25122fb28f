/* The metrics: a page that Prometheus can read, of numbers that are true. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/metrics.h"
#include "shm/word.h"
#include "tests/unit/instance.h"

static struct segs made, as[PROC_COUNT];
static struct sight sight;
static struct page page;
static struct conf conf;

static void
list(uint32_t a, const char *name, enum dir_state state)
{
	struct segs *g = &as[PROC_LOADER];

	snprintf(g->info[a].name, DIR_NAME_MAX, "%s", name);
	g->info[a].version = 1;
	g->info[a].bytes = 1000;
	g->info[a].listed_ns = clock_mono();
	atomic_store(&g->entry[a], dir_entry(a + 1, state));
	atomic_store(&as[PROC_SCHEDULER].uses[a].serial, a + 1);
}

static void
use(uint32_t a, uint32_t hits)
{
	atomic_fetch_add(&as[PROC_SCHEDULER].uses[a].hits, hits);
	atomic_fetch_add(&as[PROC_SCHEDULER].told_sums->count[TOLD_HITS], hits);
}

static void
make(void)
{
	conf_defaults(&conf);
	conf.metrics_per_adapter = 2;
	instance_make(&made, &conf);
	made.supervisor->settings_bytes = sizeof(conf);
	for (int i = 0; i < PROC_COUNT; i++)
		ck_assert_int_eq(segs_open(&as[i], made.instance,
				     (enum proc_id)i),
		    0);
	sight_open(&sight, &as[PROC_MONITOR]);
	memset(&page, 0, sizeof(page));
}

static void
drop(void)
{
	page_free(&page);
	sight_close(&sight);
	for (int i = 0; i < PROC_COUNT; i++)
		segs_close(&as[i]);
	instance_end(&made);
}

static const char *
written(void)
{
	page_free(&page);
	ck_assert_int_eq(sight_look(&sight), 0);
	metrics_page(&sight, &page);
	page_text(&page, "");
	ck_assert(!page.broken);
	page.at = realloc(page.at, page.used + 1);
	page.at[page.used] = '\0';
	return page.at;
}

/* The value of the sample that begins so; NAN: there is none. */
static double
value(const char *sample)
{
	char start[256];
	const char *at;

	snprintf(start, sizeof(start), "\n%s ", sample);
	at = strstr(page.at, start);
	return at == NULL ? (double)NAN : atof(at + strlen(start));
}

static double
hits(const char *adapter)
{
	char sample[160];

	snprintf(sample, sizeof(sample),
	    "chameleon_per_adapter_hits_total{adapter=\"%s\"}", adapter);
	return value(sample);
}

START_TEST(label_values_and_help_are_escaped)
{
	page_family(&page, "x", "gauge", "a\\b\nc \"d\"");
	page_begin(&page, "x", "");
	page_label(&page, "k", "a\"b\\c\nd");
	page_labels(&page, "reason=kv,way=out");
	page_end(&page, 0.25);
	page_begin(&page, "x", "_sum");
	page_end(&page, INFINITY);
	page_text(&page, "");
	ck_assert_int_eq((int)page.used,
	    (int)strlen("# HELP x a\\\\b\\nc \"d\"\n# TYPE x gauge\n"
			"x{k=\"a\\\"b\\\\c\\nd\",reason=\"kv\",way=\"out\"} "
			"0.25\nx_sum +Inf\n"));
	ck_assert(strncmp(page.at,
		      "# HELP x a\\\\b\\nc \"d\"\n# TYPE x gauge\n"
		      "x{k=\"a\\\"b\\\\c\\nd\",reason=\"kv\",way=\"out\"} "
		      "0.25\nx_sum +Inf\n",
		      page.used) == 0);
}
END_TEST

START_TEST(numbers_are_exact)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = { { 0, "0" }, { 1, "1" },
		{ 9007199254740992.0, "9007199254740992" }, { 0.001, "0.001" },
		{ 7.5, "7.5" }, { -3, "-3" }, { INFINITY, "+Inf" },
		{ 1795667447, "1795667447" } };
	char text[PAGE_NUMBER_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(page_number(text, rows[i].value),
		    rows[i].text);
}
END_TEST

START_TEST(every_edge_that_is_shown_is_an_edge_of_the_histograms)
{
	for (int e = 0; e < EDGES_COUNT; e++)
		for (int i = 0; i < metrics_edges[e].count; i++) {
			enum histogram_kind kind = metrics_edges[e].kind;
			uint64_t edge = metrics_edge(e, i);
			int b = histogram_bucket(kind, edge);

			ck_assert_msg(b < HISTOGRAM_EDGES &&
				histogram_edges[kind][b] == edge,
			    "%s: %g", metrics_edges[e].name,
			    metrics_edges[e].at[i]);
			ck_assert(i == 0 || metrics_edge(e, i - 1) < edge);
		}
}
END_TEST

START_TEST(rows_and_edges_are_of_one_kind_and_families_are_named_once)
{
	for (uint32_t i = 0; i < metrics_count; i++) {
		const struct metrics_row *r = &metrics_rows[i];

		if (r->kind == ROW_SPREAD)
			ck_assert_int_eq(histogram_rows[r->histogram].kind,
			    metrics_edges[r->edges].kind);
		if (r->kind != ROW_FAMILY)
			continue;
		ck_assert_msg(i + 1 < metrics_count &&
			metrics_rows[i + 1].kind != ROW_FAMILY,
		    "%s has no samples", r->text);
		for (uint32_t k = 0; k < i; k++)
			ck_assert_msg(metrics_rows[k].kind != ROW_FAMILY ||
				strcmp(metrics_rows[k].text, r->text) != 0,
			    "%s is there twice", r->text);
	}
}
END_TEST

#define TTFT "vllm:time_to_first_token_seconds"
#define PEER "model_name=\"demo\",engine=\"0\""

START_TEST(buckets_are_exact_sums_up_to_their_edge)
{
	struct histogram *h = as[PROC_FRONTEND]
				  .histogram[HISTOGRAM_FRONTEND_ttft];

	histogram_add(h, HISTOGRAM_TIME, 1, 1);
	histogram_add(h, HISTOGRAM_TIME, 5 * MILLISECOND, 2);
	histogram_add(h, HISTOGRAM_TIME, 5 * MILLISECOND + 1, 3);
	histogram_add(h, HISTOGRAM_TIME, 9000 * SECOND, 1);
	(void)written();
	ck_assert(value(TTFT "_bucket{" PEER ",le=\"0.001\"}") == 1);
	ck_assert(value(TTFT "_bucket{" PEER ",le=\"0.005\"}") == 3);
	ck_assert(value(TTFT "_bucket{" PEER ",le=\"0.01\"}") == 6);
	ck_assert(value(TTFT "_bucket{" PEER ",le=\"2560\"}") == 6);
	ck_assert(value(TTFT "_bucket{" PEER ",le=\"+Inf\"}") == 7);
	ck_assert(value(TTFT "_count{" PEER "}") == 7);
	ck_assert(fabs(value(TTFT "_sum{" PEER "}") - 9000.025) < 1e-3);
}
END_TEST

START_TEST(tokens_end_at_the_context)
{
	(void)written();
	ck_assert(value("vllm:request_prompt_tokens_bucket{" PEER
			",le=\"50\"}") == 0);
	ck_assert(isnan(
	    value("vllm:request_prompt_tokens_bucket{" PEER ",le=\"100\"}")));
	ck_assert(value("vllm:request_prompt_tokens_bucket{" PEER
			",le=\"+Inf\"}") == 0);
}
END_TEST

START_TEST(vllms_names_are_left_out_when_nobody_wants_them)
{
	ck_assert_ptr_nonnull(strstr(written(), "vllm:num_requests_running"));
	strcpy(conf.metrics_vllm_names, "no");
	(void)sheet_write(&made.supervisor->settings, &conf, sizeof(conf));
	ck_assert_ptr_null(strstr(written(), "vllm:"));
	ck_assert_ptr_nonnull(strstr(page.at, "\nchameleon_up"));
}
END_TEST

START_TEST(those_used_most_have_series_of_their_own_and_the_rest_is_other)
{
	list(0, "a", DIR_LISTED);
	list(1, "b", DIR_LISTED);
	list(2, "c", DIR_LISTED);
	list(3, "d", DIR_LISTED);
	use(0, 1), use(1, 20), use(2, 3), use(3, 40);
	(void)written();
	ck_assert(isnan(hits("a")));
	ck_assert(hits("b") == 20);
	ck_assert(isnan(hits("c")));
	ck_assert(hits("d") == 40);
	ck_assert(hits("other") == 4);
}
END_TEST

START_TEST(no_counter_falls_when_others_are_used_more)
{
	list(0, "a", DIR_LISTED);
	list(1, "b", DIR_LISTED);
	list(2, "c", DIR_LISTED);
	use(0, 10), use(1, 5), use(2, 1);
	(void)written();
	ck_assert(hits("b") == 5);
	use(2, 100);
	(void)written();
	/* What c did before it was chosen is in the rest, and stays there. */
	ck_assert(hits("a") == 10);
	ck_assert(isnan(hits("b")));
	ck_assert(hits("c") == 0);
	ck_assert(hits("other") == 101);
	use(0, 1), use(1, 2), use(2, 3);
	(void)written();
	ck_assert(hits("a") == 11);
	ck_assert(hits("c") == 3);
	ck_assert(hits("other") == 103);
	/* And b goes on from where it was. */
	use(1, 1000);
	(void)written();
	ck_assert(hits("other") == 1103);
	use(1, 7);
	(void)written();
	ck_assert(hits("b") == 12);
	ck_assert(hits("other") == 1103);
}
END_TEST

START_TEST(counters_go_on_in_a_new_monitor)
{
	list(0, "a", DIR_LISTED);
	list(1, "b", DIR_LISTED);
	list(2, "c", DIR_LISTED);
	use(0, 10), use(1, 5), use(2, 1);
	(void)written();
	use(2, 100);
	(void)written();
	use(2, 4);
	sight_close(&sight);
	sight_open(&sight, &as[PROC_MONITOR]);
	(void)written();
	ck_assert(hits("a") == 10);
	ck_assert(hits("c") == 4);
	ck_assert(hits("other") == 101);
}
END_TEST

START_TEST(
    an_adapter_that_is_new_where_there_is_room_is_told_from_its_first_use)
{
	list(0, "a", DIR_LISTED);
	(void)written();
	list(1, "b", DIR_LISTED);
	use(1, 3);
	(void)written();
	ck_assert(hits("b") == 3);
	ck_assert(hits("other") == 0);
}
END_TEST

START_TEST(a_name_has_one_series)
{
	list(0, "a", DIR_RETIRED);
	list(1, "a", DIR_LISTED);
	list(2, "other", DIR_LISTED);
	list(3, "a", DIR_LISTED); /* which cannot be */
	atomic_store(&as[PROC_SCHEDULER].uses[0].running, 1);
	use(0, 1), use(1, 2), use(2, 4), use(3, 8);
	(void)written();
	ck_assert(hits("a") == 2 || hits("a") == 8);
	ck_assert(hits("other") == 5);
	ck_assert_ptr_null(strstr(strstr(page.at,
				      "\nchameleon_per_adapter_hits_total{"
				      "adapter=\"a\"}") +
		1,
	    "\nchameleon_per_adapter_hits_total{adapter=\"a\"}"));
}
END_TEST

START_TEST(an_index_that_is_used_again_begins_anew)
{
	list(0, "a", DIR_LISTED);
	use(0, 5);
	(void)written();
	ck_assert(hits("a") == 5);
	list(0, "z", DIR_LISTED);
	atomic_store(&as[PROC_SCHEDULER].uses[0].hits, 0);
	use(0, 2);
	(void)written();
	ck_assert(isnan(hits("a")));
	ck_assert(hits("z") == 2);
}
END_TEST

/* Which place_word an adapter has on the device. */
static void
put(uint32_t a, nsec used_ns)
{
	word_store_place(&as[PROC_SCHEDULER].want[a],
	    (struct place_word){ 1, WANT_IN, 0, 0 });
	word_store_place(&as[PROC_LOADER].have[a],
	    (struct place_word){ 1, HAVE_RESIDENT, 0, 0 });
	atomic_store(&as[PROC_SCHEDULER].uses[a].used_ns, used_ns);
}

START_TEST(resident_adapters_are_listed_by_last_use)
{
	nsec since;

	list(0, "a", DIR_LISTED);
	list(1, "b", DIR_LISTED);
	list(2, "c", DIR_LISTED);
	put(0, 5 * SECOND), put(1, 7 * SECOND), put(2, 0);
	atomic_store(&as[PROC_SCHEDULER].uses[2].waiting, 1);
	ck_assert_ptr_nonnull(strstr(written(),
	    "running_lora_adapters=\"b,a,c\",waiting_lora_adapters=\"c\"}"));
	since = sight.lora.since_ns;
	(void)written();
	ck_assert_int_eq(sight.lora.since_ns, since);
	put(2, 9 * SECOND);
	ck_assert_ptr_nonnull(
	    strstr(written(), "running_lora_adapters=\"c,b,a\""));
	ck_assert_int_gt(sight.lora.since_ns, since);
}
END_TEST

/* 4 chunks of 64 KiB; an adapter of 1000 bytes takes a place of 1024. */
START_TEST(the_working_set_is_what_a_minute_used_over_what_there_is_for_it)
{
	struct sight *v = &sight;

	list(0, "a", DIR_LISTED);
	list(1, "b", DIR_LISTED);
	list(2, "c", DIR_BROKEN);
	(void)written();
	ck_assert(value("chameleon_working_set_ratio") == 0);
	v->snap.adapter[0].used_ns = 60 * SECOND;
	v->snap.adapter[1].used_ns = 61 * SECOND;
	v->snap.adapter[2].waiting = 1;
	ck_assert_int_eq(sight_think(v), 0);
	ck_assert(v->wanted_bytes == 1024);
	v->snap.adapter[1].waiting = 1;
	ck_assert_int_eq(sight_think(v), 0);
	ck_assert(v->wanted_bytes == 2048);
	ck_assert(v->tier[TIER_BROKEN].adapters == 1);
	ck_assert(v->tier[TIER_DISK].bytes == 2000);
}
END_TEST

#define STATE(state)                                                           \
	value("chameleon_role_state{role=\"loader\",state=\"" state "\"}")

START_TEST(a_process_that_was_reaped_is_dead_whatever_it_said)
{
	atomic_store(&as[PROC_LOADER].cell[PROC_LOADER]->state, CELL_RUN);
	(void)written();
	ck_assert(STATE("run") == 0);
	ck_assert(STATE("dead") == 1);
	ck_assert(value("chameleon_up") == 0);
	atomic_store(&as[PROC_LOADER].cell[PROC_LOADER]->state, CELL_DONE);
	(void)written();
	ck_assert(STATE("done") == 1);
}
END_TEST

START_TEST(docs_metrics_md_is_what_the_table_makes)
{
	char *made_text = NULL, *there;
	size_t n = 0, got;
	FILE *f = open_memstream(&made_text, &n);

	metrics_guide(f);
	fclose(f);
	there = calloc(1, n + 2);
	f = fopen("docs/METRICS.md", "r");
	ck_assert_ptr_nonnull(f);
	got = fread(there, 1, n + 1, f);
	fclose(f);
	ck_assert_msg(got == n && memcmp(there, made_text, n) == 0,
	    "docs/METRICS.md is old: run 'make metrics-doc'");
	free(there);
	free(made_text);
}
END_TEST

Suite *suite_metrics(void);
Suite *
suite_metrics(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, make, drop);
	tcase_add_test(t, label_values_and_help_are_escaped);
	tcase_add_test(t, numbers_are_exact);
	tcase_add_test(t,
	    every_edge_that_is_shown_is_an_edge_of_the_histograms);
	tcase_add_test(t,
	    rows_and_edges_are_of_one_kind_and_families_are_named_once);
	tcase_add_test(t, buckets_are_exact_sums_up_to_their_edge);
	tcase_add_test(t, tokens_end_at_the_context);
	tcase_add_test(t, vllms_names_are_left_out_when_nobody_wants_them);
	tcase_add_test(t,
	    those_used_most_have_series_of_their_own_and_the_rest_is_other);
	tcase_add_test(t, no_counter_falls_when_others_are_used_more);
	tcase_add_test(t, counters_go_on_in_a_new_monitor);
	tcase_add_test(t,
	    an_adapter_that_is_new_where_there_is_room_is_told_from_its_first_use);
	tcase_add_test(t, a_name_has_one_series);
	tcase_add_test(t, an_index_that_is_used_again_begins_anew);
	tcase_add_test(t, resident_adapters_are_listed_by_last_use);
	tcase_add_test(t,
	    the_working_set_is_what_a_minute_used_over_what_there_is_for_it);
	tcase_add_test(t, a_process_that_was_reaped_is_dead_whatever_it_said);
	tcase_add_test(t, docs_metrics_md_is_what_the_table_makes);
	suite_add_tcase(s, t);
	return s;
}

/* sim/cost.h: a cost model says all its terms, and no others. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "sim/cost.h"
#include "tests/unit/sim_rig.h"

Suite *suite_sim_cost(void);

static char path[64];
static struct sim_cost c;

static void
set_up(void)
{
	int fd;

	rig_open();
	strcpy(path, "/tmp/chameleon-cost.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
tear_down(void)
{
	unlink(path);
	rig_close();
}

/* The rig's model as a file without comments, the line of one term replaced;
 * NULL: none, "": left out. */
static void
write_model(const char *term, const char *line)
{
	char *text;
	size_t n;
	FILE *m = open_memstream(&text, &n), *f = fopen(path, "w");

	ck_assert_ptr_nonnull(m);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(sim_cost_print(&rig.cost, m), 0);
	fclose(m);
	for (char *s = strtok(text, "\n"); s != NULL; s = strtok(NULL, "\n")) {
		bool it = term != NULL && strncmp(s, term, strlen(term)) == 0;

		if (*s == '#')
			continue;
		fputs(it ? line : s, f);
		fputs(it && *line == '\0' ? "" : "\n", f);
	}
	fclose(f);
	free(text);
}

/* What is said of the file, behind its name. */
static const char *
complaint(void)
{
	ck_assert_int_eq(sim_cost_read(&c, path), ERR_FORMAT);
	ck_assert_int_eq(err_code(), ERR_FORMAT);
	ck_assert_int_eq(strncmp(err_text(), path, strlen(path)), 0);
	return err_text() + strlen(path);
}

#define says(text)                                                             \
	do {                                                                   \
		const char *said = complaint();                                \
		ck_assert_msg(strncmp(said, text, strlen(text)) == 0, "%s",    \
		    said);                                                     \
	} while (0)

START_TEST(what_is_printed_reads_back)
{
	FILE *f = fopen(path, "w");

	rig_cost("prefill_token_ms", 0.1 + 0.2);
	rig_cost("pool_bytes", 123456789012345);
	ck_assert_int_eq(sim_cost_print(&rig.cost, f), 0);
	fclose(f);
	ck_assert_int_eq(sim_cost_read(&c, path), 0);
	ck_assert_int_eq(memcmp(&c, &rig.cost, sizeof(c)), 0);
}
END_TEST

START_TEST(a_missing_term_is_named_with_what_is_wanted)
{
	write_model("prefill_token_ms", "");
	says(":28: 'prefill_token_ms' is missing: want 0..1e+06 ms; ");
	write_model("name", "");
	says(":28: 'name' is missing");
}
END_TEST

START_TEST(an_unknown_term_is_refused_with_its_line)
{
	write_model("decode_row_ms", "decode_rows_ms: 1");
	says(":5: no cost term 'decode_rows_ms'; did you mean "
	     "'decode_row_ms'?");
	write_model("decode_row_ms", "colour: 1");
	says(":5: no cost term 'colour'");
}
END_TEST

START_TEST(a_bad_number_is_refused_with_its_line)
{
	write_model("batch_max", "batch_max: many");
	says(":14: batch_max: 'many': want a number, 1..4096 requests");
	write_model("batch_max", "batch_max: 8 or 9");
	says(":14: batch_max: '8 or 9': want");
	write_model("batch_max", "batch_max: .nan");
	says(":14: batch_max: '.nan': want");
	write_model("batch_max", "batch_max:");
	says(":14: batch_max: '': want");
}
END_TEST

START_TEST(a_number_out_of_range_is_refused_with_its_line)
{
	write_model("batch_max", "batch_max: 4097");
	says(":14: batch_max: 4097: want a whole number 1..4096 requests");
	write_model("batch_max", "batch_max: 2.5");
	says(":14: batch_max: 2.5: want a whole number 1..4096 requests");
	write_model("load_stall_factor", "load_stall_factor: 1001");
	says(":20: load_stall_factor: 1001: want 0..1000 ratio");
	write_model("step_fixed_ms", "step_fixed_ms: -1");
	says(":2: step_fixed_ms: -1: want 0..1000000 ms");
}
END_TEST

START_TEST(a_term_has_one_value)
{
	write_model("batch_max", "batch_max: 8\nbatch_max: 8");
	says(":15: batch_max: set twice");
	write_model("name", "name: a\nname: b");
	says(":2: name: set twice");
	write_model("batch_max", "batch_max: [8]");
	says(":14: a list; every term has one value");
	write_model("batch_max", "batch_max: {a: 8}");
	says(":14: want a number here, not a section");
	write_model("name", "name: two words");
	says(":1: name: want 1 to 63 of the letters");
	write_model("batch_max", "batch_max: 'x");
	says(":29: not YAML: found unexpected end of stream");
}
END_TEST

START_TEST(bytes_may_be_written_with_a_unit)
{
	write_model("pool_bytes", "pool_bytes: 7000MiB");
	ck_assert_int_eq(sim_cost_read(&c, path), 0);
	ck_assert_double_eq_tol(c.pool_bytes, 7000.0 * 1048576, 0.5);
	write_model("load_read_ms", "load_read_ms: 1k");
	says(":18: load_read_ms: '1k': want a number");
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
	ck_assert_int_eq(sim_cost_read(&c, "/nowhere/x.yaml"), ERR_NOT_FOUND);
	write_model(NULL, NULL);
	ck_assert_int_eq(truncate(path, 0), 0);
	says(":1: 'name' is missing");
}
END_TEST

START_TEST(a_term_is_set_by_name_within_its_range)
{
	ck_assert_int_eq(sim_cost_set(&c, "load_read_ms", 4.5), 0);
	ck_assert_double_eq_tol(c.load_read_ms, 4.5, 1e-12);
	ck_assert_int_eq(sim_cost_set(&c, "load_read", 4.5), ERR_USAGE);
	ck_assert_int_eq(sim_cost_set(&c, "load_read_ms", -1), ERR_USAGE);
	ck_assert_int_eq(sim_cost_set(&c, "slots", 1), ERR_USAGE);
}
END_TEST

/* Arithmetic of a step where prompts share it. */
START_TEST(a_mixed_step_has_both_fixed_parts)
{
	struct sim_step s = { .decode_rows = 2, .prompt_tokens = 3 };

	rig_cost("mixed_steps", 1);
	ck_assert_int_eq(sim_cost_step(&rig.cost, &s),
	    (10 + 5 + 2 + 3) * MILLISECOND);
	s.decode_rows = 0;
	ck_assert_int_eq(sim_cost_step(&rig.cost, &s),
	    (10 + 5 + 3) * MILLISECOND);
	rig_cost("mixed_steps", 0);
	ck_assert_int_eq(sim_cost_step(&rig.cost, &s), (5 + 3) * MILLISECOND);
}
END_TEST

/* The paper's figure 2: an idle machine, a prompt of some 320 tokens, each byte
 * copied twice. */
START_TEST(the_a40_model_shows_the_times_of_figure_2)
{
	static const double rank[] = { 8, 16, 32, 64, 128 };
	static const double ttft_ms[] = { 74, 78, 88, 107, 144 };

	ck_assert_int_eq(sim_cost_read(&rig.cost, "etc/sim/a40-llama7b.yaml"),
	    0);
	rig_set("loader.link_copies", "2");
	for (int i = 0; i < 5; i++) {
		rig_rank((uint32_t)i, (int32_t)rank[i]);
		rig_ask(i * 10000.0, i, 320, 20);
	}
	rig_run();
	for (int i = 0; i < 5; i++)
		ck_assert_double_eq_tol(rig_first(i) - i * 10000.0, ttft_ms[i],
		    1);
	ck_assert_double_eq_tol(rig_last(0) - rig_first(0), 19 * 46, 8);
}
END_TEST

Suite *
suite_sim_cost(void)
{
	Suite *s = suite_create("sim_cost");
	TCase *t = tcase_create("cost");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_is_printed_reads_back);
	tcase_add_test(t, a_missing_term_is_named_with_what_is_wanted);
	tcase_add_test(t, an_unknown_term_is_refused_with_its_line);
	tcase_add_test(t, a_bad_number_is_refused_with_its_line);
	tcase_add_test(t, a_number_out_of_range_is_refused_with_its_line);
	tcase_add_test(t, a_term_has_one_value);
	tcase_add_test(t, bytes_may_be_written_with_a_unit);
	tcase_add_test(t, a_file_that_is_not_there);
	tcase_add_test(t, a_term_is_set_by_name_within_its_range);
	tcase_add_test(t, a_mixed_step_has_both_fixed_parts);
	tcase_add_test(t, the_a40_model_shows_the_times_of_figure_2);
	suite_add_tcase(s, t);
	return s;
}

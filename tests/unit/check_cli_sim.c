/* cli/study.h and `chameleon sim`: options, the load within the SLO, and
 * results that repeat themselves. */
#include "base/err.h"
#include "cli/cmd.h"
#include "cli/study.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- parts ---- */

START_TEST(a_sweep_has_both_its_ends)
{
	struct study s = { 0 };

	ck_assert_int_eq(study_parse_sweep(&s, "rps=5:13:0.5"), 0);
	ck_assert_uint_eq(s.nloads, 17);
	ck_assert(s.loads[0] == 5 && s.loads[16] == 13 && s.sweep);
	free(s.loads);
	ck_assert_int_eq(study_parse_sweep(&s, "rps=0.1:0.7:0.1"), 0);
	ck_assert_uint_eq(s.nloads, 7);
	free(s.loads);
	ck_assert_int_eq(study_parse_sweep(&s, "rps=4:4:1"), 0);
	ck_assert_uint_eq(s.nloads, 1);
	free(s.loads);
}
END_TEST

START_TEST(a_sweep_that_is_none_is_refused)
{
	static const char *const bad[] = { "", "rps", "rps=", "rps=5",
		"rps=5:6", "rps=6:5:1", "rps=5:6:0", "rps=5:6:-1", "rps=0:6:1",
		"rps=5:6:1:2", "rps=5:6:x", "rps=nan:6:1", "rps=5:inf:1",
		"zipf=0:1:1", "5:13:1", "rps=1:1e9:1" };
	struct study s = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(study_parse_sweep(&s, bad[i]) == ERR_USAGE, "%s",
		    bad[i]);
		ck_assert_ptr_nonnull(strstr(err_text(), "--sweep "));
	}
}
END_TEST

START_TEST(laws_are_parsed_or_refused)
{
	struct sim_work_options o = { 0 };

	ck_assert_int_eq(study_parse_arrivals(&o, "gamma:2.5"), 0);
	ck_assert(o.arrivals == SIM_GAMMA && o.gamma_cv == 2.5);
	ck_assert_int_eq(study_parse_arrivals(&o, "bursts:2:8"), 0);
	ck_assert(o.arrivals == SIM_BURSTS && o.on_s == 2 && o.off_s == 8);
	ck_assert_int_eq(study_parse_arrivals(&o, "trace"), 0);
	ck_assert_int_eq(study_parse_arrivals(&o, "poisson"), 0);
	ck_assert_int_eq(o.arrivals, SIM_POISSON);
	ck_assert_int_eq(study_parse_arrivals(&o, "gamma"), ERR_USAGE);
	ck_assert_int_eq(study_parse_arrivals(&o, "gamma:x"), ERR_USAGE);
	ck_assert_int_eq(study_parse_arrivals(&o, "bursts:2"), ERR_USAGE);
	ck_assert_int_eq(study_parse_lengths(&o, "lmsys"), 0);
	ck_assert_int_eq(o.lengths, SIM_LMSYS);
	ck_assert_int_eq(study_parse_lengths(&o, "uniform:3:9"), 0);
	ck_assert(o.lengths == SIM_UNIFORM && o.uniform_least == 3 &&
	    o.uniform_most == 9);
	ck_assert_int_eq(study_parse_lengths(&o, "uniform:9:3"), ERR_USAGE);
	ck_assert_int_eq(study_parse_lengths(&o, "uniform:0:3"), ERR_USAGE);
	ck_assert_int_eq(study_parse_lengths(&o, "wildchat"), ERR_USAGE);
	ck_assert_int_eq(study_parse_max_tokens(&o, "output"), 0);
	ck_assert(o.max_is_output);
	ck_assert_int_eq(study_parse_max_tokens(&o, "128"), 0);
	ck_assert_uint_eq(o.max_tokens, 128);
	ck_assert_int_eq(study_parse_max_tokens(&o, "0"), ERR_USAGE);
	ck_assert_int_eq(study_parse_max_tokens(&o, "1.5"), ERR_USAGE);
}
END_TEST

START_TEST(the_load_within_the_slo_lies_between_two_points)
{
	static const double loads[] = { 5, 6, 7, 8 };
	static const double rising[] = { 1, 2, 6, 3 };
	static const double failing[] = { 1, 2, INFINITY, INFINITY };
	int edge;

	ck_assert(study_knee_of(loads, rising, 4, 5, &edge) == 6.75);
	ck_assert_int_eq(edge, 0);
	ck_assert(study_knee_of(loads, failing, 4, 5, &edge) == 6);
	ck_assert_int_eq(edge, 0);
	ck_assert(study_knee_of(loads, rising, 4, 0.5, &edge) == 5);
	ck_assert_int_eq(edge, -1);
	ck_assert(study_knee_of(loads, rising, 4, 6, &edge) == 8);
	ck_assert_int_eq(edge, 1);
}
END_TEST

START_TEST(confidence_is_students)
{
	static const double x[] = { 1, 2, 3, 4, 5 };
	double half;

	ck_assert(study_mean(x, 5, &half) == 3);
	ck_assert(fabs(half - 2.776 * sqrt(2.5 / 5)) < 1e-9);
	ck_assert(study_mean(x, 1, &half) == 1 && half == 0);
}
END_TEST

START_TEST(failed_requests_are_never_in_time)
{
	struct study_run r = { .sum = { .requests = 200, .completed = 199 } };

	r.sum.ttft.p99 = 7;
	r.sum.failed = 1;
	ck_assert(study_p99(&r) == 7);
	r.sum.failed = 2;
	ck_assert(isinf(study_p99(&r)));
}
END_TEST

/* ---- the command ---- */

#define COST "--cost etc/sim/a40-llama7b.yaml "
#define PLAIN                                                                  \
	COST "--system s-lora --set policy.admission=fifo "                    \
	     "--set policy.eviction=lru --set policy.predictor=max_tokens "    \
	     "--length-scale 0.125 --requests 300 "

static char dir[64], said[1 << 14];

static void
set_up(void)
{
	strcpy(dir, "/tmp/chameleon-sim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
tear_down(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", dir);
	ck_assert_int_eq(system(line), 0);
}

static const char *
in_dir(const char *name)
{
	static char path[4][128];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

/* The whole of a small file, ended with 0. */
static char *
whole(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, (1 << 20) - 1, f), (1 << 20) - 1);
	fclose(f);
	return text;
}

/* Runs `chameleon sim` in a child with words, blanks between; what it said
 * is in said[].  Its exit status. */
static int
sim(const char *fmt, ...)
{
	char line[2048], *argv[64] = { NULL }, *text;
	int argc = 0, status;
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	argv[argc++] = line + strlen(line); /* the program's name: "" */
	for (char *w = strtok(line, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = w;
	fflush(NULL);
	if (fork() == 0) {
		(void)!freopen(in_dir("said"), "w", stderr);
		(void)!freopen("/dev/null", "w", stdout);
		exit(cmd_sim(argc, argv));
	}
	ck_assert_int_gt(wait(&status), 0);
	text = whole(in_dir("said"));
	snprintf(said, sizeof(said), "%s", text);
	free(text);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(misuse_ends_with_2_and_a_sentence)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "", "want --cost FILE" },
		{ "--cost /nonexistent.yaml --system s-lora --poisson 5",
		    "/nonexistent.yaml" },
		{ COST "--poisson 5 --set scheduler.batch_max=1",
		    "--cost-set" },
		{ COST "--poisson 5 --system s-lorra",
		    "did you mean 's-lora'?  Known: default, s-lora, "
		    "s-lora-sjf" },
		{ COST "--system s-lora", "want --trace CSV or --poisson RPS" },
		{ COST "--system s-lora --poisson 0", "want a number over 0" },
		{ COST "--system s-lora --poisson 5 --rps 5", "one of them" },
		{ COST "--system s-lora --rps 5 --arrivals trace",
		    "want a trace" },
		{ COST "--system s-lora --trace /nonexistent.csv",
		    "/nonexistent.csv" },
		{ COST "--system s-lora --sweep rps=13:5:1", "--sweep rps=" },
		{ COST "--system s-lora --rps 5 --arrivals never",
		    "want trace" },
		{ COST "--system s-lora --rps 5 --ranks 8,x", "ranks '8,x'" },
		{ COST "--system s-lora --rps 5 --set policy.eviction=best",
		    "want one of chameleon|" },
		{ COST "--system s-lora --rps 5 --cost-set speed=1", "speed" },
		{ COST "--system s-lora --rps 5 --cost-set load_read_ms",
		    "want term=value" },
		{ PLAIN "--rps 5 --warm-up 1e6", "no request comes after" },
		{ COST "--system s-lora --rps 5 --seeds 0", "--seeds 0" },
		{ COST "--system s-lora --rps 5 --wram-up 3",
		    "did you mean --warm-up?" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = sim("%s", bad[i].line);

		ck_assert_msg(status == CMD_MISUSED, "%s: %d", bad[i].line,
		    status);
		ck_assert_msg(strstr(said, bad[i].says) != NULL, "%s: %s",
		    bad[i].line, said);
		ck_assert_int_eq(strncmp(said, "chameleon: ", 11), 0);
	}
}
END_TEST

START_TEST(what_cannot_be_written_ends_with_1)
{
	ck_assert_int_eq(sim(PLAIN "--poisson 2 --json /nonexistent/x"),
	    CMD_FAILED);
	ck_assert_ptr_nonnull(strstr(said, "/nonexistent/x"));
}
END_TEST

START_TEST(a_bad_trace_is_named_with_its_line)
{
	FILE *f = fopen(in_dir("trace.csv"), "w");

	fputs("0,10,10\n1,ten,10\n", f);
	fclose(f);
	ck_assert_int_eq(sim(PLAIN "--trace %s", in_dir("trace.csv")),
	    CMD_FAILED);
	ck_assert_ptr_nonnull(strstr(said, "trace.csv:2: 'ten': want"));
}
END_TEST

static json_t *
result(const char *name)
{
	json_t *j = json_load_file(in_dir(name), 0, NULL);

	ck_assert_msg(j != NULL, "%s: no JSON", name);
	return j;
}

static double
number(json_t *j, const char *key)
{
	ck_assert_msg(json_is_number(json_object_get(j, key)), "%s", key);
	return json_number_value(json_object_get(j, key));
}

START_TEST(a_result_has_what_bench_gives_and_what_it_depends_on)
{
	static const char *const keys[] = { "requests", "completed", "failed",
		"duration_s", "throughput_rps", "tokens_per_s", "hit_rate",
		"loads", "load_bytes", "squashed", "worst_wait_ms", "seed",
		"rps", "slo_ms" };
	static const char *const times[] = { "ttft_ms", "tbt_ms", "e2e_ms" };
	json_t *j, *cost;

	ck_assert_int_eq(sim(PLAIN "--poisson 4 --seed 9 --json %s",
			     in_dir("a.json")),
	    CMD_OK);
	j = result("a.json");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)number(j, keys[i]);
	for (size_t i = 0; i < 3; i++) {
		json_t *t = json_object_get(j, times[i]);

		ck_assert(number(t, "p50") > 0);
		ck_assert(number(t, "p90") <= number(t, "p99"));
		(void)number(t, "mean");
	}
	ck_assert(number(j, "completed") == 300 && number(j, "seed") == 9);
	ck_assert_str_eq(json_string_value(json_object_get(j, "system")),
	    "s-lora");
	cost = json_object_get(j, "cost");
	ck_assert(number(cost, "link_copies") == 2);
	ck_assert(number(cost, "admit_every_steps") == 10);
	(void)number(cost, "load_stall_ms");
	(void)number(cost, "load_stall_factor");
	ck_assert(number(json_object_get(j, "bound"), "wait_ms") >= 0);
	json_decref(j);
}
END_TEST

START_TEST(the_same_seed_writes_the_same_bytes)
{
	static const char *const lines[] = { "--seed 1 ", "--seed 1 ",
		"--seed 2 " };
	char *text[3];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sim(PLAIN "--sweep rps=4:6:1 --seeds 2 %s"
					   "--json %s",
				     lines[i], in_dir("a.json")),
		    CMD_OK);
		text[i] = whole(in_dir("a.json"));
	}
	ck_assert_str_eq(text[0], text[1]);
	ck_assert_str_ne(text[0], text[2]);
	for (int i = 0; i < 3; i++)
		free(text[i]);
}
END_TEST

START_TEST(a_sweep_gives_points_and_the_load_within_the_slo)
{
	json_t *j, *points;
	double knee;

	/* Far over what the machine can do at the end. */
	ck_assert_int_eq(sim(PLAIN "--sweep rps=4:404:200 --seeds 2 --requests "
				   "2000 --json %s --csv %s",
			     in_dir("a.json"), in_dir("a.csv")),
	    CMD_OK);
	j = result("a.json");
	points = json_object_get(j, "points");
	ck_assert_uint_eq(json_array_size(points), 6);
	ck_assert(number(json_array_get(points, 2), "rps") == 204);
	ck_assert(number(json_array_get(points, 3), "seed") == 2);
	knee = number(j, "throughput_at_slo_rps");
	ck_assert(knee > 4 && knee < 204);
	ck_assert_uint_eq(json_array_size(
			      json_object_get(j, "throughput_at_slo_ci")),
	    2);
	json_decref(j);
}
END_TEST

static int
lines_of(const char *path)
{
	char *text = whole(path);
	int n = 0;

	for (char *at = text; *at != '\0'; at++)
		n += *at == '\n';
	free(text);
	return n;
}

START_TEST(rows_are_of_requests_or_of_runs)
{
	ck_assert_int_eq(sim(PLAIN "--poisson 4 --csv %s", in_dir("a.csv")),
	    CMD_OK);
	ck_assert_int_eq(lines_of(in_dir("a.csv")), 301);
	ck_assert_int_eq(sim(PLAIN "--poisson 4 --seeds 3 --csv %s",
			     in_dir("a.csv")),
	    CMD_OK);
	ck_assert_int_eq(lines_of(in_dir("a.csv")), 4);
}
END_TEST

START_TEST(the_slo_is_measured_unless_given_and_set_by_hand_stays)
{
	json_t *j, *policy;
	double slo;

	ck_assert_int_eq(sim(PLAIN "--poisson 4 --json %s", in_dir("a.json")),
	    CMD_OK);
	j = result("a.json");
	slo = number(j, "slo_ms");
	policy = json_object_get(j, "policy");
	/* About 21 tokens of 46 ms, five times. */
	ck_assert_msg(slo > 4000 && slo < 7000, "%g", slo);
	ck_assert(
	    fabs(atof(json_string_value(json_object_get(policy, "slo_ms"))) -
		slo) <= 0.5);
	json_decref(j);
	ck_assert_int_eq(sim(PLAIN "--poisson 4 --slo-ms 900 --set "
				   "policy.slo_ms=800 --json %s",
			     in_dir("a.json")),
	    CMD_OK);
	j = result("a.json");
	policy = json_object_get(j, "policy");
	ck_assert(number(j, "slo_ms") == 900);
	ck_assert_str_eq(json_string_value(json_object_get(policy, "slo_ms")),
	    "800");
	json_decref(j);
}
END_TEST

START_TEST(without_gnuplot_results_and_data_are_written_all_the_same)
{
	struct stat st;

	setenv("PATH", "/nonexistent", 1);
	ck_assert_int_eq(sim(PLAIN "--poisson 4 --json %s --plots %s/plots",
			     in_dir("a.json"), dir),
	    CMD_FAILED);
	setenv("PATH", "/bin:/usr/bin", 1);
	ck_assert_ptr_nonnull(strstr(said, "gnuplot is not installed"));
	json_decref(result("a.json"));
	ck_assert_int_eq(stat(in_dir("plots/ttft-cdf.tsv"), &st), 0);
	ck_assert_int_eq(stat(in_dir("plots/plots.gnuplot"), &st), 0);
}
END_TEST

Suite *suite_cli_sim(void);
Suite *
suite_cli_sim(void)
{
	Suite *s = suite_create("cli_sim");
	TCase *t = tcase_create("cli_sim");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_sweep_has_both_its_ends);
	tcase_add_test(t, a_sweep_that_is_none_is_refused);
	tcase_add_test(t, laws_are_parsed_or_refused);
	tcase_add_test(t, the_load_within_the_slo_lies_between_two_points);
	tcase_add_test(t, confidence_is_students);
	tcase_add_test(t, failed_requests_are_never_in_time);
	tcase_add_test(t, misuse_ends_with_2_and_a_sentence);
	tcase_add_test(t, what_cannot_be_written_ends_with_1);
	tcase_add_test(t, a_bad_trace_is_named_with_its_line);
	tcase_add_test(t, a_result_has_what_bench_gives_and_what_it_depends_on);
	tcase_add_test(t, the_same_seed_writes_the_same_bytes);
	tcase_add_test(t, a_sweep_gives_points_and_the_load_within_the_slo);
	tcase_add_test(t, rows_are_of_requests_or_of_runs);
	tcase_add_test(t,
	    the_slo_is_measured_unless_given_and_set_by_hand_stays);
	tcase_add_test(t,
	    without_gnuplot_results_and_data_are_written_all_the_same);
	suite_add_tcase(s, t);
	return s;
}

/* cli: options from a table, the load of a benchmark, its percentiles, and a
 * connection as lines. */
#include "base/err.h"
#include "cli/bench.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/options.h"

#include <check.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- options ---- */

static bool flag;
static const char *text;
static uint64_t count;
static double real;
static struct cmd_list list;

static const struct cmd_option options[] = {
	{ "flag", CMD_FLAG, &flag, NULL, "help", 'f' },
	{ "text", CMD_TEXT, &text, "TEXT", "help", 't' },
	{ "count", CMD_COUNT, &count, "N", "help", 0 },
	{ "real", CMD_REAL, &real, "X", "help", 0 },
	{ "set", CMD_LIST, &list, "K=V", "help", 's' },
};

static const struct cmd_use use = CMD_USE("test [OPTIONS] WORD...", "A test.",
    options, 0, 2);

/* Words with blanks between; the operands are left in words[1..]. */
static char *words[16];
static int noperands;

static int
parse(const char *line)
{
	static char buf[256];
	int n = 0;

	flag = false;
	text = NULL;
	count = 0;
	real = 0;
	list.n = noperands = 0;
	snprintf(buf, sizeof(buf), "test %s", line);
	for (char *w = strtok(buf, " "); w != NULL; w = strtok(NULL, " "))
		words[n++] = w;
	return cmd_parse(&use, n, words, &noperands);
}

START_TEST(options_are_taken_in_every_form)
{
	ck_assert_int_eq(parse("--text a --count=7 -f --real -1.5 x -sa=b "
			       "--set c=d y"),
	    CMD_GO_ON);
	ck_assert(flag);
	ck_assert_str_eq(text, "a");
	ck_assert_uint_eq(count, 7);
	ck_assert(real == -1.5);
	ck_assert_int_eq(list.n, 2);
	ck_assert_str_eq(list.at[0], "a=b");
	ck_assert_str_eq(list.at[1], "c=d");
	ck_assert_int_eq(noperands, 2);
	ck_assert_str_eq(words[1], "x");
	ck_assert_str_eq(words[2], "y");
}
END_TEST

START_TEST(behind_two_dashes_all_are_operands)
{
	ck_assert_int_eq(parse("-- --text -f"), CMD_GO_ON);
	ck_assert(!flag && text == NULL);
	ck_assert_int_eq(noperands, 2);
	ck_assert_str_eq(words[1], "--text");
	ck_assert_int_eq(parse("-"), CMD_GO_ON);
	ck_assert_str_eq(words[1], "-");
}
END_TEST

START_TEST(misuse_is_said)
{
	static const char *const bad[] = { "--txet a", "--text", "--flag=1",
		"--count -1", "--count 1x", "--count 99999999999999999999",
		"--real nan", "--real x", "-z", "a b c", "--nothing-like-it" };

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse(bad[i]) == CMD_MISUSED, "%s", bad[i]);
	ck_assert_int_eq(parse("--help"), CMD_OK);
}
END_TEST

/* ---- load ---- */

static const struct bench_options plain = {
	.requests = 1000,
	.trace_speed = 1,
	.length_scale = 1,
	.prompt = { 10, 20 },
	.output = { 5, 5 },
	.seed = 3,
};

static const struct sim_names no_names;
static struct sim_named named[10] = { { "a", 8, 1 }, { "b", 8, 2 },
	{ "c", 16, 3 }, { "d", 16, 4 }, { "e", 16, 5 }, { "f", 8, 6 },
	{ "g", 8, 7 }, { "h", 8, 8 }, { "i", 8, 9 }, { "j", 8, 10 } };
static const struct sim_names ten = { named, 10, 10 }, four = { named, 4, 4 };

START_TEST(ranges_and_spreads_are_parsed_or_refused)
{
	struct bench_options o = plain;
	struct bench_range r;

	ck_assert(bench_parse_range("7", &r) && r.least == 7 && r.most == 7);
	ck_assert(bench_parse_range("7:9", &r) && r.least == 7 && r.most == 9);
	ck_assert(!bench_parse_range("", &r) && !bench_parse_range("0", &r) &&
	    !bench_parse_range("9:7", &r) && !bench_parse_range("7:", &r) &&
	    !bench_parse_range("-1", &r) && !bench_parse_range("7x", &r));
	ck_assert(bench_parse_spread("zipf:1.5", &o) && o.zipf == 1.5);
	ck_assert(bench_parse_spread("uniform", &o));
	ck_assert_int_eq(o.spread, BENCH_UNIFORM);
	ck_assert(!bench_parse_spread("zipf:", &o) &&
	    !bench_parse_spread("zipf:x", &o) && !bench_parse_spread("", &o));
}
END_TEST

START_TEST(the_same_seed_makes_the_same_load)
{
	struct bench_options o = plain;
	struct bench_ask *a, *b;
	uint64_t n, m;

	o.spread = BENCH_UNIFORM;
	o.rate = 50;
	ck_assert_int_eq(bench_load(&o, &ten, &a, &n), 0);
	ck_assert_int_eq(bench_load(&o, &ten, &b, &m), 0);
	ck_assert_uint_eq(n, 1000);
	ck_assert_uint_eq(m, n);
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_int_eq(a[i].adapter, b[i].adapter);
		ck_assert_int_eq(a[i].at, b[i].at);
		ck_assert_uint_eq(a[i].prompt, b[i].prompt);
		ck_assert(a[i].prompt >= 10 && a[i].prompt <= 20);
		ck_assert_uint_eq(a[i].output, 5);
		ck_assert(i == 0 || a[i].at >= a[i - 1].at);
	}
	/* 1000 gaps of 20 ms in the mean. */
	ck_assert(fabs((double)a[n - 1].at / 1e9 - 20) < 3);
	free(a);
	free(b);
}
END_TEST

START_TEST(adapters_are_spread_as_asked)
{
	struct bench_options o = plain;
	struct bench_ask *a;
	int seen[4] = { 0 };
	uint64_t n;

	o.spread = BENCH_ROUND_ROBIN;
	ck_assert_int_eq(bench_load(&o, &four, &a, &n), 0);
	ck_assert_int_eq(a[5].adapter, 1);
	free(a);
	o.spread = BENCH_ZIPF;
	o.zipf = 1;
	o.requests = 25000;
	ck_assert_int_eq(bench_load(&o, &four, &a, &n), 0);
	for (uint64_t i = 0; i < n; i++)
		seen[a[i].adapter]++;
	/* 1, 1/2, 1/3, 1/4 of 12/25 of them */
	for (int k = 0; k < 4; k++)
		ck_assert(abs(seen[k] - 12000 / (k + 1)) < 500);
	free(a);
	o.spread = BENCH_NONE;
	ck_assert_int_eq(bench_load(&o, &no_names, &a, &n), 0);
	ck_assert_int_eq(a[0].adapter, -1);
	free(a);
	o.spread = BENCH_UNIFORM;
	ck_assert_int_eq(bench_load(&o, &no_names, &a, &n), ERR_USAGE);
}
END_TEST

static char path[64];

static void
write_trace(const char *rows)
{
	int fd;
	FILE *f;

	strcpy(path, "/tmp/chameleon-trace.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	f = fdopen(fd, "w");
	fputs(rows, f);
	fclose(f);
}

START_TEST(a_trace_is_replayed_at_any_speed)
{
	struct bench_options o = plain;
	struct bench_ask *a;
	uint64_t n;

	write_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n"
		    "2023-11-16 18:15:46.6805900,374,44\n"
		    "2023-11-16 18:15:50.6805900,4000,109\n"
		    "2023-11-16 18:16:46.6805900,1,2\n");
	o.trace = path;
	o.requests = 0;
	o.trace_speed = 2;
	o.context = 512;
	ck_assert_int_eq(bench_load(&o, &no_names, &a, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(a[0].at, 0);
	ck_assert_int_eq((a[1].at + MILLISECOND / 2) / MILLISECOND, 2000);
	ck_assert_int_eq((a[2].at + MILLISECOND / 2) / MILLISECOND, 30000);
	ck_assert_uint_eq(a[0].prompt, 374);
	ck_assert_uint_eq(a[1].output, 109);
	ck_assert_uint_eq(a[1].prompt, 512 - 109);
	ck_assert_uint_eq(a[2].prompt, 1);
	ck_assert_uint_eq(a[2].output, 2);
	free(a);
	unlink(path);
}
END_TEST

START_TEST(a_trace_that_is_none_is_refused_with_its_line)
{
	struct bench_options o = plain;
	struct bench_ask *a;
	uint64_t n;

	write_trace("t,p,o\n1.5,10,10\n2.5,ten,10\n");
	o.trace = path;
	ck_assert_int_eq(bench_load(&o, &no_names, &a, &n), ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(err_text(), ":3: "));
	unlink(path);
	ck_assert_int_eq(bench_load(&o, &no_names, &a, &n), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_load_is_written_and_replayed_the_same)
{
	struct bench_options o = plain;
	struct bench_ask *a, *b;
	uint64_t n, m;

	write_trace("");
	o.spread = BENCH_UNIFORM;
	o.rate = 50;
	ck_assert_int_eq(bench_load(&o, &ten, &a, &n), 0);
	ck_assert_int_eq(bench_write(a, n, &ten, path), 0);
	o = plain;
	o.trace = path;
	ck_assert_msg(bench_load(&o, &ten, &b, &m) == 0, "%s", err_text());
	ck_assert_uint_eq(m, n);
	for (uint64_t i = 0; i < n; i++) {
		ck_assert_int_eq(b[i].at, a[i].at - a[0].at);
		ck_assert_int_eq(b[i].adapter, a[i].adapter);
		ck_assert_uint_eq(b[i].prompt, a[i].prompt);
		ck_assert_uint_eq(b[i].output, a[i].output);
	}
	free(a);
	free(b);
	ck_assert_int_eq(bench_write(a, 0, &ten, "/nonexistent/x"), ERR_IO);
	unlink(path);
}
END_TEST

START_TEST(a_trace_that_names_adapters_wants_them_of_the_engine)
{
	struct bench_options o = plain;
	struct bench_ask *a;
	uint64_t n;

	write_trace("# adapter x rank=8 bytes=9\n# adapter b rank=8 bytes=9\n"
		    "1,2,3,b\n2,3,4\n");
	o.trace = path;
	ck_assert_int_eq(bench_load(&o, &four, &a, &n), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_text(), "has no adapter 'x'"));
	free(a);
	o.spread = BENCH_UNIFORM;
	ck_assert_int_eq(bench_load(&o, &four, &a, &n), ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_text(), "want --adapters none"));
	free(a);
	unlink(path);
}
END_TEST

/* ---- report ---- */

START_TEST(percentiles_interpolate_linearly)
{
	struct bench_list l = { 0 };

	ck_assert(bench_percentile(&l, 0.5) == 0 && bench_mean(&l) == 0);
	bench_add(&l, 4);
	ck_assert(bench_percentile(&l, 0.99) == 4);
	bench_add(&l, 1);
	bench_add(&l, 3);
	bench_add(&l, 2);
	ck_assert(bench_percentile(&l, 0) == 1);
	ck_assert(bench_percentile(&l, 0.5) == 2.5);
	ck_assert(fabs(bench_percentile(&l, 0.9) - 3.7) < 1e-12);
	ck_assert(bench_percentile(&l, 1) == 4);
	ck_assert(bench_mean(&l) == 2.5);
	free(l.at);
}
END_TEST

START_TEST(failures_are_counted_by_code)
{
	struct bench_result r = { 0 };

	bench_failure(&r, "overloaded");
	bench_failure(&r, "internal");
	bench_failure(&r, "overloaded");
	ck_assert_uint_eq(r.failed, 3);
	ck_assert_int_eq(r.ncodes, 2);
	ck_assert_uint_eq(r.codes[0].count, 2);
}
END_TEST

/* ---- client ---- */

/* A peer that sends pieces and closes; returns its port. */
static int
serve(const char *const *pieces, int n)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0), c;

	ck_assert_int_eq(bind(s, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(s, 1), 0);
	ck_assert_int_eq(getsockname(s, (struct sockaddr *)&a, &len), 0);
	if (fork() == 0) {
		c = accept(s, NULL, NULL);
		for (int i = 0; i < n; i++) {
			(void)!write(c, pieces[i], strlen(pieces[i]));
			clock_sleep(MILLISECOND);
		}
		_exit(0);
	}
	close(s);
	return ntohs(a.sin_port);
}

START_TEST(lines_come_out_of_any_pieces)
{
	static const char *const pieces[] = { "on", "e\n", "\ntwo\nthr", "ee",
		"\nno end" };
	static const char *const want[] = { "one", "", "two", "three" };
	struct client c;
	char address[32], *line;
	nsec until = clock_mono() + 60 * SECOND;

	snprintf(address, sizeof(address), "127.0.0.1:%d", serve(pieces, 5));
	ck_assert_int_eq(client_open(&c, address, 10 * SECOND), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(client_wait(&c, &line, until), 0);
		ck_assert_str_eq(line, want[i]);
	}
	ck_assert_int_eq(client_wait(&c, &line, until), ERR_GONE);
	ck_assert(c.ended);
	client_close(&c);
	ck_assert_int_gt(wait(NULL), 0);
}
END_TEST

START_TEST(an_address_that_is_none_is_refused)
{
	struct client c;

	ck_assert_int_eq(client_open(&c, "nowhere", SECOND), ERR_USAGE);
	ck_assert_int_eq(client_open(&c, ":1", SECOND), ERR_USAGE);
	ck_assert_int_eq(client_open(&c, "h:", SECOND), ERR_USAGE);
	ck_assert_int_eq(client_open(&c, "/nonexistent/socket", SECOND),
	    ERR_IO);
	ck_assert_int_eq(client_open(&c, "127.0.0.1:1", SECOND), ERR_IO);
	client_close(&c);
}
END_TEST

Suite *suite_cli(void);
Suite *
suite_cli(void)
{
	Suite *s = suite_create("cli");
	TCase *t = tcase_create("cli");

	tcase_add_test(t, options_are_taken_in_every_form);
	tcase_add_test(t, behind_two_dashes_all_are_operands);
	tcase_add_test(t, misuse_is_said);
	tcase_add_test(t, ranges_and_spreads_are_parsed_or_refused);
	tcase_add_test(t, the_same_seed_makes_the_same_load);
	tcase_add_test(t, adapters_are_spread_as_asked);
	tcase_add_test(t, a_trace_is_replayed_at_any_speed);
	tcase_add_test(t, a_trace_that_is_none_is_refused_with_its_line);
	tcase_add_test(t, a_load_is_written_and_replayed_the_same);
	tcase_add_test(t, a_trace_that_names_adapters_wants_them_of_the_engine);
	tcase_add_test(t, percentiles_interpolate_linearly);
	tcase_add_test(t, failures_are_counted_by_code);
	tcase_add_test(t, lines_come_out_of_any_pieces);
	tcase_add_test(t, an_address_that_is_none_is_refused);
	suite_add_tcase(s, t);
	return s;
}

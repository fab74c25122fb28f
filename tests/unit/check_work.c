/* sim/work.h: what is asked of the engine, from a file or laws. */
#include "base/err.h"
#include "sim/work.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static void
set_up(void)
{
	int fd;

	strcpy(path, "/tmp/chameleon-work.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
tear_down(void)
{
	unlink(path);
}

static void
write_rows(const char *rows)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(rows, f);
	fclose(f);
}

static const struct sim_work_options plain = {
	.arrivals = SIM_POISSON,
	.lengths = SIM_LMSYS,
	.rps = 8,
	.gamma_cv = 1,
	.length_scale = 1,
	.requests = 20000,
	.adapters = 100,
	.zipf = 1,
	.ranks = "8,16,32,64,128",
	.seed = 7,
};

static struct sim_work
make(const struct sim_work_options *o)
{
	struct sim_work w;

	ck_assert_msg(sim_work_make(&w, o) == 0, "%s", err_text());
	return w;
}

START_TEST(the_same_options_make_the_same_work)
{
	struct sim_work_options o = plain;
	struct sim_work a = make(&o), b = make(&o), c;

	ck_assert_uint_eq(a.n, 20000);
	ck_assert_mem_eq(a.asks, b.asks, a.n * sizeof(*a.asks));
	o.seed = 8;
	c = make(&o);
	ck_assert(memcmp(a.asks, c.asks, a.n * sizeof(*a.asks)) != 0);
	sim_work_free(&a);
	sim_work_free(&b);
	sim_work_free(&c);
}
END_TEST

static bool
same_times(const struct sim_work *a, const struct sim_work *b)
{
	for (uint64_t i = 0; i < a->n; i++)
		if (a->asks[i].at != b->asks[i].at)
			return false;
	return true;
}

static bool
same_lengths(const struct sim_work *a, const struct sim_work *b)
{
	for (uint64_t i = 0; i < a->n; i++)
		if (a->asks[i].prompt != b->asks[i].prompt ||
		    a->asks[i].output != b->asks[i].output)
			return false;
	return true;
}

static bool
same_ranks(const struct sim_work *a, const struct sim_work *b)
{
	for (uint64_t i = 0; i < a->n; i++)
		if (a->asks[i].adapter % 5 != b->asks[i].adapter % 5)
			return false;
	return true;
}

static bool
same_adapters(const struct sim_work *a, const struct sim_work *b)
{
	for (uint64_t i = 0; i < a->n; i++)
		if (a->asks[i].adapter != b->asks[i].adapter)
			return false;
	return true;
}

START_TEST(a_law_that_changes_moves_no_other)
{
	struct sim_work_options o = plain;
	struct sim_work a = make(&o), b;

	o.arrivals = SIM_GAMMA;
	o.gamma_cv = 3;
	b = make(&o);
	ck_assert(!same_times(&a, &b) && same_lengths(&a, &b) &&
	    same_adapters(&a, &b));
	sim_work_free(&b);
	o = plain;
	o.lengths = SIM_UNIFORM;
	b = make(&o);
	ck_assert(same_times(&a, &b) && !same_lengths(&a, &b) &&
	    same_adapters(&a, &b));
	sim_work_free(&b);
	o = plain;
	o.zipf = 0;
	b = make(&o);
	ck_assert(same_times(&a, &b) && same_lengths(&a, &b) &&
	    same_ranks(&a, &b) && !same_adapters(&a, &b));
	sim_work_free(&b);
	o = plain;
	o.rank_zipf = 1;
	b = make(&o);
	ck_assert(
	    same_times(&a, &b) && same_lengths(&a, &b) && !same_ranks(&a, &b));
	for (uint64_t i = 0; i < a.n; i++)
		ck_assert_int_eq(a.asks[i].adapter / 5, b.asks[i].adapter / 5);
	sim_work_free(&b);
	sim_work_free(&a);
}
END_TEST

/* Mean and coefficient of variation of the gaps between arrivals, in s. */
static void
gaps(const struct sim_work *w, double *mean, double *cv)
{
	double sum = 0, squares = 0, n = (double)w->n;
	nsec last = 0;

	for (uint64_t i = 0; i < w->n; i++) {
		double gap = (double)(w->asks[i].at - last) / 1e9;

		ck_assert(gap >= 0);
		sum += gap;
		squares += gap * gap;
		last = w->asks[i].at;
	}
	*mean = sum / n;
	*cv = sqrt(squares / n - *mean * *mean) / *mean;
}

START_TEST(arrivals_have_their_rate_and_variation)
{
	static const struct {
		enum sim_arrivals law;
		double cv;
	} laws[] = { { SIM_POISSON, 1 }, { SIM_GAMMA, 0.3 }, { SIM_GAMMA, 1 },
		{ SIM_GAMMA, 2.5 } };
	struct sim_work_options o = plain;
	double mean, cv;

	o.requests = 100000;
	for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++) {
		struct sim_work w;

		o.arrivals = laws[i].law;
		o.gamma_cv = laws[i].cv;
		w = make(&o);
		gaps(&w, &mean, &cv);
		ck_assert_msg(fabs(mean * o.rps - 1) < 0.03 &&
			fabs(cv / laws[i].cv - 1) < 0.04,
		    "%zu: %g %g", i, mean, cv);
		sim_work_free(&w);
	}
}
END_TEST

START_TEST(bursts_come_while_they_are_on_at_the_same_mean_rate)
{
	struct sim_work_options o = plain;
	struct sim_work w;
	double mean, cv;

	o.arrivals = SIM_BURSTS;
	o.on_s = 2;
	o.off_s = 6;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++)
		ck_assert_int_le(w.asks[i].at % (8 * SECOND), 2 * SECOND);
	gaps(&w, &mean, &cv);
	ck_assert(fabs(mean * o.rps - 1) < 0.05);
	ck_assert(cv > 2);
	sim_work_free(&w);
}
END_TEST

START_TEST(a_trace_keeps_its_times_or_is_rescaled_and_goes_on_at_its_end)
{
	struct sim_work_options o = plain;
	struct sim_work w;

	write_rows("5,10,20\n6,30,40\n9,50,60\n");
	o.trace = path;
	o.arrivals = SIM_TRACE_TIMES;
	o.lengths = SIM_TRACE_LENGTHS;
	o.rps = 0;
	o.requests = 5;
	o.length_scale = 0.5;
	w = make(&o);
	ck_assert_uint_eq(w.n, 5);
	ck_assert_int_eq(w.asks[2].at, 4 * SECOND);
	/* The mean gap is 2 s. */
	ck_assert_int_eq(w.asks[3].at, 6 * SECOND);
	ck_assert_int_eq(w.asks[4].at, 7 * SECOND);
	ck_assert_uint_eq(w.asks[4].prompt, 15);
	ck_assert_uint_eq(w.asks[4].output, 20);
	ck_assert_uint_eq(w.asks[4].max_tokens, 30);
	ck_assert_uint_eq(w.prompt_max, 25);
	ck_assert_uint_eq(w.output_max, 30);
	sim_work_free(&w);
	o.rps = 1; /* twice its own */
	o.requests = 0;
	w = make(&o);
	ck_assert_uint_eq(w.n, 3);
	ck_assert_int_eq(w.asks[1].at, SECOND / 2);
	ck_assert_int_eq(w.asks[2].at, 2 * SECOND);
	sim_work_free(&w);
}
END_TEST

START_TEST(other_arrivals_draw_rows_of_the_trace)
{
	struct sim_work_options o = plain;
	struct sim_work w;
	int seen[3] = { 0 };

	write_rows("0,10,100\n1,20,200\n2,30,300\n");
	o.trace = path;
	o.lengths = SIM_TRACE_LENGTHS;
	o.requests = 9000;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++) {
		ck_assert_uint_eq(w.asks[i].output, w.asks[i].prompt * 10);
		seen[w.asks[i].prompt / 10 - 1]++;
	}
	for (int i = 0; i < 3; i++)
		ck_assert_int_lt(abs(seen[i] - 3000), 200);
	sim_work_free(&w);
	/* Without a number of requests: as many as rows; the trace's rate. */
	o.requests = 0;
	o.rps = 0;
	w = make(&o);
	ck_assert_uint_eq(w.n, 3);
	sim_work_free(&w);
	o.duration_s = 1000;
	w = make(&o);
	ck_assert(w.n > 850 && w.n < 1150);
	ck_assert_int_le(w.asks[w.n - 1].at, 1000 * SECOND);
	sim_work_free(&w);
}
END_TEST

START_TEST(a_trace_that_names_adapters_says_whose_requests_are)
{
	struct sim_work_options o = plain;
	struct sim_work w;

	write_rows("# adapter a rank=64 bytes=7\n"
		   "# adapter b rank=8 bytes=9\n"
		   "0,10,1,b\n1,20,1,a\n2,30,1\n");
	o.trace = path;
	o.arrivals = SIM_TRACE_TIMES;
	o.lengths = SIM_TRACE_LENGTHS;
	o.rps = 0;
	o.requests = 6;
	w = make(&o);
	ck_assert_uint_eq(w.nadapters, 2);
	ck_assert(w.adapters[0].rank == 64 && w.adapters[0].bytes == 7);
	ck_assert(w.adapters[1].rank == 8 && w.adapters[1].bytes == 9);
	for (uint64_t i = 0; i < w.n; i++)
		ck_assert_int_eq(w.asks[i].adapter, 1 - (int)(i % 3));
	sim_work_free(&w);
	/* Rows that are drawn keep theirs. */
	o.arrivals = SIM_POISSON;
	o.rps = 5;
	o.requests = 100;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++)
		ck_assert_int_eq(w.asks[i].adapter,
		    2 - (int)w.asks[i].prompt / 10);
	sim_work_free(&w);
}
END_TEST

START_TEST(generated_lengths_have_their_means)
{
	struct sim_work_options o = plain;
	double prompt = 0, output = 0;
	struct sim_work w;

	o.requests = 100000;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++) {
		prompt += w.asks[i].prompt;
		output += w.asks[i].output;
		ck_assert_uint_eq(w.asks[i].max_tokens, 1024);
	}
	ck_assert(fabs(prompt / (double)w.n - 85) < 2);
	ck_assert(fabs(output / (double)w.n - 165) < 2);
	ck_assert_uint_eq(w.prompt_max, 1024);
	sim_work_free(&w);
	o.lengths = SIM_UNIFORM;
	o.uniform_least = o.uniform_most = 100;
	o.length_scale = 0.001;
	w = make(&o);
	ck_assert_uint_eq(w.asks[0].prompt, 1);
	ck_assert_uint_eq(w.asks[0].output, 1);
	sim_work_free(&w);
}
END_TEST

START_TEST(what_requests_allow_is_never_less_than_their_answer)
{
	struct sim_work_options o = plain;
	struct sim_work w;

	o.max_tokens = 50;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++) {
		ck_assert_uint_eq(w.asks[i].max_tokens, 50);
		ck_assert_uint_le(w.asks[i].output, 50);
	}
	sim_work_free(&w);
	o.max_is_output = true;
	o.max_tokens = 0;
	w = make(&o);
	for (uint64_t i = 0; i < w.n; i++)
		ck_assert_uint_eq(w.asks[i].max_tokens, w.asks[i].output);
	sim_work_free(&w);
}
END_TEST

START_TEST(copies_share_what_a_trace_asks_of_one)
{
	struct sim_work_options o = plain;
	struct sim_work once, w;
	int seen[4] = { 0 };

	write_rows("# adapter a rank=64 bytes=7\n"
		   "# adapter b rank=8 bytes=9\n"
		   "0,10,1,b\n1,20,1,a\n2,30,1\n");
	o.trace = path;
	o.arrivals = SIM_TRACE_TIMES;
	o.lengths = SIM_TRACE_LENGTHS;
	o.rps = 0;
	o.requests = 300;
	once = make(&o);
	o.copies = 2;
	w = make(&o);
	ck_assert_uint_eq(w.nadapters, 4);
	ck_assert(w.adapters[2].rank == 64 && w.adapters[2].bytes == 7);
	ck_assert(w.adapters[3].rank == 8 && w.adapters[3].bytes == 9);
	for (uint64_t i = 0; i < w.n; i++) {
		int32_t a = w.asks[i].adapter, of = once.asks[i].adapter;

		ck_assert_int_eq(w.asks[i].at, once.asks[i].at);
		ck_assert_int_eq(a < 0 ? a : a % 2, of);
		if (a >= 0)
			seen[a]++;
	}
	for (int a = 0; a < 4; a++)
		ck_assert_msg(seen[a] > 25, "adapter %d: %d", a, seen[a]);
	sim_work_free(&w);
	sim_work_free(&once);
}
END_TEST

/* Asks for each adapter. */
static void
count(const struct sim_work *w, double *seen)
{
	for (uint64_t i = 0; i < w->n; i++)
		seen[w->asks[i].adapter]++;
}

START_TEST(adapters_are_equal_in_number_and_zipf_within_a_rank)
{
	struct sim_work_options o = plain;
	double seen[100] = { 0 }, sum = 0;
	struct sim_work w;

	o.requests = 200000;
	w = make(&o);
	ck_assert_uint_eq(w.nadapters, 100);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(w.adapters[i].rank, 8 << i % 5);
	count(&w, seen);
	for (int k = 1; k <= 20; k++)
		sum += 1.0 / k;
	for (int i = 0; i < 100; i++) {
		double want = 40000 / (i / 5 + 1.0) / sum;

		ck_assert_msg(fabs(seen[i] - want) < 5 * sqrt(want),
		    "adapter %d: %g of %g", i, seen[i], want);
	}
	sim_work_free(&w);
}
END_TEST

START_TEST(ranks_are_drawn_by_their_own_law)
{
	struct sim_work_options o = plain;
	double seen[4] = { 0 };
	struct sim_work w;

	/* In any order; two adapters of each of the first two. */
	o.ranks = "64,8";
	o.adapters = 4;
	o.zipf = 0;
	o.rank_zipf = 1;
	w = make(&o);
	ck_assert_int_eq(w.adapters[0].rank, 8);
	ck_assert_int_eq(w.adapters[3].rank, 64);
	count(&w, seen);
	ck_assert(fabs((seen[0] + seen[2]) / 20000 - 2.0 / 3) < 0.02);
	ck_assert(fabs(seen[0] / seen[2] - 1) < 0.06);
	sim_work_free(&w);
	o.rank_zipf = -1;
	w = make(&o);
	memset(seen, 0, sizeof(seen));
	count(&w, seen);
	ck_assert(fabs((seen[1] + seen[3]) / 20000 - 2.0 / 3) < 0.02);
	sim_work_free(&w);
}
END_TEST

START_TEST(odd_numbers_of_adapters_are_served)
{
	struct sim_work_options o = plain;
	double seen[7] = { 0 };
	struct sim_work w;

	o.adapters = 7;
	w = make(&o);
	ck_assert_int_eq(w.adapters[5].rank, 8);
	ck_assert_int_eq(w.adapters[6].rank, 16);
	count(&w, seen);
	for (int i = 0; i < 7; i++)
		ck_assert(seen[i] > 0);
	ck_assert(fabs(seen[4] / 20000 - 0.2) < 0.02);
	sim_work_free(&w);
	o.adapters = 2; /* fewer than ranks */
	w = make(&o);
	ck_assert_int_eq(w.adapters[1].rank, 16);
	sim_work_free(&w);
	o.adapters = 0;
	w = make(&o);
	ck_assert_int_eq(w.asks[0].adapter, -1);
	ck_assert_uint_eq(w.nadapters, 0);
	sim_work_free(&w);
}
END_TEST

static const char *
refused(const struct sim_work_options *o)
{
	struct sim_work w;

	ck_assert_int_eq(sim_work_make(&w, o), ERR_USAGE);
	ck_assert_ptr_null(w.asks);
	ck_assert_ptr_null(w.adapters);
	return err_text();
}

#define REFUSED(change, complaint)                                             \
	do {                                                                   \
		struct sim_work_options o = plain;                             \
                                                                               \
		change;                                                        \
		ck_assert_msg(strstr(refused(&o), complaint) != NULL, "%s",    \
		    err_text());                                               \
	} while (0)

START_TEST(work_that_cannot_be_is_refused)
{
	REFUSED(o.rps = -1, "a rate of -1/s");
	REFUSED(o.rps = NAN, "a rate of");
	REFUSED(o.rps = 0, "want a rate or a trace");
	REFUSED(o.arrivals = SIM_TRACE_TIMES, "want a trace");
	REFUSED(o.lengths = SIM_TRACE_LENGTHS, "want a trace");
	REFUSED(o.requests = 0, "want requests or a duration");
	REFUSED((o.arrivals = SIM_GAMMA, o.gamma_cv = 0), "a variation of");
	REFUSED((o.arrivals = SIM_BURSTS, o.on_s = 0), "bursts of 0 s");
	REFUSED(o.length_scale = 0, "a length scale of 0");
	REFUSED(o.zipf = -1, "popularity of adapters -1");
	REFUSED(o.ranks = "8,,16", "ranks '8,,16'");
	REFUSED(o.ranks = "", "ranks ''");
	REFUSED(o.ranks = "8,0", "ranks '8,0'");
	REFUSED(o.ranks = "8,x", "ranks '8,x'");
	REFUSED(o.ranks = "16,8,16", "16 twice");
	REFUSED(o.copies = 2, "want a trace that names some");
	REFUSED(o.adapters = UINT32_MAX, "adapters: want at most");
	REFUSED((o.requests = 0, o.duration_s = 1e9, o.rps = 1e6), "at most");
	REFUSED((o.requests = 0, o.duration_s = 1e-9), "no request comes");
	write_rows("3,1,1\n3,1,1\n");
	REFUSED((o.trace = path, o.arrivals = SIM_TRACE_TIMES),
	    "all requests come at once");
	REFUSED((o.trace = path, o.rps = 0), "all requests come at once");
}
END_TEST

Suite *suite_work(void);
Suite *
suite_work(void)
{
	Suite *s = suite_create("work");
	TCase *t = tcase_create("work");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, the_same_options_make_the_same_work);
	tcase_add_test(t, a_law_that_changes_moves_no_other);
	tcase_add_test(t, arrivals_have_their_rate_and_variation);
	tcase_add_test(t, bursts_come_while_they_are_on_at_the_same_mean_rate);
	tcase_add_test(t,
	    a_trace_keeps_its_times_or_is_rescaled_and_goes_on_at_its_end);
	tcase_add_test(t, other_arrivals_draw_rows_of_the_trace);
	tcase_add_test(t, a_trace_that_names_adapters_says_whose_requests_are);
	tcase_add_test(t, generated_lengths_have_their_means);
	tcase_add_test(t, what_requests_allow_is_never_less_than_their_answer);
	tcase_add_test(t, copies_share_what_a_trace_asks_of_one);
	tcase_add_test(t, adapters_are_equal_in_number_and_zipf_within_a_rank);
	tcase_add_test(t, ranks_are_drawn_by_their_own_law);
	tcase_add_test(t, odd_numbers_of_adapters_are_served);
	tcase_add_test(t, work_that_cannot_be_is_refused);
	suite_add_tcase(s, t);
	return s;
}

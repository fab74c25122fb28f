/* Samples of an engine: watched, kept in a file, fitted. */
#include "base/err.h"
#include "base/rng.h"
#include "cli/measure.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *suite_measure(void);

static char path[80], other[80];

static void
name_files(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%.50s/measure-%d.csv",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
	snprintf(other, sizeof(other), "%.50s/measure-%d.yaml",
	    tmp != NULL ? tmp : "/tmp", (int)getpid());
}

static void
remove_files(void)
{
	(void)unlink(path);
	(void)unlink(other);
}

/* ---- the file ---- */

static void
add(struct measure *m, struct measure_row row)
{
	ck_assert_int_eq(measure_add(m, &row), 0);
}

START_TEST(what_was_seen_comes_back_from_its_file)
{
	struct measure m = { .head = { .model = "a: b",
				 .backend = "cpu",
				 .threads = 3,
				 .lone_us = UINT64_MAX } };
	struct measure back;

	add(&m,
	    (struct measure_row){ .kind = MEASURE_STEP,
		.number = 7,
		.step = { 1, 2, 3, UINT64_MAX, 5, UINT32_MAX, 7, 8, 9, 10,
		    11 } });
	add(&m,
	    (struct measure_row){ .kind = MEASURE_LOAD,
		.number = 8,
		.load = { 1, 2, 3, 4, 5, 6, 7, 8, UINT16_MAX, 1 } });
	add(&m,
	    (struct measure_row){ .kind = MEASURE_ADAPTER,
		.number = 9,
		.load = { .adapter = 9, .rank = 8, .bytes = 7 } });
	ck_assert_int_eq(measure_write(&m, path), 0);
	ck_assert_msg(measure_read(&back, path) == 0, "%s", err_text());
	ck_assert_mem_eq(&back.head, &m.head, sizeof(m.head));
	ck_assert_uint_eq(back.n, 3);
	back.rows[2].load.adapter = 9; /* its number says so */
	for (int i = 0; i < 3; i++)
		ck_assert_mem_eq(&back.rows[i], &m.rows[i], sizeof(m.rows[i]));
	measure_free(&m);
	measure_free(&back);
}
END_TEST

START_TEST(a_line_that_is_none_is_named)
{
	static const char *const bad[] = { "step,1,2", "other,1", "step",
		"# threads: many", "load,-1,,,,,,,,,,,,1,1,1,1,1,1,1,1,1,1",
		"adapter,1,,,,,,,,,,,,,,,,,,,1,1,1," };
	struct measure m;
	char want[100];

	snprintf(want, sizeof(want), "%s:2: want", path);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = fopen(path, "w");

		ck_assert_ptr_nonnull(f);
		fprintf(f, "# remark\n%s\n", bad[i]);
		fclose(f);
		ck_assert_msg(measure_read(&m, path) == ERR_FORMAT, "%s",
		    bad[i]);
		ck_assert_ptr_nonnull(strstr(err_text(), want));
	}
	ck_assert_int_eq(measure_read(&m, "/nowhere/at/all"), ERR_NOT_FOUND);
}
END_TEST

/* ---- the watch ---- */

START_TEST(a_watch_takes_what_comes_after_it_began)
{
	struct segs made, g;
	struct conf c;
	struct watch *w;
	struct measure m;
	struct step_note note = { .took_ns = 5 };

	conf_defaults(&c);
	ck_assert_int_eq(watch_open(&w, instance_name()), ERR_NOT_FOUND);
	instance_make(&made, &c);
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_GPUEXEC), 0);
	for (uint64_t n = 1; n <= 10; n++)
		sample_put_step(g.step_samples, n, &note);
	ck_assert_int_eq(watch_open(&w, made.instance), 0);
	note.took_ns = 6;
	for (uint64_t n = 11; n <= 30; n++)
		sample_put_step(g.step_samples, n, &note);
	ck_assert_int_eq(watch_close(w, &m), 0);
	ck_assert_uint_eq(m.n, 20);
	for (size_t i = 0; i < m.n; i++) {
		ck_assert_int_eq(m.rows[i].kind, MEASURE_STEP);
		ck_assert_uint_eq(m.rows[i].number, 11 + i);
		ck_assert_int_eq(m.rows[i].step.took_ns, 6);
	}
	ck_assert_str_eq(m.head.model, "demo");
	ck_assert_uint_eq(m.head.batch_max, 4);
	ck_assert_uint_eq(m.head.kv_token_bytes, 1024);
	ck_assert_uint_eq(m.head.lost, 0);
	measure_free(&m);
	segs_close(&g);
	instance_end(&made);
}
END_TEST

START_TEST(samples_that_were_overwritten_unseen_are_counted)
{
	struct segs made, g;
	struct conf c;
	struct watch *w;
	struct measure m;
	struct load_note note = { .bytes = 5 };

	conf_defaults(&c);
	instance_make(&made, &c);
	ck_assert_int_eq(segs_open(&g, made.instance, PROC_LOADER), 0);
	sample_put_load(g.load_samples, 1, &note);
	ck_assert_int_eq(watch_open(&w, made.instance), 0);
	/* As if the watch had slept: all but the last ring's are gone. */
	sample_put_load(g.load_samples, 1 + 3 * SAMPLE_LOADS, &note);
	ck_assert_int_eq(watch_close(w, &m), 0);
	ck_assert_uint_eq(m.n, 1);
	ck_assert_uint_eq(m.head.lost, 3 * SAMPLE_LOADS - 1);
	measure_free(&m);
	segs_close(&g);
	instance_end(&made);
}
END_TEST

/* ---- the fit ---- */

/* An engine of which a step takes 1 ms and 50 us a row or prompt token; one in
 * forty takes five times as long, so that all together take 1.09 times that. */
static void
make_engine(struct measure *m)
{
	struct rng rng;

	rng_seed(&rng, 3);
	m->head = (struct measure_head){ .model = "m",
		.backend = "cpu",
		.threads = 2,
		.load_threads = 2,
		.batch_max = 8,
		.step_tokens = 64,
		.block_tokens = 16,
		.pool_bytes = 1 << 20,
		.chunk_bytes = 1 << 16,
		.kv_token_bytes = 64,
		.link_copies = 2,
		.lone_us = 150,
		.beside_us = 80 };
	for (uint64_t i = 1; i <= 400; i++) {
		struct measure_row r = { .kind = MEASURE_STEP, .number = i };

		r.step.decode_rows = 1 + (uint32_t)rng_below(&rng, 8);
		r.step.decode_context = r.step.decode_rows * 20;
		r.step.prompt_tokens = i % 3 == 0 ?
		    (uint32_t)rng_below(&rng, 50) :
		    0;
		r.step.took_ns = MILLISECOND +
		    50 * MICROSECOND *
			(r.step.decode_rows + r.step.prompt_tokens);
		r.step.took_ns *= i % 41 == 0 ? 5 : 1;
		add(m, r);
	}
	/* Loads that cross twice at 10 GB/s, 0.2 ms beside that. */
	for (uint64_t i = 1; i <= 50; i++) {
		struct measure_row r = { .kind = MEASURE_LOAD, .number = i };

		r.load.asked_ns = (nsec)i * SECOND;
		r.load.bytes = 100000 * (1 + i % 10);
		r.load.copy_ns = (nsec)r.load.bytes * 2 / 10;
		r.load.tell_ns = 200 * MICROSECOND;
		add(m, r);
		r.kind = MEASURE_ADAPTER;
		r.load.rank = (uint16_t)(4 * i);
		r.load.bytes = 1000 + r.load.rank * 500u;
		add(m, r);
	}
}

static double
predicted_ms(const struct sim_cost *c, uint32_t rows, uint32_t prompt)
{
	struct sim_step s = { .decode_rows = rows,
		.prompt_tokens = prompt,
		.decode_context = rows * 20 };

	return clock_ms(sim_cost_step(c, &s));
}

START_TEST(a_fit_makes_a_model_that_the_simulator_reads)
{
	struct measure_options o = { .fit = path, .cost_out = other };
	struct measure m = { 0 };
	struct sim_cost c;
	FILE *none = fopen("/dev/null", "w");

	make_engine(&m);
	ck_assert_int_eq(measure_write(&m, path), 0);
	ck_assert_msg(measure_fit(&o, none) == 0, "%s", err_text());
	ck_assert_msg(sim_cost_read(&c, other) == 0, "%s", err_text());
	/* One step in 41 takes five times as long; rare kinds of steps count as
	 * much as the others, and that is where a few of these are. */
	ck_assert(fabs(predicted_ms(&c, 5, 40) / predicted_ms(&c, 5, 0) -
		      3.25 / 1.25) < 0.05);
	ck_assert(predicted_ms(&c, 5, 0) / 1.25 > 1.05 &&
	    predicted_ms(&c, 5, 0) / 1.25 < 1.2);
	ck_assert(fabs(c.link_bytes_per_s / 1e10 - 1) < 0.01);
	ck_assert(fabs(c.load_read_ms - 0.2) < 1e-3);
	ck_assert(c.adapter_rank_bytes == 500 && c.adapter_fixed_bytes == 1000);
	ck_assert(c.batch_max == 8 && c.scheduler_ms == 0.15 &&
	    c.frontend_ms == 0.08);
	ck_assert(c.mixed_steps == 1 && c.load_threads == 2);
	/* It is judged, and not made anew. */
	o = (struct measure_options){ .fit = path, .cost = other };
	ck_assert_int_eq(measure_fit(&o, none), 0);
	fclose(none);
	measure_free(&m);
}
END_TEST

START_TEST(the_model_that_is_shipped_can_be_read)
{
	struct sim_cost c;

	ck_assert_msg(sim_cost_read(&c, "etc/sim/measured.yaml") == 0, "%s",
	    err_text());
	ck_assert(c.mixed_steps == 1 && c.step_fixed_ms > 0);
}
END_TEST

Suite *
suite_measure(void)
{
	Suite *s = suite_create("measure");
	TCase *c = tcase_create("measure");

	tcase_add_checked_fixture(c, name_files, remove_files);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, what_was_seen_comes_back_from_its_file);
	tcase_add_test(c, a_line_that_is_none_is_named);
	tcase_add_test(c, a_watch_takes_what_comes_after_it_began);
	tcase_add_test(c, samples_that_were_overwritten_unseen_are_counted);
	tcase_add_test(c, a_fit_makes_a_model_that_the_simulator_reads);
	tcase_add_test(c, the_model_that_is_shipped_can_be_read);
	suite_add_tcase(s, c);
	return s;
}

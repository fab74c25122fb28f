/* sim/trace.h: requests from a file, and the adapters it names. */
#include "base/err.h"
#include "sim/trace.h"

#include <check.h>
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

START_TEST(a_trace_is_read_with_and_without_names)
{
	static const char *const same[] = { "1.5,10,20\n2.25,3,4\n",
		"time,prompt,output\n1.5,10,20\n2.25,3,4",
		"\xef\xbb\xbf\"t\",\"p\",\"o\"\r\n1.5, 10 ,20\r\n\r\n2.25,3,4",
		"2023-11-16 18:15:46.5000000,10,20\n"
		"2023-11-16T18:15:47.25Z,3,4\n",
		"2023-11-16 18:15:46.5+01:00,10,20\n"
		"2023-11-16 17:15:47.250,3,4\n" };
	struct sim_trace t;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		write_rows(same[i]);
		ck_assert_msg(sim_trace_read(&t, path, 0) == 0, "%zu: %s", i,
		    err_text());
		ck_assert_uint_eq(t.n, 2);
		ck_assert_int_eq(t.rows[0].at, 0);
		ck_assert_int_eq(t.rows[1].at, 750 * MILLISECOND);
		ck_assert_uint_eq(t.rows[0].prompt, 10);
		ck_assert_uint_eq(t.rows[0].output, 20);
		ck_assert_uint_eq(t.rows[1].output, 4);
		sim_trace_free(&t);
	}
	ck_assert_int_eq(sim_trace_read(&t, path, 1), 0);
	ck_assert_uint_eq(t.n, 1);
	sim_trace_free(&t);
}
END_TEST

START_TEST(a_trace_is_refused_with_its_line_and_what_is_wanted)
{
	static const struct {
		const char *rows, *complaint;
	} bad[] = {
		{ "",
		    ":1: no requests: want lines of time,prompt tokens,"
		    "answer tokens" },
		{ "time,prompt,output\n", ":1: no requests" },
		{ "\n\n\n", ":3: no requests" },
		{ "time,prompt\n", ":1: too few columns: want time,prompt" },
		{ "1,2\n", ":1: too few columns" },
		{ "1,2,3\n2,3,4,,5\n", ":2: too many columns" },
		{ "t,p,o\n1,2,3\nx,2,3\n", ":3: 'x': want a time as" },
		{ "1,2,3\n1e999,2,3\n", ":2: '1e999': want a time" },
		{ "nan,2,3\n", ":1: 'nan': want a time" },
		{ ",2,3\n", ":1: '': want a time" },
		{ "2023-11-16 18:15,2,3\n", "want a time" },
		{ "-1,2,3\n", ":1: '-1': want a time of 0 or more" },
		{ "2,1,1\n1,1,1\n", ":2: '1': want rows in order of time" },
		{ "1.5,ten,10\n", ":1: 'ten': want 1..16777216 prompt" },
		{ "1,10,-4\n", ":1: '-4': want 1..16777216 answer" },
		{ "1,10,4.5\n", ":1: '4.5': want 1..16777216 answer" },
		{ "1,0,4\n", ":1: '0': want 1..16777216 prompt" },
		{ "1,4,0\n", ":1: '0': want 1..16777216 answer" },
		{ "1,4,\n", ":1: '': want 1..16777216 answer" },
		{ "1,16777217,4\n", ":1: '16777217': want" },
		{ "1,99999999999999999999999,4\n", ": want 1..16777216" },
	};
	struct sim_trace t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_rows(bad[i].rows);
		ck_assert_int_eq(sim_trace_read(&t, path, 0), ERR_FORMAT);
		ck_assert_int_eq(strncmp(err_text(), path, strlen(path)), 0);
		ck_assert_msg(strstr(err_text(), bad[i].complaint) != NULL,
		    "%zu: %s", i, err_text());
		ck_assert_ptr_null(t.rows);
	}
	ck_assert_int_eq(sim_trace_read(&t, "/nonexistent.csv", 0),
	    ERR_NOT_FOUND);
	ck_assert_int_eq(sim_trace_read(&t, "/tmp", 0), ERR_IO);
}
END_TEST

START_TEST(a_trace_may_name_its_adapters)
{
	struct sim_trace t;

	write_rows("# made by hand\n"
		   "# adapter pirate rank=16 bytes=4096\n"
		   "#adapter elf-2.b rank=8 bytes=9223372036854775807\r\n"
		   "time,prompt,output,adapter\n"
		   "0,1,2,pirate\n# a remark\n1,1,2,\n2,1,2\n"
		   "3,1,2, elf-2.b \n");
	ck_assert_msg(sim_trace_read(&t, path, 0) == 0, "%s", err_text());
	ck_assert_uint_eq(t.n, 4);
	ck_assert_uint_eq(t.adapters.n, 2);
	ck_assert_str_eq(t.adapters.at[0].name, "elf-2.b");
	ck_assert_uint_eq(t.adapters.at[0].bytes, INT64_MAX);
	ck_assert_int_eq(t.adapters.at[1].rank, 16);
	ck_assert_int_eq(t.rows[0].adapter, 1);
	ck_assert_int_eq(t.rows[1].adapter, -1);
	ck_assert_int_eq(t.rows[2].adapter, -1);
	ck_assert_int_eq(t.rows[3].adapter, 0);
	sim_trace_free(&t);
}
END_TEST

START_TEST(adapters_that_are_none_are_refused_with_their_line)
{
	static const struct {
		const char *rows, *complaint;
	} bad[] = {
		{ "1,2,3\n2,3,4,elf\n",
		    ":2: 'elf': want an adapter of a line '# adapter NAME" },
		{ "# adapter elf rank=8 bytes=9\n1,2,3,el\n", ":2: 'el': " },
		{ "# adapter elf rank=8\n", ":1: '# adapter elf rank=8': " },
		{ "# adapter elf rank=0 bytes=9\n", ":1: '# adapter elf" },
		{ "# adapter elf rank=1025 bytes=9\n", ": want # adapter" },
		{ "# adapter elf rank=8 bytes=0\n", ": want # adapter" },
		{ "# adapter elf rank=8 bytes=-9\n", ": want # adapter" },
		{ "# adapter elf rank=8 bytes=9 x\n", ": want # adapter" },
		{ "\n# adapter e/f rank=8 bytes=9\n", ":2: 'e/f': want a " },
		{ "# adapter elf rank=8 bytes=9\n"
		  "# adapter elf rank=8 bytes=9\n",
		    ":2: adapter 'elf' twice" },
		{ "1,2,3\n# adapter elf rank=8 bytes=9\n",
		    ":2: '# adapter elf rank=8 bytes=9': want adapters above" },
	};
	struct sim_trace t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_rows(bad[i].rows);
		ck_assert_int_ne(sim_trace_read(&t, path, 0), 0);
		ck_assert_int_eq(strncmp(err_text(), path, strlen(path)), 0);
		ck_assert_msg(strstr(err_text(), bad[i].complaint) != NULL,
		    "%zu: %s", i, err_text());
		ck_assert_ptr_null(t.adapters.at);
	}
}
END_TEST

START_TEST(a_trace_that_was_written_reads_the_same)
{
	struct sim_row rows[] = { { 0, 1, 2, 1 },
		{ 123456789, SIM_TOKENS_MAX, 1, -1 },
		{ 86400 * SECOND + 1, 3, 4, 0 } };
	struct sim_named named[] = { { "a", 8, 1 }, { "b", 1024, 1u << 30 } };
	struct sim_trace t = { rows, 3, { named, 2, 2 } }, back;
	FILE *f = fopen(path, "w");

	sim_trace_write(&t, f);
	fclose(f);
	ck_assert_msg(sim_trace_read(&back, path, 0) == 0, "%s", err_text());
	ck_assert_uint_eq(back.n, 3);
	for (int i = 0; i < 3; i++)
		ck_assert(back.rows[i].at == rows[i].at &&
		    back.rows[i].prompt == rows[i].prompt &&
		    back.rows[i].output == rows[i].output &&
		    back.rows[i].adapter == rows[i].adapter);
	for (int i = 0; i < 2; i++) {
		ck_assert_str_eq(back.adapters.at[i].name, named[i].name);
		ck_assert_int_eq(back.adapters.at[i].rank, named[i].rank);
		ck_assert_uint_eq(back.adapters.at[i].bytes, named[i].bytes);
	}
	sim_trace_free(&back);
}
END_TEST

Suite *suite_trace(void);
Suite *
suite_trace(void)
{
	Suite *s = suite_create("trace");
	TCase *t = tcase_create("trace");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_trace_is_read_with_and_without_names);
	tcase_add_test(t, a_trace_is_refused_with_its_line_and_what_is_wanted);
	tcase_add_test(t, a_trace_may_name_its_adapters);
	tcase_add_test(t, adapters_that_are_none_are_refused_with_their_line);
	tcase_add_test(t, a_trace_that_was_written_reads_the_same);
	suite_add_tcase(s, t);
	return s;
}

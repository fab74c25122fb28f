/* Asking for a GPU: what comes back, and who does not answer. */
#include "supervisor/probe.h"
#include "tests/unit/instance.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_probe(void);

#define LINE                                                                   \
	"ok name=\"NVIDIA H100 80GB HBM3\" total=85000000000 "                 \
	"free=84000000000 capability=9.0 driver=13.0"

static struct plan_gpu gpu;
static char program[64];

/* A program in place of chameleon-holder, which runs these lines. */
static void
stand_in(const char *lines)
{
	FILE *f;

	snprintf(program, sizeof(program), "/tmp/%s-probe", instance_name());
	f = fopen(program, "we");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\n%s\n", lines);
	fclose(f);
	ck_assert_int_eq(chmod(program, 0700), 0);
}

static void
drop(void)
{
	(void)unlink(program);
}

START_TEST(a_line_is_taken_apart)
{
	probe_read(&gpu, LINE);
	ck_assert_msg(gpu.there, "%s", gpu.why_not);
	ck_assert_str_eq(gpu.name, "NVIDIA H100 80GB HBM3");
	ck_assert_uint_eq(gpu.total, 85000000000);
	ck_assert_uint_eq(gpu.free, 84000000000);
	ck_assert_str_eq(gpu.capability, "9.0");
	ck_assert_str_eq(gpu.driver, "13.0");
}
END_TEST

START_TEST(a_sentence_is_why_there_is_none)
{
	probe_read(&gpu, "GPU 3 is not there: this machine has 2");
	ck_assert(!gpu.there);
	ck_assert_str_eq(gpu.why_not, "GPU 3 is not there: this machine has 2");
	probe_read(&gpu, "");
	ck_assert(!gpu.there);
	ck_assert_str_ne(gpu.why_not, "");
}
END_TEST

START_TEST(a_line_cut_anywhere_is_not_believed)
{
	char line[] = LINE;

	/* Numbers may be cut and are numbers still; keys may not. */
	for (size_t n = strlen(line) - strlen("13.0"); n > 0; n--) {
		line[n] = '\0';
		probe_read(&gpu, line);
		ck_assert(!gpu.there);
		ck_assert_str_ne(gpu.why_not, "");
	}
}
END_TEST

START_TEST(the_program_is_asked_for_the_gpu_by_its_number)
{
	stand_in("[ \"$1 $2\" = '--probe 5' ] && echo '" LINE "'");
	probe_with(&gpu, program, 5, 10 * SECOND);
	ck_assert_msg(gpu.there, "%s", gpu.why_not);
	probe_with(&gpu, program, 4, 10 * SECOND);
	ck_assert(!gpu.there);
}
END_TEST

START_TEST(a_driver_that_hangs_does_not_hang_the_start)
{
	stand_in("exec sleep 1000");
	probe_with(&gpu, program, 0, 20 * MILLISECOND);
	ck_assert(!gpu.there);
	ck_assert_ptr_nonnull(strstr(gpu.why_not, "has not answered"));
	/* Nor if it hangs when it has said all. */
	stand_in("echo '" LINE "'; exec sleep 1000");
	probe_with(&gpu, program, 0, 20 * MILLISECOND);
	ck_assert(!gpu.there);
}
END_TEST

START_TEST(one_that_crashes_or_is_not_there_is_said)
{
	stand_in("kill -SEGV $$");
	probe_with(&gpu, program, 0, 10 * SECOND);
	ck_assert(!gpu.there);
	ck_assert_ptr_nonnull(strstr(gpu.why_not, "SIGSEGV"));
	probe_with(&gpu, "/nowhere/chameleon-holder", 0, 10 * SECOND);
	ck_assert(!gpu.there);
	ck_assert_ptr_nonnull(strstr(gpu.why_not, "/nowhere"));
}
END_TEST

Suite *
suite_probe(void)
{
	Suite *s = suite_create("probe");
	TCase *t = tcase_create("probe");

	tcase_add_checked_fixture(t, NULL, drop);
	tcase_add_test(t, a_line_is_taken_apart);
	tcase_add_test(t, a_sentence_is_why_there_is_none);
	tcase_add_test(t, a_line_cut_anywhere_is_not_believed);
	tcase_add_test(t, the_program_is_asked_for_the_gpu_by_its_number);
	tcase_add_test(t, a_driver_that_hangs_does_not_hang_the_start);
	tcase_add_test(t, one_that_crashes_or_is_not_there_is_said);
	suite_add_tcase(s, t);
	return s;
}

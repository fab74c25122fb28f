/* A sheet: what is read is one text, whole, whatever becomes of its writer. */
#include "shm/sheet.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_sheet(void);

#define ODD 1003 /* bytes, no multiple of a word */

static struct sheet *sheet;

static void
set_up(void)
{
	sheet = mmap(NULL, sizeof(*sheet), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(sheet, MAP_FAILED);
}

static void
tear_down(void)
{
	munmap(sheet, sizeof(*sheet));
}

START_TEST(a_text_is_read_as_it_was_written)
{
	char a[ODD], b[SHEET_BYTES + 8];

	ck_assert_uint_eq(sheet_read(sheet, b, sizeof(a)), 0);
	ck_assert_int_eq(b[ODD - 1], 0);
	for (uint64_t n = 1; n <= 5; n++) {
		memset(a, (int)n, sizeof(a));
		memset(b, 'x', sizeof(b));
		ck_assert_uint_eq(sheet_write(sheet, a, sizeof(a)), n);
		ck_assert_uint_eq(sheet_read(sheet, b, sizeof(a)), n);
		ck_assert_mem_eq(a, b, sizeof(a));
		ck_assert_int_eq(b[sizeof(a)], 'x');
	}
	memset(b, 'y', sizeof(b));
	ck_assert_uint_eq(sheet_write(sheet, b, SHEET_BYTES), 6);
}
END_TEST

START_TEST(half_a_text_counts_for_nothing_and_is_written_over)
{
	char a[ODD], b[ODD];

	memset(a, 'a', sizeof(a));
	(void)sheet_write(sheet, a, sizeof(a));
	/* A writer has died here: the other page is begun, the number not. */
	for (int i = 0; i < 9; i++)
		atomic_store(&sheet->page[0][i], ~0ull);
	ck_assert_uint_eq(sheet_read(sheet, b, sizeof(b)), 1);
	ck_assert_mem_eq(a, b, sizeof(b));
	memset(a, 'c', sizeof(a));
	ck_assert_uint_eq(sheet_write(sheet, a, sizeof(a)), 2);
	ck_assert_uint_eq(sheet_read(sheet, b, sizeof(b)), 2);
	ck_assert_mem_eq(a, b, sizeof(b));
}
END_TEST

static void
write_for_ever(void)
{
	uint64_t text[64];

	for (;;) {
		uint64_t next = sheet_number(sheet) + 1;

		for (int i = 0; i < 64; i++)
			text[i] = next;
		(void)sheet_write(sheet, text, sizeof(text));
	}
}

START_TEST(a_reader_sees_one_text_while_writers_live_and_die)
{
	uint64_t text[64], number, last = 0;

	for (int life = 0; life < 20; life++) {
		pid_t pid = fork();

		if (pid == 0)
			write_for_ever();
		for (int look = 0; look < 500; look++) {
			number = sheet_read(sheet, text, sizeof(text));
			ck_assert_uint_ge(number, last);
			for (int i = 0; i < 64; i++)
				ck_assert_uint_eq(text[i], number);
			if (number == last)
				sched_yield();
			last = number;
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	ck_assert_uint_gt(last, 0);
}
END_TEST

Suite *
suite_sheet(void)
{
	Suite *s = suite_create("sheet");
	TCase *t = tcase_create("sheet");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_text_is_read_as_it_was_written);
	tcase_add_test(t, half_a_text_counts_for_nothing_and_is_written_over);
	tcase_add_test(t, a_reader_sees_one_text_while_writers_live_and_die);
	suite_add_tcase(s, t);
	return s;
}

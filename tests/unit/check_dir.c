/* The arithmetic of the adapter directory. */
#include "shm/dir.h"

#include <check.h>
#include <string.h>

Suite *suite_dir(void);

#define CHUNK (1u << 20)

START_TEST(a_class_holds_its_bytes_and_the_next_would_not)
{
	for (uint64_t n = 1; n <= CHUNK; n += 977) {
		uint32_t c = dir_class(n, CHUNK);

		ck_assert_uint_le(n, CHUNK >> c);
		ck_assert(c == DIR_CLASS_MAX || n > CHUNK >> (c + 1));
		ck_assert_uint_eq(dir_chunks(n, CHUNK), 1);
	}
	ck_assert_uint_eq(dir_class(CHUNK / 2, CHUNK), 1);
	ck_assert_uint_eq(dir_class(CHUNK / 2 + 1, CHUNK), 0);
	ck_assert_uint_eq(dir_class(1, CHUNK), DIR_CLASS_MAX);
}
END_TEST

START_TEST(a_large_adapter_takes_whole_chunks)
{
	ck_assert_uint_eq(dir_class(CHUNK + 1, CHUNK), 0);
	ck_assert_uint_eq(dir_chunks(CHUNK + 1, CHUNK), 2);
	ck_assert_uint_eq(dir_chunks(3ull * CHUNK, CHUNK), 3);
	ck_assert_uint_eq(dir_chunks(0, CHUNK), 1);
	ck_assert_uint_eq(dir_chunks(UINT64_MAX, CHUNK), UINT32_MAX);
}
END_TEST

START_TEST(names_are_plain)
{
	ck_assert(dir_name_legal("sql-r16_v2.1"));
	ck_assert(!dir_name_legal(""));
	ck_assert(!dir_name_legal(".hidden"));
	ck_assert(!dir_name_legal(".."));
	ck_assert(!dir_name_legal("a/b"));
	ck_assert(!dir_name_legal("a b"));
	ck_assert(!dir_name_legal("\xc3\xa4"));
	ck_assert(dir_name_legal("0123456789012345678901234567890123456789"
				 "012345678901234567890123"));
	ck_assert(!dir_name_legal("0123456789012345678901234567890123456789"
				  "0123456789012345678901234"));
}
END_TEST

START_TEST(what_is_asked_of_an_adapter_fits_into_a_word)
{
	uint64_t ask = dir_ask(UINT32_MAX, 0x1ff, true, 250, ASK_UNLOAD);

	ck_assert_uint_eq(dir_serial(ask), UINT32_MAX);
	ck_assert_uint_eq(dir_ask_count(ask), 0xff);
	ck_assert_uint_eq(dir_ask_weight(ask), 250);
	ck_assert_uint_eq(dir_ask_command(ask), ASK_UNLOAD);
	ck_assert(dir_ask_pinned(ask));
	ask = dir_ask(7, 1, false, 0, ASK_UNPIN);
	ck_assert_uint_eq(dir_ask_command(ask), ASK_UNPIN);
	ck_assert(!dir_ask_pinned(ask));
	ck_assert_uint_eq(dir_ask_weight(ask), 100);
	ck_assert(!dir_ask_pinned(0));
	ck_assert_uint_eq(dir_ask_command(0), ASK_NONE);
}
END_TEST

START_TEST(the_base_is_called_as_its_directory)
{
	char name[DIR_NAME_MAX];

	dir_base_name("/a/llama-7b//", name);
	ck_assert_str_eq(name, "llama-7b");
	dir_base_name("demo", name);
	ck_assert_str_eq(name, "demo");
	dir_base_name("", name);
	ck_assert_str_eq(name, "");
	dir_base_name("/", name);
	ck_assert_str_eq(name, "");
	dir_base_name("/0123456789012345678901234567890123456789"
		      "0123456789012345678901234567890123456789",
	    name);
	ck_assert_uint_eq(strlen(name), DIR_NAME_MAX - 1);
}
END_TEST

Suite *
suite_dir(void)
{
	Suite *s = suite_create("dir");
	TCase *t = tcase_create("dir");

	tcase_add_test(t, a_class_holds_its_bytes_and_the_next_would_not);
	tcase_add_test(t, a_large_adapter_takes_whole_chunks);
	tcase_add_test(t, names_are_plain);
	tcase_add_test(t, what_is_asked_of_an_adapter_fits_into_a_word);
	tcase_add_test(t, the_base_is_called_as_its_directory);
	suite_add_tcase(s, t);
	return s;
}

/* base: errors, units, hashes, random numbers, UTF-8, near names. */
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/must.h"
#include "base/near.h"
#include "base/rng.h"
#include "base/units.h"
#include "base/utf8.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

START_TEST(a_sentence_grows_on_the_way_up)
{
	ck_assert_int_eq(err_set(ERR_FORMAT, "tensor '%s'", "x"), ERR_FORMAT);
	ck_assert_int_eq(err_add("model '%s'", "m"), ERR_FORMAT);
	ck_assert_str_eq(err_text(), "model 'm': tensor 'x'");
	ck_assert_int_eq(err_code(), ERR_FORMAT);
	errno = ENOENT;
	ck_assert_int_eq(err_sys(ERR_IO, "%s", "f"), ERR_IO);
	ck_assert_str_eq(err_text(), "f: No such file or directory");
}
END_TEST

START_TEST(a_sentence_too_long_is_cut_and_ended)
{
	char text[8192];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(ERR_IO, "%s", text);
	for (int i = 0; i < 50; i++)
		err_add("%.200s", text);
	ck_assert_uint_lt(strlen(err_text()), 8192);
	ck_assert_int_eq(err_code(), ERR_IO);
}
END_TEST

static void *
fail_elsewhere(void *arg)
{
	(void)arg;
	err_set(ERR_IO, "elsewhere");
	return NULL;
}

START_TEST(each_thread_has_its_own_sentence)
{
	pthread_t t;

	err_set(ERR_FORMAT, "here");
	ck_assert_int_eq(pthread_create(&t, NULL, fail_elsewhere, NULL), 0);
	pthread_join(t, NULL);
	ck_assert_str_eq(err_text(), "here");
	ck_assert_int_eq(err_code(), ERR_FORMAT);
}
END_TEST

START_TEST(every_code_has_a_name_and_a_status)
{
	for (int e = ERR_NONE + 1; e < ERR_COUNT; e++) {
		ck_assert_uint_gt(strlen(err_name(e)), 0);
		ck_assert(err_status(e) == 100 || err_status(e) == 111);
	}
	ck_assert_int_eq(err_status(ERR_CONFIG), 100);
	ck_assert_int_eq(err_status(ERR_MEMORY), 111);
}
END_TEST

START_TEST(a_broken_must_aborts)
{
	must(1 + 1 == 3);
}
END_TEST

START_TEST(bytes_are_read_as_people_write_them)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = { { "0", 0 }, { "4096", 4096 }, { "64k", 65536 },
		{ "64KiB", 65536 }, { "2MB", 2000000 }, { "2M", 2u << 20 },
		{ "1.5GiB", 3ull << 29 }, { "512 MiB", 512u << 20 },
		{ "1TiB", 1ull << 40 }, { "7B", 7 } };
	static const char *const bad[] = { "", "-1", "x", "1x", "1KiBs", "k",
		"99999999999999999999TiB" };
	uint64_t n;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert(units_parse_bytes(good[i].text, &n));
		ck_assert_uint_eq(n, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!units_parse_bytes(bad[i], &n), "%s", bad[i]);
}
END_TEST

START_TEST(numbers_are_written_as_people_read_them)
{
	char buf[32];

	ck_assert_str_eq(units_bytes(buf, sizeof(buf), 1000), "1000 B");
	ck_assert_str_eq(units_bytes(buf, sizeof(buf), 3u << 29), "1.5 GiB");
	ck_assert_str_eq(units_count(buf, sizeof(buf), 12345678), "12,345,678");
	ck_assert_str_eq(units_count(buf, sizeof(buf), 999), "999");
	ck_assert_str_eq(units_count(buf, sizeof(buf), 0), "0");
}
END_TEST

START_TEST(a_hash_may_be_continued)
{
	uint64_t whole = hash_bytes(HASH_START, "abcdef", 6);
	uint64_t half = hash_bytes(HASH_START, "abc", 3);

	ck_assert_uint_eq(hash_bytes(half, "def", 3), whole);
	ck_assert_uint_eq(hash_bytes(HASH_START, "a", 1),
	    0xaf63dc4c8601ec8cu); /* FNV-1a's published value */
	ck_assert_uint_ne(hash_text(HASH_START, "a"),
	    hash_text(HASH_START, "b"));
}
END_TEST

START_TEST(a_stream_of_random_numbers_replays)
{
	struct rng a, b;

	rng_seed(&a, 7);
	rng_seed(&b, 7);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(rng_next(&a), rng_next(&b));
	rng_seed(&b, 8);
	ck_assert_uint_ne(rng_next(&a), rng_next(&b));
}
END_TEST

START_TEST(random_numbers_keep_to_their_ranges)
{
	struct rng r;
	double mean = 0, square = 0, wait = 0;
	int seen[7] = { 0 };

	rng_seed(&r, 1);
	for (int i = 0; i < 70000; i++) {
		double u = rng_unit(&r), n = rng_normal(&r);

		ck_assert(u >= 0 && u < 1);
		seen[rng_below(&r, 7)]++;
		mean += n / 70000;
		square += n * n / 70000;
		wait += rng_exponential(&r, 3) / 70000;
	}
	for (int k = 0; k < 7; k++)
		ck_assert(seen[k] > 9500 && seen[k] < 10500);
	ck_assert(fabs(mean) < 0.02 && fabs(square - 1) < 0.03);
	ck_assert(fabs(wait - 3) < 0.06);
}
END_TEST

START_TEST(a_draw_is_a_function_of_seed_and_position)
{
	double sum = 0;

	for (uint64_t i = 0; i < 10000; i++) {
		double u = rng_at(42, i);

		ck_assert(u >= 0 && u < 1);
		ck_assert(rng_at(42, i) == u);
		sum += u;
	}
	ck_assert(fabs(sum / 10000 - 0.5) < 0.02);
	ck_assert(rng_at(42, 1) != rng_at(43, 1));
	ck_assert(rng_at(42, 1) != rng_at(42, 2));
}
END_TEST

START_TEST(every_character_goes_there_and_back)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char out[4];
		uint32_t back;
		int n;

		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		n = utf8_encode(c, out);
		if (utf8_decode(out, (size_t)n, &back) != n || back != c ||
		    utf8_valid(out, (size_t)n) != (size_t)n ||
		    (n > 1 && utf8_decode(out, (size_t)n - 1, &back) != -1))
			ck_abort_msg("U+%04X", (unsigned)c);
	}
}
END_TEST

START_TEST(what_is_no_character_is_not_taken)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x28" };
	uint32_t c;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = strlen(bad[i]);

		ck_assert_int_eq(utf8_decode(bad[i], n, &c), 0);
		ck_assert_uint_eq(utf8_valid(bad[i], n), 0);
	}
	ck_assert_uint_eq(utf8_valid("ab\xe2\x82", 4), 2);
}
END_TEST

START_TEST(what_a_terminal_would_obey_is_made_tame)
{
	static const struct {
		const char *is, *becomes;
	} rows[] = { { "", "" }, { "gr\u00fc\u00df \u65e5\u672c", NULL },
		{ "\x1b[2J\r\n\t\x7f", "?[2J????" },
		{ "\xc2\x9b"
		  "31m",
		    "?31m" },
		{ "\u202eabc\u2066\u2028", "?abc??" },
		{ "a\xff\xe2\x82", "a???" },
		{ "\u05e9\u05dc\u05d5\u05dd", NULL } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		strcpy(text, rows[i].is);
		utf8_tame(text);
		ck_assert_str_eq(text,
		    rows[i].becomes != NULL ? rows[i].becomes : rows[i].is);
	}
}
END_TEST

START_TEST(the_nearest_name_is_the_one_meant)
{
	ck_assert_int_eq(near_distance("", ""), 0);
	ck_assert_int_eq(near_distance("abc", ""), 3);
	ck_assert_int_eq(near_distance("modle", "model"), 1);
	ck_assert_int_eq(near_distance("kitten", "sitting"), 3);
	ck_assert(near_enough("modle", 1));
	ck_assert(!near_enough("abc", 3));
}
END_TEST

START_TEST(clocks_go_forward)
{
	nsec a = clock_mono(), b;

	clock_sleep(MILLISECOND);
	b = clock_mono();
	ck_assert(b - a >= MILLISECOND);
	ck_assert(clock_wall() > 1700000000 * SECOND);
	ck_assert(clock_ms(1500000) == 1.5);
}
END_TEST

Suite *suite_base(void);
Suite *
suite_base(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("base");

	tcase_add_test(t, a_sentence_grows_on_the_way_up);
	tcase_add_test(t, a_sentence_too_long_is_cut_and_ended);
	tcase_add_test(t, each_thread_has_its_own_sentence);
	tcase_add_test(t, every_code_has_a_name_and_a_status);
	tcase_add_test_raise_signal(t, a_broken_must_aborts, SIGABRT);
	tcase_add_test(t, bytes_are_read_as_people_write_them);
	tcase_add_test(t, numbers_are_written_as_people_read_them);
	tcase_add_test(t, a_hash_may_be_continued);
	tcase_add_test(t, a_stream_of_random_numbers_replays);
	tcase_add_test(t, random_numbers_keep_to_their_ranges);
	tcase_add_test(t, a_draw_is_a_function_of_seed_and_position);
	tcase_add_test(t, every_character_goes_there_and_back);
	tcase_add_test(t, what_is_no_character_is_not_taken);
	tcase_add_test(t, what_a_terminal_would_obey_is_made_tame);
	tcase_add_test(t, the_nearest_name_is_the_one_meant);
	tcase_add_test(t, clocks_go_forward);
	suite_add_tcase(s, t);
	return s;
}

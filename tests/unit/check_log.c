/* Log lines: what is a pair and what is not is for the format alone to say,
 * whatever was printed into it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/rng.h"

#include <check.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *suite_log(void);

static int kept; /* standard error as it was */
static int fd;	 /* as it is */
static char said[65536];

static void
set_up(void)
{
	fflush(stderr);
	kept = dup(STDERR_FILENO);
	fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	log_open("check", LOG_INFO);
}

static void
tear_down(void)
{
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(fd);
}

/* What has been logged since the last time, without its last newline. */
static const char *
heard(void)
{
	ssize_t n = pread(fd, said, sizeof(said) - 1, 0);

	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert(lseek(fd, 0, SEEK_SET) == 0);
	said[n] = '\0';
	if (n > 0) {
		ck_assert_int_eq(said[n - 1], '\n');
		said[n - 1] = '\0';
	}
	return said;
}

/* The same of a text line, behind "TIME check info  ". */
static const char *
text(void)
{
	const char *at = strstr(heard(), " check ");

	ck_assert_ptr_nonnull(at);
	return at + strlen(" check info  ");
}

/* One object on one line, no key twice; the caller's. */
static json_t *
object(void)
{
	json_error_t why;
	json_t *o;

	ck_assert_ptr_null(strchr(heard(), '\n'));
	o = json_loads(said, JSON_REJECT_DUPLICATES, &why);
	ck_assert_msg(o != NULL, "%s: %s", why.text, said);
	return o;
}

static const char *
string_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	ck_assert_msg(s != NULL, "no text '%s' in %s", key, said);
	return s;
}

START_TEST(a_line_is_when_who_how_bad_and_what)
{
	int year, month, day, hour, minute, second, ms, end = 0;

	log_info("adapter loaded adapter=%s took_ms=%.3f n=%u", "roman", 4.125,
	    7u);
	ck_assert_int_eq(sscanf(heard(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n",
			     &year, &month, &day, &hour, &minute, &second, &ms,
			     &end),
	    7);
	ck_assert_str_eq(said + end,
	    " check info  adapter loaded adapter=roman took_ms=4.125 n=7");
	log_error("it ends");
	ck_assert_ptr_nonnull(strstr(heard(), "Z check error it ends"));
	log_debug("nobody hears this");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(an_object_says_the_same)
{
	json_t *o;

	log_form_set(LOG_JSON, "blue");
	log_warn("adapter loaded adapter=%s took_ms=%.3f n=%u slot=%u.%u "
		 "why=%s",
	    "roman", 4.125, 7u, 3u, 9u, "12");
	o = object();
	ck_assert_str_eq(string_of(o, "event"), "adapter loaded");
	ck_assert_str_eq(string_of(o, "level"), "warn");
	ck_assert_str_eq(string_of(o, "who"), "check");
	ck_assert_str_eq(string_of(o, "instance"), "blue");
	ck_assert_int_eq(json_integer_value(json_object_get(o, "pid")),
	    getpid());
	ck_assert_uint_eq(strlen(string_of(o, "time")), 24);
	ck_assert_str_eq(string_of(o, "adapter"), "roman");
	ck_assert(json_real_value(json_object_get(o, "took_ms")) == 4.125);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "n")), 7);
	ck_assert_str_eq(string_of(o, "slot"), "3.9");
	ck_assert_str_eq(string_of(o, "why"), "12"); /* a text, of digits */
	ck_assert_uint_eq(json_object_size(o), 11);
	json_decref(o);
	log_form_set(LOG_JSON, NULL);
	log_info("alone");
	o = object();
	ck_assert_uint_eq(json_object_size(o), 5);
	json_decref(o);
}
END_TEST

/* What strangers write. */
static const char *const hostile[] = {
	"a b",
	"x level=error",
	"\" level=\"error",
	"\\\" level=error",
	"line\n2026-01-31T12:00:00.123Z check error the engine burns",
	"\",\"level\":\"error",
	"tab\there",
	"\x1b[2J",
	"\xc2\x9b"
	"2J",
	"\xff\xfe broken",
	"\xe2\x80\xa8second line",
	"\xe2\x80\xaeturned",
	"",
	"%s %n%d",
	"\\",
};
#define NHOSTILE (sizeof(hostile) / sizeof(hostile[0]))

/* Whether a text line's pairs are adapter=, which is quoted, and n=5. */
static void
pairs_are_two(const char *line)
{
	const char *at = line + strlen("it is adapter=");

	ck_assert_msg(strncmp(line, "it is adapter=\"", 15) == 0, "%s", line);
	for (at++; *at != '"'; at++) {
		ck_assert_msg((unsigned char)*at >= ' ', "%s", line);
		at += *at == '\\';
	}
	ck_assert_msg(strcmp(at, "\" n=5") == 0, "%s", line);
}

START_TEST(a_value_of_a_strangers_forges_no_pair)
{
	for (size_t i = 0; i < NHOSTILE; i++) {
		log_info("it is adapter=%s n=%d", hostile[i], 5);
		pairs_are_two(text());
	}
	log_form_set(LOG_JSON, NULL);
	for (size_t i = 0; i < NHOSTILE; i++) {
		json_t *o;

		log_info("it is adapter=%s n=%d", hostile[i], 5);
		o = object();
		ck_assert_uint_eq(json_object_size(o), 7);
		ck_assert_str_eq(string_of(o, "level"), "info");
		if (hostile[i][0] != '\xff')
			ck_assert_str_eq(string_of(o, "adapter"), hostile[i]);
		ck_assert_int_eq(json_integer_value(json_object_get(o, "n")),
		    5);
		json_decref(o);
	}
}
END_TEST

START_TEST(a_strangers_text_in_the_sentence_forges_no_pair)
{
	json_t *o;

	log_info("model '%s' is there n=%d", "plain words", 5);
	ck_assert_str_eq(text(), "model 'plain words' is there n=5");
	log_info("model %s is there n=%d", "m' level=error", 5);
	ck_assert_str_eq(text(), "model \"m' level=error\" is there n=5");
	log_info("model %s is there", "m\nlevel=error");
	ck_assert_str_eq(text(), "model \"m\\nlevel=error\" is there");
	log_form_set(LOG_JSON, NULL);
	log_info("model %s is there", "m\nlevel=error");
	o = object();
	ck_assert_str_eq(string_of(o, "event"),
	    "model m\nlevel=error is there");
	ck_assert_uint_eq(json_object_size(o), 5);
	json_decref(o);
}
END_TEST

START_TEST(any_bytes_at_all_leave_one_whole_line)
{
	struct rng rng;
	char value[200]; /* thrice, escaped, fits a line */

	rng_seed(&rng, 7);
	for (int round = 0; round < 2000; round++) {
		size_t n = rng_below(&rng, sizeof(value) - 1);
		json_t *o;

		for (size_t i = 0; i < n; i++)
			value[i] = (char)(1 + rng_below(&rng, 255));
		value[n] = '\0';
		log_form_set(LOG_TEXT, NULL);
		log_info("it is adapter=%s n=%d", value, 5);
		if (!quote_is_word(value, n))
			pairs_are_two(text());
		else
			ck_assert_ptr_nonnull(strstr(text(), value));
		log_form_set(LOG_JSON, NULL);
		log_info("it is %s request=%s adapter=%s", value, value, value);
		o = object();
		ck_assert_uint_eq(json_object_size(o), 7);
		json_decref(o);
	}
}
END_TEST

START_TEST(a_request_is_named_as_its_client_named_it)
{
	static const char *const ids[] = { "\"r1\"", "17", "\"a b=\\\"c\\\"\"",
		"-1.5e3", "\"\\u00e9\\n\"", "\"\xc3\xa9\"" };
	/* No JSON, or such as some readers refuse. */
	static const char *const bad[] = { "r1", "\"r1", "\"r1\" level=error",
		"\"\\\"", "\"a\nb\"", "01", "1e999", "nan", "\"\\ud800\"",
		"\"\\u0000\"", "{\"a\":1}", "\"\\x\"", "" };
	char want[128];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		json_t *o, *id = json_loads(ids[i], JSON_DECODE_ANY, NULL);

		log_form_set(LOG_TEXT, NULL);
		log_info("it is request=%s", ids[i]);
		snprintf(want, sizeof(want), "it is request=%s", ids[i]);
		ck_assert_str_eq(text(), want);
		log_form_set(LOG_JSON, NULL);
		log_info("it is request=%s", ids[i]);
		o = object();
		ck_assert(json_equal(json_object_get(o, "request"), id));
		json_decref(o);
		json_decref(id);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *o;

		log_info("it is request=%s", bad[i]);
		o = object();
		ck_assert_str_eq(string_of(o, "request"), bad[i]);
		json_decref(o);
	}
}
END_TEST

START_TEST(what_is_no_number_is_a_text)
{
	json_t *o;

	log_form_set(LOG_JSON, NULL);
	log_info("it is a=%f b=%d%% c=%05d d=%x e=%.0fms f=%jd", 0.0 / 0.0, 5,
	    42, 255u, 7.0, INTMAX_MIN);
	o = object();
	ck_assert_ptr_nonnull(strstr(string_of(o, "a"), "nan"));
	ck_assert_str_eq(string_of(o, "b"), "5%");
	ck_assert_str_eq(string_of(o, "c"), "00042");
	ck_assert_str_eq(string_of(o, "d"), "ff");
	ck_assert_str_eq(string_of(o, "e"), "7ms");
	ck_assert_int_eq(json_integer_value(json_object_get(o, "f")),
	    INTMAX_MIN);
	json_decref(o);
}
END_TEST

#define AS_PRINTF(...)                                                         \
	do {                                                                   \
		char want[256];                                                \
                                                                               \
		snprintf(want, sizeof(want), __VA_ARGS__);                     \
		log_info(__VA_ARGS__);                                         \
		ck_assert_str_eq(text(), want);                                \
	} while (0)

START_TEST(conversions_are_those_of_printf)
{
	size_t size = 12345678901u;

	AS_PRINTF("%d %i %u %o %x %X %c %%", -1, 2, 3u, 8u, 255u, 255u, 'c');
	AS_PRINTF("%ld %lld %lu %llu", -1l, -2ll, 3ul, 4ull);
	AS_PRINTF("%jd %ju %zu %td", (intmax_t)-5, (uintmax_t)6, size,
	    (ptrdiff_t)-7);
	AS_PRINTF("%" PRIu64 " %" PRId32 " %" PRIx16, UINT64_MAX, INT32_MIN,
	    (uint16_t)0xabcd);
	AS_PRINTF("%.3f %8.2f|%-8.1f|%+g %e", 1.5, 2.25, 3.5, 4.0, 5e-9);
	AS_PRINTF("%5d|%-5d|%05d|%.3d", 1, 2, 3, 4);
	AS_PRINTF("%s|%8s|%-8s|%.2s|%.*s|%*s", "a", "b", "c", "defg", 3,
	    "hijkl", 4, "m");
	AS_PRINTF("%.*s|%.*f", 0, "none", 2, 1.0);
}
END_TEST

START_TEST(what_is_too_long_is_cut_and_whole_none_the_less)
{
	static char lots[20000];
	json_t *o;

	memset(lots, '\n', sizeof(lots) - 1);
	log_info("it is %s a=%s b=%s c=%s d=%s e=%d", lots, lots, lots, lots,
	    lots, 5);
	ck_assert_uint_lt(strlen(heard()), 4096);
	ck_assert_ptr_null(strchr(said, '\n'));
	log_form_set(LOG_JSON, lots);
	log_info("it is %s a=%s b=%s c=%s d=%s e=%d", lots, lots, lots, lots,
	    lots, 5);
	o = object();
	ck_assert_uint_lt(strlen(said), 4096);
	json_decref(o);
}
END_TEST

START_TEST(an_object_names_its_speaker_once)
{
	json_t *o;

	log_form_set(LOG_JSON, "blue");
	log_info("started instance=%s pid=%d who=%s event=%s a=%d", "red", 1,
	    "me", "x", 5);
	o = object();
	ck_assert_str_eq(string_of(o, "instance"), "blue");
	ck_assert_str_eq(string_of(o, "event"), "started");
	ck_assert_uint_eq(json_object_size(o), 7);
	json_decref(o);
}
END_TEST

START_TEST(for_the_journal_a_line_begins_with_its_priority)
{
	struct stat st;
	char stream[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("check", LOG_DEBUG);
	log_debug("a n=%d", 1);
	ck_assert_str_eq(heard(), "<7>check debug a n=1");
	log_info("a n=%d", 1);
	ck_assert_str_eq(heard(), "<6>check info  a n=1");
	log_warn("a n=%d", 1);
	ck_assert_str_eq(heard(), "<4>check warn  a n=1");
	log_error("a n=%d", 1);
	ck_assert_str_eq(heard(), "<3>check error a n=1");
	/* Standard error goes elsewhere, or what is named is no file. */
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("check", LOG_INFO);
	log_info("a");
	ck_assert_str_eq(text(), "a");
	setenv("JOURNAL_STREAM", "nonsense", 1);
	log_open("check", LOG_INFO);
	log_info("a");
	ck_assert_str_eq(text(), "a");
}
END_TEST

Suite *
suite_log(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("lines");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_line_is_when_who_how_bad_and_what);
	tcase_add_test(t, an_object_says_the_same);
	tcase_add_test(t, a_value_of_a_strangers_forges_no_pair);
	tcase_add_test(t, a_strangers_text_in_the_sentence_forges_no_pair);
	tcase_add_test(t, any_bytes_at_all_leave_one_whole_line);
	tcase_add_test(t, a_request_is_named_as_its_client_named_it);
	tcase_add_test(t, what_is_no_number_is_a_text);
	tcase_add_test(t, conversions_are_those_of_printf);
	tcase_add_test(t, what_is_too_long_is_cut_and_whole_none_the_less);
	tcase_add_test(t, an_object_names_its_speaker_once);
	tcase_add_test(t, for_the_journal_a_line_begins_with_its_priority);
	suite_add_tcase(s, t);
	return s;
}

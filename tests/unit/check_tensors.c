/* The safetensors reader meets honest and hostile files. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "model/tensors.h"
#include "tests/unit/model_files.h"

static const struct tensors_limits limits = { TENSORS_ADAPTER_HEADER_MAX, 4 };

/* Opens a file of the test's directory. */
static int
open_one(struct tensors *ts, const char *name, bool follow_links)
{
	int dirfd = open(files_path(""), O_RDONLY | O_DIRECTORY);
	int e = tensors_open(ts, dirfd, name, limits, follow_links);

	ck_assert_int_ge(dirfd, 0);
	close(dirfd);
	return e;
}

static void
refused(const char *name, int code, const char *why)
{
	struct tensors ts;
	int e = open_one(&ts, name, false);

	ck_assert_msg(e != 0, "%s was opened, want: %s", name, why);
	ck_assert_msg(strstr(err_text(), why) != NULL, "%s, want: %s",
	    err_text(), why);
	ck_assert_msg(e == code, "%s: %s", err_text(), err_name(e));
	tensors_close(&ts); /* fine for what was never opened */
}

/* Headers that lie, how much data follows, and what is said of each. */
static const struct {
	const char *header;
	size_t data;
	int code;
	const char *why;
} lies[] = {
	{ "", 0, ERR_FORMAT, "does not begin with {" },
	{ " {}", 0, ERR_FORMAT, "does not begin with {" },
	{ "[]", 0, ERR_FORMAT, "does not begin with {" },
	{ "{\"\xff\":1}", 0, ERR_FORMAT, "not valid UTF-8 at byte 2" },
	{ "{\"a\":{\"shape\":[[1]]}}", 0, ERR_FORMAT, "nests deeper than 3" },
	{ "{\"a\\\"[[[[\":{\"shape\":[1}}", 0, ERR_FORMAT, "the header: " },
	{ "{\"a\":{},\"a\":{}}", 0, ERR_FORMAT, "duplicate object key" },
	{ "{} x", 0, ERR_FORMAT, "the header: " },
	{ "{\"__metadata__\":[]}", 0, ERR_FORMAT, "__metadata__ is not" },
	{ "{\"__metadata__\":{\"n\":1}}", 0, ERR_FORMAT, "'n' is not a text" },
	{ "{\"a\":1}", 0, ERR_FORMAT, "a: dtype is missing" },
	{ "{\"a\":{\"dtype\":\"F17\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
	    ERR_FORMAT, "a: dtype 'F17' is not known" },
	{ "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, ERR_FORMAT,
	    "a: shape is missing" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
	    4, ERR_FORMAT, "a: dimension 0 is not" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1.0],\"data_offsets\":[0,4]}"
	  "}",
	    4, ERR_FORMAT, "a: dimension 1 is not" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],"
	  "\"data_offsets\":[0,4]}}",
	    4, ERR_FORMAT, "the header: " },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],"
	  "\"data_offsets\":[0,4]}}",
	    4, ERR_FORMAT, "a: 9 dimensions" },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[4194305,4194305,"
	  "211106198978564],\"data_offsets\":[0,4]}}",
	    4, ERR_FORMAT, "a: its shape is over 64 bits" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976],"
	  "\"data_offsets\":[0,0]}}",
	    0, ERR_FORMAT, "a: its shape is over 64 bits" },
	{ "{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2,
	    ERR_FORMAT, "no whole number" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4,
	    ERR_FORMAT, "a: data_offsets are not two" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,-4]}}",
	    4, ERR_FORMAT, "a: data_offsets are not two" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
	    ERR_FORMAT, "a: data_offsets [4, 0] do not hold" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
	    ERR_FORMAT, "do not hold its 8 bytes" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
	    ERR_FORMAT, "a: begins at byte 4 of the data, want 0" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
	  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}",
	    6, ERR_FORMAT, "b: begins at byte 2 of the data, want 4" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
	  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
	    4, ERR_FORMAT, "begins at byte 0 of the data, want 4" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
	  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
	    12, ERR_FORMAT, "b: begins at byte 8 of the data, want 4" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7,
	    ERR_FORMAT, "a: ends at byte 8 of the data, the file has 7" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
	    ERR_FORMAT, "5 bytes of data, the tensors end at byte 4" },
	{ "{\"a\":{\"dtype\":\"F32\",\"shape\":[2305843009213693951],"
	  "\"data_offsets\":[0,9223372036854775804]}}",
	    4, ERR_FORMAT, "a: " },
};

START_TEST(header_that_lies_is_refused_with_the_reason)
{
	files_tensors("lie", lies[_i].header, lies[_i].data);
	refused("lie", lies[_i].code, lies[_i].why);
}
END_TEST

START_TEST(header_is_bounded_before_it_is_read)
{
	unsigned char bomb[8];

	refused("nothing", ERR_NOT_FOUND, "nothing: no such file");
	files_put("short", "1234567", 7);
	refused("short", ERR_FORMAT, "has 7 bytes, fewer than 8");
	memset(bomb, 0xff, sizeof(bomb));
	files_put("bomb", bomb, sizeof(bomb));
	refused("bomb", ERR_FORMAT, "names a header of 18446744073709551615");
	memset(bomb, 0, sizeof(bomb));
	bomb[3] = 1; /* 16 MiB, which are there, but empty */
	files_put("large", bomb, sizeof(bomb));
	ck_assert_int_eq(truncate(files_path("large"), 32 << 20), 0);
	refused("large", ERR_LIMIT, "the limit is 1048576");
}
END_TEST

START_TEST(number_of_tensors_is_limited)
{
	char header[1024] = "{";

	for (int i = 0; i < 5; i++)
		snprintf(header + strlen(header),
		    sizeof(header) - strlen(header),
		    "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],"
		    "\"data_offsets\":[0,0]}",
		    i > 0 ? "," : "", i);
	strcat(header, "}");
	files_tensors("many", header, 0);
	refused("many", ERR_LIMIT, "has 5 tensors, the limit is 4");
}
END_TEST

START_TEST(only_a_regular_file_in_the_directory_is_opened)
{
	struct tensors ts;

	files_tensors("real", "{}", 0);
	ck_assert_int_eq(symlink("real", files_path("link")), 0);
	ck_assert_int_eq(symlink("/dev/zero", files_path("device")), 0);
	ck_assert_int_eq(mkfifo(files_path("fifo"), 0600), 0);
	files_make_dir("below");
	refused("link", ERR_UNSUPPORTED,
	    "link is a link (a hub cache?); copy the file itself");
	refused("device", ERR_UNSUPPORTED, "is a link");
	refused("fifo", ERR_FORMAT, "fifo is not a regular file");
	refused("below", ERR_FORMAT, "below is not a regular file");
	refused("../real", ERR_FORMAT, "is not a plain file name");
	refused("below/x", ERR_FORMAT, "is not a plain file name");
	refused("..", ERR_FORMAT, "is not a plain file name");
	refused("", ERR_FORMAT, "is not a plain file name");
	ck_assert_int_eq(open_one(&ts, "link", true), 0);
	tensors_close(&ts);
}
END_TEST

START_TEST(legal_oddities_are_read)
{
	struct tensors ts;
	const struct tensor *t;

	/* Padding, metadata, out of order, empty, a scalar, another dtype. */
	files_tensors("odd",
	    "{\"__metadata__\":{\"format\":\"pt\"},"
	    "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[2,6]}"
	    ","
	    "\"empty\":{\"dtype\":\"BF16\",\"shape\":[4,0],"
	    "\"data_offsets\":[2,2]},"
	    "\"first\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[0,2]}"
	    "}   ",
	    6);
	ck_assert_msg(open_one(&ts, "odd", false) == 0, "%s", err_text());
	ck_assert_int_eq(ts.count, 3);
	ck_assert_str_eq(ts.list[0].name, "first");
	ck_assert_int_eq(ts.list[0].dtype, TENSOR_OTHER);
	ck_assert_str_eq(ts.list[0].dtype_name, "I8");
	ck_assert_str_eq(ts.list[1].name, "empty");
	t = tensors_find(&ts, "scalar");
	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(t->ndim, 0);
	ck_assert_uint_eq(t->elements, 1);
	ck_assert_ptr_null(tensors_find(&ts, "Scalar"));
	ck_assert_ptr_null(tensors_find(&ts, ""));
	tensors_close(&ts);
	files_tensors("none", "{}", 0);
	ck_assert_int_eq(open_one(&ts, "none", false), 0);
	ck_assert_ptr_null(tensors_find(&ts, "a"));
	tensors_close(&ts);
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	static const float f32[6] = { 0, -1, 2.5f, 1e-8f, 65504, 3 };
	uint16_t f16[6], bf16[6];
	float back[6];
	struct tensors ts;
	struct tensor_out out[] = {
		{ "x", TENSOR_F32, 2, { 2, 3 }, f32 },
		{ "y.half", TENSOR_F16, 1, { 6 }, f16 },
		{ "z", TENSOR_BF16, 3, { 1, 3, 2 }, bf16 },
	};

	for (int i = 0; i < 6; i++) {
		f16[i] = tensor_f16(f32[i]);
		bf16[i] = tensor_bf16(f32[i]);
	}
	ck_assert_int_eq(tensors_write(files_path("written"), out, 3, NULL,
			     NULL),
	    0);
	ck_assert_msg(open_one(&ts, "written", false) == 0, "%s", err_text());
	ck_assert_uint_eq(ts.list[0].offset % 8, 0);
	for (int k = 0; k < 3; k++) {
		const struct tensor *t = tensors_find(&ts, out[k].name);

		ck_assert_ptr_nonnull(t);
		ck_assert_int_eq(t->dtype, out[k].dtype);
		ck_assert_int_eq(t->ndim, out[k].ndim);
		ck_assert_int_eq(tensors_read_f32(&ts, t, 1, 5, back), 0);
		for (int i = 0; i < 5; i++) {
			float want = k == 0 ? f32[i + 1] :
			    k == 1	    ? tensor_from_f16(f16[i + 1]) :
					      tensor_from_bf16(bf16[i + 1]);

			ck_assert(back[i] == want);
		}
	}
	tensors_close(&ts);
}
END_TEST

START_TEST(file_cut_short_while_open_is_an_error)
{
	struct tensors ts;
	float f[2];

	files_tensors("cut",
	    "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
	    8);
	ck_assert_int_eq(open_one(&ts, "cut", false), 0);
	ck_assert_int_eq(truncate(files_path("cut"), 64), 0);
	ck_assert_int_eq(tensors_read_f32(&ts, ts.list, 0, 2, f), ERR_IO);
	ck_assert_ptr_nonnull(strstr(err_text(), "a: the file ends at byte"));
	tensors_close(&ts);
}
END_TEST

START_TEST(every_half_survives_the_way_there_and_back)
{
	for (uint32_t h = 0; h < 0x10000; h++) {
		float f16 = tensor_from_f16((uint16_t)h);
		float bf16 = tensor_from_bf16((uint16_t)h);

		if (isnan(f16))
			ck_assert(isnan(tensor_from_f16(tensor_f16(f16))));
		else
			ck_assert_uint_eq(tensor_f16(f16), h);
		if (isnan(bf16))
			ck_assert(isnan(tensor_from_bf16(tensor_bf16(bf16))));
		else
			ck_assert_uint_eq(tensor_bf16(bf16), h);
	}
}
END_TEST

START_TEST(rounding_is_to_nearest_and_ties_to_even)
{
	ck_assert_uint_eq(tensor_bf16(0x1.01p0f), 0x3f80);     /* tie, down */
	ck_assert_uint_eq(tensor_bf16(0x1.03p0f), 0x3f82);     /* tie, up */
	ck_assert_uint_eq(tensor_bf16(0x1.010002p0f), 0x3f81); /* above it */
	ck_assert_uint_eq(tensor_bf16(-0x1.fffffep127f), 0xff80);
	ck_assert_uint_eq(tensor_f16(0x1.002p0f), 0x3c00);
	ck_assert_uint_eq(tensor_f16(0x1.006p0f), 0x3c02);
	ck_assert_uint_eq(tensor_f16(65519.0f), 0x7bff);
	ck_assert_uint_eq(tensor_f16(65520.0f), 0x7c00);
	ck_assert_uint_eq(tensor_f16(0x1p-25f), 0x0000); /* tie, to zero */
	ck_assert_uint_eq(tensor_f16(0x1.8p-24f), 0x0002);
	ck_assert_uint_eq(tensor_f16(-0x1p-24f), 0x8001);
	ck_assert_uint_eq(tensor_f16(0x1.ffcp-15f), 0x0400);
}
END_TEST

#define ONE(name)                                                              \
	"{\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],"                      \
	"\"data_offsets\":[0,4]}}"

static void
sharded(const char *map, const char *why)
{
	struct tensors ts;
	int e;

	files_text("model.safetensors.index.json", map);
	e = tensors_open_model(&ts, files_path(""));
	if (why == NULL) {
		ck_assert_msg(e == 0, "%s", err_text());
		ck_assert_int_eq(ts.nfiles, 2);
		ck_assert_int_eq(tensors_find(&ts, "b")->file, 1);
	} else {
		ck_assert_int_ne(e, 0);
		ck_assert_msg(strstr(err_text(), why) != NULL, "%s, want: %s",
		    err_text(), why);
	}
	tensors_close(&ts);
}

START_TEST(shards_and_their_index_must_agree)
{
	files_tensors("s1", ONE("a"), 4);
	files_tensors("s2", ONE("b"), 4);
	files_tensors("s3", ONE("a"), 4);
	sharded("{\"metadata\":{\"total_size\":8},"
		"\"weight_map\":{\"a\":\"s1\",\"b\":\"s2\"}}",
	    NULL);
	sharded("{}", "weight_map is missing");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"b\":7}}",
	    "'b' does not name a file");
	sharded("{\"weight_map\":{\"a\":\"s2\",\"b\":\"s1\"}}",
	    "a: is not in s2");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"b\":\"s1\"}}",
	    "b: is not in s1");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"c\":\"s2\"}}",
	    "b: is in s2, but not in the weight_map");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"b\":\"s3\"}}",
	    "a: is there twice");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"b\":\"../s2\"}}",
	    "'../s2' is not a plain file name");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"b\":\"s9\"}}",
	    "s9: no such file");
	sharded("{\"weight_map\":{\"a\":\"s1\",\"a\":\"s2\"}}",
	    "duplicate object key");
}
END_TEST

START_TEST(model_directory_without_tensors_says_so)
{
	struct tensors ts;

	files_make_dir("bare");
	ck_assert_int_eq(tensors_open_model(&ts, files_path("bare")),
	    ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err_text(),
	    "neither model.safetensors nor model.safetensors.index.json"));
	ck_assert_int_eq(tensors_open_model(&ts, files_path("nowhere")),
	    ERR_NOT_FOUND);
}
END_TEST

Suite *suite_tensors(void);

Suite *
suite_tensors(void)
{
	Suite *s = suite_create("tensors");
	TCase *t = tcase_create("tensors");

	tcase_add_unchecked_fixture(t, files_begin, files_end);
	tcase_add_loop_test(t, header_that_lies_is_refused_with_the_reason, 0,
	    (int)(sizeof(lies) / sizeof(lies[0])));
	tcase_add_test(t, header_is_bounded_before_it_is_read);
	tcase_add_test(t, number_of_tensors_is_limited);
	tcase_add_test(t, only_a_regular_file_in_the_directory_is_opened);
	tcase_add_test(t, legal_oddities_are_read);
	tcase_add_test(t, what_is_written_is_read_back);
	tcase_add_test(t, file_cut_short_while_open_is_an_error);
	tcase_add_test(t, every_half_survives_the_way_there_and_back);
	tcase_add_test(t, rounding_is_to_nearest_and_ties_to_even);
	tcase_add_test(t, shards_and_their_index_must_agree);
	tcase_add_test(t, model_directory_without_tensors_says_so);
	suite_add_tcase(s, t);
	return s;
}

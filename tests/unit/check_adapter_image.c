/* What adapter_pack writes is what the device reads. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/model_files.h"
#include "tests/unit/model_lora.h"

static const struct adapter_rules strict;

START_TEST(rows_never_cross_a_page)
{
	static const uint64_t sizes[] = { 1, 63, 64, 65, 100, 128, 250, 256 };

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		uint64_t stride = (sizes[k] + 63) / 64 * 64;

		for (uint64_t start = 0; start <= 512; start += 64) {
			uint64_t last = 0;

			if (256 - start % 256 < stride)
				continue; /* no image has row 0 there */
			for (uint32_t i = 0; i < 40; i++) {
				uint64_t at = adapter_row(start, sizes[k], 256,
				    i);

				ck_assert(
				    i == 0 ? at == start : at >= last + stride);
				ck_assert_uint_eq(at % 64, 0);
				ck_assert_uint_eq(at / 256,
				    (at + stride - 1) / 256);
				last = at;
			}
			ck_assert_uint_eq(adapter_row(start, sizes[k], 0, 7),
			    start + 7 * stride);
		}
	}
}
END_TEST

/* An adapter of one rank on every module, head and embedding too. */
static void
make_full(struct lora_files *f, int rank)
{
	static const struct {
		const char *name;
		int in, out;
	} modules[] = {
		{ "self_attn.q_proj", 8, 8 },
		{ "self_attn.k_proj", 8, 4 },
		{ "self_attn.v_proj", 8, 4 },
		{ "self_attn.o_proj", 8, 8 },
		{ "mlp.gate_proj", 8, 12 },
		{ "mlp.up_proj", 8, 12 },
		{ "mlp.down_proj", 12, 8 },
	};
	char name[64];

	*f = (struct lora_files){ .n = 0 };
	for (int l = 1; l >= 0; l--) /* the file's order is not ours */
		for (int i = 6; i >= 0; i--) {
			snprintf(name, sizeof(name), "%d.%s", l,
			    modules[i].name);
			lora_pair(f, name, rank, modules[i].in, modules[i].out);
		}
	lora_tensor(f, "base_model.model.lm_head.lora_A.weight", rank, 8);
	lora_tensor(f, "base_model.model.lm_head.lora_B.weight", 10, rank);
	lora_tensor(f, "base_model.model.model.embed_tokens.lora_embedding_A",
	    rank, 10);
	lora_tensor(f, "base_model.model.model.embed_tokens.lora_embedding_B",
	    8, rank);
}

static float
number_at(const struct adapter_image *image, uint64_t start, uint64_t row_bytes,
    uint32_t row, uint32_t col)
{
	const unsigned char *at = (const unsigned char *)image +
	    adapter_row(start, row_bytes, image->page_bytes, row);
	uint16_t half;
	float f;

	if (image->dtype == TENSOR_F32) {
		memcpy(&f, at + 4 * col, sizeof(f));
		return f;
	}
	memcpy(&half, at + 2 * col, sizeof(half));
	return image->dtype == TENSOR_BF16 ? tensor_from_bf16(half) :
					     tensor_from_f16(half);
}

static float
rounded(const struct adapter_image *image, float f)
{
	return image->dtype == TENSOR_F32 ? f :
	    image->dtype == TENSOR_BF16	  ? tensor_from_bf16(tensor_bf16(f)) :
					    tensor_from_f16(tensor_f16(f));
}

/* Every number of a module, in its place. */
static void
check_module(const struct adapter *a, const struct adapter_image *image, int i)
{
	const struct adapter_module *m = &a->modules[i];
	const struct adapter_entry *e = &image->entry[i];
	enum tensor_dtype dtype = (enum tensor_dtype)image->dtype;
	uint32_t r = (uint32_t)m->rank, in = (uint32_t)e->in,
		 out = (uint32_t)e->out;
	bool embeds = m->linear == LINEAR_EMBED;
	float *fa = malloc(in * r * sizeof(*fa));
	float *fb = malloc(out * r * sizeof(*fb));

	ck_assert_int_eq(e->layer, m->layer);
	ck_assert_int_eq(e->linear, (int)m->linear);
	ck_assert_int_eq(e->rank, m->rank);
	ck_assert_uint_eq(adapter_a_rows(e), embeds ? in : r);
	ck_assert_int_eq(tensors_read_f32(&a->tensors, m->a, 0, in * r, fa), 0);
	ck_assert_int_eq(tensors_read_f32(&a->tensors, m->b, 0, out * r, fb),
	    0);
	for (uint32_t k = 0; k < r; k++) {
		for (uint32_t c = 0; c < in; c++)
			ck_assert(
			    number_at(image, e->a, adapter_a_bytes(e, dtype),
				embeds ? c : k, embeds ? k : c) ==
			    rounded(image, fa[k * in + c]));
		for (uint32_t o = 0; o < out; o++)
			ck_assert(
			    number_at(image, e->b, adapter_b_bytes(e, dtype), k,
				o) == rounded(image, fb[o * r + k] * m->scale));
	}
	free(fa);
	free(fb);
}

static const int ranks[] = { 1, 2, 3, 7, 16, 17, 65, 512 };

START_TEST(image_holds_a_and_scaled_b_transposed)
{
	static const uint32_t pages[] = { 0, 64, 128, 192, 4096 };
	struct shape s = lora_shape();
	struct lora_files f;
	struct adapter a;
	char config[256];
	int rank = ranks[_i];

	make_full(&f, rank);
	snprintf(config, sizeof(config),
	    "{\"peft_type\":\"LORA\",\"r\":%d,\"lora_alpha\":%d,"
	    "\"target_modules\":\".*\"}",
	    rank, 3 * rank);
	lora_write("full", config, &f);
	ck_assert_msg(lora_open(&a, "full", strict) == 0, "%s", err_text());
	ck_assert_int_eq(a.nmodules, 16);
	for (int k = 0; k < 15; k++) {
		enum tensor_dtype dtype = (enum tensor_dtype)(k / 5);
		/* A row of the embedding's A, or of any B, is the longest. */
		uint64_t longest = (uint64_t)(rank > 12 ? rank : 12) *
		    (uint64_t)tensor_dtype_bytes(dtype);
		uint64_t bytes;
		struct adapter_image *image;

		if (pages[k % 5] != 0 && pages[k % 5] < longest) {
			ck_assert_uint_eq(adapter_image_bytes(&a, &s, dtype,
					      pages[k % 5]),
			    0);
			continue;
		}
		image = lora_pack(&a, dtype, pages[k % 5], strict, &bytes);
		ck_assert_msg(image != NULL, "%s", err_text());
		ck_assert_uint_eq(image->bytes, bytes);
		ck_assert_msg(adapter_image_check(image, bytes, &s) == 0, "%s",
		    err_text());
		ck_assert_uint_le(image->header_bytes, adapter_header_max(&s));
		for (int i = 0; i < a.nmodules; i++)
			check_module(&a, image, i);
		free(image);
	}
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

START_TEST(page_too_small_for_a_row_is_an_error)
{
	struct lora_files f;
	struct adapter a;
	struct shape s = lora_shape();
	char out[64];

	make_full(&f, 65);
	lora_write("page", "{\"peft_type\":\"LORA\",\"r\":65}", &f);
	ck_assert_int_eq(lora_open(&a, "page", strict), 0);
	ck_assert_int_eq(adapter_pack(&a, &s, TENSOR_F32, 64, strict, out, NULL,
			     NULL),
	    ERR_LIMIT);
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

/* Writes LORA_GOOD with one number of one tensor changed. */
static void
write_with(int tensor, int element, float number, const char *config)
{
	struct lora_files f;

	lora_good(&f);
	((float *)(uintptr_t)f.list[tensor].data)[element] = number;
	lora_write("number", config, &f);
	lora_free(&f);
}

START_TEST(number_that_is_not_finite_is_refused)
{
	static const char end[] = ": element 13 is not finite";
	char why[256];

	for (int i = 0; i < 2; i++) {
		snprintf(why, sizeof(why),
		    LORA_FRONT "0.self_attn.q_proj.lora_%c.weight%s",
		    i == 0 ? 'A' : 'B', end);
		write_with(i, 13, NAN, "{" LORA_GOOD "}");
		lora_refused("number", strict, why);
		write_with(i, 13, -INFINITY, "{" LORA_GOOD "}");
		lora_refused("number", strict, why);
	}
	/* Finite in the file, but no longer when scaled. */
	write_with(1, 13, 3e38f, "{" LORA_GOOD "}");
	lora_refused("number", strict, why);
}
END_TEST

START_TEST(number_that_rounds_to_infinity_is_refused)
{
	struct adapter a;
	uint64_t bytes;

	write_with(0, 3, 3.4e38f, "{" LORA_GOOD "}");
	ck_assert_int_eq(lora_open(&a, "number", strict), 0);
	ck_assert_ptr_null(lora_pack(&a, TENSOR_BF16, 0, strict, &bytes));
	ck_assert_ptr_nonnull(strstr(err_text(), "element 3 is not finite"));
	free(lora_pack(&a, TENSOR_F32, 0, strict, &bytes));
	adapter_close(&a);
}
END_TEST

START_TEST(adapter_that_changes_nothing_is_refused_unless_allowed)
{
	static const struct adapter_rules noop = { .allow_noop = true };
	struct lora_files f;
	struct adapter a;
	struct adapter_image *image;
	uint64_t bytes;

	lora_good(&f);
	for (int i = 1; i < 8; i += 2)
		memset((void *)(uintptr_t)f.list[i].data, 0,
		    f.list[i].shape[0] * 2 * sizeof(float));
	lora_write("noop", "{" LORA_GOOD "}", &f);
	lora_refused("noop", strict,
	    "every lora_B is zero: the adapter changes nothing");
	ck_assert_int_eq(lora_open(&a, "noop", noop), 0);
	image = lora_pack(&a, TENSOR_F32, 0, noop, &bytes);
	ck_assert_ptr_nonnull(image);
	free(image);
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

static bool
count_down(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

START_TEST(packing_stops_when_told)
{
	struct shape s = lora_shape();
	struct lora_files f;
	struct adapter a;
	void *out;

	lora_good(&f);
	lora_write("stop", "{" LORA_GOOD "}", &f);
	ck_assert_int_eq(lora_open(&a, "stop", strict), 0);
	out = malloc(adapter_image_bytes(&a, &s, TENSOR_F32, 0));
	for (int i = 0; i < 4; i++) {
		int left = i;

		ck_assert_int_eq(adapter_pack(&a, &s, TENSOR_F32, 0, strict,
				     out, count_down, &left),
		    ERR_GONE);
	}
	free(out);
	adapter_close(&a);
	lora_free(&f);
}
END_TEST

START_TEST(file_that_changes_while_it_is_read_is_refused)
{
	struct adapter a;
	uint64_t bytes;
	char byte = 1;
	int fd;

	write_with(0, 0, 1, "{" LORA_GOOD "}");
	ck_assert_int_eq(lora_open(&a, "number", strict), 0);
	fd = open(files_path("number/adapter_model.safetensors"), O_WRONLY);
	/* A coarse clock may not have moved: another time is set by hand. */
	ck_assert_int_eq(pwrite(fd, &byte, 1, lseek(fd, 0, SEEK_END) - 4), 1);
	ck_assert_int_eq(futimens(fd,
			     (struct timespec[]){ { 1, 0 }, { 1, 0 } }),
	    0);
	close(fd);
	ck_assert_ptr_null(lora_pack(&a, TENSOR_F32, 0, strict, &bytes));
	ck_assert_ptr_nonnull(strstr(err_text(), "was changed while it was"));
	adapter_close(&a);
}
END_TEST

static void
digest_of(unsigned char *digest, const char *config, float number,
    enum tensor_dtype dtype)
{
	struct adapter a;
	struct adapter_image *image;
	uint64_t bytes;

	write_with(1, 0, number, config);
	ck_assert_msg(lora_open(&a, "number", strict) == 0, "%s", err_text());
	image = lora_pack(&a, dtype, 0, strict, &bytes);
	ck_assert_ptr_nonnull(image);
	memcpy(digest, image->digest, ADAPTER_DIGEST_BYTES);
	free(image);
	adapter_close(&a);
}

START_TEST(digest_is_of_the_numbers_and_what_is_done_with_them)
{
	unsigned char first[ADAPTER_DIGEST_BYTES], d[ADAPTER_DIGEST_BYTES];
	const char *good = "{" LORA_GOOD "}";

	digest_of(first, good, 1, TENSOR_F32);
	digest_of(d, good, 1, TENSOR_BF16);
	ck_assert_mem_eq(first, d, sizeof(d));
	digest_of(d, "{" LORA_GOOD ",\"peft_version\":\"2\"}", 1, TENSOR_F32);
	ck_assert_mem_eq(first, d, sizeof(d));
	digest_of(d, good, 2, TENSOR_F32);
	ck_assert_mem_ne(first, d, sizeof(d));
	digest_of(d, "{" LORA_GOOD ",\"use_rslora\":true}", 1, TENSOR_F32);
	ck_assert_mem_ne(first, d, sizeof(d));
}
END_TEST

/* What is added to which field of a good image; the second entry is v of
 * layer 0. */
#define HEAD(field, add)                                                       \
	{                                                                      \
		offsetof(struct adapter_image, field),                         \
		    sizeof(((struct adapter_image *)0)->field), add            \
	}
#define ENTRY(field, add)                                                      \
	{                                                                      \
		offsetof(struct adapter_image, entry) +                        \
		    sizeof(struct adapter_entry) +                             \
		    offsetof(struct adapter_entry, field),                     \
		    sizeof(((struct adapter_entry *)0)->field), add            \
	}
static const struct {
	size_t at, bytes;
	int64_t add;
} hands[] = {
	HEAD(magic, 1),
	HEAD(bytes, 64),
	HEAD(bytes, -64),
	HEAD(bytes, INT64_MIN),
	HEAD(dtype, 1), /* OTHER */
	HEAD(page_bytes, 36),
	HEAD(nmodules, -1),
	HEAD(nmodules, 1),
	HEAD(nmodules, 0xfffffff0),
	HEAD(header_bytes, 64),
	HEAD(header_bytes, -64),
	ENTRY(layer, 2),
	ENTRY(layer, -1),
	ENTRY(linear, LINEAR_COUNT - LINEAR_V),
	ENTRY(linear, -1 - LINEAR_V),
	ENTRY(linear, LINEAR_Q - LINEAR_V), /* twice */
	ENTRY(rank, -2),
	ENTRY(rank, ADAPTER_RANK_MAX - 1),
	ENTRY(rank, 40),
	ENTRY(in, 1),
	ENTRY(out, -5),
	ENTRY(a, -64),
	ENTRY(a, 1),
	ENTRY(b, 64),
	ENTRY(b, INT64_MIN),
};

START_TEST(image_with_a_foreign_hand_in_it_is_refused)
{
	struct shape s = lora_shape();
	struct adapter_image *image;
	struct adapter a;
	uint64_t bytes, word = 0;

	write_with(0, 0, 1, "{" LORA_GOOD "}");
	ck_assert_int_eq(lora_open(&a, "number", strict), 0);
	image = lora_pack(&a, TENSOR_BF16, 4096, strict, &bytes);
	ck_assert_ptr_nonnull(image);
	ck_assert_int_eq(adapter_image_check(image, bytes, &s), 0);
	ck_assert_int_eq(adapter_image_check(image, bytes + 4096, &s), 0);
	ck_assert_int_ne(adapter_image_check(image, bytes - 1, &s), 0);
	ck_assert_int_ne(adapter_image_check(image, 8, &s), 0);
	memcpy(&word, (char *)image + hands[_i].at, hands[_i].bytes);
	word += (uint64_t)hands[_i].add;
	memcpy((char *)image + hands[_i].at, &word, hands[_i].bytes);
	ck_assert_int_ne(adapter_image_check(image, bytes, &s), 0);
	free(image);
	adapter_close(&a);
}
END_TEST

Suite *suite_adapter_image(void);

Suite *
suite_adapter_image(void)
{
	Suite *s = suite_create("adapter_image");
	TCase *t = tcase_create("adapter_image");

	tcase_add_unchecked_fixture(t, files_begin, files_end);
	tcase_add_test(t, rows_never_cross_a_page);
	tcase_add_loop_test(t, image_holds_a_and_scaled_b_transposed, 0,
	    (int)(sizeof(ranks) / sizeof(ranks[0])));
	tcase_add_test(t, page_too_small_for_a_row_is_an_error);
	tcase_add_test(t, number_that_is_not_finite_is_refused);
	tcase_add_test(t, number_that_rounds_to_infinity_is_refused);
	tcase_add_test(t,
	    adapter_that_changes_nothing_is_refused_unless_allowed);
	tcase_add_test(t, packing_stops_when_told);
	tcase_add_test(t, file_that_changes_while_it_is_read_is_refused);
	tcase_add_test(t, digest_is_of_the_numbers_and_what_is_done_with_them);
	tcase_add_loop_test(t, image_with_a_foreign_hand_in_it_is_refused, 0,
	    (int)(sizeof(hands) / sizeof(hands[0])));
	suite_add_tcase(s, t);
	return s;
}

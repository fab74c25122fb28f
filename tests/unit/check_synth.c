/* Models and adapters of random numbers are files like any others. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "model/adapter.h"
#include "model/synth.h"
#include "model/tok.h"
#include "tests/unit/model_files.h"

static const enum tensor_dtype dtypes[] = { TENSOR_F32, TENSOR_F16,
	TENSOR_BF16 };

START_TEST(model_that_is_made_is_read)
{
	struct shape s, want;
	struct tensors ts;

	ck_assert_msg(synth_model("tiny", files_path("tiny"), dtypes[_i], 1) ==
		0,
	    "%s", err_text());
	ck_assert_msg(shape_read(&s, files_path("tiny")) == 0, "%s",
	    err_text());
	ck_assert_int_eq(synth_shape(&want, "tiny"), 0);
	ck_assert_mem_eq(&s, &want, sizeof(s));
	ck_assert_int_eq(tensors_open_model(&ts, files_path("tiny")), 0);
	ck_assert_msg(shape_check_weights(&s, &ts) == 0, "%s", err_text());
	for (int i = 0; i < ts.count; i++)
		ck_assert_int_eq(ts.list[i].dtype, dtypes[_i]);
	tensors_close(&ts);
}
END_TEST

/* The first numbers of the embedding of a model made with this seed. */
static void
embedding(float *out, int n, uint64_t seed)
{
	struct tensors ts;

	ck_assert_int_eq(synth_model("tiny", files_path("seeded"), TENSOR_F32,
			     seed),
	    0);
	ck_assert_int_eq(tensors_open_model(&ts, files_path("seeded")), 0);
	ck_assert_int_eq(tensors_read_f32(&ts,
			     tensors_find(&ts, "model.embed_tokens.weight"), 0,
			     (uint64_t)n, out),
	    0);
	tensors_close(&ts);
}

START_TEST(same_seed_makes_the_same_numbers)
{
	enum { N = 512 * 64 };
	float *a = malloc(N * sizeof(*a)), *b = malloc(N * sizeof(*b));
	double sum = 0, squares = 0;

	embedding(a, N, 7);
	embedding(b, N, 7);
	ck_assert_mem_eq(a, b, N * sizeof(*a));
	embedding(b, N, 8);
	ck_assert_mem_ne(a, b, N * sizeof(*a));
	for (int i = 0; i < N; i++) {
		sum += (double)a[i];
		squares += (double)a[i] * (double)a[i];
	}
	/* Deviation 3 / sqrt(64). */
	ck_assert(fabs(sum / N) < 0.01);
	ck_assert(fabs(sqrt(squares / N) - 0.375) < 0.01);
	free(a);
	free(b);
}
END_TEST

static const struct {
	const char *targets;
	int rank, modules;
} loras[] = {
	{ NULL, 8, 14 },
	{ "q_proj,v_proj", 1, 4 },
	{ "lm_head,embed_tokens,down_proj", 5, 4 },
};

START_TEST(adapter_that_is_made_is_served)
{
	struct synth_lora lora = { .rank = loras[_i].rank,
		.rslora = _i == 1,
		.dtype = dtypes[_i],
		.targets = loras[_i].targets,
		.seed = 3 };
	static const struct adapter_rules strict;
	struct adapter a;
	struct shape s;
	uint64_t bytes;
	void *image;

	ck_assert_int_eq(synth_model("tiny", files_path("base"), TENSOR_BF16,
			     1),
	    0);
	ck_assert_msg(synth_adapter(files_path("base"), files_path("made"),
			  &lora) == 0,
	    "%s", err_text());
	ck_assert_int_eq(shape_read(&s, files_path("base")), 0);
	ck_assert_msg(adapter_open(&a, AT_FDCWD, files_path("made"), &s,
			  strict) == 0,
	    "%s", err_text());
	ck_assert_int_eq(a.nmodules, loras[_i].modules);
	ck_assert_int_eq(a.nmodules, a.nexpected);
	ck_assert_int_eq(a.rank_min, lora.rank);
	bytes = adapter_image_bytes(&a, &s, TENSOR_BF16, 1 << 16);
	image = malloc(bytes);
	ck_assert_msg(adapter_pack(&a, &s, TENSOR_BF16, 1 << 16, strict, image,
			  NULL, NULL) == 0,
	    "%s", err_text());
	ck_assert_int_eq(adapter_image_check(image, bytes, &s), 0);
	free(image);
	adapter_close(&a);
}
END_TEST

START_TEST(what_cannot_be_made_is_refused)
{
	struct synth_lora lora = { .rank = 0 };

	ck_assert_int_eq(synth_model("huge", files_path("x"), TENSOR_F32, 1),
	    ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err_text(), "tinyllama-1.1b"));
	ck_assert_int_eq(synth_adapter("", "", &lora), ERR_USAGE);
	lora.rank = 4;
	lora.targets = "q_proj,k_pro";
	ck_assert_int_eq(synth_adapter("", "", &lora), ERR_USAGE);
	lora.targets = "q_proj,q_proj";
	ck_assert_int_eq(synth_adapter("", "", &lora), ERR_USAGE);
	lora.targets = "";
	ck_assert_int_eq(synth_adapter("", "", &lora), ERR_USAGE);
}
END_TEST

START_TEST(its_tokenizer_has_a_token_a_byte_and_text_for_all)
{
	static const char text[] = "Hi, \xc3\xa9!\n";
	int32_t ids[32];
	struct tok *tok;
	char piece[TOK_PIECE_MAX];
	int n;

	ck_assert_int_eq(synth_model("tiny", files_path("spoken"), TENSOR_BF16,
			     1),
	    0);
	ck_assert_msg(tok_open(&tok, files_path("spoken")) == 0, "%s",
	    err_text());
	ck_assert_int_eq(tok_vocab(tok), 512);
	ck_assert_int_eq(tok_encode(tok, text, strlen(text), TOK_ADD_SPECIAL,
			     ids, 32, &n),
	    0);
	ck_assert_int_eq(n, (int)strlen(text));
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(ids[i], (unsigned char)text[i]);
	ck_assert(tok_is_special(tok, 256));
	for (int id = 257; id < 512; id++)
		ck_assert_uint_gt(tok_piece(tok, id, piece, sizeof(piece)), 0);
	tok_close(tok);
}
END_TEST

Suite *suite_synth(void);

Suite *
suite_synth(void)
{
	Suite *s = suite_create("synth");
	TCase *t = tcase_create("synth");

	tcase_add_unchecked_fixture(t, files_begin, files_end);
	tcase_add_loop_test(t, model_that_is_made_is_read, 0, 3);
	tcase_add_test(t, same_seed_makes_the_same_numbers);
	tcase_add_loop_test(t, adapter_that_is_made_is_served, 0, 3);
	tcase_add_test(t, what_cannot_be_made_is_refused);
	tcase_add_test(t, its_tokenizer_has_a_token_a_byte_and_text_for_all);
	suite_add_tcase(s, t);
	return s;
}

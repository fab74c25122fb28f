/* The forward pass against what transformers and peft compute. */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rng.h"
#include "gpuexec/solo.h"

#define HF "tests/fixtures/hf"
#define DATA "../shared/data"

Suite *suite_forward(void);

/* Where a run's directories and numbers are. */
struct run {
	struct solo_options options;
	const char *reference; /* safetensors */
};

static const char *
path(char out[512], const char *root, const char *name)
{
	snprintf(out, 512, "%s/%s", root, name);
	return out;
}

static float *
read_logits(const char *file, const char *name, uint64_t want)
{
	struct tensors_limits none = { TENSORS_MODEL_HEADER_MAX, 0 };
	struct tensors files;
	const struct tensor *t;
	float *all = malloc(want * sizeof(*all));
	char folder[512], *end;

	snprintf(folder, sizeof(folder), "%s", file);
	end = strrchr(folder, '/');
	*end = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
	ck_assert_msg(tensors_open(&files, fd, end + 1, none, true) == 0, "%s",
	    err_text());
	t = tensors_find(&files, name);
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->elements, want);
	ck_assert_int_eq(tensors_read_f32(&files, t, 0, want, all), 0);
	tensors_close(&files);
	close(fd);
	return all;
}

static void
same_logits(const float *have, const float *want, int rows, int vocab,
    float tolerance, const char *where)
{
	for (int r = 0; r < rows; r++) {
		float most = 1, apart = 0;

		for (int i = r * vocab; i < (r + 1) * vocab; i++) {
			most = fmaxf(most, fabsf(want[i]));
			apart = fmaxf(apart, fabsf(have[i] - want[i]));
		}
		ck_assert_msg(apart <= tolerance * most,
		    "%s: row %d is off by %g of %g", where, r, (double)apart,
		    (double)most);
	}
}

static int32_t
best(const float *logits, int vocab)
{
	int32_t at = 0;

	for (int i = 1; i < vocab; i++)
		at = logits[i] > logits[at] ? i : at;
	return at;
}

static int
read_ids(const json_t *list, int32_t *ids)
{
	int n = (int)json_array_size(list);

	ck_assert_int_lt(n, 1024);
	for (int i = 0; i < n; i++)
		ids[i] = (int32_t)json_integer_value(
		    json_array_get(list, (size_t)i));
	return n;
}

static void
one_prompt(struct solo *s, const char *reference, const char *name,
    const json_t *ids, const json_t *greedy, float tolerance)
{
	int vocab = solo_shape(s)->vocab;
	int32_t prompt[1024], next[1024];
	int n = read_ids(ids, prompt), steps = read_ids(greedy, next);
	size_t all = (size_t)n * (size_t)vocab;
	float *have = malloc(all * sizeof(*have));
	float *want = read_logits(reference, name, all);

	solo_cut(s, 0);
	ck_assert_msg(solo_feed(s, prompt, n, have) == 0, "%s", err_text());
	same_logits(have, want, n, vocab, tolerance, name);
	for (int i = 0; i < steps; i++) {
		int32_t id = best(solo_last(s), vocab);

		ck_assert_msg(id == next[i], "%s: token %d is %d, want %d",
		    name, i, id, next[i]);
		if (i + 1 < steps)
			ck_assert_int_eq(solo_feed(s, &id, 1, NULL), 0);
	}
	free(have);
	free(want);
}

static json_t *
load(const char *file)
{
	json_error_t error;
	json_t *j = json_load_file(file, 0, &error);

	ck_assert_msg(j != NULL, "%s: %s", file, error.text);
	return j;
}

static void
hf_run(const json_t *run)
{
	char model[512], adapter[512], reference[512];
	const json_t *a = json_object_get(run, "adapter");
	struct solo_options o = {
		.model = path(model, HF,
		    json_string_value(json_object_get(run, "model"))),
		.weights = TENSOR_OTHER,
		.threads = 2,
		.rows = 7,
		.block_tokens = 4,
	};
	struct solo *s;
	json_t *prompt;
	size_t i;

	path(reference, HF,
	    json_string_value(json_object_get(run, "reference")));
	if (json_is_string(a))
		o.adapter = path(adapter, HF, json_string_value(a));
	ck_assert_msg(solo_open(&s, &o) == 0, "%s", err_text());
	json_array_foreach(json_object_get(run, "prompts"), i, prompt)
	    one_prompt(s, reference,
		json_string_value(json_object_get(prompt, "logits")),
		json_object_get(prompt, "ids"),
		json_object_get(prompt, "greedy"), 1e-4f);
	solo_close(s);
}

START_TEST(every_family_and_adapter_agrees_with_transformers_and_peft)
{
	json_t *index = load(HF "/index.json"), *run;
	size_t i;

	ck_assert_uint_gt(json_array_size(index), 20);
	json_array_foreach(index, i, run) hf_run(run);
	json_decref(index);
}
END_TEST

static void
stories(const char *adapter, const char *folder)
{
	char reference[512], file[512], name[48];
	struct solo_options o = {
		.model = DATA "/models/stories260k",
		.adapter = adapter,
		.threads = 2,
	};
	json_t *list = load(path(file, folder, "reference.json")), *prompt;
	struct solo *s;
	size_t i;

	path(reference, folder, "reference_logits.safetensors");
	ck_assert_msg(solo_open(&s, &o) == 0, "%s", err_text());
	json_array_foreach(list, i, prompt)
	{
		snprintf(name, sizeof(name), "prompt%02zu.logits", i);
		one_prompt(s, reference, name,
		    json_object_get(prompt, "prompt_ids"),
		    json_object_get(prompt, "greedy_ids"), 1e-4f);
	}
	solo_close(s);
	json_decref(list);
}

START_TEST(a_trained_model_and_its_adapters_agree_with_their_references)
{
	if (access(DATA, R_OK) != 0) {
		printf("skipped: " DATA " is absent\n");
		return;
	}
	stories(NULL, DATA "/models/stories260k");
	stories(DATA "/adapters/synthetic-r8-qv",
	    DATA "/adapters/synthetic-r8-qv");
	stories(DATA "/adapters/synthetic-r16-all",
	    DATA "/adapters/synthetic-r16-all");
}
END_TEST

START_TEST(what_cannot_be_fed_is_refused_with_a_sentence)
{
	struct solo_options o = { .model = HF "/llama-gqa/model",
		.threads = 1 };
	int32_t ids[200] = { 0 }, bad[2] = { 96, -1 };
	struct solo *s;

	ck_assert_msg(solo_open(&s, &o) == 0, "%s", err_text());
	ck_assert_int_eq(solo_feed(s, ids, 129, NULL), ERR_LIMIT);
	ck_assert_int_eq(solo_feed(s, ids, 128, NULL), 0);
	ck_assert_int_eq(solo_feed(s, ids, 1, NULL), ERR_LIMIT);
	solo_cut(s, 3);
	ck_assert_int_eq(solo_feed(s, &bad[0], 1, NULL), ERR_FORMAT);
	ck_assert_int_eq(solo_feed(s, &bad[1], 1, NULL), ERR_FORMAT);
	ck_assert_int_eq(solo_count(s), 3);
	solo_close(s);
	o.model = HF "/no-such-model";
	ck_assert_int_eq(solo_open(&s, &o), ERR_NOT_FOUND);
}
END_TEST

/* ---- batch invariance -------------------------------------------------- */

#define SEQS 13 /* the base model and twelve adapters */
#define LENGTH 61
#define PAGES 80

/* Several sequences with their own KV blocks in one forward pass. */
struct crowd {
	struct forward *f;
	struct image *image[SEQS];
	void *bytes[SEQS];
	int32_t tokens[SEQS][LENGTH];
	void *blocks[SEQS][LENGTH];
	int fed[SEQS];
	float *logits[SEQS]; /* (LENGTH, vocab) */
};

static const char *const adapters[SEQS] = { NULL, "r1", "r3", "r8", "r64", "qv",
	"rslora", "patterns", "layers", "regex", "bf16", "lm-head", "embed" };

static void
take_image(struct crowd *c, int i)
{
	const struct shape *s = forward_shape(c->f);
	enum tensor_dtype dtype = forward_dtype(c->f);
	struct adapter_rules rules = { 0 };
	struct adapter a;
	char where[512];
	const void *page[PAGES];
	uint32_t size = 4096; /* pages that are not neighbours */
	uint64_t bytes;
	char *at;

	path(where, HF "/llama-gqa/adapters", adapters[i]);
	ck_assert_msg(adapter_open(&a, AT_FDCWD, where, s, rules) == 0, "%s",
	    err_text());
	bytes = adapter_image_bytes(&a, s, dtype, size);
	ck_assert_uint_lt(bytes, PAGES * size);
	at = malloc(PAGES * size);
	c->bytes[i] = malloc(2 * PAGES * size);
	ck_assert_int_eq(adapter_pack(&a, s, dtype, size, rules, at, NULL,
			     NULL),
	    0);
	for (int p = 0; p < PAGES; p++) {
		page[p] = (char *)c->bytes[i] +
		    (size_t)(2 * PAGES - 1 - 2 * p) * size;
		memcpy((char *)c->bytes[i] +
			(size_t)(2 * PAGES - 1 - 2 * p) * size,
		    at + (size_t)p * size, size);
	}
	free(at);
	adapter_close(&a);
	ck_assert_int_eq(image_new(&c->image[i], s, PAGES, i), 0);
	ck_assert_msg(image_read(c->image[i], s, dtype, page, PAGES, size,
			  bytes, NULL, NULL) == 0,
	    "%s", err_text());
}

static void
gather(struct crowd *c, struct forward_options o)
{
	const struct shape *s;
	struct rng rng;

	memset(c, 0, sizeof(*c));
	ck_assert_msg(forward_open(&c->f, HF "/llama-gqa/model", &o) == 0, "%s",
	    err_text());
	s = forward_shape(c->f);
	rng_seed(&rng, 9);
	for (int i = 0; i < SEQS; i++) {
		if (adapters[i] != NULL)
			take_image(c, i);
		for (int t = 0; t < LENGTH; t++) {
			c->tokens[i][t] = (int32_t)rng_below(&rng,
			    (uint64_t)s->vocab);
			c->blocks[i][t] = malloc(forward_block_bytes(c->f));
			memset(c->blocks[i][t], 0xff,
			    forward_block_bytes(c->f));
		}
		c->logits[i] = malloc(
		    LENGTH * (size_t)s->vocab * sizeof(float));
	}
}

static void
scatter(struct crowd *c)
{
	forward_close(c->f);
	for (int i = 0; i < SEQS; i++) {
		image_free(c->image[i]);
		free(c->bytes[i]);
		free(c->logits[i]);
		for (int t = 0; t < LENGTH; t++)
			free(c->blocks[i][t]);
	}
}

/* One step: sequence i takes up to rows[i] more tokens. */
static void
advance(struct crowd *c, const int *rows)
{
	size_t vocab = (size_t)forward_shape(c->f)->vocab;
	struct forward_seq seq[SEQS];
	int who[SEQS], n = 0;

	for (int i = 0; i < SEQS; i++) {
		int left = LENGTH - c->fed[i];
		int take = rows[i] < left ? rows[i] : left;

		if (take == 0)
			continue;
		who[n] = i;
		seq[n++] = (struct forward_seq){ c->tokens[i] + c->fed[i],
			c->fed[i], take, c->blocks[i], c->image[i], FORWARD_ALL,
			0 };
	}
	forward_step(c->f, seq, n);
	for (int k = 0; k < n; k++)
		for (int r = 0; r < seq[k].count; r++)
			memcpy(c->logits[who[k]] +
				(size_t)(seq[k].first + r) * vocab,
			    forward_logits(c->f, seq[k].logits + r),
			    vocab * sizeof(float));
	for (int k = 0; k < n; k++)
		c->fed[who[k]] += seq[k].count;
}

static bool
finished(const struct crowd *c)
{
	for (int i = 0; i < SEQS; i++)
		if (c->fed[i] < LENGTH)
			return false;
	return true;
}

/* Everybody alone and in one piece, then all together in small ones. */
static void
compare(struct forward_options o, int chunk, int threads)
{
	struct crowd alone, mixed;
	size_t vocab;
	int step = 0;

	o.threads = 1;
	gather(&alone, o);
	o.threads = threads;
	gather(&mixed, o);
	vocab = (size_t)forward_shape(alone.f)->vocab;
	for (int i = 0; i < SEQS; i++) {
		int rows[SEQS] = { 0 };

		rows[i] = LENGTH;
		advance(&alone, rows);
	}
	while (!finished(&mixed)) {
		int rows[SEQS];

		/* Some rest a step, some take one row, some a slice. */
		for (int i = 0; i < SEQS; i++)
			rows[i] = (step + i) % 3 == 0 ? 0 :
			    (step + i) % 3 == 1	      ? 1 :
							chunk;
		advance(&mixed, rows);
		step++;
	}
	for (int i = 0; i < SEQS; i++)
		ck_assert_msg(memcmp(alone.logits[i], mixed.logits[i],
				  LENGTH * vocab * sizeof(float)) == 0,
		    "sequence %d: other bits at slices of %d", i, chunk);
	scatter(&alone);
	scatter(&mixed);
}

START_TEST(logits_are_the_same_bits_alone_and_in_any_company)
{
	static const int chunks[] = { 1, 3, 7, 64 };
	static const char *const kinds[] = { "avx512", "avx2", "plain" };
	struct forward_options o = { .rows_max = SEQS * LENGTH,
		.seqs_max = SEQS,
		.logits_max = SEQS * LENGTH,
		.context = 64,
		.block_tokens = 16 };

	for (int i = 0; i < 4; i++)
		for (int half = 0; half < 2; half++) {
			o.weights = half ? TENSOR_BF16 : TENSOR_F32;
			o.kv = i % 2 ? TENSOR_BF16 : TENSOR_F32;
			o.block_tokens = i == 2 ? 5 : 16;
			setenv("CHAMELEON_KERNELS", kinds[i % 3], 1);
			compare(o, chunks[i], 1 + i % 3);
		}
	unsetenv("CHAMELEON_KERNELS");
}
END_TEST

Suite *
suite_forward(void)
{
	Suite *s = suite_create("forward");
	TCase *t = tcase_create("forward");

	tcase_set_timeout(t, 120);
	tcase_add_test(t,
	    every_family_and_adapter_agrees_with_transformers_and_peft);
	tcase_add_test(t,
	    a_trained_model_and_its_adapters_agree_with_their_references);
	tcase_add_test(t, what_cannot_be_fed_is_refused_with_a_sentence);
	tcase_add_test(t, logits_are_the_same_bits_alone_and_in_any_company);
	suite_add_tcase(s, t);
	return s;
}

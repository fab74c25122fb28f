/* The whole forward pass on the device against the cpu's, on the demo model:
 * prompts and answers, with and without adapters, mixed and alone. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "gpuexec/cuda/forward.h"
#include "model/adapter.h"
#include "model/synth.h"
#include "tests/kernels/rig.h"

Suite *suite_step(void);

#define MODEL "models/demo"
#define CONTEXT 96
#define BLOCK 16
#define BLOCKS (CONTEXT / BLOCK)
#define SEQS 4
#define ROWS 96
#define REGION (8u << 20)

/* What is computed with. */
static const char *model;
static enum tensor_dtype dtype; /* on the device; the cpu has bf16 */

/* One pass, and memory for its sequences. */
struct side {
	struct forward *f;
	void *blocks[SEQS][BLOCKS];
	struct image *image[SEQS];
	bool cuda;
};

static struct weights_mark mark;
static void *region;

static const struct forward_options options = {
	.weights = TENSOR_BF16,
	.kv = TENSOR_BF16,
	.threads = 1,
	.rows_max = ROWS,
	.seqs_max = SEQS,
	.logits_max = ROWS,
	.context = CONTEXT,
	.block_tokens = BLOCK,
};

static void
ok(int e)
{
	ck_assert_msg(e == 0, "%s", err_text());
}

static void
open_cuda(struct side *s, bool graphs)
{
	struct forward_cuda with = { .region = region,
		.room = REGION,
		.mark = &mark,
		.pool = 1,
		.kv_tokens = SEQS * CONTEXT,
		.adapters = SEQS,
		.pages = 4,
		.page_bytes = 1 << 20,
		.graphs = graphs };

	struct forward_options o = options;

	*s = (struct side){ .cuda = true };
	o.weights = o.kv = dtype;
	ok(forward_open_cuda(&s->f, model, &o, &with, false));
	for (int i = 0; i < SEQS; i++)
		for (int b = 0; b < BLOCKS; b++)
			s->blocks[i][b] = rig_new(forward_block_bytes(s->f));
}

static void
open_cpu(struct side *s)
{
	*s = (struct side){ 0 };
	ok(forward_open(&s->f, model, &options));
	for (int i = 0; i < SEQS; i++)
		for (int b = 0; b < BLOCKS; b++)
			s->blocks[i][b] = malloc(forward_block_bytes(s->f));
}

/* The images' host memory lives as long as the test. */
static void
close_side(struct side *s)
{
	for (int i = 0; i < SEQS; i++) {
		image_free(s->image[i]);
		for (int b = 0; !s->cuda && b < BLOCKS; b++)
			free(s->blocks[i][b]);
	}
	forward_close(s->f);
}

static int
fetch(void *arg, void *to, const void *from, uint64_t n)
{
	(void)arg;
	rig_get(to, from, n);
	return 0;
}

/* The adapter of a name for sequence i. */
static void
take_adapter(struct side *s, int i, const char *name)
{
	const struct shape *shape = forward_shape(s->f);
	struct adapter_rules rules = { 0 };
	enum tensor_dtype kind = s->cuda ? dtype : TENSOR_BF16;
	struct adapter a;
	uint64_t n;
	void *image;
	const void *page;
	char path[256];
	int dir;

	snprintf(path, sizeof(path), "%s/adapters", model);
	dir = open(path, O_RDONLY | O_DIRECTORY);

	ok(adapter_open(&a, dir, name, shape, rules));
	n = adapter_image_bytes(&a, shape, kind, 0);
	image = malloc(n);
	ok(adapter_pack(&a, shape, kind, 0, rules, image, NULL, NULL));
	page = s->cuda ? rig_put(image, n) : image;
	ok(image_new(&s->image[i], shape, 1, i));
	ok(image_read(s->image[i], shape, kind, &page, 1, 0, n,
	    s->cuda ? fetch : NULL, NULL));
	adapter_close(&a);
	close(dir);
	if (s->cuda)
		free(image);
}

static struct forward_seq
seq_of(struct side *s, int i, const int32_t *tokens, int first, int count)
{
	return (struct forward_seq){ .tokens = tokens + first,
		.first = first,
		.count = count,
		.blocks = s->blocks[i],
		.adapter = s->image[i],
		.want = FORWARD_ALL };
}

/* Tokens that look like text of the demo's tokenizer: bytes. */
static void
write_tokens(int32_t *to, int n, int seed)
{
	for (int i = 0; i < n; i++)
		to[i] = 'a' + (i * 7 + seed * 3 + i * i) % 26;
}

/* Logits of the cuda pass are those of the cpu's but for rounding of what goes
 * between operations to bf16: a part in 256 each, of numbers about `size`. */
static void
compare(struct side *a, struct side *b, int row)
{
	int vocab = forward_shape(a->f)->vocab;
	const float *have = forward_logits(a->f, row);
	const float *want = forward_logits(b->f, row);
	float size = 0, most = 0;

	for (int i = 0; i < vocab; i++)
		size = fmaxf(size, fabsf(want[i]));
	for (int i = 0; i < vocab; i++)
		most = fmaxf(most, fabsf(have[i] - want[i]));
	ck_assert_msg(most <= 0.04f * size, "row %d: off by %g of %g", row,
	    (double)most, (double)size);
}

static void
step_both(struct side *a, struct side *b, struct forward_seq *sa,
    struct forward_seq *sb, int n)
{
	int rows = 0;

	forward_step(a->f, sa, n);
	forward_step(b->f, sb, n);
	for (int i = 0; i < n; i++)
		rows += sa[i].count;
	for (int r = 0; r < rows; r++)
		compare(a, b, r);
}

/* Prompts of odd lengths, then answers token by token; sequence 0 is of the
 * base model if `names` is NULL there. */
static void
follow(struct side *a, struct side *b, const char *const names[SEQS])
{
	static const int prompt[SEQS] = { 1, 17, 31, 40 };
	static int32_t tokens[SEQS][CONTEXT];
	struct forward_seq sa[SEQS], sb[SEQS];

	for (int i = 0; i < SEQS; i++) {
		write_tokens(tokens[i], CONTEXT, i);
		if (names[i] != NULL) {
			take_adapter(a, i, names[i]);
			take_adapter(b, i, names[i]);
		}
		sa[i] = seq_of(a, i, tokens[i], 0, prompt[i]);
		sb[i] = seq_of(b, i, tokens[i], 0, prompt[i]);
	}
	step_both(a, b, sa, sb, SEQS);
	for (int t = 0; t < 6; t++) {
		for (int i = 0; i < SEQS; i++) {
			sa[i] = seq_of(a, i, tokens[i], prompt[i] + t, 1);
			sb[i] = seq_of(b, i, tokens[i], prompt[i] + t, 1);
		}
		step_both(a, b, sa, sb, SEQS - t % 2);
		for (int i = SEQS - t % 2; i < SEQS; i++)
			step_both(a, b, &sa[i], &sb[i], 1);
	}
}

static void
begin(int i)
{
	model = MODEL;
	dtype = i % 2 == 0 ? TENSOR_BF16 : TENSOR_F16;
	rig_begin();
	mark = (struct weights_mark){ 0 };
	region = rig_new(REGION);
}

START_TEST(the_base_model_computes_what_it_does_on_the_cpu)
{
	static const char *const none[SEQS];
	struct side a, b;

	begin(_i);
	open_cuda(&a, _i / 2 != 0);
	open_cpu(&b);
	follow(&a, &b, none);
	close_side(&a);
	close_side(&b);
	rig_end();
}
END_TEST

START_TEST(adapters_of_mixed_ranks_compute_what_they_do_on_the_cpu)
{
	static const char *const names[SEQS] = { NULL, "reverse", "plural",
		"sort" };
	struct side a, b;

	begin(_i);
	open_cuda(&a, _i / 2 != 0);
	open_cpu(&b);
	follow(&a, &b, names);
	close_side(&a);
	close_side(&b);
	rig_end();
}
END_TEST

/* Steps of such alone leave out kernels; the last of the second set changes more,
 * and is in every other step. */
START_TEST(adapters_of_attention_alone_compute_what_they_do_on_the_cpu)
{
	static const char *const names[2][SEQS] = { { NULL, "plural", "double",
							"date" },
		{ "plural", "double", "date", "reverse" } };
	struct side a, b;

	begin(_i);
	open_cuda(&a, _i / 2 % 2 != 0);
	open_cpu(&b);
	follow(&a, &b, names[_i / 4]);
	close_side(&a);
	close_side(&b);
	rig_end();
}
END_TEST

/* All that an adapter can change, the embedding and the head among it. */
START_TEST(adapters_of_every_layer_compute_what_they_do_on_the_cpu)
{
	static const char *const names[SEQS] = { "ends", NULL, "all", "ends" };
	static const struct synth_lora ends = { .rank = 5,
		.dtype = TENSOR_F32,
		.targets = "lm_head,embed_tokens,v_proj",
		.seed = 2 };
	static const struct synth_lora all = { .rank = 9,
		.dtype = TENSOR_BF16,
		.seed = 3 };
	char dir[] = "/tmp/chameleon-step.XXXXXX", path[64], command[80];
	struct side a, b;

	begin(_i);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	model = dir;
	ok(synth_model("tiny", dir, TENSOR_BF16, 1));
	snprintf(path, sizeof(path), "%s/adapters", dir);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/adapters/ends", dir);
	ok(synth_adapter(dir, path, &ends));
	snprintf(path, sizeof(path), "%s/adapters/all", dir);
	ok(synth_adapter(dir, path, &all));
	open_cuda(&a, _i / 2 != 0);
	open_cpu(&b);
	follow(&a, &b, names);
	close_side(&a);
	close_side(&b);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
	rig_end();
}
END_TEST

/* A prompt cut in pieces, and one that comes whole beside others. */
START_TEST(a_cut_prompt_goes_on_where_it_was)
{
	struct side a, b;
	int32_t tokens[CONTEXT];
	struct forward_seq sa, sb;
	static const int cut[] = { 0, 5, 6, 39, 40, 70 };

	begin(0);
	open_cuda(&a, false);
	open_cpu(&b);
	take_adapter(&a, 0, "reverse");
	take_adapter(&b, 0, "reverse");
	write_tokens(tokens, CONTEXT, 5);
	for (size_t i = 0; i + 1 < sizeof(cut) / sizeof(cut[0]); i++) {
		sa = seq_of(&a, 0, tokens, cut[i], cut[i + 1] - cut[i]);
		sb = seq_of(&b, 0, tokens, cut[i], cut[i + 1] - cut[i]);
		step_both(&a, &b, &sa, &sb, 1);
	}
	close_side(&a);
	close_side(&b);
	rig_end();
}
END_TEST

START_TEST(weights_are_found_by_the_next_life_and_read_again_if_damaged)
{
	struct side a;
	unsigned char one;

	begin(0);
	open_cuda(&a, false);
	ck_assert(!forward_cuda_told(a.f).attached);
	close_side(&a);
	open_cuda(&a, false);
	ck_assert(forward_cuda_told(a.f).attached);
	close_side(&a);
	rig_get(&one, (char *)region + 100000, 1);
	one ^= 4;
	ok(cudaMemcpy((char *)region + 100000, &one, 1,
	    cudaMemcpyHostToDevice));
	open_cuda(&a, false);
	ck_assert(!forward_cuda_told(a.f).attached);
	close_side(&a);
	mark.pool_number = 2;
	open_cuda(&a, false);
	ck_assert(!forward_cuda_told(a.f).attached);
	ck_assert_uint_eq(mark.pool_number, 1);
	close_side(&a);
	rig_end();
}
END_TEST

START_TEST(greedy_tokens_are_picked_where_the_logits_are)
{
	struct side a;
	int32_t tokens[CONTEXT];
	struct forward_seq s;
	struct sample_params greedy = { .top_p = 1, .repetition = 1 };
	struct sample_pick into;
	struct forward_pick pick;
	const float *l;

	begin(0);
	open_cuda(&a, true);
	write_tokens(tokens, CONTEXT, 2);
	for (int t = 0; t < 12; t++) {
		s = seq_of(&a, 0, tokens, t, 1);
		s.want = FORWARD_LAST;
		forward_step(a.f, &s, 1);
		pick = (struct forward_pick){ .logits = s.logits,
			.params = &greedy,
			.prompt = tokens,
			.nprompt = t + 1,
			.position = (uint64_t)t + 1,
			.into = &into };
		forward_pick(a.f, &pick, 1);
		ck_assert(pick.ok);
		l = forward_logits(a.f, s.logits);
		for (int i = 0; i < forward_shape(a.f)->vocab; i++)
			ck_assert(l[i] <= l[into.id]);
	}
	close_side(&a);
	rig_end();
}
END_TEST

Suite *
suite_step(void)
{
	Suite *s = suite_create("step");
	TCase *c = tcase_create("step");

	tcase_add_loop_test(c, the_base_model_computes_what_it_does_on_the_cpu,
	    0, 2);
	tcase_add_loop_test(c,
	    adapters_of_mixed_ranks_compute_what_they_do_on_the_cpu, 0, 4);
	tcase_add_loop_test(c,
	    adapters_of_attention_alone_compute_what_they_do_on_the_cpu, 0, 8);
	tcase_add_loop_test(c,
	    adapters_of_every_layer_compute_what_they_do_on_the_cpu, 0, 4);
	tcase_add_test(c, a_cut_prompt_goes_on_where_it_was);
	tcase_add_test(c,
	    weights_are_found_by_the_next_life_and_read_again_if_damaged);
	tcase_add_test(c, greedy_tokens_are_picked_where_the_logits_are);
	suite_add_tcase(s, c);
	return s;
}

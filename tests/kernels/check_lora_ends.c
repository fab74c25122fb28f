/* Adapters of what lies at both ends of a model: the embedding, whose A is
 * looked up, and the head, whose rows are those that want logits. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "model/adapter.h"
#include "tests/kernels/images.h"
#include "tests/kernels/rig.h"

Suite *suite_lora_ends(void);

#define ADAPTERS 3
#define ROWS 23
#define VOCAB 50
#define HIDDEN 72

static const int ranks[ADAPTERS] = { 5, 0, 40 };
static const enum tensor_dtype kinds[] = { TENSOR_BF16, TENSOR_F16,
	TENSOR_F32 };
static const uint32_t pages[] = { 0, 2048, 4864 };

static struct rng rng;
static struct images_module module[ADAPTERS];
static struct cuda_adapter table[ADAPTERS];

/* Rows 0, 19 and from 22 on are nobody's. */
static const struct cuda_piece piece[] = {
	{ 2, 1, 1 },
	{ 2, 2, 3 },
	{ 1, 5, 2 },
	{ 0, 7, 12 },
	{ 2, 20, 2 },
};
#define NPIECES ((int)(sizeof(piece) / sizeof(piece[0])))

static int
adapter_of(int row)
{
	for (int i = 0; i < NPIECES; i++)
		if (row >= piece[i].row && row < piece[i].row + piece[i].rows)
			return piece[i].adapter;
	return -1;
}

static struct cuda_lora
begin(int i, enum shape_linear linear, int in, int out)
{
	bool embed = linear == LINEAR_EMBED;

	rng_seed(&rng, (uint64_t)i);
	rig_begin();
	for (int a = 0; a < ADAPTERS; a++) {
		int rank = ranks[a];

		module[a] = (struct images_module){ -1, linear, rank,
			embed ? in : rank, embed ? rank : in, out, NULL, NULL };
		table[a] = images_put(&rng, &module[a], 1, kinds[i / 3],
		    pages[i % 3]);
	}
	return (struct cuda_lora){
		.adapters = rig_put(table, sizeof(table)),
		.layers = IMAGES_LAYERS,
		.nproducts = 1,
		.product = { { linear, out, 0 } },
		.in = in,
		.t = rig_new((size_t)ROWS * CUDA_PRODUCTS * ADAPTER_RANK_MAX *
		    sizeof(float)),
		.ldy = (size_t)out,
		.dtype = i % 2 ? TENSOR_F16 : TENSOR_BF16,
		.head = linear == LINEAR_HEAD,
	};
}

static void
end(void)
{
	for (int a = 0; a < ADAPTERS; a++)
		images_forget(&module[a], 1);
	rig_end();
}

static void
near_row(const float *have, const float *want, const float *was, int row, int n,
    int terms)
{
	int a = adapter_of(row);
	float size = a < 0 ? 0 : 1 + 4 * sqrtf((float)(terms * module[a].rank));

	for (int i = 0; i < n; i++)
		if (a < 0 || module[a].rank == 0)
			ck_assert(have[i] == was[i]);
		else
			rig_near(have[i], want[i], size, 1e-5f, "y");
}

/* A one of a token is its row of A. */
START_TEST(an_embedding_is_changed_by_its_tokens_row)
{
	struct cuda_lora l = begin(_i, LINEAR_EMBED, VOCAB, HIDDEN);
	float *h0 = rig_noise(&rng, ROWS * HIDDEN), h[ROWS * HIDDEN];
	float want[ROWS * HIDDEN], one[VOCAB];
	int32_t token[ROWS];
	struct cuda_step step = { .rows = ROWS,
		.npieces = NPIECES,
		.rank_max = 40,
		.linears = 1u << LINEAR_EMBED,
		.piece = piece,
		.token = token };
	const struct cuda_step *there;

	memcpy(want, h0, sizeof(want));
	for (int r = 0; r < ROWS; r++) {
		int a = adapter_of(r);
		float *to = want + r * HIDDEN, *from;

		token[r] = r == 1 ? VOCAB - 1 : r * 13 % VOCAB;
		for (int j = 0; a >= 0 && j < module[a].rank; j++) {
			from = module[a].a + token[r] * module[a].rank + j;
			ref_lora(to, from, (one[0] = 1, one),
			    module[a].b + j * HIDDEN, 1, 1, 1, HIDDEN);
		}
	}
	l.y = rig_put(h0, sizeof(h));
	there = rig_step(&step, 0);
	ck_assert_int_eq(cuda_lora_look_up(rig_stream, &l, there, NPIECES + 2),
	    0);
	ck_assert_int_eq(cuda_lora_expand(rig_stream, &l, there, NPIECES + 2),
	    0);
	rig_get(h, l.y, sizeof(h));
	for (int r = 0; r < ROWS; r++)
		near_row(h + r * HIDDEN, want + r * HIDDEN, h0 + r * HIDDEN, r,
		    HIDDEN, 1);
	free(h0);
	end();
}
END_TEST

START_TEST(a_head_has_pieces_of_rows_that_want_logits)
{
	struct cuda_lora l = begin(_i, LINEAR_HEAD, HIDDEN, VOCAB);
	float *before = rig_noise(&rng, ROWS * VOCAB), y[ROWS * VOCAB];
	float *x = rig_noise(&rng, ROWS * HIDDEN), want[ROWS * VOCAB];
	struct cuda_step step = { .rows = 2 * ROWS,
		.nlogits = ROWS,
		.nhead_pieces = NPIECES,
		.rank_max = 40,
		.linears = 1u << LINEAR_HEAD,
		.head_piece = piece };
	const struct cuda_step *there;

	memcpy(want, before, sizeof(want));
	images_round(l.dtype, x, ROWS * HIDDEN);
	for (int r = 0; r < ROWS; r++) {
		int a = adapter_of(r);

		if (a >= 0)
			ref_lora(want + r * VOCAB, x + r * HIDDEN, module[a].a,
			    module[a].b, 1, module[a].rank, HIDDEN, VOCAB);
	}
	l.x = rig_put_as(l.dtype, x, ROWS * HIDDEN, NULL);
	l.y = rig_put(before, sizeof(y));
	there = rig_step(&step, 0);
	ck_assert_int_eq(cuda_lora_shrink(rig_stream, &l, there, NPIECES + 2),
	    0);
	ck_assert_int_eq(cuda_lora_expand(rig_stream, &l, there, NPIECES + 2),
	    0);
	rig_get(y, l.y, sizeof(y));
	for (int r = 0; r < ROWS; r++)
		near_row(y + r * VOCAB, want + r * VOCAB, before + r * VOCAB, r,
		    VOCAB, HIDDEN);
	free(x);
	free(before);
	end();
}
END_TEST

Suite *
suite_lora_ends(void)
{
	Suite *s = suite_create("lora_ends");
	TCase *c = tcase_create("lora_ends");

	tcase_add_loop_test(c, an_embedding_is_changed_by_its_tokens_row, 0, 9);
	tcase_add_loop_test(c, a_head_has_pieces_of_rows_that_want_logits, 0,
	    9);
	suite_add_tcase(s, c);
	return s;
}

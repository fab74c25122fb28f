/* Adapters of mixed ranks in one launch, against their definition. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "model/adapter.h"
#include "tests/kernels/images.h"
#include "tests/kernels/rig.h"

Suite *suite_lora(void);

#define LAYER 1
#define PRODUCTS CUDA_PRODUCTS
#define ADAPTERS_MAX 64
#define PIECES_MAX 2048
#define GAP 3 /* columns of y behind each product that are nobody's */

/* All of one launch, on the host. */
static struct rng rng;
static int in, out[PRODUCTS], column[PRODUCTS];
static size_t ldy;
static struct images_module module[ADAPTERS_MAX][PRODUCTS];
static struct cuda_adapter table[ADAPTERS_MAX];
static int count[ADAPTERS_MAX]; /* its rows */
static int adapters, rows, rank_max;
static uint32_t linears;
static enum tensor_dtype kind; /* of x */
static float *x, *before;

static void
shape_of(int i)
{
	static const int ins[] = { 8, 344, 37, 128, 8 };
	static const int outs[][PRODUCTS] = { { 16, 8, 8 }, { 128, 64, 64 },
		{ 35, 1, 9 }, { 1200, 344, 40 }, { 4096, 1000, 1024 } };

	in = ins[i];
	memcpy(out, outs[i], sizeof(out));
	/* Columns on 16 bytes, and not. */
	column[0] = 0;
	column[1] = column[0] + out[0] + GAP;
	column[2] = column[1] + out[1] + (i % 2 ? 1 : GAP);
	ldy = (size_t)(column[2] + out[2] + GAP);
}

/* y after a launch of these pieces; the caller frees. */
static float *
launch(const struct cuda_piece *piece, int npieces)
{
	size_t n = (size_t)rows * ldy;
	struct cuda_lora l = { .adapters = rig_put(table,
				   (size_t)adapters * sizeof(*table)),
		.layers = IMAGES_LAYERS,
		.layer = LAYER,
		.nproducts = PRODUCTS,
		.x = rig_put_as(kind, x, (size_t)(rows * in), NULL),
		.in = in,
		.t = rig_new((size_t)rows * CUDA_PRODUCTS * ADAPTER_RANK_MAX *
		    sizeof(float)),
		.y = rig_put(before, n * sizeof(float)),
		.ldy = ldy,
		.dtype = kind };
	struct cuda_step step = { .rows = rows,
		.npieces = npieces,
		.rank_max = rank_max,
		.linears = linears,
		.piece = piece };
	float *y = malloc(n * sizeof(*y));
	const struct cuda_step *there;

	for (int p = 0; p < PRODUCTS; p++)
		l.product[p] = (struct cuda_lora_product){
			(enum shape_linear)(LINEAR_Q + p), out[p], column[p]
		};
	/* The grid is larger than the step. */
	there = rig_step(&step, 0);
	ck_assert_int_eq(cuda_lora_shrink(rig_stream, &l, there, npieces + 3),
	    0);
	ck_assert_int_eq(cuda_lora_expand(rig_stream, &l, there, npieces + 3),
	    0);
	rig_get(y, l.y, n * sizeof(*y));
	return y;
}

/* Row r of adapter a (-1: of none), all columns: want, or as it was. */
static void
compare_row(const float *y, int r, int a)
{
	float *want = malloc(ldy * sizeof(*want));
	float size = 0;

	memcpy(want, before + (size_t)r * ldy, ldy * sizeof(*want));
	for (int p = 0; a >= 0 && p < PRODUCTS; p++) {
		const struct images_module *m = &module[a][p];

		ref_lora(want + column[p], x + r * in, m->a, m->b, 1, m->rank,
		    in, out[p]);
		if (m->rank > 0)
			size = fmaxf(size,
			    1 + 4 * sqrtf((float)(in * m->rank)));
	}
	for (size_t i = 0; i < ldy; i++)
		rig_near(y[(size_t)r * ldy + i], want[i], size,
		    size == 0 ? 0 : 1e-5f, "y");
	/* What is nobody's keeps its bits. */
	for (int p = 0; p < PRODUCTS; p++)
		for (size_t i = (size_t)(column[p] + out[p]);
		     i < (p + 1 < PRODUCTS ? (size_t)column[p + 1] : ldy); i++)
			ck_assert(y[(size_t)r * ldy + i] == want[i]);
	free(want);
}

static void
compare(const float *y)
{
	int r = 0;

	for (int a = 0; a < adapters; a++) {
		compare_row(y, r++, -1);
		for (int i = 0; i < count[a]; i++)
			compare_row(y, r++, a);
	}
	compare_row(y, r++, -1);
	ck_assert_int_eq(r, rows);
}

/* Pieces of adapter after adapter, of `some` rows; a row between two of them
 * belongs to nobody. */
static int
cut(struct cuda_piece *piece, int some)
{
	int n = 0, row = 1;

	for (int a = 0; a < adapters; a++) {
		for (int left = count[a], at = row; left > 0; left -= some) {
			int mine = left < some ? left : some;

			piece[n++] = (struct cuda_piece){ a, at, mine };
			at += mine;
		}
		row += count[a] + 1;
	}
	ck_assert_int_le(n, PIECES_MAX);
	return n;
}

/* Adapters of these ranks in turn, now and then one that leaves a module as it
 * is, with 1, 3 or 21 rows each. */
static void
begin(int shape, int n, const int *ranks, int nranks, uint32_t page,
    enum tensor_dtype image, enum tensor_dtype dtype)
{
	rig_begin();
	shape_of(shape);
	adapters = n;
	kind = dtype;
	rows = 1;
	rank_max = 0;
	linears = 0;
	for (int a = 0; a < adapters; a++) {
		for (int p = 0; p < PRODUCTS; p++) {
			int rank = (a + p) % 5 == 4 ?
			    0 :
			    ranks[(a + p / 2) % nranks];

			module[a][p] = (struct images_module){ LAYER,
				(enum shape_linear)(LINEAR_Q + p), rank, rank,
				in, out[p], NULL, NULL };
			rank_max = rank > rank_max ? rank : rank_max;
			linears |= (uint32_t)(rank > 0) << (LINEAR_Q + p);
		}
		table[a] = images_put(&rng, module[a], PRODUCTS, image, page);
		count[a] = a % 3 == 0 ? 1 : a % 3 == 1 ? 3 : 21;
		rows += count[a] + 1;
	}
	x = rig_noise(&rng, (size_t)(rows * in));
	images_round(dtype, x, (size_t)(rows * in));
	before = rig_noise(&rng, (size_t)rows * ldy);
}

static void
end(void)
{
	for (int a = 0; a < adapters; a++)
		images_forget(module[a], PRODUCTS);
	free(x);
	free(before);
	rig_end();
}

/* As defined; and the same bits for other pieces. */
static void
attempt(void)
{
	static struct cuda_piece piece[PIECES_MAX];
	float *y = launch(piece, cut(piece, CUDA_PIECE_ROWS));
	float *again = launch(piece, cut(piece, 1 + adapters % 3));

	compare(y);
	ck_assert_mem_eq(y, again, (size_t)rows * ldy * sizeof(*y));
	free(y);
	free(again);
}

START_TEST(each_rank_is_computed_exactly)
{
	static const int ranks[] = { 1, 7, 8, 16, 33, 128, 256,
		ADAPTER_RANK_MAX };

	rng_seed(&rng, (uint64_t)_i);
	begin(1, 3, &ranks[_i], 1, 4096, TENSOR_BF16, TENSOR_BF16);
	attempt();
	end();
}
END_TEST

START_TEST(ranks_mix_in_one_launch)
{
	static const int ranks[] = { 1, 33, 8, 64, 7, 2, 256, 16 };
	static const int some[] = { 1, 2, 17, 64 };

	rng_seed(&rng, (uint64_t)_i);
	begin(1, some[_i], ranks, _i == 3 ? 6 : 8, 2048, TENSOR_BF16,
	    TENSOR_BF16);
	attempt();
	end();
}
END_TEST

/* More of them than a large GPU has warps: each then takes several. */
START_TEST(many_columns_of_many_adapters_are_dealt_out)
{
	static const int ranks[] = { 16, 40, 8, 17 };

	rng_seed(&rng, 1);
	begin(4, 40, ranks, 4, 1 << 20, TENSOR_BF16, TENSOR_BF16);
	attempt();
	end();
}
END_TEST

START_TEST(shapes_pages_and_kinds_of_numbers_may_be_odd)
{
	static const int ranks[] = { 3, 16, 21 };
	static const uint32_t pages[] = { 0, 4864, 8192 };
	static const enum tensor_dtype kinds[] = { TENSOR_BF16, TENSOR_F16,
		TENSOR_F32 };

	rng_seed(&rng, (uint64_t)_i);
	begin(_i % 4, 3, ranks, 3, pages[_i % 3], kinds[_i / 4 % 3],
	    _i / 12 ? TENSOR_BF16 : TENSOR_F16);
	attempt();
	end();
}
END_TEST

START_TEST(a_rows_bits_do_not_depend_on_its_company)
{
	static const int ranks[] = { 16, 100, 5, 40 }, sizes[] = { 1, 5, 8, 9 };
	static struct cuda_piece piece[PIECES_MAX];
	float *all, *alone;
	int n;

	rng_seed(&rng, (uint64_t)_i);
	begin(1, 6, ranks, 4, 4096, TENSOR_BF16, TENSOR_BF16);
	all = launch(piece, cut(piece, CUDA_PIECE_ROWS));
	n = cut(piece, sizes[_i]);
	for (int i = _i % 2; i < n; i += 2) {
		const struct cuda_piece *p = &piece[i];
		size_t from = (size_t)p->row * ldy;

		alone = launch(p, 1);
		ck_assert_mem_eq(alone + from, all + from,
		    (size_t)p->rows * ldy * sizeof(*all));
		free(alone);
	}
	free(all);
	end();
}
END_TEST

START_TEST(without_anything_to_change_nothing_is_touched)
{
	static const int ranks[] = { 8 };
	static struct cuda_piece piece[PIECES_MAX];
	float *y;

	rng_seed(&rng, 1);
	begin(0, 2, ranks, 1, 0, TENSOR_BF16, TENSOR_BF16);
	y = launch(NULL, 0);
	ck_assert_mem_eq(y, before, (size_t)rows * ldy * sizeof(*y));
	free(y);
	/* Adapters of other layers alone. */
	linears = 1u << LINEAR_O | 1u << LINEAR_HEAD;
	y = launch(piece, cut(piece, 1));
	ck_assert_mem_eq(y, before, (size_t)rows * ldy * sizeof(*y));
	free(y);
	end();
}
END_TEST

Suite *
suite_lora(void)
{
	Suite *s = suite_create("lora");
	TCase *c = tcase_create("lora");

	tcase_add_loop_test(c, each_rank_is_computed_exactly, 0, 8);
	tcase_add_loop_test(c, ranks_mix_in_one_launch, 0, 4);
	tcase_add_test(c, many_columns_of_many_adapters_are_dealt_out);
	tcase_add_loop_test(c, shapes_pages_and_kinds_of_numbers_may_be_odd, 0,
	    24);
	tcase_add_loop_test(c, a_rows_bits_do_not_depend_on_its_company, 0, 4);
	tcase_add_test(c, without_anything_to_change_nothing_is_touched);
	suite_add_tcase(s, c);
	return s;
}

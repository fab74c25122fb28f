/* Adapters of mixed ranks in one launch, against their definition. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "gpuexec/cpu/reference/ref.h"
#include "model/adapter.h"
#include "tests/kernels/rig.h"

Suite *suite_lora(void);

#define LAYERS 2
#define MODULES ((LAYERS + 1) * LINEAR_LAYER_COUNT)
#define PRODUCTS CUDA_PRODUCTS
#define ADAPTERS_MAX 64
#define PAGES_MAX 600
#define POISON_PAGE 3 /* pages between two of an image */

/* An adapter on the host, as floats, and where it lies on the device. */
struct lora_case {
	int rank[PRODUCTS];
	float *a[PRODUCTS], *b[PRODUCTS]; /* rounded to its dtype */
	enum tensor_dtype dtype;
};

static struct rng rng;
static int in, out[PRODUCTS], column[PRODUCTS];
static size_t ldy;

static size_t
number_bytes(enum tensor_dtype dtype)
{
	return dtype == TENSOR_F32 ? 4 : 2;
}

static void
put_number(char *at, enum tensor_dtype dtype, float v)
{
	uint16_t half = dtype == TENSOR_BF16 ? tensor_bf16(v) : tensor_f16(v);

	if (dtype == TENSOR_F32)
		memcpy(at, &v, sizeof(v));
	else
		memcpy(at, &half, sizeof(half));
}

/* Writes an array's rows where the rule puts them; returns where it ends. */
static uint64_t
put_rows(char *image, uint64_t start, const float *from, int rows, int cols,
    enum tensor_dtype dtype, uint32_t page)
{
	uint64_t bytes = (uint64_t)cols * number_bytes(dtype), at = start;

	for (int r = 0; r < rows; r++) {
		at = adapter_row(start, bytes, page, (uint32_t)r);
		for (int c = 0; c < cols; c++)
			put_number(image + at + (size_t)c * number_bytes(dtype),
			    dtype, from[r * cols + c]);
	}
	return (at + bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN * ADAPTER_ALIGN;
}

/* Where an array of such rows may begin. */
static uint64_t
begin_at(uint64_t at, uint64_t row_bytes, uint32_t page)
{
	uint64_t stride = (row_bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN *
	    ADAPTER_ALIGN;

	if (page != 0 && page - at % page < stride)
		at = (at / page + 1) * page;
	return at;
}

static float *
rounded(enum tensor_dtype dtype, float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = dtype == TENSOR_BF16 ?
		    tensor_from_bf16(tensor_bf16(v[i])) :
		    dtype == TENSOR_F16 ? tensor_from_f16(tensor_f16(v[i])) :
					  v[i];
	return v;
}

/* The image of a case on the device, in pages that are no neighbours. */
static struct cuda_adapter
put_adapter(struct lora_case *c, int layer, uint32_t page)
{
	static char image[1 << 21];
	static uint64_t pages[PAGES_MAX];
	struct cuda_module m[MODULES];
	struct cuda_adapter to = { .page_bytes = page,
		.dtype = (uint32_t)c->dtype };
	uint64_t at = 4 * ADAPTER_ALIGN;
	size_t each;
	char *device;
	int n;

	memset(m, 0, sizeof(m));
	for (int p = 0; p < PRODUCTS; p++) {
		struct cuda_module
		    *to_m = &m[layer * LINEAR_LAYER_COUNT + LINEAR_Q + p];
		int r = c->rank[p];

		c->a[p] = rounded(c->dtype, rig_noise(&rng, (size_t)(r * in)),
		    (size_t)(r * in));
		c->b[p] = rounded(c->dtype,
		    rig_noise(&rng, (size_t)(r * out[p])),
		    (size_t)(r * out[p]));
		if (r == 0)
			continue;
		to_m->rank = r;
		to_m->a = at = begin_at(at,
		    (uint64_t)in * number_bytes(c->dtype), page);
		at = put_rows(image, at, c->a[p], r, in, c->dtype, page);
		to_m->b = at = begin_at(at,
		    (uint64_t)out[p] * number_bytes(c->dtype), page);
		at = put_rows(image, at, c->b[p], r, out[p], c->dtype, page);
	}
	ck_assert_uint_le(at, sizeof(image));
	each = page == 0 ? at : page;
	n = (int)((at + each - 1) / each);
	ck_assert_int_le(n, PAGES_MAX);
	device = rig_new((size_t)n * POISON_PAGE * each);
	for (int i = 0; i < n; i++) {
		char *here = device + (size_t)(n - 1 - i) * POISON_PAGE * each;

		pages[i] = (uint64_t)(uintptr_t)here;
		rig_write(here, image + (size_t)i * each, each);
	}
	to.page = rig_put(pages, (size_t)n * sizeof(*pages));
	to.modules = rig_put(m, sizeof(m));
	return to;
}

static void
forget(struct lora_case *c)
{
	for (int p = 0; p < PRODUCTS; p++) {
		free(c->a[p]);
		free(c->b[p]);
	}
}

/* y after the launch, for pieces as given; rows in no piece keep their poison.
 * The caller frees. */
static float *
launch(const struct cuda_adapter *table, int adapters, const float *x, int rows,
    enum tensor_dtype dtype, const struct cuda_piece *piece, int npieces,
    int rank_max, const float *y0)
{
	size_t n = (size_t)rows * ldy;
	struct cuda_lora l = { .adapters = rig_put(table,
				   (size_t)adapters * sizeof(*table)),
		.layers = LAYERS,
		.layer = 1,
		.nproducts = PRODUCTS,
		.x = rig_put_as(dtype, x, (size_t)(rows * in), NULL),
		.in = in,
		.t = rig_new((size_t)rows * CUDA_PRODUCTS * ADAPTER_RANK_MAX *
		    sizeof(float)),
		.y = rig_put(y0, n * sizeof(float)),
		.ldy = ldy,
		.dtype = dtype };
	struct cuda_step step = { .rows = rows,
		.npieces = npieces,
		.rank_max = rank_max,
		.piece = piece };
	float *y = malloc(n * sizeof(*y));

	for (int p = 0; p < PRODUCTS; p++)
		l.product[p] = (struct cuda_lora_product){
			(enum shape_linear)(LINEAR_Q + p), out[p], column[p]
		};
	ck_assert_int_eq(cuda_lora(rig_stream, &l, rig_step(&step, 0), npieces),
	    0);
	rig_get(y, l.y, n * sizeof(*y));
	return y;
}

static void
shape_of(int i)
{
	static const int ins[] = { 8, 344, 37, 128 };
	static const int outs[][PRODUCTS] = { { 16, 8, 8 }, { 128, 64, 64 },
		{ 35, 1, 9 }, { 1200, 344, 40 } };

	in = ins[i];
	memcpy(out, outs[i], sizeof(out));
	column[0] = 0;
	column[1] = out[0];
	column[2] = out[0] + out[1];
	ldy = (size_t)(out[0] + out[1] + out[2] + 5);
}

/* Pieces of adapter after adapter, of `some` rows; a row between two of them
 * belongs to nobody. */
static int
cut(struct cuda_piece *piece, int adapters, const int *count, int some)
{
	int n = 0, row = 1;

	for (int a = 0; a < adapters; a++) {
		for (int left = count[a], at = row; left > 0; left -= some) {
			int rows = left < some ? left : some;

			piece[n++] = (struct cuda_piece){ a, at, rows };
			at += rows;
		}
		row += count[a] + 1;
	}
	return n;
}

static void
compare(const struct lora_case *c, const float *x, const float *y0,
    const float *y, int row, int count)
{
	for (int p = 0; p < PRODUCTS; p++) {
		size_t n = (size_t)out[p];
		float *want = malloc(n * sizeof(*want));

		for (int r = row; r < row + count; r++) {
			const float *from = y + (size_t)r * ldy + column[p];
			float size = 1 + 4 * sqrtf((float)(in * c->rank[p]));

			memcpy(want, y0 + (size_t)r * ldy + column[p],
			    n * sizeof(*want));
			ref_lora(want, x + r * in, c->a[p], c->b[p], 1,
			    c->rank[p], in, out[p]);
			for (size_t i = 0; i < n; i++)
				rig_near(from[i], want[i], size, 1e-5f, "y");
		}
		free(want);
	}
}

/* Everything that one launch does: ranks, adapters, rows, pieces. */
static void
attempt(int shape, int adapters, const int *ranks, int nranks, uint32_t page,
    enum tensor_dtype image, enum tensor_dtype dtype)
{
	static struct lora_case c[ADAPTERS_MAX];
	static struct cuda_adapter table[ADAPTERS_MAX];
	static struct cuda_piece piece[2048];
	int count[ADAPTERS_MAX], rows = 1, rank_max = 0, n;
	float *x, *y0, *y, *again;

	rig_begin();
	shape_of(shape);
	for (int a = 0; a < adapters; a++) {
		c[a] = (struct lora_case){ .dtype = image };
		for (int p = 0; p < PRODUCTS; p++) {
			c[a].rank[p] = (a + p) % 5 == 4 ?
			    0 :
			    ranks[(a + p / 2) % nranks];
			if (c[a].rank[p] > rank_max)
				rank_max = c[a].rank[p];
		}
		table[a] = put_adapter(&c[a], 1, page);
		count[a] = a % 3 == 0 ? 1 : a % 3 == 1 ? 3 : 21;
		rows += count[a] + 1;
	}
	x = rig_noise(&rng, (size_t)(rows * in));
	rounded(dtype, x, (size_t)(rows * in));
	y0 = rig_noise(&rng, (size_t)rows * ldy);
	n = cut(piece, adapters, count, CUDA_PIECE_ROWS);
	y = launch(table, adapters, x, rows, dtype, piece, n, rank_max, y0);
	for (int a = 0, row = 1; a < adapters; row += count[a++] + 1)
		compare(&c[a], x, y0, y, row, count[a]);
	for (size_t i = 0; i < ldy; i++)
		ck_assert(y[i] == y0[i]); /* row 0 has no adapter */
	/* Other pieces, an odd size: the same bits. */
	n = cut(piece, adapters, count, 1 + adapters % 3);
	again = launch(table, adapters, x, rows, dtype, piece, n, rank_max, y0);
	ck_assert_int_eq(memcmp(y, again, (size_t)rows * ldy * sizeof(*y)), 0);
	for (int a = 0; a < adapters; a++)
		forget(&c[a]);
	free(x);
	free(y0);
	free(y);
	free(again);
	rig_end();
}

START_TEST(each_rank_is_computed_exactly)
{
	static const int ranks[] = { 1, 7, 8, 16, 33, 128, 256 };

	rng_seed(&rng, (uint64_t)_i);
	attempt(1, 3, &ranks[_i], 1, 4096, TENSOR_BF16, TENSOR_BF16);
}
END_TEST

START_TEST(ranks_mix_in_one_launch)
{
	static const int ranks[] = { 1, 33, 8, 64, 7, 2 };
	static const int adapters[] = { 1, 2, 17, 64 };

	rng_seed(&rng, (uint64_t)_i);
	attempt(1, adapters[_i], ranks, 6, 2048, TENSOR_BF16, TENSOR_F16);
}
END_TEST

START_TEST(shapes_pages_and_kinds_of_numbers_may_be_odd)
{
	static const int ranks[] = { 3, 16 };
	static const uint32_t pages[] = { 0, 4864, 8192 };
	static const enum tensor_dtype kinds[] = { TENSOR_BF16, TENSOR_F16,
		TENSOR_F32 };

	rng_seed(&rng, (uint64_t)_i);
	attempt(_i % 4, 4, ranks, 2, pages[_i / 4 % 3],
	    kinds[(_i + _i / 4) % 3], _i % 2 ? TENSOR_BF16 : TENSOR_F16);
}
END_TEST

Suite *
suite_lora(void)
{
	Suite *s = suite_create("lora");
	TCase *c = tcase_create("lora");

	tcase_add_loop_test(c, each_rank_is_computed_exactly, 0, 7);
	tcase_add_loop_test(c, ranks_mix_in_one_launch, 0, 4);
	tcase_add_loop_test(c, shapes_pages_and_kinds_of_numbers_may_be_odd, 0,
	    12);
	suite_add_tcase(s, c);
	return s;
}

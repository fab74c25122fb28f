/* Images of adapters, written by hand where adapter_row puts their rows. */
#include "tests/kernels/images.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "model/adapter.h"
#include "tests/kernels/rig.h"

#define MODULES ((IMAGES_LAYERS + 1) * LINEAR_LAYER_COUNT)
#define PAGES_MAX 600
#define POISON_PAGE 3 /* pages from one of an image to the next */

static char image[1 << 21];

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

void
images_round(enum tensor_dtype dtype, float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = dtype == TENSOR_BF16 ?
		    tensor_from_bf16(tensor_bf16(v[i])) :
		    dtype == TENSOR_F16 ? tensor_from_f16(tensor_f16(v[i])) :
					  v[i];
}

/* Draws an array and writes its rows behind *at; returns where the first
 * begins, and leaves in *at where they end. */
static uint64_t
put_rows(struct rng *rng, float **to, uint64_t *at, int rows, int cols,
    enum tensor_dtype dtype, uint32_t page)
{
	uint64_t each = number_bytes(dtype), bytes = (uint64_t)cols * each;
	uint64_t stride = (bytes + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN *
	    ADAPTER_ALIGN;
	uint64_t start = *at, row;
	size_t n = (size_t)rows * (size_t)cols;

	if (page != 0 && page - start % page < stride)
		start = (start / page + 1) * page;
	*to = rig_noise(rng, n);
	images_round(dtype, *to, n);
	for (int r = 0; r < rows; r++) {
		row = adapter_row(start, bytes, page, (uint32_t)r);
		*at = row + stride;
		ck_assert_uint_le(*at, sizeof(image));
		for (int c = 0; c < cols; c++)
			put_number(image + row + (uint64_t)c * each, dtype,
			    (*to)[r * cols + c]);
	}
	return start;
}

static int
place(const struct images_module *m)
{
	return m->linear < LINEAR_LAYER_COUNT ?
	    m->layer * LINEAR_LAYER_COUNT + (int)m->linear :
	    IMAGES_LAYERS * LINEAR_LAYER_COUNT + (int)m->linear - LINEAR_HEAD;
}

/* The addresses of the image's pages, on the device; the last comes first. */
static const uint64_t *
put_pages(uint64_t bytes, uint32_t page)
{
	static uint64_t pages[PAGES_MAX];
	uint64_t each = page == 0 ? bytes : page;
	int n = (int)((bytes + each - 1) / each);
	char *device = rig_new((size_t)n * POISON_PAGE * each);

	ck_assert_int_le(n, PAGES_MAX);
	for (int i = 0; i < n; i++) {
		char *here = device + (size_t)(n - 1 - i) * POISON_PAGE * each;

		pages[i] = (uint64_t)(uintptr_t)here;
		rig_write(here, image + (size_t)i * each, each);
	}
	return rig_put(pages, (size_t)n * sizeof(*pages));
}

struct cuda_adapter
images_put(struct rng *rng, struct images_module *m, int n,
    enum tensor_dtype dtype, uint32_t page)
{
	struct cuda_module table[MODULES];
	struct cuda_adapter to = { .page_bytes = page,
		.dtype = (uint32_t)dtype };
	uint64_t at = 4 * ADAPTER_ALIGN;

	memset(table, 0, sizeof(table));
	memset(image, 0xff, sizeof(image));
	for (int i = 0; i < n; i++) {
		struct cuda_module *there = &table[place(&m[i])];

		m[i].a = m[i].b = NULL;
		if ((there->rank = m[i].rank) == 0)
			continue;
		there->a = put_rows(rng, &m[i].a, &at, m[i].rows, m[i].cols,
		    dtype, page);
		there->b = put_rows(rng, &m[i].b, &at, m[i].rank, m[i].out,
		    dtype, page);
	}
	to.page = put_pages(at, page);
	to.modules = rig_put(table, sizeof(table));
	return to;
}

void
images_forget(struct images_module *m, int n)
{
	for (int i = 0; i < n; i++) {
		free(m[i].a);
		free(m[i].b);
	}
}

/* Where in an image everything lies, and whether a foreign one is legal. */
#include "model/adapter_image.h"

#include <string.h>

#include "base/err.h"
#include "base/must.h"

#define MODULES_MAX(s) ((uint64_t)(s)->layers * LINEAR_LAYER_COUNT + 2)

static uint64_t
align_up(uint64_t n)
{
	return (n + ADAPTER_ALIGN - 1) / ADAPTER_ALIGN * ADAPTER_ALIGN;
}

uint64_t
adapter_row(uint64_t start, uint64_t row_bytes, uint32_t page_bytes, uint32_t i)
{
	uint64_t stride = align_up(row_bytes), first, each, left = i;

	if (page_bytes == 0)
		return start + left * stride;
	/* The first page may be begun already, the others are not. */
	first = (page_bytes - start % page_bytes) / stride;
	if (left < first)
		return start + left * stride;
	left -= first;
	each = page_bytes / stride;
	must(each > 0);
	return (start / page_bytes + 1 + left / each) * page_bytes +
	    left % each * stride;
}

uint32_t
adapter_a_rows(const struct adapter_entry *e)
{
	return (uint32_t)(e->linear == LINEAR_EMBED ? e->in : e->rank);
}

uint64_t
adapter_a_bytes(const struct adapter_entry *e, enum tensor_dtype dtype)
{
	return (uint64_t)(e->linear == LINEAR_EMBED ? e->rank : e->in) *
	    (uint64_t)tensor_dtype_bytes(dtype);
}

uint64_t
adapter_b_bytes(const struct adapter_entry *e, enum tensor_dtype dtype)
{
	return (uint64_t)e->out * (uint64_t)tensor_dtype_bytes(dtype);
}

uint64_t
adapter_header_bytes(uint64_t nmodules)
{
	return align_up(sizeof(struct adapter_image) +
	    nmodules * sizeof(struct adapter_entry));
}

uint64_t
adapter_header_max(const struct shape *s)
{
	return adapter_header_bytes(MODULES_MAX(s));
}

/* Puts an array at the first place from `at` where its row 0 fits; returns the
 * array's end, 0 if a row fits in no page. */
static uint64_t
place(uint64_t *start, uint64_t at, uint64_t row_bytes, uint32_t rows,
    uint32_t page_bytes)
{
	uint64_t stride = align_up(row_bytes);

	if (page_bytes != 0 && stride > page_bytes)
		return 0;
	if (page_bytes != 0 && page_bytes - at % page_bytes < stride)
		at = (at / page_bytes + 1) * page_bytes;
	*start = at;
	return adapter_row(at, row_bytes, page_bytes, rows - 1) + stride;
}

/* Places A and B of an entry behind `at`; returns where they end, or 0. */
static uint64_t
place_entry(struct adapter_entry *e, uint64_t at, enum tensor_dtype dtype,
    uint32_t page_bytes)
{
	at = place(&e->a, at, adapter_a_bytes(e, dtype), adapter_a_rows(e),
	    page_bytes);
	if (at == 0)
		return 0;
	return place(&e->b, at, adapter_b_bytes(e, dtype), (uint32_t)e->rank,
	    page_bytes);
}

uint64_t
adapter_layout(const struct adapter *a, const struct shape *s,
    enum tensor_dtype dtype, uint32_t page_bytes, struct adapter_entry *table)
{
	uint64_t at = adapter_header_bytes((uint64_t)a->nmodules);

	must(page_bytes % ADAPTER_ALIGN == 0);
	for (int i = 0; i < a->nmodules && at != 0; i++) {
		const struct adapter_module *m = &a->modules[i];
		struct adapter_entry e = {
			.layer = m->layer,
			.linear = (int32_t)m->linear,
			.rank = m->rank,
			.in = shape_in(s, m->linear),
			.out = shape_out(s, m->linear),
		};

		at = place_entry(&e, at, dtype, page_bytes);
		if (table != NULL)
			table[i] = e;
	}
	return at;
}

uint64_t
adapter_image_bytes(const struct adapter *a, const struct shape *s,
    enum tensor_dtype dtype, uint32_t page_bytes)
{
	return adapter_layout(a, s, dtype, page_bytes, NULL);
}

/* Whether an entry names a module of the shape that comes after the last. */
static bool
is_module(const struct adapter_entry *e, const struct adapter_entry *last,
    const struct shape *s)
{
	bool layered = e->linear >= 0 && e->linear < LINEAR_LAYER_COUNT;
	enum shape_linear linear = (enum shape_linear)e->linear;

	if (e->linear < 0 || e->linear >= LINEAR_COUNT ||
	    (layered ? e->layer < 0 || e->layer >= s->layers : e->layer != -1))
		return false;
	if (last != NULL &&
	    (e->layer < last->layer ||
		(e->layer == last->layer && e->linear <= last->linear)))
		return false;
	return e->rank >= 1 && e->rank <= ADAPTER_RANK_MAX &&
	    e->in == shape_in(s, linear) && e->out == shape_out(s, linear);
}

static int
check_header(const struct adapter_image *image, uint64_t n,
    const struct shape *s)
{
	if (n < sizeof(*image) || image->magic != ADAPTER_MAGIC)
		return err_set(ERR_FORMAT, "image: no header");
	if (image->dtype >= TENSOR_OTHER)
		return err_set(ERR_FORMAT, "image: dtype %u", image->dtype);
	if (image->page_bytes % ADAPTER_ALIGN != 0)
		return err_set(ERR_FORMAT, "image: pages of %u bytes",
		    image->page_bytes);
	if (image->nmodules > MODULES_MAX(s) ||
	    image->header_bytes != adapter_header_bytes(image->nmodules))
		return err_set(ERR_FORMAT, "image: %u modules in %u bytes",
		    image->nmodules, image->header_bytes);
	if (image->bytes > n || image->bytes < image->header_bytes)
		return err_set(ERR_FORMAT, "image: %ju bytes in a place of %ju",
		    (uintmax_t)image->bytes, (uintmax_t)n);
	return 0;
}

/* An honest image is laid out as place_entry does it, and in no other way. */
int
adapter_image_check(const struct adapter_image *image, uint64_t n,
    const struct shape *s)
{
	int e = check_header(image, n, s);
	uint64_t at = image->header_bytes;

	if (e != 0)
		return e;
	for (uint32_t i = 0; i < image->nmodules; i++) {
		const struct adapter_entry *have = &image->entry[i];
		struct adapter_entry want = *have;

		if (!is_module(have, i == 0 ? NULL : have - 1, s))
			return err_set(ERR_FORMAT,
			    "image: entry %u is no module of this model", i);
		at = place_entry(&want, at, (enum tensor_dtype)image->dtype,
		    image->page_bytes);
		if (at == 0 || have->a != want.a || have->b != want.b ||
		    at > image->bytes)
			return err_set(ERR_FORMAT,
			    "image: entry %u lies where it may not", i);
	}
	if (at != image->bytes)
		return err_set(ERR_FORMAT, "image: ends at byte %ju, not %ju",
		    (uintmax_t)at, (uintmax_t)image->bytes);
	return 0;
}

uint64_t
adapter_image_layer(const struct adapter_image *image, int layer)
{
	for (uint32_t i = 0; i < image->nmodules; i++)
		if (image->entry[i].layer >= layer)
			return image->entry[i].a;
	return image->bytes;
}

/* Adapter images: checked once, then looked up by layer. */
#include "gpuexec/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* What the table says of one module. */
struct module {
	uint64_t a, b;
	int rank;
};

struct image {
	int layers, pages_max, number, npages, rank;
	uint32_t reads;
	int in[LINEAR_COUNT], out[LINEAR_COUNT];
	uint32_t page_bytes;
	enum tensor_dtype dtype;
	unsigned char digest[ADAPTER_DIGEST_BYTES];
	const void **pages;
	struct module *modules;	      /* by layer and linear, then the ends */
	struct adapter_image *header; /* private copy */
	uint64_t header_max;
};

static struct module *
module_at(const struct image *im, int layer, enum shape_linear linear)
{
	if (linear >= LINEAR_LAYER_COUNT)
		return &im->modules[im->layers * LINEAR_LAYER_COUNT +
		    (int)linear - LINEAR_LAYER_COUNT];
	return &im->modules[layer * LINEAR_LAYER_COUNT + (int)linear];
}

static int
count(const struct image *im)
{
	return (im->layers + 1) * LINEAR_LAYER_COUNT;
}

int
image_new(struct image **out, const struct shape *s, int pages_max, int number)
{
	struct image *im = calloc(1, sizeof(*im));

	if (im == NULL)
		return err_set(ERR_MEMORY, "no memory for an adapter");
	im->layers = s->layers;
	im->pages_max = pages_max;
	im->number = number;
	im->header_max = adapter_header_max(s);
	for (int i = 0; i < LINEAR_COUNT; i++) {
		im->in[i] = shape_in(s, (enum shape_linear)i);
		im->out[i] = shape_out(s, (enum shape_linear)i);
	}
	im->pages = calloc((size_t)pages_max, sizeof(*im->pages));
	im->modules = calloc((size_t)count(im), sizeof(*im->modules));
	im->header = malloc(im->header_max);
	if (im->pages == NULL || im->modules == NULL || im->header == NULL) {
		image_free(im);
		return err_set(ERR_MEMORY, "no memory for an adapter");
	}
	*out = im;
	return 0;
}

void
image_free(struct image *im)
{
	if (im == NULL)
		return;
	free(im->pages);
	free(im->modules);
	free(im->header);
	free(im);
}

static int
fetch_here(void *arg, void *to, const void *from, uint64_t n)
{
	(void)arg;
	memcpy(to, from, n);
	return 0;
}

/* Copies the first n bytes, page by page. */
static int
copy_header(struct image *im, uint64_t n, image_fetch_f *fetch, void *arg)
{
	uint64_t page = im->page_bytes == 0 ? n : im->page_bytes;
	int e = 0;

	for (uint64_t at = 0; e == 0 && at < n; at += page)
		e = fetch(arg, (char *)im->header + at, im->pages[at / page],
		    n - at < page ? n - at : page);
	return e;
}

int
image_read(struct image *im, const struct shape *s, enum tensor_dtype dtype,
    const void *const *page, int n, uint32_t page_bytes, uint64_t bytes,
    image_fetch_f *fetch, void *arg)
{
	uint64_t header = bytes < im->header_max ? bytes : im->header_max;
	uint64_t held = page_bytes == 0 ? bytes : (uint64_t)n * page_bytes;
	int e;

	im->reads++;
	memset(im->modules, 0, (size_t)count(im) * sizeof(*im->modules));
	if (n < 1 || n > im->pages_max || bytes > held)
		return err_set(ERR_FORMAT, "image: %ju bytes in %d pages",
		    (uintmax_t)bytes, n);
	memcpy(im->pages, page, (size_t)n * sizeof(*page));
	im->npages = n;
	im->page_bytes = page_bytes;
	memset(im->header, 0, im->header_max);
	e = copy_header(im, header, fetch == NULL ? fetch_here : fetch, arg);
	if (e != 0)
		return e;
	if (adapter_image_check(im->header, bytes, s) != 0)
		return ERR_FORMAT;
	if (im->header->page_bytes != page_bytes)
		return err_set(ERR_FORMAT, "image: pages of %u bytes, not %u",
		    im->header->page_bytes, page_bytes);
	if (im->header->dtype != (uint32_t)dtype)
		return err_set(ERR_FORMAT, "image: dtype %u, not %u",
		    im->header->dtype, (unsigned)dtype);
	im->dtype = dtype;
	im->rank = 0;
	memcpy(im->digest, im->header->digest, sizeof(im->digest));
	for (uint32_t i = 0; i < im->header->nmodules; i++) {
		const struct adapter_entry *have = &im->header->entry[i];

		*module_at(im, have->layer,
		    (enum shape_linear)have->linear) = (struct module){
			.a = have->a,
			.b = have->b,
			.rank = have->rank,
		};
		if (have->rank > im->rank)
			im->rank = have->rank;
	}
	return 0;
}

struct cpu_lora
image_lora(const struct image *im, int layer, enum shape_linear linear)
{
	const struct module *m = module_at(im, layer, linear);

	return (struct cpu_lora){
		.pages = im->pages,
		.page_bytes = im->page_bytes,
		.half = im->dtype == TENSOR_BF16,
		.rank = m->rank,
		.in = im->in[linear],
		.out = im->out[linear],
		.a = m->a,
		.b = m->b,
	};
}

const unsigned char *
image_digest(const struct image *im)
{
	return im->digest;
}

int
image_number(const struct image *im)
{
	return im->number;
}

uint32_t
image_reads(const struct image *im)
{
	return im->reads;
}

uint64_t
image_bytes(const struct image *im)
{
	return im->header->bytes;
}

uint64_t
image_page(const struct image *im)
{
	return im->page_bytes == 0 ? im->header->bytes : im->page_bytes;
}

int
image_rank(const struct image *im)
{
	return im->rank;
}

const void *const *
image_pages(const struct image *im, int *n, uint32_t *page_bytes,
    enum tensor_dtype *dtype)
{
	*n = im->npages;
	*page_bytes = im->page_bytes;
	*dtype = im->dtype;
	return im->pages;
}

int
image_module(const struct image *im, int layer, enum shape_linear linear,
    uint64_t *a, uint64_t *b)
{
	const struct module *m = module_at(im, layer, linear);

	*a = m->a;
	*b = m->b;
	return m->rank;
}

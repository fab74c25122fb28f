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
	int layers, pages_max;
	int in[LINEAR_COUNT], out[LINEAR_COUNT];
	uint32_t page_bytes;
	bool half;
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
image_new(struct image **out, const struct shape *s, int pages_max)
{
	struct image *im = calloc(1, sizeof(*im));

	if (im == NULL)
		return err_set(ERR_MEMORY, "no memory for an adapter");
	im->layers = s->layers;
	im->pages_max = pages_max;
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

/* Copies the first n bytes, page by page. */
static void
copy_header(struct image *im, uint64_t n)
{
	uint64_t page = im->page_bytes == 0 ? n : im->page_bytes;

	for (uint64_t at = 0; at < n; at += page)
		memcpy((char *)im->header + at, im->pages[at / page],
		    n - at < page ? n - at : page);
}

int
image_read(struct image *im, const struct shape *s, const void *const *page,
    int n, uint32_t page_bytes, uint64_t bytes)
{
	uint64_t header = bytes < im->header_max ? bytes : im->header_max;
	uint64_t held = page_bytes == 0 ? bytes : (uint64_t)n * page_bytes;

	memset(im->modules, 0, (size_t)count(im) * sizeof(*im->modules));
	if (n < 1 || n > im->pages_max || bytes > held)
		return err_set(ERR_FORMAT, "image: %ju bytes in %d pages",
		    (uintmax_t)bytes, n);
	memcpy(im->pages, page, (size_t)n * sizeof(*page));
	im->page_bytes = page_bytes;
	memset(im->header, 0, im->header_max);
	copy_header(im, header);
	if (adapter_image_check(im->header, bytes, s) != 0)
		return ERR_FORMAT;
	if (im->header->page_bytes != page_bytes)
		return err_set(ERR_FORMAT, "image: pages of %u bytes, not %u",
		    im->header->page_bytes, page_bytes);
	im->half = im->header->dtype == TENSOR_BF16;
	memcpy(im->digest, im->header->digest, sizeof(im->digest));
	for (uint32_t i = 0; i < im->header->nmodules; i++) {
		const struct adapter_entry *e = &im->header->entry[i];

		*module_at(im, e->layer,
		    (enum shape_linear)e->linear) = (struct module){ .a = e->a,
			.b = e->b,
			.rank = e->rank };
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
		.half = im->half,
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

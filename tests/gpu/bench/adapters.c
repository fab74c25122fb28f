/* Adapters whose numbers are made on the device: header and table as the loader
 * writes them, the rest random. */
#include "tests/gpu/bench/world.h"

#include "base/err.h"
#include "base/must.h"
#include "device/cuda_check.h"
#include "model/adapter.h"
#include "model/adapter_image.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK ((uint64_t)2 << 20)
#define TARGETS 4 /* q, k, v, o */

static int
fetch(void *arg, void *to, const void *from, uint64_t n)
{
	(void)arg;
	return cuda_check(cudaMemcpy(to, from, n, cudaMemcpyDeviceToHost),
	    "an adapter's header");
}

/* What adapter_layout wants to know of an adapter. */
static struct adapter
describe(const struct shape *s, int rank, struct adapter_module *modules)
{
	struct adapter a = { .modules = modules,
		.nmodules = s->layers * TARGETS };

	for (int i = 0; i < a.nmodules; i++)
		modules[i] = (struct adapter_module){ .layer = i / TARGETS,
			.linear = (enum shape_linear)(i % TARGETS),
			.rank = rank,
			.scale = 1 };
	return a;
}

static struct adapter_image *
make_header(const struct shape *s, int rank, uint64_t *bytes)
{
	struct adapter_module *modules = calloc((size_t)(s->layers * TARGETS),
	    sizeof(*modules));
	struct adapter a = describe(s, rank, modules);
	uint64_t n = adapter_header_bytes((uint64_t)a.nmodules);
	struct adapter_image *h = calloc(1, n);

	*bytes = adapter_layout(&a, s, TENSOR_BF16, (uint32_t)CHUNK, h->entry);
	h->magic = ADAPTER_MAGIC;
	h->bytes = *bytes;
	h->dtype = TENSOR_BF16;
	h->page_bytes = (uint32_t)CHUNK;
	h->nmodules = (uint32_t)a.nmodules;
	h->header_bytes = (uint32_t)n;
	free(modules);
	return h;
}

void
world_adapter(struct world *w, int i, int rank)
{
	struct cuda_forward *f = (struct cuda_forward *)(void *)w->f;
	const void *page[512];
	uint64_t bytes;
	struct adapter_image *h = make_header(&w->shape, rank, &bytes);
	int n = (int)((bytes + CHUNK - 1) / CHUNK);

	must(n <= 512 && i < w->adapters_max);
	if ((w->chunk + (uint64_t)n) * CHUNK > w->pool.bytes)
		world_must(err_set(ERR_MEMORY, "the pool is spent"),
		    "an adapter");
	for (int k = 0; k < n; k++) {
		page[k] = device_address(w->device, w->chunk++ * CHUNK);
		world_must(bench_fill(f->stream, (void *)(uintptr_t)page[k],
			       CHUNK / 2, 0.01f, (uint64_t)(i * 517 + k)),
		    "an adapter");
	}
	world_must(cuda_check(cudaStreamSynchronize(f->stream), "an adapter"),
	    "an adapter");
	world_must(cuda_check(cudaMemcpy((void *)(uintptr_t)page[0], h,
				  h->header_bytes, cudaMemcpyHostToDevice),
		       "an adapter"),
	    "an adapter");
	free(h);
	if (w->images[i] == NULL)
		world_must(image_new(&w->images[i], &w->shape, 512, i),
		    "an adapter");
	world_must(image_read(w->images[i], &w->shape, TENSOR_BF16, page, n,
		       (uint32_t)CHUNK, bytes, fetch, NULL),
	    "an adapter");
}

/* Their chunks stay taken; the bench has enough. */
void
world_drop_adapters(struct world *w)
{
	for (int i = 0; i < w->adapters_max; i++) {
		image_free(w->images[i]);
		w->images[i] = NULL;
	}
}

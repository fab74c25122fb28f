/* The device's table of adapters: where the pages of each lie, and its modules.
 *
 * A kernel finds an adapter by its number, so what is active in a step is data
 * and a captured graph serves all of them.  An entry is written again when its
 * image has been read anew. */
#include "gpuexec/cuda/forward_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"
#include "device/cuda_check.h"

static size_t
head_bytes(const struct cuda_table *t)
{
	return ((size_t)t->adapters * sizeof(*t->at) + 255) / 256 * 256;
}

static size_t
bytes(const struct cuda_table *t)
{
	return head_bytes(t) + (size_t)t->adapters * t->each;
}

int
cuda_table_open(struct cuda_table *t, const struct shape *s, int adapters,
    int pages)
{
	int e;

	*t = (struct cuda_table){ .adapters = adapters, .pages = pages };
	t->modules = (s->layers + 1) * LINEAR_LAYER_COUNT;
	t->each = (size_t)pages * sizeof(uint64_t) +
	    (size_t)t->modules * sizeof(struct cuda_module);
	t->each = (t->each + 255) / 256 * 256;
	t->image = calloc((size_t)adapters, sizeof(*t->image));
	t->reads = calloc((size_t)adapters, sizeof(*t->reads));
	t->linears = calloc((size_t)adapters, sizeof(*t->linears));
	if (t->image == NULL || t->reads == NULL || t->linears == NULL)
		return err_set(ERR_MEMORY, "no memory for a table of adapters");
	e = cuda_check(cudaMalloc((void **)&t->device, bytes(t)),
	    "table of adapters");
	if (e == 0)
		e = cuda_check(cudaHostAlloc((void **)&t->host, bytes(t),
				   cudaHostAllocDefault),
		    "table of adapters");
	if (e != 0)
		return e;
	t->at = (struct cuda_adapter *)(void *)t->device;
	memset(t->host, 0, bytes(t));
	return 0;
}

void
cuda_table_close(struct cuda_table *t)
{
	if (t->host != NULL)
		(void)cudaFreeHost(t->host);
	if (t->device != NULL)
		(void)cudaFree(t->device);
	free(t->image);
	free(t->reads);
	free(t->linears);
	*t = (struct cuda_table){ 0 };
}

const uint64_t *
cuda_table_pages(const struct cuda_table *t, int i)
{
	return (const void *)(t->device + head_bytes(t) + (size_t)i * t->each);
}

/* Returns which linear layers it changes, a bit each. */
static uint32_t
write_modules(struct cuda_module *to, const struct image *image,
    const struct shape *s)
{
	int last = s->layers * LINEAR_LAYER_COUNT;
	uint32_t linears = 0;

	for (int l = 0; l < s->layers; l++)
		for (int i = 0; i < LINEAR_LAYER_COUNT; i++) {
			struct cuda_module *m = &to[l * LINEAR_LAYER_COUNT + i];

			m->rank = image_module(image, l, (enum shape_linear)i,
			    &m->a, &m->b);
			linears |= (uint32_t)(m->rank > 0) << i;
		}
	for (int i = LINEAR_HEAD; i < LINEAR_COUNT; i++) {
		struct cuda_module *m = &to[last + i - LINEAR_HEAD];

		m->rank = image_module(image, 0, (enum shape_linear)i, &m->a,
		    &m->b);
		linears |= (uint32_t)(m->rank > 0) << i;
	}
	return linears;
}

/* The host's copy of entry i. */
static void
write_entry(struct cuda_table *t, int i, const struct image *image,
    const struct shape *s)
{
	size_t at = head_bytes(t) + (size_t)i * t->each;
	size_t pages = (size_t)t->pages * sizeof(uint64_t);
	struct cuda_adapter *head = (void *)t->host;
	uint64_t *page = (void *)(t->host + at);
	enum tensor_dtype dtype;
	const void *const *from;
	int n;

	from = image_pages(image, &n, &head[i].page_bytes, &dtype);
	must(n <= t->pages);
	for (int k = 0; k < n; k++)
		page[k] = (uint64_t)(uintptr_t)from[k];
	t->linears[i] = write_modules((void *)(t->host + at + pages), image, s);
	head[i].dtype = (uint32_t)dtype;
	head[i].page = (const uint64_t *)(void *)(t->device + at);
	head[i].modules = (const void *)(t->device + at + pages);
}

static int
send(struct cuda_table *t, size_t at, size_t n, cudaStream_t stream)
{
	return cuda_check(cudaMemcpyAsync(t->device + at, t->host + at, n,
			      cudaMemcpyHostToDevice, stream),
	    "table of adapters");
}

int
cuda_table_put(struct cuda_table *t, const struct image *image,
    const struct shape *s, cudaStream_t stream)
{
	int i = image_number(image), e;

	must(i >= 0 && i < t->adapters);
	if (t->image[i] == image && t->reads[i] == image_reads(image))
		return 0;
	/* No step is under way, so nothing reads what is written here. */
	write_entry(t, i, image, s);
	e = send(t, (size_t)i * sizeof(struct cuda_adapter),
	    sizeof(struct cuda_adapter), stream);
	if (e == 0)
		e = send(t, head_bytes(t) + (size_t)i * t->each, t->each,
		    stream);
	if (e != 0)
		return e;
	t->image[i] = image;
	t->reads[i] = image_reads(image);
	return 0;
}

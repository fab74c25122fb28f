/* A model in this process, for one sequence. */
#include "cli/here.h"

#include "base/err.h"
#include "base/must.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT_MAX 4096
#define BLOCK_TOKENS 16

static int
dtype_of(const char *name, enum tensor_dtype *dtype)
{
	if (strcmp(name, "auto") == 0)
		*dtype = TENSOR_OTHER;
	else if (strcmp(name, "f32") == 0)
		*dtype = TENSOR_F32;
	else if (strcmp(name, "bf16") == 0)
		*dtype = TENSOR_BF16;
	else
		return err_set(ERR_USAGE, "dtype '%s': want auto, f32 or bf16",
		    name);
	return 0;
}

static int
pack(struct here *h, const struct adapter *a, struct adapter_rules rules)
{
	const struct shape *s = forward_shape(h->forward);
	enum tensor_dtype dtype = forward_dtype(h->forward);
	uint64_t bytes = adapter_image_bytes(a, s, dtype, 0);
	const void *page;
	int e;

	h->image_bytes = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
	if (h->image_bytes == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju bytes",
		    (uintmax_t)bytes);
	page = h->image_bytes;
	e = adapter_pack(a, s, dtype, 0, rules, h->image_bytes, NULL, NULL);
	if (e == 0)
		e = image_new(&h->image, s, 1);
	if (e == 0)
		e = image_read(h->image, s, &page, 1, 0, bytes);
	return e;
}

static int
open_adapter(struct here *h, const struct here_options *o)
{
	struct tensors base = { 0 };
	struct adapter_rules rules = { .base = &base };
	struct adapter a;
	int e = tensors_open_model(&base, o->model);

	if (e == 0)
		e = adapter_open(&a, AT_FDCWD, o->adapter,
		    forward_shape(h->forward), rules);
	if (e == 0) {
		e = pack(h, &a, rules);
		adapter_close(&a);
	}
	tensors_close(&base);
	return e == 0 ? 0 : err_add("adapter '%s'", o->adapter);
}

static int
make_room(struct here *h)
{
	size_t block = (forward_block_bytes(h->forward) + 63) / 64 * 64;
	size_t n = ((size_t)h->context + BLOCK_TOKENS - 1) / BLOCK_TOKENS;

	h->blocks = calloc(n, sizeof(*h->blocks));
	h->tokens = calloc((size_t)h->context, sizeof(*h->tokens));
	h->kv = aligned_alloc(64, n * block);
	if (h->blocks == NULL || h->tokens == NULL || h->kv == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for a context of %d "
		    "tokens",
		    h->context);
	for (size_t i = 0; i < n; i++)
		h->blocks[i] = (char *)h->kv + i * block;
	return 0;
}

int
here_open(struct here *h, const struct here_options *o)
{
	struct forward_options f = { .kv = TENSOR_F32,
		.threads = (int)o->threads,
		.rows_max = HERE_ROWS,
		.seqs_max = 1,
		.logits_max = HERE_ROWS,
		.context = o->context,
		.block_tokens = BLOCK_TOKENS };
	struct shape s;
	int e;

	memset(h, 0, sizeof(*h));
	if ((e = dtype_of(o->dtype, &f.weights)) != 0 ||
	    (e = shape_read(&s, o->model)) != 0)
		return e;
	if (f.context == 0)
		f.context = s.context < CONTEXT_MAX ? s.context : CONTEXT_MAX;
	h->context = f.context;
	if ((e = forward_open(&h->forward, o->model, &f)) != 0)
		return err_add("model '%s'", o->model);
	e = make_room(h);
	if (e == 0 && o->adapter != NULL)
		e = open_adapter(h, o);
	if (e != 0)
		here_close(h);
	return e;
}

void
here_close(struct here *h)
{
	if (h->forward != NULL)
		forward_close(h->forward);
	if (h->image != NULL)
		image_free(h->image);
	free(h->image_bytes);
	free(h->blocks);
	free(h->tokens);
	free(h->kv);
	memset(h, 0, sizeof(*h));
}

void
here_step(struct here *h, int count, enum forward_want want)
{
	struct forward_seq q = { .tokens = h->tokens + h->n,
		.first = h->n,
		.count = count,
		.blocks = h->blocks,
		.adapter = h->image,
		.want = want };

	must(count > 0 && count <= HERE_ROWS && count <= h->context - h->n);
	forward_step(h->forward, &q, 1);
	h->n += count;
}

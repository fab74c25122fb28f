/* One sequence through the forward pass: private KV memory, one adapter. */
#include "gpuexec/solo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"

#define CONTEXT_MAX 4096 /* where nothing else is asked for */
#define ROWS 256
#define BLOCK_TOKENS 16

struct solo {
	struct forward *forward;
	struct forward_options options;
	int count; /* tokens fed */
	void *memory, **blocks;
	void *image_bytes;
	struct image *image;
};

static struct forward_options
limits(const struct solo_options *o, const struct shape *s)
{
	int most = s->context < CONTEXT_MAX ? s->context : CONTEXT_MAX;

	return (struct forward_options){
		.weights = o->weights,
		.kv = o->kv,
		.threads = o->threads,
		.rows_max = o->rows > 0 ? o->rows : ROWS,
		.seqs_max = 1,
		.logits_max = o->rows > 0 ? o->rows : ROWS,
		.context = o->context > 0 ? o->context : most,
		.block_tokens = o->block_tokens > 0 ? o->block_tokens :
						      BLOCK_TOKENS,
	};
}

/* Blocks are touched only as the sequence grows. */
static int
take_blocks(struct solo *s)
{
	size_t one = forward_block_bytes(s->forward);
	size_t n = ((size_t)s->options.context +
		       (size_t)s->options.block_tokens - 1) /
	    (size_t)s->options.block_tokens;

	s->memory = malloc(one * n);
	s->blocks = malloc(n * sizeof(*s->blocks));
	if (s->memory == NULL || s->blocks == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for %zu KV blocks of %zu bytes", n, one);
	for (size_t i = 0; i < n; i++)
		s->blocks[i] = (char *)s->memory + i * one;
	return 0;
}

static int
pack(struct solo *s, const struct adapter *a, struct adapter_rules rules)
{
	const struct shape *shape = forward_shape(s->forward);
	enum tensor_dtype dtype = forward_dtype(s->forward);
	uint64_t bytes = adapter_image_bytes(a, shape, dtype, 0);
	const void *page;
	int e;

	if ((s->image_bytes = malloc(bytes)) == NULL)
		return err_set(ERR_MEMORY, "no memory for an adapter");
	e = adapter_pack(a, shape, dtype, 0, rules, s->image_bytes, NULL, NULL);
	if (e == 0)
		e = image_new(&s->image, shape, 1, 0);
	page = s->image_bytes;
	if (e == 0)
		e = image_read(s->image, shape, dtype, &page, 1, 0, bytes, NULL,
		    NULL);
	return e;
}

static int
take_adapter(struct solo *s, const struct solo_options *o)
{
	struct tensors base = { 0 };
	struct adapter_rules rules = o->rules;
	struct adapter a;
	int e = tensors_open_model(&base, o->model);

	rules.base = &base;
	if (e == 0)
		e = adapter_open(&a, AT_FDCWD, o->adapter,
		    forward_shape(s->forward), rules);
	if (e == 0) {
		e = pack(s, &a, rules);
		adapter_close(&a);
	}
	tensors_close(&base);
	return e == 0 ? 0 : err_add("adapter '%s'", o->adapter);
}

int
solo_open(struct solo **out, const struct solo_options *o)
{
	struct solo *s = calloc(1, sizeof(*s));
	struct shape shape;
	int e;

	if (s == NULL)
		return err_set(ERR_MEMORY, "no memory for a model");
	if ((e = shape_read(&shape, o->model)) == 0) {
		s->options = limits(o, &shape);
		e = forward_open(&s->forward, o->model, &s->options);
	}
	if (e == 0)
		e = take_blocks(s);
	if (e == 0 && o->adapter != NULL)
		e = take_adapter(s, o);
	if (e != 0) {
		solo_close(s);
		return e;
	}
	*out = s;
	return 0;
}

void
solo_close(struct solo *s)
{
	if (s == NULL)
		return;
	forward_close(s->forward);
	image_free(s->image);
	free(s->image_bytes);
	free(s->blocks);
	free(s->memory);
	free(s);
}

const struct shape *
solo_shape(const struct solo *s)
{
	return forward_shape(s->forward);
}

int
solo_context(const struct solo *s)
{
	return s->options.context;
}

int
solo_count(const struct solo *s)
{
	return s->count;
}

static int
check(const struct solo *s, const int32_t *tokens, int n)
{
	int vocab = forward_shape(s->forward)->vocab;

	if (n < 1 || n > s->options.context - s->count)
		return err_set(ERR_LIMIT,
		    "%d tokens behind %d: the context holds %d", n, s->count,
		    s->options.context);
	for (int i = 0; i < n; i++)
		if (tokens[i] < 0 || tokens[i] >= vocab)
			return err_set(ERR_FORMAT, "token %d: want 0..%d",
			    tokens[i], vocab - 1);
	return 0;
}

int
solo_feed(struct solo *s, const int32_t *tokens, int n, float *logits)
{
	size_t vocab = (size_t)forward_shape(s->forward)->vocab;
	int e = check(s, tokens, n);

	for (int done = 0; e == 0 && done < n;) {
		int rows = n - done < s->options.rows_max ? n - done :
							    s->options.rows_max;
		struct forward_seq seq = {
			.tokens = tokens + done,
			.first = s->count,
			.count = rows,
			.blocks = s->blocks,
			.adapter = s->image,
			.want = logits != NULL ? FORWARD_ALL : FORWARD_LAST,
		};

		forward_step(s->forward, &seq, 1);
		for (int i = 0; logits != NULL && i < rows; i++)
			memcpy(logits + (size_t)(done + i) * vocab,
			    forward_logits(s->forward, i),
			    vocab * sizeof(*logits));
		s->count += rows;
		done += rows;
	}
	return e;
}

const float *
solo_last(struct solo *s)
{
	return forward_last(s->forward);
}

void
solo_cut(struct solo *s, int n)
{
	must(n >= 0 && n <= s->count);
	s->count = n;
}

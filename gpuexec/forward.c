/* The forward pass: what it needs, opened once. */
#include "gpuexec/forward_in.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/must.h"

/* Hands out pieces of a mapping; with base NULL it only counts. */
struct carve {
	char *base;
	size_t used;
};

static void *
take(struct carve *c, size_t count, size_t size)
{
	void *p = c->base == NULL ? NULL : c->base + c->used;

	c->used += (count * size + 127) / 128 * 128;
	return p;
}

static float *
take_rows(struct carve *c, int rows, size_t stride)
{
	return take(c, (size_t)rows * stride, sizeof(float));
}

static int
wide(int n)
{
	return (n + CPU_PANEL - 1) / CPU_PANEL * CPU_PANEL;
}

static void
measure(struct forward *f)
{
	const struct shape *s = &f->shape;
	int q = wide(s->heads * s->head_dim);
	int kv = wide(s->kv_heads * s->head_dim);

	f->k_at = q;
	f->v_at = q + kv;
	f->ld_h = cpu_stride(s->hidden);
	f->ld_qkv = cpu_stride(q + 2 * kv);
	f->ld_att = cpu_stride(s->heads * s->head_dim);
	f->ld_inter = cpu_stride(s->inter);
	f->ld_logits = cpu_stride(s->vocab);
	f->scratch_ld = cpu_scratch_ld(f->limit.context, f->limit.block_tokens);
}

/* Tiles: every query of every row, and one begun a sequence. */
static size_t
tiles_max(const struct forward *f)
{
	size_t group = (size_t)(f->shape.heads / f->shape.kv_heads);

	return (size_t)f->limit.rows_max * group / CPU_QUERIES +
	    (size_t)f->limit.seqs_max;
}

static size_t
uses_max(const struct forward *f)
{
	size_t runs = (size_t)f->limit.seqs_max;

	/* The head's uses are cut where logits rows are not neighbours. */
	return CPU_PRODUCTS * runs + (size_t)f->limit.logits_max;
}

static size_t
jobs_max(const struct forward *f)
{
	const struct shape *s = &f->shape;
	int rows = f->limit.rows_max, uses = f->limit.seqs_max, cols = s->inter;

	if (rows < f->limit.logits_max)
		rows = f->limit.logits_max;
	if (cols < s->hidden)
		cols = s->hidden;
	if (cols < s->heads * s->head_dim)
		cols = s->heads * s->head_dim;
	/* One product over the vocabulary, or three over the layers'. */
	return cpu_linear_jobs(rows, uses, cols) +
	    cpu_linear_jobs(f->limit.logits_max, f->limit.logits_max,
		s->vocab) /
	    CPU_PRODUCTS;
}

static void
lay_out(struct forward *f, struct carve *c, int threads)
{
	const struct forward_options *o = &f->limit;
	size_t half = (size_t)f->shape.rotary_dim / 2;

	f->frequency = take(c, half, sizeof(double));
	f->order = take(c, (size_t)o->seqs_max, sizeof(int));
	f->token = take(c, (size_t)o->rows_max, sizeof(int32_t));
	f->row = take(c, (size_t)o->rows_max, sizeof(*f->row));
	f->logits_row = take(c, (size_t)o->logits_max, sizeof(int));
	f->runs = take(c, (size_t)o->seqs_max, sizeof(*f->runs));
	f->tiles = take(c, tiles_max(f), sizeof(*f->tiles));
	f->uses = take(c, uses_max(f), sizeof(*f->uses));
	f->jobs = take(c, jobs_max(f), sizeof(*f->jobs));
	f->h = take_rows(c, o->rows_max, f->ld_h);
	f->x = take_rows(c, o->rows_max, f->ld_h);
	f->qkv = take_rows(c, o->rows_max, f->ld_qkv);
	f->att = take_rows(c, o->rows_max, f->ld_att);
	f->gate = take_rows(c, o->rows_max, f->ld_inter);
	f->up = take_rows(c, o->rows_max, f->ld_inter);
	f->t = take_rows(c,
	    o->rows_max > o->logits_max ? o->rows_max : o->logits_max,
	    cpu_linear_t_stride());
	f->cos = take_rows(c, o->rows_max, half);
	f->sin = take_rows(c, o->rows_max, half);
	f->scratch = take_rows(c, threads * CPU_QUERIES, f->scratch_ld);
	f->head_x = take_rows(c, o->logits_max, f->ld_h);
	f->logits = take_rows(c, o->logits_max, f->ld_logits);
}

size_t
forward_work_bytes(const struct shape *s, const struct forward_options *o,
    int threads)
{
	struct forward f = { .shape = *s, .limit = *o };
	struct carve c = { 0 };

	measure(&f);
	lay_out(&f, &c, threads);
	return c.used;
}

static int
reserve(struct forward *f)
{
	struct carve c = { 0 };

	measure(f);
	f->bytes = forward_work_bytes(&f->shape, &f->limit,
	    pool_threads(f->pool));
	f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->memory == MAP_FAILED) {
		f->memory = NULL;
		return err_set(ERR_MEMORY,
		    "no memory for activations of %zu bytes", f->bytes);
	}
	(void)madvise(f->memory, f->bytes, MADV_DONTDUMP);
	c.base = f->memory;
	lay_out(f, &c, pool_threads(f->pool));
	shape_rope_frequencies(&f->shape, f->frequency);
	return 0;
}

int
forward_open(struct forward **out, const char *model_dir,
    const struct forward_options *o)
{
	struct forward *f = calloc(1, sizeof(*f));
	int e;

	must(o->rows_max > 0 && o->seqs_max > 0 && o->logits_max > 0);
	must(o->context > 0 && o->block_tokens > 0);
	if (f == NULL)
		return err_set(ERR_MEMORY, "no memory for a model");
	f->limit = *o;
	f->kernels = cpu_kernels_pick();
	e = shape_read(&f->shape, model_dir);
	if (e == 0)
		e = pool_open(&f->pool, o->threads);
	if (e == 0)
		e = reserve(f);
	if (e == 0)
		e = weights_open(&f->weights, model_dir, &f->shape, o->weights,
		    f->pool);
	if (e != 0) {
		forward_close(f);
		return e;
	}
	*out = f;
	return 0;
}

void
forward_close(struct forward *f)
{
	if (f == NULL)
		return;
	weights_close(&f->weights);
	if (f->memory != NULL)
		(void)munmap(f->memory, f->bytes);
	pool_close(f->pool);
	free(f);
}

const struct shape *
forward_shape(const struct forward *f)
{
	return &f->shape;
}

enum tensor_dtype
forward_dtype(const struct forward *f)
{
	return f->weights.half ? TENSOR_BF16 : TENSOR_F32;
}

const char *
forward_kernels(const struct forward *f)
{
	return f->kernels->name;
}

int
forward_threads(const struct forward *f)
{
	return pool_threads(f->pool);
}

size_t
forward_block_bytes(const struct forward *f)
{
	return cpu_block_bytes(f->limit.block_tokens, f->shape.layers,
	    f->shape.kv_heads, f->shape.head_dim, f->limit.kv == TENSOR_BF16);
}

void
forward_step(struct forward *f, struct forward_seq *seq, int n)
{
	if (n == 0)
		return;
	forward_rows(f, seq, n);
	forward_compute(f);
}

const float *
forward_logits(const struct forward *f, int i)
{
	must(i >= 0 && i < f->nlogits);
	return f->logits + (size_t)i * f->ld_logits;
}

const float *
forward_last(const struct forward *f)
{
	return forward_logits(f, f->nlogits - 1);
}

void
forward_share(struct forward *f, void (*job)(void *, int, int), void *arg,
    int n)
{
	pool_run(f->pool, job, arg, n);
}

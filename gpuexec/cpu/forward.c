/* The forward pass on the cpu: what it needs, opened once. */
#include "gpuexec/cpu/forward_in.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/must.h"

/* Operations a second of a slow thread. */
#define THREAD_RATE 2e10

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
measure(struct cpu_forward *f)
{
	const struct shape *s = &f->base.shape;
	int q = wide(s->heads * s->head_dim);
	int kv = wide(s->kv_heads * s->head_dim);

	f->k_at = q;
	f->v_at = q + kv;
	f->ld_h = cpu_stride(s->hidden);
	f->ld_qkv = cpu_stride(q + 2 * kv);
	f->ld_att = cpu_stride(s->heads * s->head_dim);
	f->ld_inter = cpu_stride(s->inter);
	f->ld_logits = cpu_stride(s->vocab);
	f->scratch_ld = cpu_scratch_ld(f->base.limit.context,
	    f->base.limit.block_tokens);
}

/* Tiles: every query of every row, and one begun a sequence. */
static size_t
tiles_max(const struct cpu_forward *f)
{
	size_t group = (size_t)(f->base.shape.heads / f->base.shape.kv_heads);

	return (size_t)f->base.limit.rows_max * group / CPU_QUERIES +
	    (size_t)f->base.limit.seqs_max;
}

static size_t
uses_max(const struct cpu_forward *f)
{
	size_t runs = (size_t)f->base.limit.seqs_max;

	/* The head's uses are cut where logits rows are not neighbours. */
	return CPU_PRODUCTS * runs + (size_t)f->base.limit.logits_max;
}

static size_t
jobs_max(const struct cpu_forward *f)
{
	const struct shape *s = &f->base.shape;
	int rows = f->base.limit.rows_max, uses = f->base.limit.seqs_max,
	    cols = s->inter;

	if (rows < f->base.limit.logits_max)
		rows = f->base.limit.logits_max;
	if (cols < s->hidden)
		cols = s->hidden;
	if (cols < s->heads * s->head_dim)
		cols = s->heads * s->head_dim;
	/* One product over the vocabulary, or three over the layers'. */
	return cpu_linear_jobs(rows, uses, cols) +
	    cpu_linear_jobs(f->base.limit.logits_max, f->base.limit.logits_max,
		s->vocab) /
	    CPU_PRODUCTS;
}

/* What is of some rows from their first layer to the last. */
static void
lay_out_rows(struct cpu_forward *f, struct carve *c)
{
	const struct forward_options *o = &f->base.limit;
	size_t half = (size_t)f->base.shape.rotary_dim / 2;

	f->order = take(c, (size_t)o->seqs_max, sizeof(int));
	f->token = take(c, (size_t)o->rows_max, sizeof(int32_t));
	f->row = take(c, (size_t)o->rows_max, sizeof(*f->row));
	f->logits_row = take(c, (size_t)o->logits_max, sizeof(int));
	f->runs = take(c, (size_t)o->seqs_max, sizeof(*f->runs));
	f->tiles = take(c, tiles_max(f), sizeof(*f->tiles));
	f->h = take_rows(c, o->rows_max, f->ld_h);
	f->cos = take_rows(c, o->rows_max, half);
	f->sin = take_rows(c, o->rows_max, half);
}

/* What a layer leaves to the next, whosever rows they are. */
static void
lay_out(struct cpu_forward *f, struct carve *c, int threads)
{
	const struct forward_options *o = &f->base.limit;

	lay_out_rows(f, c);
	f->frequency = take(c, (size_t)f->base.shape.rotary_dim / 2,
	    sizeof(double));
	f->uses = take(c, uses_max(f), sizeof(*f->uses));
	f->jobs = take(c, jobs_max(f), sizeof(*f->jobs));
	f->x = take_rows(c, o->rows_max, f->ld_h);
	f->qkv = take_rows(c, o->rows_max, f->ld_qkv);
	f->att = take_rows(c, o->rows_max, f->ld_att);
	f->gate = take_rows(c, o->rows_max, f->ld_inter);
	f->up = take_rows(c, o->rows_max, f->ld_inter);
	f->t = take_rows(c,
	    o->rows_max > o->logits_max ? o->rows_max : o->logits_max,
	    cpu_linear_t_stride());
	f->scratch = take_rows(c, threads * CPU_QUERIES, f->scratch_ld);
	f->head_x = take_rows(c, o->logits_max, f->ld_h);
	f->logits = take_rows(c, o->logits_max, f->ld_logits);
}

size_t
forward_work_bytes(const struct shape *s, const struct forward_options *o,
    int threads)
{
	struct cpu_forward f = { .base = { .shape = *s, .limit = *o } };
	struct carve c = { 0 };

	measure(&f);
	lay_out(&f, &c, threads);
	lay_out_rows(&f, &c);
	return c.used;
}

static int
reserve(struct cpu_forward *f)
{
	struct carve c = { 0 };

	measure(f);
	f->bytes = forward_work_bytes(&f->base.shape, &f->base.limit,
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
	shape_rope_frequencies(&f->base.shape, f->frequency);
	return 0;
}

/* When all else is open: it shares everything but its rows. */
static int
open_follow(struct cpu_forward *f)
{
	struct cpu_forward *own = malloc(sizeof(*own));
	struct carve c = { 0 };

	if (own == NULL)
		return err_set(ERR_MEMORY, "no memory for a model");
	*own = *f;
	lay_out(own, &c, pool_threads(f->pool));
	*own = *f;
	c.base = f->memory;
	lay_out_rows(own, &c);
	f->follow = own;
	return 0;
}

/* ---- what forward.h promises ------------------------------------------ */

static struct cpu_forward *
cpu(struct forward *f)
{
	return (struct cpu_forward *)(void *)f;
}

static void
let_go(struct forward *base)
{
	struct cpu_forward *f = cpu(base);

	free(f->follow);
	weights_close(&f->weights);
	cpu_pick_close(f);
	if (f->memory != NULL)
		(void)munmap(f->memory, f->bytes);
	pool_close(f->pool);
	free(f);
}

static void
step(struct forward *base, struct forward_seq *seq, int n)
{
	struct cpu_forward *f = cpu(base);

	forward_rows(f, seq, n);
	forward_embed(f);
	forward_layers(f, 0, base->shape.layers);
	forward_head(f);
	base->nlogits = f->nlogits;
}

static const float *
logits(struct forward *base, int i)
{
	const struct cpu_forward *f = cpu(base);

	return f->logits + (size_t)i * f->ld_logits;
}

static bool
intact(struct forward *f, const struct image *image, uint64_t sum)
{
	(void)f;
	(void)image;
	(void)sum;
	return true;
}

static const struct forward_ops ops = {
	.close = let_go,
	.step = step,
	.pick = cpu_pick,
	.logits = logits,
	.intact = intact,
	.follow = cpu_follow,
	.follow_to = cpu_follow_to,
};

/* What the other files of the engine want to know of it. */
static void
describe(struct cpu_forward *f)
{
	const struct shape *s = &f->base.shape;

	f->base.dtype = f->weights.half ? TENSOR_BF16 : TENSOR_F32;
	f->base.kernels = f->kernels->name;
	f->base.threads = pool_threads(f->pool);
	f->base.rate = THREAD_RATE * f->base.threads;
	f->base.block_bytes = cpu_block_bytes(f->base.limit.block_tokens,
	    s->layers, s->kv_heads, s->head_dim,
	    f->base.limit.kv == TENSOR_BF16);
}

int
forward_open(struct forward **out, const char *model_dir,
    const struct forward_options *o)
{
	struct cpu_forward *f = calloc(1, sizeof(*f));
	int e;

	if (f == NULL)
		return err_set(ERR_MEMORY, "no memory for a model");
	f->kernels = cpu_kernels_pick();
	e = forward_begin(&f->base, &ops, model_dir, o);
	if (e == 0)
		e = pool_open(&f->pool, o->threads);
	if (e == 0)
		e = reserve(f);
	if (e == 0)
		e = cpu_pick_open(f);
	if (e == 0)
		e = weights_open(&f->weights, model_dir, &f->base.shape,
		    o->weights, f->pool);
	if (e != 0) {
		let_go(&f->base);
		return e;
	}
	describe(f);
	if ((e = open_follow(f)) != 0) {
		let_go(&f->base);
		return e;
	}
	*out = &f->base;
	return 0;
}

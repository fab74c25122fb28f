/* The forward pass on a GPU: what it needs, opened once; a step, from its plan
 * to its tokens. */
#include "gpuexec/cuda/forward_in.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/must.h"
#include "base/units.h"
#include "device/cuda_check.h"
#include "model/adapter.h"

#define ALIGN 256
#define QUERY_TURNS 64 /* looks at the word between two at the stream */
#define RATE 1e13      /* operations a second of a slow GPU */

/* ---- memory ----------------------------------------------------------- */

/* Hands out pieces of device memory; with base NULL it only counts. */
struct carve {
	char *base;
	size_t used;
};

static void *
take(struct carve *c, size_t count, size_t size)
{
	void *p = c->base == NULL ? NULL : c->base + c->used;

	c->used += (count * size + ALIGN - 1) / ALIGN * ALIGN;
	return p;
}

static void
measure(struct cuda_forward *f)
{
	const struct forward_options *o = &f->base.limit;
	uint64_t each = ((uint64_t)o->context + CUDA_SPLIT_TOKENS - 1) /
	    CUDA_SPLIT_TOKENS;
	uint64_t all = each * (uint64_t)o->seqs_max;
	uint64_t held = f->with.kv_tokens / CUDA_SPLIT_TOKENS +
	    (uint64_t)o->seqs_max;

	f->rows_most = cuda_bucket(o->rows_max);
	f->logits_most = cuda_bucket(o->logits_max);
	if (f->rows_most < f->logits_most)
		f->rows_most = f->logits_most;
	f->sums_most = cuda_parts((uint64_t)f->with.pages * f->with.page_bytes,
	    f->with.page_bytes);
	/* Sequences cannot attend to more than the pool holds. */
	f->splits_most = (int)(all < held ? all : held);
}

static void
lay_out(struct cuda_forward *f, struct carve *c)
{
	const struct shape *s = &f->base.shape;
	size_t rows = (size_t)f->rows_most, logits = (size_t)f->logits_most;
	size_t q = (size_t)s->heads * (size_t)s->head_dim;
	size_t kv = (size_t)s->kv_heads * (size_t)s->head_dim;
	size_t inter = (size_t)s->inter, hidden = (size_t)s->hidden;

	f->frequency = take(c, (size_t)s->rotary_dim / 2, sizeof(float));
	f->h = take(c, rows * hidden, sizeof(float));
	f->x = take(c, rows * hidden, 2);
	f->qkv = take(c, rows * (q + 2 * kv), sizeof(float));
	f->q = take(c, rows * q, 2);
	f->att = take(c, rows * q, 2);
	f->gate_up = take(c, rows * 2 * inter, sizeof(float));
	f->act = take(c, rows * inter, 2);
	f->t = take(c, rows * CUDA_PRODUCTS * ADAPTER_RANK_MAX, sizeof(float));
	f->partial = take(c,
	    cuda_partial_floats(f->splits_most, s->heads, s->head_dim),
	    sizeof(float));
	f->logits = take(c, logits * (size_t)s->vocab, sizeof(float));
	f->picking = take(c, cuda_sample_bytes(f->logits_most, s->vocab), 1);
	f->sums = take(c, (size_t)f->sums_most, sizeof(*f->sums));
	f->device = take(c, f->room, 1);
}

uint64_t
forward_cuda_bytes(const struct shape *s, const struct forward_options *o,
    const struct forward_cuda *with)
{
	struct cuda_forward f = { .base = { .shape = *s, .limit = *o },
		.with = *with };
	struct carve c = { 0 };

	measure(&f);
	f.room = cuda_plan_room(&f);
	lay_out(&f, &c);
	return c.used;
}

/* Memory of the host that the device reads and writes, at `there`.  NULL: there
 * is none, and *e says why. */
static void *
pinned(size_t bytes, void **there, int *e)
{
	void *host = NULL;

	if (*e == 0)
		*e = cuda_check(cudaHostAlloc(&host, bytes,
				    cudaHostAllocMapped),
		    "pinned memory");
	if (*e == 0)
		*e = cuda_check(cudaHostGetDevicePointer(there, host, 0),
		    "pinned memory");
	if (*e == 0)
		memset(host, 0, bytes);
	return host;
}

static int
reserve_host(struct cuda_forward *f)
{
	size_t picks = (size_t)f->logits_most * sizeof(*f->picked);
	size_t row = (size_t)f->base.shape.vocab * sizeof(float);
	void *there = NULL;
	int e = 0;

	f->order = calloc((size_t)f->base.limit.seqs_max, sizeof(*f->order));
	if (f->order == NULL)
		return err_set(ERR_MEMORY, "no memory for a step");
	f->host = pinned(f->room, &there, &e);
	f->logits_host = pinned(row, &there, &e);
	f->sums_host = pinned((size_t)f->sums_most * sizeof(*f->sums), &there,
	    &e);
	f->picked = pinned(picks, &there, &e);
	f->picked_there = there;
	f->done = pinned(2 * sizeof(*f->done), &there, &e);
	f->done_there = there;
	return e;
}

static int
send_frequencies(struct cuda_forward *f)
{
	int n = f->base.shape.rotary_dim / 2;
	double *wide = malloc((size_t)n * sizeof(*wide));
	float *narrow = malloc((size_t)n * sizeof(*narrow));
	int e = wide == NULL || narrow == NULL ?
	    err_set(ERR_MEMORY, "no memory for rotary positions") :
	    0;

	if (e == 0) {
		shape_rope_frequencies(&f->base.shape, wide);
		for (int i = 0; i < n; i++)
			narrow[i] = (float)wide[i];
		e = cuda_check(cudaMemcpyAsync(f->frequency, narrow,
				   (size_t)n * sizeof(*narrow),
				   cudaMemcpyHostToDevice, f->stream),
		    "rotary positions");
	}
	free(wide);
	free(narrow);
	return e;
}

/* What the pool leaves is set by memory.reserve_bytes. */
static int
too_little(const struct cuda_forward *f)
{
	char want[32], have[32], all[32];
	size_t left = 0, total = 0;

	(void)cudaMemGetInfo(&left, &total);
	return err_set(ERR_MEMORY,
	    "device memory for activations: want %s, %s of %s are free: raise "
	    "memory.reserve_bytes or lower gpuexec.step_tokens",
	    units_bytes(want, sizeof(want), f->bytes),
	    units_bytes(have, sizeof(have), left),
	    units_bytes(all, sizeof(all), total));
}

static int
reserve(struct cuda_forward *f)
{
	struct carve c = { 0 };
	int e;

	measure(f);
	f->room = cuda_plan_room(f);
	lay_out(f, &c);
	f->bytes = c.used;
	e = cuda_check(cudaMalloc(&f->memory, f->bytes),
	    "device memory for activations");
	if (e != 0)
		return too_little(f);
	c = (struct carve){ .base = f->memory };
	lay_out(f, &c);
	/* Rows beyond a step's are computed with too, if nobody looks. */
	e = cuda_check(cudaMemsetAsync(f->memory, 0, f->bytes, f->stream),
	    "activations");
	if (e == 0)
		e = reserve_host(f);
	if (e == 0)
		e = send_frequencies(f);
	return e;
}

/* ---- a step ----------------------------------------------------------- */

/* Nothing goes on after this: what is on the device is not to be trusted. */
static void
end(int e)
{
	if (e == 0)
		return;
	cuda_last_words();
}

/* The kernels of the step that is planned. */
static int
queue(struct cuda_forward *f)
{
	bool launched;
	int e = cuda_plan_send(f);

	if (e == 0)
		e = cuda_graphs_run(f, f->kinds, &launched);
	if (e == 0 && !launched)
		e = cuda_queue_step(f, f->kinds);
	if (e == 0)
		e = cuda_done(f->stream, f->done_there, f->done_there + 1);
	f->queued = e == 0;
	return e;
}

/* Something is there that the last kernel has not stored. */
static int
ended_in_silence(void)
{
	return err_set(ERR_DEVICE,
	    "a step: the GPU has done all of it and does not say so");
}

/* The last kernel stores the step's number where we see it without a call;
 * errors come by the stream. */
static int
wait(struct cuda_forward *f)
{
	int e = 0;

	for (unsigned i = 1; e == 0 && *f->done != f->number; i++) {
		cudaError_t s = i % QUERY_TURNS != 0 ?
		    cudaErrorNotReady :
		    cudaStreamQuery(f->stream);

		if (s == cudaSuccess && *f->done != f->number)
			e = ended_in_silence();
		else if (s != cudaSuccess && s != cudaErrorNotReady)
			e = cuda_check(s, "a step");
		sched_yield();
	}
	/* D1 pairs with the release of cuda_done: the tokens are there. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return e;
}

static void
compute(struct cuda_forward *f)
{
	int e;

	f->done[1] = ++f->number;
	e = queue(f);
	if (e == 0)
		e = wait(f);
	end(e);
}

static void
step(struct forward *base, struct forward_seq *seq, int n)
{
	struct cuda_forward *f = cuda_of(base);
	int e = 0;

	for (int i = 0; e == 0 && i < n; i++)
		if (seq[i].adapter != NULL)
			e = cuda_table_put(&f->table, seq[i].adapter,
			    &base->shape, f->stream);
	end(e);
	cuda_plan_step(f, seq, n);
	base->nlogits = f->step.nlogits;
	f->queued = false;
	f->logits_held = -1;
}

static void
pick(struct forward *base, struct forward_pick *picks, int n)
{
	struct cuda_forward *f = cuda_of(base);

	must(!f->queued);
	cuda_plan_picks(f, picks, n);
	compute(f);
	for (int i = 0; i < n; i++) {
		*picks[i].into = f->picked[i].pick;
		picks[i].ok = f->picked[i].ok != 0;
	}
}

/* For whoever looks at numbers: a row at a time comes back. */
static const float *
logits(struct forward *base, int i)
{
	struct cuda_forward *f = cuda_of(base);
	size_t vocab = (size_t)base->shape.vocab;

	if (!f->queued)
		compute(f);
	if (i != f->logits_held)
		end(cuda_check(cudaMemcpy(f->logits_host,
				   f->logits + (size_t)i * vocab,
				   vocab * sizeof(float),
				   cudaMemcpyDeviceToHost),
		    "logits"));
	f->logits_held = i;
	return f->logits_host;
}

static int
sum_pages(struct cuda_forward *f, const struct image *image, uint64_t *sum)
{
	uint64_t bytes = image_bytes(image), page = image_page(image);
	const struct cuda_table *t = &f->table;
	int n = cuda_parts(bytes, page), e;

	must(n <= f->sums_most);
	e = cuda_table_put(&f->table, image, &f->base.shape, f->stream);
	if (e == 0)
		e = cuda_checksum_pages(f->stream, f->sums,
		    cuda_table_pages(t, image_number(image)), page, bytes);
	if (e == 0)
		e = cuda_check(cudaMemcpyAsync(f->sums_host, f->sums,
				   (size_t)n * sizeof(*f->sums),
				   cudaMemcpyDeviceToHost, f->stream),
		    "the checksum of an adapter");
	if (e == 0)
		e = cuda_check(cudaStreamSynchronize(f->stream),
		    "the checksum of an adapter");
	*sum = 0;
	for (int i = 0; e == 0 && i < n; i++)
		*sum = checksum_join(*sum, f->sums_host[i]);
	return e;
}

static bool
intact(struct forward *base, const struct image *image, uint64_t want)
{
	uint64_t sum;

	end(sum_pages(cuda_of(base), image, &sum));
	return sum == want;
}

/* ---- life ------------------------------------------------------------- */

static void
let_go(struct forward *base)
{
	struct cuda_forward *f = cuda_of(base);
	void *host[] = { f->host, f->picked, (void *)f->done, f->logits_host,
		f->sums_host };

	if (f->stream != NULL)
		(void)cudaStreamSynchronize(f->stream);
	cuda_graphs_close(f);
	cuda_products_close(f->products);
	cuda_weights_close(&f->weights);
	cuda_table_close(&f->table);
	picks_close(f->picks);
	for (size_t i = 0; i < sizeof(host) / sizeof(host[0]); i++)
		if (host[i] != NULL)
			(void)cudaFreeHost(host[i]);
	if (f->memory != NULL)
		(void)cudaFree(f->memory);
	if (f->stream != NULL)
		(void)cudaStreamDestroy(f->stream);
	free(f->order);
	free(f);
}

static const struct forward_ops ops = {
	.close = let_go,
	.step = step,
	.pick = pick,
	.logits = logits,
	.intact = intact,
};

/* Loads every kernel, or the first request would pay for it: a step of nothing
 * goes through all of them. */
static int
warm(struct cuda_forward *f)
{
	struct cuda_kinds all = { 1, 1, true, true, true };
	int e;

	f->step = (struct cuda_step){ 0 };
	f->used = sizeof(f->step);
	if ((e = cuda_plan_send(f)) == 0)
		e = cuda_queue_step(f, all);
	if (e == 0)
		e = cuda_done(f->stream, f->done_there, f->done_there + 1);
	if (e == 0)
		e = cuda_check(cudaStreamSynchronize(f->stream),
		    "the first step");
	return e;
}

static int
open_weights(struct cuda_forward *f, const char *model_dir, bool blank)
{
	const struct shape *s = &f->base.shape;
	struct tensors files = { 0 };
	nsec begun = clock_mono();
	int e = blank ? 0 : tensors_open_model(&files, model_dir);

	if (e == 0 && !blank)
		e = shape_check_weights(s, &files);
	if (e == 0)
		e = cuda_weights_open(&f->weights, s, blank ? NULL : &files,
		    f->base.limit.weights, f->with.region, f->with.room,
		    f->with.mark, f->with.pool, f->stream);
	if (!blank)
		tensors_close(&files);
	f->told.weights_ns = clock_mono() - begun;
	f->told.attached = f->weights.attached;
	return e == 0 ? 0 : err_add("model '%s'", model_dir);
}

static int
open_graphs(struct cuda_forward *f)
{
	nsec begun = clock_mono();
	int e = warm(f);

	if (e == 0 && f->with.graphs)
		e = cuda_graphs_open(f);
	f->told.graphs_ns = clock_mono() - begun;
	f->told.graphs = 2 * f->nbuckets;
	f->told.work_bytes = f->bytes;
	return e;
}

static int
open_parts(struct cuda_forward *f, const char *model_dir, bool blank)
{
	const struct shape *s = &f->base.shape;
	int e = cuda_check(cudaStreamCreateWithFlags(&f->stream,
			       cudaStreamNonBlocking),
	    "a stream");

	if (e == 0)
		e = open_weights(f, model_dir, blank);
	if (e == 0)
		e = reserve(f);
	if (e == 0)
		e = picks_open(&f->picks, s->vocab);
	if (e == 0)
		e = cuda_table_open(&f->table, s, f->with.adapters,
		    f->with.pages);
	if (e == 0)
		e = cuda_products_open(&f->products, f->base.limit.weights,
		    f->stream);
	if (e == 0)
		e = open_graphs(f);
	/* All of it lies in what the pool has left. */
	return e == ERR_MEMORY ?
	    err_add("beside the pool (memory.reserve_bytes)") :
	    e;
}

int
forward_open_cuda(struct forward **out, const char *model_dir,
    const struct forward_options *o, const struct forward_cuda *with,
    bool blank)
{
	struct cuda_forward *f = calloc(1, sizeof(*f));
	const struct shape *s;
	int e;

	if (f == NULL)
		return err_set(ERR_MEMORY, "no memory for a model");
	must(o->weights == TENSOR_BF16 || o->weights == TENSOR_F16);
	must(o->kv == o->weights && with->adapters > 0 && with->pages > 0);
	f->with = *with;
	e = forward_begin(&f->base, &ops, model_dir, o);
	s = &f->base.shape;
	if (e == 0 && (s->head_dim > CUDA_HEAD_MAX || s->head_dim % 2 != 0))
		e = err_set(ERR_UNSUPPORTED,
		    "heads of %d numbers: the cuda backend wants an even "
		    "number up to %d",
		    s->head_dim, CUDA_HEAD_MAX);
	if (e == 0)
		e = open_parts(f, model_dir, blank);
	if (e != 0) {
		let_go(&f->base);
		return e;
	}
	f->base.dtype = f->weights.dtype;
	f->base.kernels = "cuda";
	f->base.threads = 1;
	f->base.rate = RATE;
	f->base.block_bytes = (size_t)o->block_tokens * (size_t)s->layers *
	    (size_t)s->kv_heads * (size_t)s->head_dim * 2 * 2;
	*out = &f->base;
	return 0;
}

struct forward_cuda_told
forward_cuda_told(struct forward *base)
{
	return cuda_of(base)->told;
}

/* Each kernel alone, at the shapes of a step, against its floor. */
#include "tests/gpu/bench/rows.h"

#include <stdlib.h>
#include <string.h>

#include "model/adapter.h"

/* What is measured: its bytes and operations follow from the shape. */
struct kernel {
	const char *name;
	int rows; /* 0: the rows of the step at hand */
	int (*run)(struct world *);
	double (*bytes)(const struct world *);
	double (*operations)(const struct world *);
};

static int rows, tokens, rank; /* of the step at hand */

static struct cuda_forward *
inside(const struct world *w)
{
	return (struct cuda_forward *)(void *)w->f;
}

static const struct cuda_step *
step(const struct world *w)
{
	return (const void *)inside(w)->device;
}

/* Plans a step and sends it, so that kernels can be called one by one. */
static void
plan(struct world *w, int n, int context, bool prompt, bool adapters)
{
	struct forward_seq seq[64];

	rows = prompt ? context : n;
	tokens = context;
	world_context(w, n, context);
	for (int i = 0; i < n; i++)
		seq[i] = (struct forward_seq){
			.tokens = w->tokens,
			.first = prompt ? 0 : context - 1,
			.count = prompt ? context : 1,
			.blocks = w->blocks[i],
			.adapter = adapters ? w->images[i] : NULL,
			.want = FORWARD_LAST,
		};
	forward_step(w->f, seq, n);
	(void)forward_last(w->f); /* computes it: all buffers are filled */
}

/* ---- calls ------------------------------------------------------------ */

static int
run_norm(struct world *w)
{
	struct cuda_forward *f = inside(w);

	return cuda_rmsnorm(f->stream, f->x, f->h,
	    f->weights.layers[0].input_norm, w->shape.hidden, 1e-5f,
	    TENSOR_BF16, false, step(w), rows);
}

static int
run_silu(struct world *w)
{
	struct cuda_forward *f = inside(w);

	return cuda_silu_mul(f->stream, f->act, f->gate_up, w->shape.inter,
	    TENSOR_BF16, step(w), rows);
}

static int
run_rope(struct world *w)
{
	struct cuda_forward *f = inside(w);
	const struct shape *s = &w->shape;
	struct cuda_rope r = { .qkv = f->qkv,
		.q = f->q,
		.frequency = f->frequency,
		.scale = 1,
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.rotary_dim = s->rotary_dim,
		.block_tokens = w->options.block_tokens,
		.dtype = TENSOR_BF16 };

	return cuda_rope_keep(f->stream, &r, step(w), rows);
}

static struct cuda_attend
attend(const struct world *w)
{
	struct cuda_forward *f = inside(w);
	const struct shape *s = &w->shape;

	return (struct cuda_attend){ .q = f->q,
		.out = f->att,
		.partial = f->partial,
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.block_tokens = w->options.block_tokens,
		.dtype = TENSOR_BF16 };
}

static int
run_alone(struct world *w)
{
	struct cuda_attend a = attend(w);

	return cuda_attend_alone(inside(w)->stream, &a, step(w),
	    inside(w)->splits_most, rows);
}

static int
run_tile(struct world *w)
{
	struct cuda_attend a = attend(w);

	return cuda_attend_tile(inside(w)->stream, &a, step(w),
	    rows / CUDA_TILE_ROWS + 1);
}

static int
run_lora(struct world *w)
{
	struct cuda_forward *f = inside(w);
	const struct shape *s = &w->shape;
	int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
	struct cuda_lora l = { .adapters = f->table.at,
		.layers = s->layers,
		.nproducts = 3,
		.product = { { LINEAR_Q, q, 0 }, { LINEAR_K, kv, q },
		    { LINEAR_V, kv, q + kv } },
		.x = f->x,
		.in = s->hidden,
		.t = f->t,
		.y = f->qkv,
		.ldy = (size_t)(q + 2 * kv),
		.dtype = TENSOR_BF16 };
	int e;

	e = cuda_lora_shrink(f->stream, &l, step(w), rows);
	return e != 0 ? e : cuda_lora_expand(f->stream, &l, step(w), rows);
}

static int
run_sample(struct world *w)
{
	struct cuda_forward *f = inside(w);

	return cuda_sample(f->stream, f->picked_there, f->logits,
	    (size_t)w->shape.vocab, w->shape.vocab, f->picking, step(w), rows);
}

static uint64_t
summed(const struct world *w)
{
	uint64_t most = (uint64_t)inside(w)->sums_most * (1 << 20);

	return w->weights_bytes < most ? w->weights_bytes : most;
}

static int
run_checksum(struct world *w)
{
	struct cuda_forward *f = inside(w);

	return cuda_checksum(f->stream, f->sums, w->with.region, summed(w));
}

/* ---- what they move and do -------------------------------------------- */

static double
norm_bytes(const struct world *w)
{
	return 6.0 * rows * w->shape.hidden;
}

static double
silu_bytes(const struct world *w)
{
	return 10.0 * rows * w->shape.inter;
}

static double
rope_bytes(const struct world *w)
{
	const struct shape *s = &w->shape;

	return 6.0 * rows * (s->heads + 2 * s->kv_heads) * s->head_dim;
}

static double
alone_bytes(const struct world *w)
{
	return 4.0 * rows * tokens * w->shape.kv_heads * w->shape.head_dim;
}

/* Half of the square: what lies above the diagonal is not computed. */
static double
tile_operations(const struct world *w)
{
	return 2.0 * tokens * (tokens + 1.0) * w->shape.heads *
	    w->shape.head_dim;
}

static double
lora_bytes(const struct world *w)
{
	const struct shape *s = &w->shape;
	int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;

	return 2.0 * rows * rank * (3.0 * s->hidden + q + 2 * kv) +
	    8.0 * rows * (q + 2 * kv);
}

static double
sample_bytes(const struct world *w)
{
	return 4.0 * rows * w->shape.vocab; /* greedy, nothing changed */
}

static double
checksum_bytes(const struct world *w)
{
	return (double)summed(w);
}

static void
show(struct world *w, FILE *json, const char *name, int (*run)(struct world *),
    double (*bytes)(const struct world *),
    double (*operations)(const struct world *))
{
	double us = world_time(w, run, 20);
	double floor = bytes != NULL ? bytes(w) / w->copy_rate * 1e6 :
				       operations(w) / w->blas_rate * 1e6;

	printf("  %-28s %5d %6d %10.1f us  floor %10.1f us  %5.1f %%\n", name,
	    rows, tokens, us, floor, 100 * floor / us);
	fprintf(json,
	    ",\n  \"kernel.%s.%d.%d\": {\"us\": %.2f, \"floor_us\": %.2f}",
	    name, rows, tokens, us, floor);
}

void
measure_kernels(struct world *w, FILE *json)
{
	int n = w->seqs_max, context = w->small ? 40 : 1024;
	uint64_t chunk;

	printf("  kernel                        rows tokens   measured\n");
	plan(w, n, context, false, false);
	show(w, json, "rmsnorm", run_norm, norm_bytes, NULL);
	show(w, json, "rope", run_rope, rope_bytes, NULL);
	show(w, json, "attend_alone", run_alone, alone_bytes, NULL);
	show(w, json, "silu", run_silu, silu_bytes, NULL);
	show(w, json, "sample", run_sample, sample_bytes, NULL);
	show(w, json, "checksum", run_checksum, checksum_bytes, NULL);
	chunk = w->chunk;
	rank = 16;
	for (int i = 0; i < n; i++)
		world_adapter(w, i, rank);
	plan(w, n, context, false, true);
	show(w, json, "lora", run_lora, lora_bytes, NULL);
	world_drop_adapters(w);
	w->chunk = chunk;
	plan(w, 1, w->small ? 60 : 2048, true, false);
	show(w, json, "rmsnorm", run_norm, norm_bytes, NULL);
	show(w, json, "rope", run_rope, rope_bytes, NULL);
	show(w, json, "silu", run_silu, silu_bytes, NULL);
	show(w, json, "attend_tile", run_tile, NULL, tile_operations);
}

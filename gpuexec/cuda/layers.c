/* The kernels of a step, from token ids to picked tokens, in order.
 *
 * h is float and is added to by the products of o and down themselves; what the
 * next product reads is of the weights' own kind.  Around each product of the
 * base model is its adapters' share, for rows that have one: x A^T before it,
 * while what made x is still at its end; t B after it. */
#include "gpuexec/cuda/forward_in.h"

#include "base/err.h"

struct queue {
	struct cuda_forward *f;
	const struct cuda_step *step; /* on the device */
	struct cuda_kinds kinds;
	int layer;
	bool prepare; /* only look up algorithms */
};

static int
product(struct queue *q, const struct cuda_product *p, int bucket)
{
	return q->prepare ? cuda_products_prepare(q->f->products, p, bucket) :
			    cuda_product(q->f->products, p, bucket);
}

/* ---- adapters --------------------------------------------------------- */

static struct cuda_lora
lora_of(const struct queue *q, const void *x, int in, float *y, size_t ldy)
{
	const struct cuda_forward *f = q->f;

	return (struct cuda_lora){
		.adapters = f->table.at,
		.layers = f->base.shape.layers,
		.layer = q->layer,
		.x = x,
		.in = in,
		.t = f->t,
		.y = y,
		.ldy = ldy,
		.dtype = f->weights.dtype,
	};
}

static void
join(struct cuda_lora *l, const struct shape *s, enum shape_linear linear,
    int column)
{
	l->product[l->nproducts++] = (struct cuda_lora_product){ linear,
		shape_out(s, linear), column };
}

/* A product of the base model and, if adapters of the step reach it, theirs.  A
 * piece holds rows of one adapter: there are at most as many as rows. */
static int
product_and_lora(struct queue *q, const struct cuda_product *p,
    const struct cuda_lora *l, int bucket, enum cuda_reach least)
{
	bool adapters = q->kinds.reach >= least && !q->prepare;
	int e = 0;

	if (adapters)
		e = cuda_lora_shrink(q->f->stream, l, q->step, bucket);
	if (e == 0)
		e = product(q, p, bucket);
	if (e == 0 && adapters)
		e = cuda_lora_expand(q->f->stream, l, q->step, bucket);
	return e;
}

/* ---- attention -------------------------------------------------------- */

static int
project_in(struct queue *q, const struct cuda_layer *w)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	int nq = s->heads * s->head_dim, nkv = s->kv_heads * s->head_dim;
	int all = nq + 2 * nkv;
	struct cuda_product p = { w->qkv, f->x, f->qkv, all, s->hidden,
		(size_t)all, false };
	struct cuda_lora l = lora_of(q, f->x, s->hidden, f->qkv, (size_t)all);

	join(&l, s, LINEAR_Q, 0);
	join(&l, s, LINEAR_K, nq);
	join(&l, s, LINEAR_V, nq + nkv);
	return product_and_lora(q, &p, &l, q->kinds.bucket,
	    CUDA_REACH_ATTENTION);
}

static int
keep(struct queue *q, const struct cuda_layer *w)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	struct cuda_rope r = {
		.qkv = f->qkv,
		.q = f->q,
		.bias = w->qkv_bias,
		.q_norm = w->q_norm,
		.k_norm = w->k_norm,
		.frequency = f->frequency,
		.eps = s->rms_eps,
		.scale = (float)s->rope_attention,
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.rotary_dim = s->rotary_dim,
		.block_tokens = f->base.limit.block_tokens,
		.layer = q->layer,
		.dtype = f->weights.dtype,
	};

	return q->prepare ?
	    0 :
	    cuda_rope_keep(f->stream, &r, q->step, q->kinds.bucket);
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* A row alone is all that its sequence has in the step. */
static int
alone_max(const struct queue *q)
{
	return least(q->kinds.bucket, q->f->base.limit.seqs_max);
}

/* All tiles of a sequence but its last are full. */
static int
tiles_max(const struct queue *q)
{
	return q->kinds.bucket / CUDA_TILE_ROWS + alone_max(q);
}

static int
attend(struct queue *q)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	struct cuda_attend a = {
		.q = f->q,
		.out = f->att,
		.partial = f->partial,
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.block_tokens = f->base.limit.block_tokens,
		.layer = q->layer,
		.window = s->windowed[q->layer] ? s->window : 0,
		.dtype = f->weights.dtype,
	};
	int e = 0;

	if (q->kinds.alone && !q->prepare)
		e = cuda_attend_alone(f->stream, &a, q->step, f->splits_most,
		    alone_max(q));
	if (e == 0 && q->kinds.tiles && !q->prepare)
		e = cuda_attend_tile(f->stream, &a, q->step, tiles_max(q));
	return e;
}

/* Adds W x to h, the adapters' share, then the bias. */
static int
project_out(struct queue *q, const void *w, const float *bias, const void *x,
    enum shape_linear linear, enum cuda_reach least)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	int in = shape_in(s, linear);
	struct cuda_product p = { w, x, f->h, s->hidden, in, (size_t)s->hidden,
		true };
	struct cuda_lora l = lora_of(q, x, in, f->h, (size_t)s->hidden);
	int e;

	join(&l, s, linear, 0);
	e = product_and_lora(q, &p, &l, q->kinds.bucket, least);
	if (e == 0 && bias != NULL && !q->prepare)
		e = cuda_add_bias(f->stream, f->h, (size_t)s->hidden, bias,
		    s->hidden, q->step, q->kinds.bucket);
	return e;
}

static int
norm(struct queue *q, const float *w)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;

	if (q->prepare)
		return 0;
	return cuda_rmsnorm(f->stream, f->x, f->h, w, s->hidden, s->rms_eps,
	    f->weights.dtype, false, q->step, q->kinds.bucket);
}

static int
attention_part(struct queue *q, const struct cuda_layer *w)
{
	int e = norm(q, w->input_norm);

	if (e == 0)
		e = project_in(q, w);
	if (e == 0)
		e = keep(q, w);
	if (e == 0)
		e = attend(q);
	if (e == 0)
		e = project_out(q, w->o, w->o_bias, q->f->att, LINEAR_O,
		    CUDA_REACH_ATTENTION);
	return e;
}

/* ---- feed-forward ----------------------------------------------------- */

static int
gate_up(struct queue *q, const struct cuda_layer *w)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	size_t all = 2 * (size_t)s->inter;
	struct cuda_product p = { w->gate_up, f->x, f->gate_up, 2 * s->inter,
		s->hidden, all, false };
	struct cuda_lora l = lora_of(q, f->x, s->hidden, f->gate_up, all);
	int e;

	join(&l, s, LINEAR_GATE, 0);
	join(&l, s, LINEAR_UP, s->inter);
	e = product_and_lora(q, &p, &l, q->kinds.bucket, CUDA_REACH_ALL);
	if (e == 0 && w->gate_up_bias != NULL && !q->prepare)
		e = cuda_add_bias(f->stream, f->gate_up, all, w->gate_up_bias,
		    2 * s->inter, q->step, q->kinds.bucket);
	return e;
}

static int
mlp_part(struct queue *q, const struct cuda_layer *w)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	int e = norm(q, w->post_norm);

	if (e == 0)
		e = gate_up(q, w);
	if (e == 0 && !q->prepare)
		e = cuda_silu_mul(f->stream, f->act, f->gate_up, s->inter,
		    f->weights.dtype, q->step, q->kinds.bucket);
	if (e == 0)
		e = project_out(q, w->down, w->down_bias, f->act, LINEAR_DOWN,
		    CUDA_REACH_ALL);
	return e;
}

/* ---- both ends -------------------------------------------------------- */

static int
embed(struct queue *q)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	struct cuda_lora l = lora_of(q, NULL, s->vocab, f->h,
	    (size_t)s->hidden);
	int e;

	if (q->prepare)
		return 0;
	e = cuda_embed(f->stream, f->h, f->weights.embed, s->hidden,
	    f->weights.dtype, q->step, q->kinds.bucket);
	join(&l, s, LINEAR_EMBED, 0);
	if (q->kinds.reach < CUDA_REACH_ALL)
		return e;
	if (e == 0)
		e = cuda_lora_look_up(f->stream, &l, q->step, q->kinds.bucket);
	if (e == 0)
		e = cuda_lora_expand(f->stream, &l, q->step, q->kinds.bucket);
	return e;
}

/* Only rows that want logits. */
static int
head(struct queue *q)
{
	struct cuda_forward *f = q->f;
	const struct shape *s = &f->base.shape;
	struct cuda_product p = { f->weights.head, f->x, f->logits, s->vocab,
		s->hidden, (size_t)s->vocab, false };
	struct cuda_lora l = lora_of(q, f->x, s->hidden, f->logits,
	    (size_t)s->vocab);
	int e = 0;

	if (!q->prepare)
		e = cuda_rmsnorm(f->stream, f->x, f->h, f->weights.norm,
		    s->hidden, s->rms_eps, f->weights.dtype, true, q->step,
		    q->kinds.logits);
	join(&l, s, LINEAR_HEAD, 0);
	l.head = true;
	if (e == 0)
		e = product_and_lora(q, &p, &l, q->kinds.logits,
		    CUDA_REACH_ALL);
	if (e == 0 && !q->prepare)
		e = cuda_sample(f->stream, f->picked_there, f->logits,
		    (size_t)s->vocab, s->vocab, f->picking, q->step,
		    q->kinds.logits);
	return e;
}

static int
walk(struct queue *q)
{
	struct cuda_forward *f = q->f;
	int e = embed(q);

	for (int i = 0; e == 0 && i < f->base.shape.layers; i++) {
		q->layer = i;
		e = attention_part(q, &f->weights.layers[i]);
		if (e == 0)
			e = mlp_part(q, &f->weights.layers[i]);
	}
	if (e == 0 && q->kinds.logits > 0)
		e = head(q);
	return e;
}

int
cuda_queue_step(struct cuda_forward *f, struct cuda_kinds kinds)
{
	struct queue q = { .f = f,
		.step = (const void *)f->device,
		.kinds = kinds };

	return walk(&q);
}

int
cuda_prepare_step(struct cuda_forward *f, struct cuda_kinds kinds)
{
	struct queue q = { .f = f, .kinds = kinds, .prepare = true };

	return walk(&q);
}

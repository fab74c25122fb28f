/* From token ids to logits: the layers one after the other. */
#include "gpuexec/cpu/forward_in.h"

#include <math.h>
#include <string.h>

#define ROWS 8 /* of a job that goes along rows */

/* ---- loops along rows ------------------------------------------------- */

/* y[r,:] = rmsnorm(x[r,:]) * w, or of rows picked by `pick`. */
struct norming {
	const struct cpu_forward *f;
	float *y;
	const float *x, *w;
	const int *pick; /* NULL: row r */
	int rows;
};

static void
norm_job(void *arg, int i, int thread)
{
	const struct norming *n = arg;
	const struct cpu_forward *f = n->f;
	int end = (i + 1) * ROWS;

	(void)thread;
	for (int r = i * ROWS; r < end && r < n->rows; r++) {
		int from = n->pick == NULL ? r : n->pick[r];

		f->kernels->rmsnorm(n->y + (size_t)r * f->ld_h,
		    n->x + (size_t)from * f->ld_h, n->w, f->base.shape.hidden,
		    f->base.shape.rms_eps);
	}
}

static void
norm(struct cpu_forward *f, float *y, const float *w, const int *pick, int rows)
{
	struct norming n = { f, y, f->h, w, pick, rows };

	pool_run(f->pool, norm_job, &n, (rows + ROWS - 1) / ROWS);
}

static void
silu_job(void *arg, int i, int thread)
{
	const struct cpu_forward *f = arg;
	int end = (i + 1) * ROWS;

	(void)thread;
	for (int r = i * ROWS; r < end && r < f->rows; r++)
		f->kernels->silu_mul(f->gate + (size_t)r * f->ld_inter,
		    f->up + (size_t)r * f->ld_inter, f->base.shape.inter);
}

/* Angles as the models were trained with: float products of float numbers. */
static void
angles(struct cpu_forward *f, int r)
{
	int n = f->base.shape.rotary_dim / 2;
	float scale = (float)f->base.shape.rope_attention;

	for (int i = 0; i < n; i++) {
		float a = (float)f->row[r].position * (float)f->frequency[i];

		f->cos[(size_t)r * (size_t)n + (size_t)i] = cosf(a) * scale;
		f->sin[(size_t)r * (size_t)n + (size_t)i] = sinf(a) * scale;
	}
}

static void
embed_job(void *arg, int i, int thread)
{
	struct cpu_forward *f = arg;
	int end = (i + 1) * ROWS;

	(void)thread;
	for (int r = i * ROWS; r < end && r < f->rows; r++) {
		weights_embed(&f->weights, f->token[r],
		    f->h + (size_t)r * f->ld_h);
		angles(f, r);
	}
}

/* ---- linear layers ---------------------------------------------------- */

static struct cpu_linear
linear(struct cpu_forward *f, const float *x, size_t ldx, int rows)
{
	return (struct cpu_linear){
		.kernels = f->kernels,
		.pool = f->pool,
		.x = x,
		.ldx = ldx,
		.rows = rows,
		.uses = f->uses,
		.t = f->t,
		.jobs = f->jobs,
	};
}

/* Adds a product, and those runs whose adapter changes it. */
static void
add(struct cpu_forward *f, struct cpu_linear *l, int layer,
    enum shape_linear which, struct cpu_product p)
{
	for (int i = 0; i < f->nruns; i++) {
		const struct forward_run *run = &f->runs[i];
		struct cpu_lora lora = image_lora(run->adapter, layer, which);

		if (lora.rank > 0)
			f->uses[l->nuses++] = (struct cpu_use){ lora,
				l->products, run->row, run->rows };
	}
	l->product[l->products++] = p;
}

static void
attention(struct cpu_forward *f, const struct weights_layer *w, int layer)
{
	const struct shape *s = &f->base.shape;
	struct cpu_attention a = {
		.kernels = f->kernels,
		.pool = f->pool,
		.heads = s->heads,
		.kv_heads = s->kv_heads,
		.head_dim = s->head_dim,
		.rotary_dim = s->rotary_dim,
		.block_tokens = f->base.limit.block_tokens,
		.layer = layer,
		.window = s->windowed[layer] ? s->window : 0,
		.half = f->base.limit.kv == TENSOR_BF16,
		.eps = s->rms_eps,
		.q_norm = w->q_norm,
		.k_norm = w->k_norm,
		.row = f->row,
		.rows = f->rows,
		.cos = f->cos,
		.sin = f->sin,
		.q = f->qkv,
		.k = f->qkv + f->k_at,
		.v = f->qkv + f->v_at,
		.ld = f->ld_qkv,
		.out = f->att,
		.ldout = f->ld_att,
		.tiles = f->tiles,
		.ntiles = f->ntiles,
		.scratch = f->scratch,
		.scratch_ld = f->scratch_ld,
	};

	cpu_attention_keep(&a);
	cpu_attention_run(&a);
}

static void
attention_part(struct cpu_forward *f, const struct weights_layer *w, int layer)
{
	struct cpu_linear in, out;

	norm(f, f->x, w->input_norm, NULL, f->rows);
	in = linear(f, f->x, f->ld_h, f->rows);
	add(f, &in, layer, LINEAR_Q,
	    (struct cpu_product){ &w->linear[LINEAR_Q], f->qkv, f->ld_qkv,
		false });
	add(f, &in, layer, LINEAR_K,
	    (struct cpu_product){ &w->linear[LINEAR_K], f->qkv + f->k_at,
		f->ld_qkv, false });
	add(f, &in, layer, LINEAR_V,
	    (struct cpu_product){ &w->linear[LINEAR_V], f->qkv + f->v_at,
		f->ld_qkv, false });
	cpu_linear_run(&in);
	attention(f, w, layer);
	out = linear(f, f->att, f->ld_att, f->rows);
	add(f, &out, layer, LINEAR_O,
	    (struct cpu_product){ &w->linear[LINEAR_O], f->h, f->ld_h, true });
	cpu_linear_run(&out);
}

static void
mlp_part(struct cpu_forward *f, const struct weights_layer *w, int layer)
{
	struct cpu_linear in, out;

	norm(f, f->x, w->post_norm, NULL, f->rows);
	in = linear(f, f->x, f->ld_h, f->rows);
	add(f, &in, layer, LINEAR_GATE,
	    (struct cpu_product){ &w->linear[LINEAR_GATE], f->gate, f->ld_inter,
		false });
	add(f, &in, layer, LINEAR_UP,
	    (struct cpu_product){ &w->linear[LINEAR_UP], f->up, f->ld_inter,
		false });
	cpu_linear_run(&in);
	pool_run(f->pool, silu_job, f, (f->rows + ROWS - 1) / ROWS);
	out = linear(f, f->gate, f->ld_inter, f->rows);
	add(f, &out, layer, LINEAR_DOWN,
	    (struct cpu_product){ &w->linear[LINEAR_DOWN], f->h, f->ld_h,
		true });
	cpu_linear_run(&out);
}

/* ---- both ends -------------------------------------------------------- */

/* The embedding's A lies by token: x A^T is a look-up. */
static void
embed_adapters(struct cpu_forward *f)
{
	struct cpu_linear l = linear(f, NULL, 0, f->rows);
	struct cpu_product into = { NULL, f->h, f->ld_h, true };

	add(f, &l, 0, LINEAR_EMBED, into);
	for (int u = 0; u < l.nuses; u++) {
		const struct cpu_use *use = &f->uses[u];

		for (int r = use->row; r < use->row + use->rows; r++) {
			float *t = f->t + (size_t)r * cpu_linear_t_stride();
			const void *a = cpu_lora_token(&use->lora, f->token[r]);

			for (int j = 0; j < use->lora.rank; j++)
				t[j] = use->lora.half ?
				    cpu_widen(((const uint16_t *)a)[j]) :
				    ((const float *)a)[j];
		}
	}
	cpu_linear_expand(&l);
}

/* Only rows that want logits: their runs are parts of the step's. */
static void
head(struct cpu_forward *f)
{
	struct cpu_linear l = linear(f, f->head_x, f->ld_h, f->nlogits);

	norm(f, f->head_x, f->weights.norm, f->logits_row, f->nlogits);
	for (int i = 0; i < f->nruns; i++) {
		const struct forward_run *run = &f->runs[i];
		struct cpu_lora lora = image_lora(run->adapter, 0, LINEAR_HEAD);
		struct cpu_use *last = NULL;

		for (int r = 0; lora.rank > 0 && r < f->nlogits; r++) {
			int row = f->logits_row[r];

			if (row < run->row || row >= run->row + run->rows)
				continue;
			if (last != NULL && last->row + last->rows == r) {
				last->rows++;
				continue;
			}
			last = &f->uses[l.nuses++];
			*last = (struct cpu_use){ lora, 0, r, 1 };
		}
	}
	l.product[l.products++] = (struct cpu_product){ &f->weights.head,
		f->logits, f->ld_logits, false };
	cpu_linear_run(&l);
}

void
forward_embed(struct cpu_forward *f)
{
	pool_run(f->pool, embed_job, f, (f->rows + ROWS - 1) / ROWS);
	embed_adapters(f);
}

void
forward_layers(struct cpu_forward *f, int from, int to)
{
	for (int i = from; i < to; i++) {
		attention_part(f, &f->weights.layers[i], i);
		mlp_part(f, &f->weights.layers[i], i);
	}
}

void
forward_head(struct cpu_forward *f)
{
	if (f->nlogits > 0)
		head(f);
}

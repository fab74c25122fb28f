/* Attention: rotating and keeping keys, and handing tiles to the kernels. */
#include "gpuexec/cpu/attention.h"

#include <math.h>
#include <string.h>

#include "model/tensors.h"

#define KEEP_ROWS 8 /* of a job */

static size_t
number_bytes(bool half)
{
	return half ? 2 : 4;
}

size_t
cpu_block_bytes(int block_tokens, int layers, int kv_heads, int head_dim,
    bool half)
{
	return (size_t)block_tokens * (size_t)layers * (size_t)kv_heads *
	    (size_t)head_dim * 2 * number_bytes(half);
}

size_t
cpu_scratch_ld(int context, int block_tokens)
{
	size_t most = (size_t)context + (size_t)block_tokens * (CPU_LANES + 1) +
	    2 * CPU_LANES;

	return (most + CPU_LANES - 1) / CPU_LANES * CPU_LANES + CPU_LANES;
}

/* Where the K (V) of a layer's key head begins in a block. */
static size_t
head_offset(const struct cpu_attention *a, int head, bool value)
{
	size_t one = (size_t)a->block_tokens * (size_t)a->head_dim;
	size_t layer = (size_t)a->layer * 2 * (size_t)a->kv_heads;

	return (layer + (size_t)head + (value ? (size_t)a->kv_heads : 0)) *
	    one * number_bytes(a->half);
}

/* Turns pairs (i, i + half) of a head by the row's angles. */
static void
rotate(float *x, const float *cos_row, const float *sin_row, int half)
{
	for (int i = 0; i < half; i++) {
		float a = x[i], b = x[i + half];

		x[i] = a * cos_row[i] - b * sin_row[i];
		x[i + half] = b * cos_row[i] + a * sin_row[i];
	}
}

static void
put(void *block, size_t at, bool half, float value)
{
	if (half)
		((uint16_t *)block)[at] = tensor_bf16(value);
	else
		((float *)block)[at] = value;
}

static void
keep_head(const struct cpu_attention *a, int r, int head)
{
	const struct cpu_row *row = &a->row[r];
	char *block = row->blocks[row->position / a->block_tokens];
	size_t t = (size_t)(row->position % a->block_tokens);
	size_t bt = (size_t)a->block_tokens, dims = (size_t)a->head_dim;
	const float *k = a->k + (size_t)r * a->ld + (size_t)head * dims;
	const float *v = a->v + (size_t)r * a->ld + (size_t)head * dims;
	void *keys = block + head_offset(a, head, false);
	void *values = block + head_offset(a, head, true);

	for (size_t d = 0; d < dims; d++) {
		put(keys, d * bt + t, a->half, k[d]);
		put(values, t * dims + d, a->half, v[d]);
	}
}

static void
keep_row(const struct cpu_attention *a, int r)
{
	int turn = a->rotary_dim / 2;
	const float *cos_row = a->cos + (size_t)r * (size_t)turn;
	const float *sin_row = a->sin + (size_t)r * (size_t)turn;
	float scale = 1 / sqrtf((float)a->head_dim);

	for (int h = 0; h < a->heads; h++) {
		float *q = a->q + (size_t)r * a->ld + (size_t)h * a->head_dim;

		if (a->q_norm != NULL)
			a->kernels->rmsnorm(q, q, a->q_norm, a->head_dim,
			    a->eps);
		rotate(q, cos_row, sin_row, turn);
		for (int d = 0; d < a->head_dim; d++)
			q[d] *= scale;
	}
	for (int h = 0; h < a->kv_heads; h++) {
		float *k = a->k + (size_t)r * a->ld + (size_t)h * a->head_dim;

		if (a->k_norm != NULL)
			a->kernels->rmsnorm(k, k, a->k_norm, a->head_dim,
			    a->eps);
		rotate(k, cos_row, sin_row, turn);
		keep_head(a, r, h);
	}
}

static void
keep_job(void *arg, int i, int thread)
{
	const struct cpu_attention *a = arg;
	int end = (i + 1) * KEEP_ROWS;

	(void)thread;
	for (int r = i * KEEP_ROWS; r < end && r < a->rows; r++)
		keep_row(a, r);
}

void
cpu_attention_keep(struct cpu_attention *a)
{
	pool_run(a->pool, keep_job, a, (a->rows + KEEP_ROWS - 1) / KEEP_ROWS);
}

/* One tile of one key head.  The last tiles see the most keys: first. */
static void
tile_job(void *arg, int i, int thread)
{
	const struct cpu_attention *a = arg;
	int head = i % a->kv_heads, group = a->heads / a->kv_heads;
	const struct cpu_attend_tile
	    *t = &a->tiles[a->ntiles - 1 - i / a->kv_heads];
	struct cpu_attend one = {
		.n = t->n,
		.blocks = a->row[t->row].blocks,
		.k_offset = head_offset(a, head, false),
		.v_offset = head_offset(a, head, true),
		.block_tokens = a->block_tokens,
		.head_dim = a->head_dim,
		.scratch_ld = a->scratch_ld,
		.scratch = a->scratch +
		    (size_t)thread * CPU_QUERIES * a->scratch_ld,
	};

	for (int j = 0; j < t->n; j++) {
		int r = t->row + (t->query + j) / group;
		int h = head * group + (t->query + j) % group;
		int end = a->row[r].position + 1;

		one.q[j] = a->q + (size_t)r * a->ld + (size_t)h * a->head_dim;
		one.out[j] = a->out + (size_t)r * a->ldout +
		    (size_t)h * a->head_dim;
		one.end[j] = end;
		one.first[j] = a->window > 0 && end > a->window ?
		    end - a->window :
		    0;
	}
	(a->half ? a->kernels->attend_bf16 : a->kernels->attend_f32)(&one);
}

void
cpu_attention_run(struct cpu_attention *a)
{
	pool_run(a->pool, tile_job, a, a->ntiles * a->kv_heads);
}

/*
 * ref.h -- what each operation is, in plain C and float32.
 *
 * The definition that fast kernels, on any device, are tested against: one
 * family a file, loops as in the formula, sums in double where a fast form adds
 * in another order.  Nothing here is quick, and nothing serves a request.
 *
 * Shapes are (rows, cols), row-major, without padding.
 *
 * Threads  Pure.
 */
#ifndef GPUEXEC_CPU_REFERENCE_REF_H
#define GPUEXEC_CPU_REFERENCE_REF_H

#include <stdbool.h>
#include <stdint.h>

/* y[r,:] = table[id[r],:]	table (vocab, cols) */
void ref_embed(float *y, const float *table, const int32_t *id, int rows,
    int cols);

/* y[r,:] = x[r,:] / sqrt(mean(x[r,:]^2) + eps) * w	w (cols)
 * With rows = heads and cols = head_dim also the norm of q and k. */
void ref_rmsnorm(float *y, const float *x, const float *w, int rows, int cols,
    float eps);

/* Of each head, the pair (i, i + n), n = rotary_dim / 2, is turned by the angle
 * position[r] * frequency[i]; cos and sin are multiplied by scale.  The rest of
 * a head stays.  x (rows, heads * head_dim), in place */
void ref_rope(float *x, const int *position, const double *frequency, int rows,
    int heads, int head_dim, int rotary_dim, float scale);

/* y = x W^T + bias	x (rows, in)  w (out, in)  bias (out) or NULL */
void ref_matmul(float *y, const float *x, const float *w, const float *bias,
    int rows, int in, int out);

/* A paged cache: position p of key head h is in block[p / block_tokens], whose
 * numbers are K (kv_heads, head_dim, block_tokens), then V (kv_heads,
 * block_tokens, head_dim). */
struct ref_cache {
	float *const *block;
	int block_tokens, kv_heads, head_dim;
};

void ref_keep(const struct ref_cache *, int position, const float *k,
    const float *v);

/* out[r, h] = softmax(q[r, h] K^T / sqrt(head_dim)) V over positions p with
 * position[r] - window < p <= position[r] (window 0: all below), of key head
 * h / (heads / kv_heads).	q, out (rows, heads * head_dim) */
void ref_attend(float *out, const float *q, const int *position,
    const struct ref_cache *, int rows, int heads, int window);

/* y = gate / (1 + exp(-gate)) * up	n numbers */
void ref_silu_mul(float *y, const float *gate, const float *up, int n);

/* y[r,:] += (x[r,:] A^T) B	a (rank, in)  b (rank, out)  y (rows, out) */
void ref_lora(float *y, const float *x, const float *a, const float *b,
    int rows, int rank, int in, int out);

#endif

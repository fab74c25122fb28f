/* Attention over a paged cache.  Sources: arXiv 1706.03762; 2305.13245 (key
 * heads shared by a group of queries); 2309.06180 (pages). */
#include "gpuexec/cpu/reference/ref.h"

#include <math.h>
#include <stddef.h>

/* Number d of the key (value) of a head at a position. */
static float *
at(const struct ref_cache *c, bool value, int head, int position, int d)
{
	size_t one = (size_t)c->head_dim * c->block_tokens;
	float *p = c->block[position / c->block_tokens] + head * one;
	int t = position % c->block_tokens;

	if (value)
		return p + c->kv_heads * one + (size_t)t * c->head_dim + d;
	return p + (size_t)d * c->block_tokens + t;
}

void
ref_keep(const struct ref_cache *c, int position, const float *k,
    const float *v)
{
	for (int h = 0; h < c->kv_heads; h++)
		for (int d = 0; d < c->head_dim; d++) {
			*at(c, false, h, position, d) = k[h * c->head_dim + d];
			*at(c, true, h, position, d) = v[h * c->head_dim + d];
		}
}

static double
score(const struct ref_cache *c, const float *q, int head, int position)
{
	double sum = 0;

	for (int d = 0; d < c->head_dim; d++)
		sum += (double)q[d] * *at(c, false, head, position, d);
	return sum / sqrt(c->head_dim);
}

#define TOGETHER 64 /* numbers of the output that share a weight's exp */

static void
attend_one(float *out, const float *q, int head, int first, int last,
    const struct ref_cache *c)
{
	double most = -INFINITY, sum = 0;

	for (int p = first; p <= last; p++)
		most = fmax(most, score(c, q, head, p));
	for (int p = first; p <= last; p++)
		sum += exp(score(c, q, head, p) - most);
	for (int from = 0; from < c->head_dim; from += TOGETHER) {
		double value[TOGETHER] = { 0 };
		int n = c->head_dim - from < TOGETHER ? c->head_dim - from :
							TOGETHER;

		for (int p = first; p <= last; p++) {
			double weight = exp(score(c, q, head, p) - most);

			for (int d = 0; d < n; d++)
				value[d] += weight *
				    *at(c, true, head, p, from + d);
		}
		for (int d = 0; d < n; d++)
			out[from + d] = (float)(value[d] / sum);
	}
}

void
ref_attend(float *out, const float *q, const int *position,
    const struct ref_cache *c, int rows, int heads, int window)
{
	int group = heads / c->kv_heads;

	for (int r = 0; r < rows; r++)
		for (int h = 0; h < heads; h++) {
			int last = position[r];
			int first = window > 0 && last >= window ?
			    last - window + 1 :
			    0;

			attend_one(out, q, h / group, first, last, c);
			out += c->head_dim;
			q += c->head_dim;
		}
}

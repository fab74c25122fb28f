/*
 * The splits of a row's attention made one, in the order of positions:
 *
 *	out[r,h] = sum_i w_i out_i / sum_i w_i sum_i,  w_i = 2^(most_i - most)
 *
 *	partial (attend_partial.h) float   out (rows, heads, head_dim) of bf16
 *	or f16
 *
 * Rows with one split are finished already.  Bound by memory: 4 (head_dim + 2)
 * bytes a split and head, a hundredth of what the split itself has read times
 * the heads of a group; mostly from L2.  Defined and tested with
 * attend_alone.cu.  Source: Flash-Decoding, Dao and others, 2023.
 */
#include <math.h>

#include "gpuexec/cuda/attend_partial.h"

#define JOINERS (CUDA_HEAD_MAX / 2)

static __device__ float
most_of_all(const struct cuda_attend &a, const struct cuda_alone &one, int head)
{
	__shared__ float found[JOINERS / WARP];
	float most = -INFINITY;

	for (int i = threadIdx.x; i < one.nsplits; i += JOINERS)
		most = fmaxf(most, partial_stat(a, one.split + i, head)[0]);
	for (int by = WARP / 2; by > 0; by /= 2)
		most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, by));
	if (threadIdx.x % WARP == 0)
		found[threadIdx.x / WARP] = most;
	__syncthreads();
	for (int w = 0; w < JOINERS / WARP; w++)
		most = fmaxf(most, found[w]);
	return most;
}

/* A block a row and a head; a thread two numbers of its output. */
template <typename T>
static __global__ void
__launch_bounds__(JOINERS)
alone_join(struct cuda_attend a, const struct cuda_step *step, int splits_max)
{
	__shared__ float weight[JOINERS], part[JOINERS];
	int head = blockIdx.x, t = threadIdx.x, d = 2 * t;
	float sum = 0, out[2] = { 0, 0 };

	let_next_begin();
	wait_for_earlier();
	if (blockIdx.y >= (unsigned)step->nalone)
		return;
	struct cuda_alone one = step->alone[blockIdx.y];

	if (one.nsplits == 1)
		return;
	float most = most_of_all(a, one, head);

	for (int base = 0; base < one.nsplits; base += JOINERS) {
		int n = min(JOINERS, one.nsplits - base);

		if (t < n) {
			float *stat = partial_stat(a, one.split + base + t,
			    head);

			weight[t] = power_of_two(stat[0] - most);
			part[t] = weight[t] * stat[1];
		}
		__syncthreads();
#pragma unroll 8
		for (int i = 0; i < n && d < a.head_dim; i++) {
			float2 v = *(float2 *)(partial_out(a, splits_max,
						   one.split + base + i, head) +
			    d);

			sum += part[i];
			out[0] += weight[i] * v.x;
			out[1] += weight[i] * v.y;
		}
		__syncthreads();
	}
	if (d < a.head_dim)
		put_out<T>(a, one.row, head, d, sum, out);
}

size_t
cuda_partial_floats(int splits, int heads, int head_dim)
{
	return (size_t)splits * heads * (head_dim + 2);
}

int
cuda_attend_join(cudaStream_t stream, const struct cuda_attend *a,
    const struct cuda_step *step, int splits_max, int alone_max)
{
	CUDA_BY_DTYPE(a->dtype, T,
	    LAUNCH_EARLY(alone_join<T>, dim3(a->heads, alone_max), JOINERS,
		0, stream, *a, step, splits_max));
	return cuda_launched("attend join");
}

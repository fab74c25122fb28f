/*
 * x[r,:] = h[r,:] / sqrt(mean(h[r,:]^2) + eps) * w
 *
 *	h (rows, cols) float   w (cols) float   x (rows, cols) bf16 or f16
 *
 * A block a row.  Bound by memory, 6 bytes a number and w once: the second read
 * of h comes from L1 while a row fits there (16 KiB at 4,096 numbers).  Sums in
 * float, in an order of its own (sum.h).  Defined by cpu/reference/rmsnorm.c;
 * tested to 1e-5 of it and one rounding of the output's kind.
 * Source: arXiv 1910.07467.
 */
#include "gpuexec/cuda/sum.h"

#define THREADS 256

/* Four numbers at a time where a row is made of fours, which then begin on 16
 * bytes. */
template <typename T>
static __device__ __forceinline__ void
put_four(T *to, float4 h, float4 w, float scale)
{
	T v[4] = { narrow<T>(h.x * scale * w.x), narrow<T>(h.y * scale * w.y),
		narrow<T>(h.z * scale * w.z), narrow<T>(h.w * scale * w.w) };
	uint2 words;

	memcpy(&words, v, sizeof(words));
	*(uint2 *)to = words;
}

template <typename T, bool FOURS>
static __global__ void
__launch_bounds__(THREADS)
norm_rows(T *x, const float *h, const float *w, int cols, float eps,
    bool picked, const struct cuda_step *step)
{
	__shared__ float part[THREADS / 32];
	int r = blockIdx.x;
	float sum = 0;

	let_next_begin();
	wait_for_earlier();
	if (r >= (picked ? step->nlogits : step->rows))
		return;
	h += (size_t)(picked ? step->logits_row[r] : r) * cols;
	x += (size_t)r * cols;
	if (FOURS) {
		for (int i = threadIdx.x * 4; i < cols; i += THREADS * 4) {
			float4 v = *(const float4 *)(h + i);

			sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
		}
	} else {
		for (int i = threadIdx.x; i < cols; i += THREADS)
			sum += h[i] * h[i];
	}
	float scale = 1 / sqrtf(block_sum<THREADS>(sum, part) / cols + eps);

	if (FOURS) {
		for (int i = threadIdx.x * 4; i < cols; i += THREADS * 4)
			put_four(x + i, *(const float4 *)(h + i),
			    *(const float4 *)(w + i), scale);
	} else {
		for (int i = threadIdx.x; i < cols; i += THREADS)
			x[i] = narrow<T>(h[i] * scale * w[i]);
	}
}

int
cuda_rmsnorm(cudaStream_t stream, void *x, const float *h, const float *w,
    int cols, float eps, enum tensor_dtype dtype, bool picked,
    const struct cuda_step *step, int rows_max)
{
	if (cols % 4 == 0)
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH_EARLY((norm_rows<T, true>), rows_max, THREADS, 0,
			stream, (T *)x, h, w, cols, eps, picked, step));
	else
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH_EARLY((norm_rows<T, false>), rows_max, THREADS, 0,
			stream, (T *)x, h, w, cols, eps, picked, step));
	return cuda_launched("rmsnorm");
}

/*
 * y[r,i] += bias[i]
 *
 *	y (rows, ldy) float   bias (cols) float
 *
 * A thread four numbers, or one where rows are not made of fours.  Bound by
 * memory, 8 bytes a number.  Defined by the bias of cpu/reference/matmul.c,
 * exactly: one float addition.
 */
#include "gpuexec/cuda/number.h"

#define THREADS 256

template <bool FOURS>
static __global__ void
__launch_bounds__(THREADS)
bias_rows(float *y, size_t ldy, const float *bias, int cols,
    const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	i *= FOURS ? 4 : 1;
	if (r >= step->rows || i >= cols)
		return;
	y += r * ldy + i;
	if (FOURS) {
		float4 v = *(const float4 *)y, w = *(const float4 *)(bias + i);

		*(float4 *)y = make_float4(v.x + w.x, v.y + w.y, v.z + w.z,
		    v.w + w.w);
	} else {
		*y += bias[i];
	}
}

int
cuda_add_bias(cudaStream_t stream, float *y, size_t ldy, const float *bias,
    int cols, const struct cuda_step *step, int rows_max)
{
	bool fours = cols % 4 == 0 && ldy % 4 == 0 &&
	    ((uintptr_t)y | (uintptr_t)bias) % sizeof(float4) == 0;
	int threads = fours ? cols / 4 : cols;
	dim3 grid(rows_max, (threads + THREADS - 1) / THREADS);

	if (fours)
		LAUNCH(bias_rows<true>, grid, THREADS, 0, stream, y, ldy, bias,
		    cols, step);
	else
		LAUNCH(bias_rows<false>, grid, THREADS, 0, stream, y, ldy, bias,
		    cols, step);
	return cuda_launched("bias");
}

/*
 * y[r,i] += bias[i]
 *
 *	y (rows, ldy) float   bias (cols) float
 *
 * A thread a number.  Bound by memory, 8 bytes a number.  Defined by the bias of
 * cpu/reference/matmul.c, exactly: one float addition.
 */
#include "gpuexec/cuda/number.h"

#define THREADS 256

static __global__ void
bias_rows(float *y, size_t ldy, const float *bias, int cols,
    const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	if (r >= step->rows || i >= cols)
		return;
	y[r * ldy + i] += bias[i];
}

int
cuda_add_bias(cudaStream_t stream, float *y, size_t ldy, const float *bias,
    int cols, const struct cuda_step *step, int rows_max)
{
	dim3 grid(rows_max, (cols + THREADS - 1) / THREADS);

	LAUNCH(bias_rows, grid, THREADS, 0, stream, y, ldy, bias, cols, step);
	return cuda_launched("bias");
}

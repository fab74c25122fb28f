/*
 * y[r,i] = silu(g[r,i]) * g[r, cols + i],  silu(v) = v / (1 + exp(-v))
 *
 *	g (rows, 2 cols) float   y (rows, cols) bf16 or f16
 *
 * A thread an output.  Bound by memory, 10 bytes an output.  Defined by
 * cpu/reference/silu_mul.c; tested to one rounding of the output's kind.
 * Source: arXiv 2002.05202.
 */
#include "gpuexec/cuda/launch.h"
#include "gpuexec/cuda/number.h"

#define THREADS 256

template <typename T>
static __global__ void
silu_rows(T *y, const float *g, int cols, const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	if (r >= step->rows || i >= cols)
		return;
	float gate = g[(size_t)r * 2 * cols + i];
	float up = g[(size_t)r * 2 * cols + cols + i];

	y[(size_t)r * cols + i] = narrow<T>(gate / (1 + expf(-gate)) * up);
}

int
cuda_silu_mul(cudaStream_t stream, void *y, const float *g, int cols,
    enum tensor_dtype dtype, const struct cuda_step *step, int rows_max)
{
	dim3 grid(rows_max, (cols + THREADS - 1) / THREADS);

	CUDA_BY_DTYPE(dtype, T,
	    LAUNCH(silu_rows<T>, grid, THREADS, 0, stream, (T *)y, g, cols,
		step));
	return cuda_launched("silu");
}

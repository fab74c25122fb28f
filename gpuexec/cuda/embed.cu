/*
 * h[r,:] = table[token[r],:]
 *
 *	table (vocab, cols) bf16 or f16   h (rows, cols) float
 *
 * A thread a number.  Bound by memory, 6 bytes a number.  Defined by
 * cpu/reference/embed.c, exactly.
 */
#include "gpuexec/cuda/number.h"

#define THREADS 256

template <typename T>
static __global__ void
embed_rows(float *h, const T *table, int cols, const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	if (r >= step->rows || i >= cols)
		return;
	h[(size_t)r * cols + i] =
	    widen(table[(size_t)step->token[r] * cols + i]);
}

int
cuda_embed(cudaStream_t stream, float *h, const void *table, int cols,
    enum tensor_dtype dtype, const struct cuda_step *step, int rows_max)
{
	dim3 grid(rows_max, (cols + THREADS - 1) / THREADS);

	CUDA_BY_DTYPE(dtype, T,
	    LAUNCH(embed_rows<T>, grid, THREADS, 0, stream, h,
		(const T *)table, cols, step));
	return cuda_launched("embed");
}

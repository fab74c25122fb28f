/*
 * h[r,:] = table[token[r],:]
 *
 *	table (vocab, cols) bf16 or f16   h (rows, cols) float
 *
 * A thread eight numbers, or one where a row is not made of eights.  Bound by
 * memory, 6 bytes a number.  Defined by cpu/reference/embed.c, exactly.
 */
#include "gpuexec/cuda/number.h"

#define THREADS 128
#define EIGHT 8

template <typename T>
static __device__ __forceinline__ void
widen_eight(float *to, const T *from)
{
	uint4 words = *(const uint4 *)from;
	T v[EIGHT];

	memcpy((void *)v, &words, sizeof(v));
	((float4 *)to)[0] = make_float4(widen(v[0]), widen(v[1]), widen(v[2]),
	    widen(v[3]));
	((float4 *)to)[1] = make_float4(widen(v[4]), widen(v[5]), widen(v[6]),
	    widen(v[7]));
}

template <typename T, bool EIGHTS>
static __global__ void
__launch_bounds__(THREADS)
embed_rows(float *h, const T *table, int cols, const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	i *= EIGHTS ? EIGHT : 1;
	if (r >= step->rows || i >= cols)
		return;
	h += (size_t)r * cols + i;
	table += (size_t)step->token[r] * cols + i;
	if (EIGHTS)
		widen_eight(h, table);
	else
		*h = widen(*table);
}

int
cuda_embed(cudaStream_t stream, float *h, const void *table, int cols,
    enum tensor_dtype dtype, const struct cuda_step *step, int rows_max)
{
	int threads = cols % EIGHT == 0 ? cols / EIGHT : cols;
	dim3 grid(rows_max, (threads + THREADS - 1) / THREADS);

	if (cols % EIGHT == 0)
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH((embed_rows<T, true>), grid, THREADS, 0, stream, h,
			(const T *)table, cols, step));
	else
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH((embed_rows<T, false>), grid, THREADS, 0, stream, h,
			(const T *)table, cols, step));
	return cuda_launched("embed");
}

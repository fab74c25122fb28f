/*
 * y[r,i] = silu(g[r,i]) * g[r, cols + i],  silu(v) = v / (1 + exp(-v))
 *
 *	g (rows, 2 cols) float   y (rows, cols) bf16 or f16
 *
 * A thread four outputs, or one where a row is not made of fours.  Bound by
 * memory, 10 bytes an output.  Defined by cpu/reference/silu_mul.c; tested to one
 * rounding of the output's kind.  Source: arXiv 2002.05202.
 */
#include "gpuexec/cuda/launch.h"
#include "gpuexec/cuda/number.h"

#define THREADS 256

static __device__ __forceinline__ float
silu_mul(float gate, float up)
{
	return gate / (1 + expf(-gate)) * up;
}

template <typename T>
static __device__ __forceinline__ void
put_four(T *to, float4 gate, float4 up)
{
	T v[4] = { narrow<T>(silu_mul(gate.x, up.x)),
		narrow<T>(silu_mul(gate.y, up.y)),
		narrow<T>(silu_mul(gate.z, up.z)),
		narrow<T>(silu_mul(gate.w, up.w)) };
	uint2 words;

	memcpy(&words, v, sizeof(words));
	*(uint2 *)to = words;
}

template <typename T, bool FOURS>
static __global__ void
__launch_bounds__(THREADS)
silu_rows(T *y, const float *g, int cols, const struct cuda_step *step)
{
	int r = blockIdx.x, i = blockIdx.y * THREADS + threadIdx.x;

	let_next_begin();
	wait_for_earlier();
	i *= FOURS ? 4 : 1;
	if (r >= step->rows || i >= cols)
		return;
	g += (size_t)r * 2 * cols + i;
	y += (size_t)r * cols + i;
	if (FOURS)
		put_four(y, *(const float4 *)g, *(const float4 *)(g + cols));
	else
		*y = narrow<T>(silu_mul(g[0], g[cols]));
}

int
cuda_silu_mul(cudaStream_t stream, void *y, const float *g, int cols,
    enum tensor_dtype dtype, const struct cuda_step *step, int rows_max)
{
	int threads = cols % 4 == 0 ? cols / 4 : cols;
	dim3 grid(rows_max, (threads + THREADS - 1) / THREADS);

	if (cols % 4 == 0)
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH_EARLY((silu_rows<T, true>), grid, THREADS, 0, stream,
			(T *)y, g, cols, step));
	else
		CUDA_BY_DTYPE(dtype, T,
		    LAUNCH_EARLY((silu_rows<T, false>), grid, THREADS, 0,
			stream, (T *)y, g, cols, step));
	return cuda_launched("silu");
}

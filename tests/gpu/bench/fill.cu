/* Random numbers where they are wanted: sums of hashed bits, about normal.
 * Zeros would be quicker to multiply than what models are made of. */
#include "gpuexec/cuda/number.h"

#define THREADS 256

static __device__ __forceinline__ uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static __global__ void
fill(bf16 *to, uint64_t n, float deviation, uint64_t seed)
{
	uint64_t step = (uint64_t)gridDim.x * THREADS;

	for (uint64_t i = (uint64_t)blockIdx.x * THREADS + threadIdx.x; i < n;
	     i += step) {
		uint64_t z = mix(i * 0x9e3779b97f4a7c15u + seed);
		/* Four even numbers: variance 4 / 12. */
		float v = (float)(z & 0xffff) + (float)(z >> 16 & 0xffff) +
		    (float)(z >> 32 & 0xffff) + (float)(z >> 48);

		to[i] = narrow<bf16>(
		    (v / 65536 - 2) * 1.7320508f * deviation);
	}
}

extern "C" int bench_fill(cudaStream_t, void *, uint64_t, float, uint64_t);

int
bench_fill(cudaStream_t stream, void *to, uint64_t n, float deviation,
    uint64_t seed)
{
	uint64_t blocks = (n + THREADS * 16 - 1) / (THREADS * 16);

	if (n == 0)
		return 0;
	LAUNCH(fill, (unsigned)(blocks < 4096 ? blocks : 4096), THREADS, 0,
	    stream, (bf16 *)to, n, deviation, seed);
	return cuda_launched("fill");
}

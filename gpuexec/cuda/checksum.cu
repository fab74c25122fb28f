/*
 * sums[i] = checksum of bytes [i, i + 1) * CUDA_SUM_BYTES, the last part filled
 * up with zeros to a multiple of 8:
 *
 *	over the words w[k] of the part:  sum of (w[k] ^ k * M) * (2 k + 1)
 *
 * modulo 2^64, M odd: an odd factor that differs from word to word finds words
 * that were changed or have changed places.  Sums of integers do not depend on
 * their order, so it is the same on any device.
 *
 * A block a part, 16 bytes a load.  Bound by memory, a byte a byte.  Defined by
 * cpu/reference/checksum.c, exactly.
 */
#include "gpuexec/cuda/launch.h"

#define THREADS 256
#define MIX 0x9e3779b97f4a7c15u

static __device__ __forceinline__ uint64_t
weigh(uint64_t word, uint64_t k)
{
	return (word ^ k * MIX) * (2 * k + 1);
}

/* The last word, of which only n bytes are there. */
static __device__ uint64_t
last_word(const unsigned char *at, int n)
{
	uint64_t word = 0;

	for (int i = 0; i < n; i++)
		word |= (uint64_t)at[i] << 8 * i;
	return word;
}

static __global__ void
checksum_parts(uint64_t *sums, const unsigned char *from, uint64_t bytes)
{
	__shared__ uint64_t part[THREADS];
	uint64_t first = blockIdx.x * CUDA_SUM_BYTES, sum = 0;
	uint64_t n = bytes - first < CUDA_SUM_BYTES ? bytes - first :
						      CUDA_SUM_BYTES;
	const unsigned char *at = from + first;

	for (uint64_t k = threadIdx.x * 2; k + 2 <= n / 8; k += THREADS * 2) {
		ulonglong2 two = *(const ulonglong2 *)(at + k * 8);

		sum += weigh(two.x, k) + weigh(two.y, k + 1);
	}
	if (threadIdx.x == 0 && n / 8 % 2 != 0)
		sum += weigh(*(const uint64_t *)(at + (n / 8 - 1) * 8),
		    n / 8 - 1);
	if (threadIdx.x == 0 && n % 8 != 0)
		sum += weigh(last_word(at + n / 8 * 8, (int)(n % 8)), n / 8);
	part[threadIdx.x] = sum;
	__syncthreads();
	for (int half = THREADS / 2; half > 0; half /= 2) {
		if ((int)threadIdx.x < half)
			part[threadIdx.x] += part[threadIdx.x + half];
		__syncthreads();
	}
	if (threadIdx.x == 0)
		sums[blockIdx.x] = part[0];
}

int
cuda_checksum(cudaStream_t stream, uint64_t *sums, const void *from,
    uint64_t bytes)
{
	unsigned parts =
	    (unsigned)((bytes + CUDA_SUM_BYTES - 1) / CUDA_SUM_BYTES);

	if (parts == 0)
		return 0;
	LAUNCH(checksum_parts, parts, THREADS, 0, stream, sums,
	    (const unsigned char *)from, bytes);
	return cuda_launched("checksum");
}

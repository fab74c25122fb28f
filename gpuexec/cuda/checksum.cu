/*
 * sums[i] = checksum_part of bytes [i, i + 1) * CHECKSUM_PART (base/checksum.h)
 *
 * A block a part, 16 bytes a load.  Bound by memory, a byte a byte.  Defined by
 * base/checksum.c, exactly.
 */
#include "base/checksum.h"
#include "gpuexec/cuda/launch.h"

#define THREADS 256

static __device__ __forceinline__ uint64_t
weigh(uint64_t word, uint64_t k)
{
	word ^= k * CHECKSUM_MIX;
	return (word ^ word >> 32) * (2 * k + 1);
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

/* Part blockIdx.x, counted page by page; page NULL: all lies at `from`. */
static __global__ void
checksum_parts(uint64_t *sums, const unsigned char *from, const uint64_t *page,
    uint64_t page_bytes, uint64_t bytes)
{
	__shared__ uint64_t part[THREADS];
	uint64_t each = (page_bytes + CHECKSUM_PART - 1) / CHECKSUM_PART;
	uint64_t number = blockIdx.x / each, sum = 0, n;
	uint64_t first = blockIdx.x % each * CHECKSUM_PART;
	const unsigned char *at = page == NULL ?
	    from + first :
	    (const unsigned char *)page[number] + first;

	n = min(bytes - number * page_bytes, page_bytes) - first;
	n = min(n, CHECKSUM_PART);
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
cuda_parts(uint64_t bytes, uint64_t page_bytes)
{
	uint64_t each = (page_bytes + CHECKSUM_PART - 1) / CHECKSUM_PART;
	uint64_t last = bytes % page_bytes;

	return (int)(bytes / page_bytes * each +
	    (last + CHECKSUM_PART - 1) / CHECKSUM_PART);
}

int
cuda_checksum_pages(cudaStream_t stream, uint64_t *sums, const uint64_t *page,
    uint64_t page_bytes, uint64_t bytes)
{
	if (bytes == 0)
		return 0;
	LAUNCH(checksum_parts, cuda_parts(bytes, page_bytes), THREADS, 0,
	    stream, sums, (const unsigned char *)nullptr, page, page_bytes,
	    bytes);
	return cuda_launched("checksum");
}

int
cuda_checksum(cudaStream_t stream, uint64_t *sums, const void *from,
    uint64_t bytes)
{
	if (bytes == 0)
		return 0;
	LAUNCH(checksum_parts, cuda_parts(bytes, bytes), THREADS, 0, stream,
	    sums, (const unsigned char *)from, (const uint64_t *)nullptr, bytes,
	    bytes);
	return cuda_launched("checksum");
}

/* A checksum of bytes by their places; gpuexec/cuda/checksum.cu has the
 * formula. */
#include "gpuexec/cpu/reference/ref.h"

#include <string.h>

uint64_t
ref_checksum(const void *from, uint64_t bytes)
{
	uint64_t sum = 0;

	for (uint64_t k = 0; k * 8 < bytes; k++) {
		uint64_t word = 0, left = bytes - k * 8;

		memcpy(&word, (const char *)from + k * 8, left < 8 ? left : 8);
		sum += (word ^ k * 0x9e3779b97f4a7c15u) * (2 * k + 1);
	}
	return sum;
}

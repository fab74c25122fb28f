/* Sums over words that no order changes. */
#include "base/checksum.h"

#include <string.h>

static uint64_t
weigh(uint64_t word, uint64_t k)
{
	word ^= k * CHECKSUM_MIX;
	return (word ^ word >> 32) * (2 * k + 1);
}

uint64_t
checksum_part(const void *from, uint64_t bytes)
{
	uint64_t whole = bytes / 8, sum = 0, word;

	for (uint64_t k = 0; k < whole; k++) {
		memcpy(&word, (const char *)from + k * 8, 8);
		sum += weigh(word, k);
	}
	word = 0;
	memcpy(&word, (const char *)from + whole * 8, bytes % 8);
	if (bytes % 8 != 0)
		sum += weigh(word, whole);
	return sum;
}

uint64_t
checksum_join(uint64_t before, uint64_t part)
{
	return (before ^ part) * CHECKSUM_MIX + 1;
}

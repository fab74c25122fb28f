/*
 * rng_at.h -- the number of a seed and a position, the same on every device.
 *
 * Philox 4x32-10 (Salmon and others, SC 2011): no state, so a draw is a function
 * of where it stands alone.  Apart from rng.h, since kernels include it: they
 * define RNG_FUNCTION before (gpuexec/cuda/sample.cu).
 */
#ifndef BASE_RNG_AT_H
#define BASE_RNG_AT_H

#include <stdint.h>

#ifndef RNG_FUNCTION
#define RNG_FUNCTION static inline
#endif

/* In [0, 1), of 53 bits. */
RNG_FUNCTION double
rng_philox(uint64_t seed, uint64_t position)
{
	uint32_t c[4] = { (uint32_t)position, (uint32_t)(position >> 32), 0,
		0 };
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
		uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
		uint32_t c1 = c[1], c3 = c[3];

		c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c[1] = (uint32_t)p1;
		c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c[3] = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	return (double)(((uint64_t)c[0] << 32 | c[1]) >> 11) * 0x1p-53;
}

#endif

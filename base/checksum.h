/*
 * checksum.h -- whether bytes are still what they were.
 *
 * A sum that any device computes alike, in any order: of the words of 8 bytes
 * w[k] of a part, the last filled up with zeros,
 *
 *	x = w[k] ^ k M,  sum of (x ^ x >> 32) (2 k + 1)	modulo 2^64, M odd
 *
 * An odd factor that differs from word to word finds words that have changed
 * and words that have changed places.  The high half is folded into the low one
 * first: else two words whose highest bits have changed, as a line that is
 * stuck changes them, would weigh 2^63 each and nothing together.  It is no
 * digest: nobody is kept from making bytes that fit.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stdint.h>

#define CHECKSUM_PART ((uint64_t)1 << 20)
#define CHECKSUM_MIX 0x9e3779b97f4a7c15u

/* Of one part, at most CHECKSUM_PART bytes. */
uint64_t checksum_part(const void *, uint64_t bytes);

/* Joins the sum of a part to that of those before it; 0 at first. */
uint64_t checksum_join(uint64_t before, uint64_t part);

#endif

/* FNV-1a. */
#include "base/hash.h"

#include <string.h>

uint64_t
hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

uint64_t
hash_text(uint64_t h, const char *text)
{
	return hash_bytes(h, text, strlen(text));
}

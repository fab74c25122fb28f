/* Telling of a pool, and believing it. */
#include "shm/pool.h"

#include "base/hash.h"
#include "base/must.h"

#include <string.h>

static uint64_t
crc_of(const struct holder_pool *h, uint64_t number)
{
	uint64_t crc = HASH_START;

	crc = hash_bytes(crc, &number, sizeof(number));
	crc = hash_bytes(crc, &h->bytes, sizeof(h->bytes));
	crc = hash_bytes(crc, &h->weights_bytes, sizeof(h->weights_bytes));
	crc = hash_bytes(crc, &h->chunk_bytes, sizeof(h->chunk_bytes));
	crc = hash_bytes(crc, &h->ordinal, sizeof(h->ordinal));
	return hash_bytes(crc, h->handle, sizeof(h->handle));
}

static void
copy(struct holder_pool *to, const struct holder_pool *from)
{
	to->bytes = from->bytes;
	to->weights_bytes = from->weights_bytes;
	to->chunk_bytes = from->chunk_bytes;
	to->ordinal = from->ordinal;
	memcpy(to->handle, from->handle, sizeof(to->handle));
}

void
holder_pool_tell(struct holder_pool *h, const struct holder_pool *what,
    uint64_t number)
{
	must(number != 0);
	copy(h, what);
	h->crc = crc_of(h, number);
	/* H1, with H2: who sees the number sees what it is about. */
	atomic_store_explicit(&h->number, number, memory_order_release);
}

bool
holder_pool_hear(const struct holder_pool *h, uint64_t number,
    struct holder_pool *out)
{
	/* H2, with H1. */
	if (number == 0 ||
	    atomic_load_explicit(&h->number, memory_order_acquire) != number)
		return false;
	memset(out, 0, sizeof(*out));
	copy(out, h);
	out->crc = h->crc;
	atomic_store_explicit(&out->number, number, memory_order_relaxed);
	return out->crc == crc_of(out, number);
}

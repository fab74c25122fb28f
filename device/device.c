/* The pool, whatever holds it: limits are checked here, the rest is done by its
 * kind. */
#include "device/device_in.h"

#include "base/must.h"

#include <stddef.h>

int
device_open(struct device **out, const struct device_pool *p)
{
	must(p->chunk_bytes > 0 && p->bytes % p->chunk_bytes == 0);
	return p->kind == DEVICE_CUDA ? device_open_cuda(out, p) :
					device_open_host(out, p);
}

void
device_close(struct device *d)
{
	if (d != NULL)
		d->ops->close(d);
}

uint64_t
device_bytes(const struct device *d)
{
	return d->bytes;
}

static void
check_range(const struct device *d, uint64_t offset, uint64_t n)
{
	must(offset <= d->bytes && n <= d->bytes - offset);
}

int
device_commit(struct device *d, uint64_t offset, uint64_t n)
{
	check_range(d, offset, n);
	return n == 0 ? 0 : d->ops->commit(d, offset, n);
}

void
device_give_back(struct device *d, uint64_t offset, uint64_t n)
{
	check_range(d, offset, n);
	must(offset % d->chunk_bytes == 0 && n % d->chunk_bytes == 0);
	if (d->ops->give_back != NULL && n > 0)
		d->ops->give_back(d, offset, n);
}

void
device_forget(struct device *d, uint64_t offset, uint64_t n)
{
	check_range(d, offset, n);
	if (d->ops->forget != NULL && n > 0)
		d->ops->forget(d, offset, n);
}

uint64_t
device_backed(struct device *d)
{
	return d->ops->backed == NULL ? d->bytes : d->ops->backed(d);
}

int
device_copy(struct device *d, uint64_t offset, const void *from, uint64_t n)
{
	int e = device_commit(d, offset, n);

	return e != 0 || n == 0 ? e : d->ops->copy(d, offset, from, n);
}

int
device_read(struct device *d, void *to, uint64_t offset, uint64_t n)
{
	check_range(d, offset, n);
	return n == 0 ? 0 : d->ops->read(d, to, offset, n);
}

int
device_pin(struct device *d, void *at, uint64_t bytes, bool staging)
{
	return bytes == 0 ? 0 : d->ops->pin(d, at, bytes, staging);
}

void *
device_address(struct device *d, uint64_t offset)
{
	check_range(d, offset, 0);
	return d->at + offset;
}

void *
device_weights(struct device *d)
{
	return d->weights;
}

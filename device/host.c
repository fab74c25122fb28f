/* The pool of the cpu backend: a shared-memory object.
 *
 * Its pages are asked for chunk by chunk before anybody writes to them: a
 * write to a page for which there is no memory would be SIGBUS. */
#include "device/device.h"

#include "base/err.h"
#include "base/must.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct device {
	int fd;
	unsigned char *at;
	uint64_t bytes, chunk_bytes, chunks;
	_Atomic unsigned char committed[]; /* [chunks] by this process */
};

int
device_open_host(struct device **out, int fd, uint64_t bytes,
    uint64_t chunk_bytes)
{
	uint64_t chunks = bytes / chunk_bytes;
	struct device *d = calloc(1, sizeof(*d) + chunks);
	void *at;

	must(bytes % chunk_bytes == 0);
	if (d == NULL)
		return err_set(ERR_MEMORY, "pool: out of memory");
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		free(d);
		return err_sys(ERR_MEMORY, "pool: mapping it");
	}
	if ((d->fd = fcntl(fd, F_DUPFD_CLOEXEC, 4)) < 0) {
		munmap(at, bytes);
		free(d);
		return err_sys(ERR_IO, "pool: its descriptor");
	}
	(void)madvise(at, bytes, MADV_DONTDUMP);
	d->at = at;
	d->bytes = bytes;
	d->chunk_bytes = chunk_bytes;
	d->chunks = chunks;
	*out = d;
	return 0;
}

void
device_close(struct device *d)
{
	if (d == NULL)
		return;
	munmap(d->at, d->bytes);
	close(d->fd);
	free(d);
}

uint64_t
device_bytes(const struct device *d)
{
	return d->bytes;
}

static int
commit_chunk(struct device *d, uint64_t chunk)
{
	char text[32];
	int e;

	if (atomic_load_explicit(&d->committed[chunk], memory_order_acquire))
		return 0;
	do
		e = posix_fallocate(d->fd, (off_t)(chunk * d->chunk_bytes),
		    (off_t)d->chunk_bytes);
	while (e == EINTR);
	if (e != 0) {
		errno = e;
		return err_sys(ERR_MEMORY, "pool: %s for chunk %ju",
		    units_bytes(text, sizeof(text), d->chunk_bytes),
		    (uintmax_t)chunk);
	}
	atomic_store_explicit(&d->committed[chunk], 1, memory_order_release);
	return 0;
}

int
device_commit(struct device *d, uint64_t offset, uint64_t n)
{
	int e = 0;

	must(offset <= d->bytes && n <= d->bytes - offset);
	if (n == 0)
		return 0;
	for (uint64_t c = offset / d->chunk_bytes;
	     e == 0 && c <= (offset + n - 1) / d->chunk_bytes; c++)
		e = commit_chunk(d, c);
	return e;
}

int
device_copy(struct device *d, uint64_t offset, const void *from, uint64_t n)
{
	int e = device_commit(d, offset, n);

	if (e == 0 && n > 0)
		memcpy(d->at + offset, from, n);
	return e;
}

void *
device_host_address(struct device *d, uint64_t offset)
{
	must(offset <= d->bytes);
	return d->at + offset;
}

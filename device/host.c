/* The pool of the cpu backend: a shared-memory object.
 *
 * Its pages are asked for chunk by chunk before anybody writes to them: a
 * write to a page for which there is no memory would be SIGBUS. */
#include "device/device_in.h"

#include "base/err.h"
#include "base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct host {
	struct device base;
	int fd;
	_Atomic unsigned char committed[]; /* [chunks] by this process */
};

static struct host *
host(struct device *d)
{
	return (struct host *)(void *)d;
}

static int
commit_chunk(struct host *h, uint64_t chunk)
{
	char text[32];
	int e;

	if (atomic_load_explicit(&h->committed[chunk], memory_order_acquire))
		return 0;
	do
		e = posix_fallocate(h->fd, (off_t)(chunk * h->base.chunk_bytes),
		    (off_t)h->base.chunk_bytes);
	while (e == EINTR);
	if (e != 0) {
		errno = e;
		return err_sys(ERR_MEMORY, "pool: %s for chunk %ju",
		    units_bytes(text, sizeof(text), h->base.chunk_bytes),
		    (uintmax_t)chunk);
	}
	atomic_store_explicit(&h->committed[chunk], 1, memory_order_release);
	return 0;
}

static int
commit(struct device *d, uint64_t offset, uint64_t n)
{
	int e = 0;

	for (uint64_t c = offset / d->chunk_bytes;
	     e == 0 && c <= (offset + n - 1) / d->chunk_bytes; c++)
		e = commit_chunk(host(d), c);
	return e;
}

static void
forget(struct device *d, uint64_t offset, uint64_t n)
{
	for (uint64_t c = offset / d->chunk_bytes;
	     c <= (offset + n - 1) / d->chunk_bytes; c++)
		atomic_store_explicit(&host(d)->committed[c], 0,
		    memory_order_release);
}

/* Should the kernel not do it, the memory stays: nothing is lost but that. */
static void
give_back(struct device *d, uint64_t offset, uint64_t n)
{
	forget(d, offset, n);
	(void)fallocate(host(d)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)offset, (off_t)n);
}

static uint64_t
backed(struct device *d)
{
	struct stat st;

	return fstat(host(d)->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static int
copy(struct device *d, uint64_t offset, const void *from, uint64_t n)
{
	memcpy(d->at + offset, from, n);
	return 0;
}

static int
read_back(struct device *d, void *to, uint64_t offset, uint64_t n)
{
	memcpy(to, d->at + offset, n);
	return 0;
}

static int
pin(struct device *d, void *at, uint64_t bytes, bool staging)
{
	(void)d;
	(void)at;
	(void)bytes;
	(void)staging;
	return 0;
}

static void
let_go(struct device *d)
{
	munmap(d->at, d->bytes);
	close(host(d)->fd);
	free(d);
}

static const struct device_ops ops = {
	.close = let_go,
	.commit = commit,
	.give_back = give_back,
	.forget = forget,
	.backed = backed,
	.copy = copy,
	.read = read_back,
	.pin = pin,
};

int
device_open_host(struct device **out, const struct device_pool *p)
{
	struct host *h = calloc(1, sizeof(*h) + p->bytes / p->chunk_bytes);
	void *at;

	if (h == NULL)
		return err_set(ERR_MEMORY, "pool: out of memory");
	at = mmap(NULL, p->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (at == MAP_FAILED) {
		free(h);
		return err_sys(ERR_MEMORY, "pool: mapping it");
	}
	if ((h->fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 4)) < 0) {
		munmap(at, p->bytes);
		free(h);
		return err_sys(ERR_IO, "pool: its descriptor");
	}
	(void)madvise(at, p->bytes, MADV_DONTDUMP);
	h->base = (struct device){ .ops = &ops,
		.at = at,
		.bytes = p->bytes,
		.chunk_bytes = p->chunk_bytes };
	*out = &h->base;
	return 0;
}

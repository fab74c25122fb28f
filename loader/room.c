/* Memory for packed images, that outlives the loader.
 *
 * One sparse shared-memory object of equal rooms, each as large as the pool, since
 * no larger adapter can be served.  A room has memory only for the image that is in
 * it, which is mapped for as long; so images of any size need no allocator, leave no
 * holes between them, and give all of their memory back.
 *
 * Memory is asked for before it is written.  What the pool has been promised in the
 * same file system comes first: where an image would take of that it is packed in
 * private memory, used once and not kept. */
#include "loader/ld.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/must.h"

int
rooms_open(struct rooms *r, const struct ld_world *w)
{
	const struct plan *p = w->plan;

	*r = (struct rooms){ .fd = w->store_fd,
		.n = w->store_fd < 0 ? 0 : p->store_rooms,
		.bytes = p->store_room_bytes,
		.device = w->device };
	r->free = calloc((size_t)r->n + 1, sizeof(*r->free));
	if (r->free == NULL)
		return err_set(ERR_MEMORY, "no memory for a table of %u images",
		    r->n);
	for (uint32_t i = r->n; i-- > 0;)
		r->free[r->nfree++] = i;
	return 0;
}

void
rooms_close(struct rooms *r)
{
	free(r->free);
}

uint32_t
rooms_take(struct rooms *r, uint64_t bytes)
{
	if (r->nfree == 0 || bytes > r->bytes)
		return LD_NOBODY;
	return r->free[--r->nfree];
}

bool
rooms_claim(struct rooms *r, uint32_t room)
{
	for (uint32_t i = 0; i < r->nfree; i++)
		if (r->free[i] == room) {
			r->free[i] = r->free[--r->nfree];
			return true;
		}
	return false;
}

static void
punch(const struct rooms *r, uint64_t from, uint64_t n)
{
	(void)fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)from, (off_t)n);
}

void
rooms_sweep(struct rooms *r)
{
	for (uint32_t i = 0; i < r->nfree; i++)
		punch(r, r->free[i] * r->bytes, r->bytes);
}

void *
rooms_map(const struct rooms *r, uint32_t room, uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
	    (off_t)(room * r->bytes));

	if (at == MAP_FAILED)
		return NULL;
	(void)madvise(at, bytes, MADV_DONTDUMP);
	return at;
}

/* Whether the file system has so much beyond what the pool may still take. */
static bool
to_spare(const struct rooms *r, uint64_t bytes)
{
	uint64_t owed = device_bytes(r->device) - device_backed(r->device);
	struct statvfs fs;

	if (fstatvfs(r->fd, &fs) != 0)
		return false;
	return fs.f_blocks == 0 || /* it has no limit */
	    (uint64_t)fs.f_bavail * fs.f_frsize >= bytes + owed;
}

static void *
from_room(const struct rooms *r, uint32_t room, uint64_t bytes)
{
	int e;

	if (room == LD_NOBODY || !to_spare(r, bytes))
		return NULL;
	do
		e = posix_fallocate(r->fd, (off_t)(room * r->bytes),
		    (off_t)bytes);
	while (e == EINTR);
	return e == 0 ? rooms_map(r, room, bytes) : NULL;
}

void *
rooms_memory(const struct rooms *r, uint32_t room, uint64_t bytes, bool *kept)
{
	void *at = from_room(r, room, bytes);

	*kept = at != NULL;
	return at != NULL ? at : malloc(bytes);
}

void
rooms_leave(struct rooms *r, uint32_t room, void *at, uint64_t bytes)
{
	if (at != NULL)
		must(munmap(at, bytes) == 0);
	punch(r, room * r->bytes, r->bytes);
	r->free[r->nfree++] = room;
}

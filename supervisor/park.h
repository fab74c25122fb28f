/*
 * park.h -- duplicates of the clients' sockets, by tag.
 *
 * Memory   park_open allocates everything; park_close gives it back and
 *          closes what is parked.
 */
#ifndef SUPERVISOR_PARK_H
#define SUPERVISOR_PARK_H

#include <stdbool.h>
#include <stdint.h>

#define PARK_END UINT32_MAX

struct parked {
	uint64_t tag;
	int fd; /* -1: a free place */
	uint32_t flags;
	uint32_t next; /* in its bucket, or in the free list */
};

struct park {
	struct parked *list;
	uint32_t *bucket;
	uint32_t size, mask; /* places; buckets - 1 */
	uint32_t free;
	uint32_t count;
};

int park_open(struct park *, uint32_t places);
void park_close(struct park *);

/* Takes the descriptor over.  false: no room; the descriptor stays the
 * caller's.  A tag that is there already is replaced. */
bool park_add(struct park *, uint64_t tag, uint32_t flags, int fd);

/* false: there is no such tag. */
bool park_drop(struct park *, uint64_t tag);

/* The first at place *at or behind it, and sets *at to it; NULL: none. */
const struct parked *park_from(const struct park *, uint32_t *at);

#endif

/* Parked sockets: places, chained by the hash of their tags. */
#include "supervisor/park.h"

#include "base/err.h"

#include <stdlib.h>
#include <unistd.h>

int
park_open(struct park *p, uint32_t places)
{
	uint32_t buckets = 1;

	while (buckets < places)
		buckets *= 2;
	p->list = calloc(places, sizeof(*p->list));
	p->bucket = calloc(buckets, sizeof(*p->bucket));
	if (p->list == NULL || p->bucket == NULL) {
		free(p->list);
		free(p->bucket);
		return err_set(ERR_MEMORY, "out of memory for connections");
	}
	p->size = places;
	p->mask = buckets - 1;
	p->free = p->count = 0;
	for (uint32_t i = 0; i < places; i++) {
		p->list[i].fd = -1;
		p->list[i].next = i + 1 < places ? i + 1 : PARK_END;
	}
	for (uint32_t i = 0; i < buckets; i++)
		p->bucket[i] = PARK_END;
	return 0;
}

void
park_close(struct park *p)
{
	for (uint32_t i = 0; i < p->size; i++)
		if (p->list[i].fd >= 0)
			close(p->list[i].fd);
	free(p->list);
	free(p->bucket);
	*p = (struct park){ 0 };
}

static uint32_t *
bucket_of(struct park *p, uint64_t tag)
{
	return &p->bucket[(tag * 0x9e3779b97f4a7c15u >> 32) & p->mask];
}

bool
park_drop(struct park *p, uint64_t tag)
{
	for (uint32_t *link = bucket_of(p, tag); *link != PARK_END;
	     link = &p->list[*link].next) {
		uint32_t i = *link;

		if (p->list[i].tag != tag)
			continue;
		*link = p->list[i].next;
		close(p->list[i].fd);
		p->list[i].fd = -1;
		p->list[i].next = p->free;
		p->free = i;
		p->count--;
		return true;
	}
	return false;
}

bool
park_add(struct park *p, uint64_t tag, uint32_t flags, int fd)
{
	uint32_t *first = bucket_of(p, tag);
	uint32_t i;

	(void)park_drop(p, tag);
	if ((i = p->free) == PARK_END)
		return false;
	p->free = p->list[i].next;
	p->list[i] = (struct parked){ tag, fd, flags, *first };
	*first = i;
	p->count++;
	return true;
}

const struct parked *
park_from(const struct park *p, uint32_t *at)
{
	for (; *at < p->size; ++*at)
		if (p->list[*at].fd >= 0)
			return &p->list[*at];
	return NULL;
}

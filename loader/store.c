/* Packed images in host memory: what the device had to give up comes back
 * without a disk.  The least recently used go when the budget is spent. */
#include "loader/ld.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/must.h"

int
store_open(struct store *s, uint32_t adapters, uint64_t most)
{
	*s = (struct store){ .head = LD_NOBODY,
		.tail = LD_NOBODY,
		.most = most };
	s->image = calloc(adapters + 1, sizeof(*s->image));
	if (s->image == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for a table of %u adapters", adapters);
	return 0;
}

void
store_close(struct store *s)
{
	if (s->image == NULL)
		return;
	for (uint32_t a = s->head; a != LD_NOBODY; a = s->image[a].next)
		free(s->image[a].bytes);
	free(s->image);
}

static void
unlink_image(struct store *s, uint32_t a)
{
	struct store_image *i = &s->image[a];

	if (i->prev == LD_NOBODY)
		s->head = i->next;
	else
		s->image[i->prev].next = i->next;
	if (i->next == LD_NOBODY)
		s->tail = i->prev;
	else
		s->image[i->next].prev = i->prev;
}

static void
to_front(struct store *s, uint32_t a)
{
	s->image[a].prev = LD_NOBODY;
	s->image[a].next = s->head;
	if (s->head == LD_NOBODY)
		s->tail = a;
	else
		s->image[s->head].prev = a;
	s->head = a;
}

/* A pinned one stays: whoever replaces it waits until its copy is over. */
void
store_drop(struct store *s, uint32_t a)
{
	struct store_image *i = &s->image[a];

	if (i->bytes == NULL || i->pins > 0)
		return;
	unlink_image(s, a);
	s->used -= i->n;
	s->count--;
	free(i->bytes);
	*i = (struct store_image){ .bytes = NULL };
}

/* Makes room for n bytes as far as others may go. */
static bool
make_room(struct store *s, uint64_t n)
{
	uint32_t a = s->tail;

	if (n > s->most)
		return false;
	while (s->used > s->most - n && a != LD_NOBODY) {
		uint32_t before = s->image[a].prev;

		store_drop(s, a);
		a = before;
	}
	return s->used <= s->most - n;
}

void
store_put(struct store *s, uint32_t a, void *bytes, uint64_t n,
    const unsigned char *digest)
{
	struct store_image *i = &s->image[a];

	store_drop(s, a);
	if (i->bytes != NULL || !make_room(s, n)) {
		free(bytes);
		return;
	}
	i->bytes = bytes;
	i->n = n;
	memcpy(i->digest, digest, sizeof(i->digest));
	s->used += n;
	s->count++;
	to_front(s, a);
}

const struct store_image *
store_pin(struct store *s, uint32_t a)
{
	if (s->image[a].bytes == NULL)
		return NULL;
	unlink_image(s, a);
	to_front(s, a);
	s->image[a].pins++;
	return &s->image[a];
}

void
store_unpin(struct store *s, uint32_t a)
{
	must(s->image[a].pins > 0);
	s->image[a].pins--;
}

bool
store_has(const struct store *s, uint32_t a)
{
	return s->image[a].bytes != NULL;
}

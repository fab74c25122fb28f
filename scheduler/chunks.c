/* Which chunk, place and block is free; owners change here and nowhere else.
 *
 * There is no allocation word.  A place is taken because a want names it, a
 * block because the grant of a live slot lists it; what follows from that is
 * kept here for speed and made again at each start. */
#include "scheduler/sch.h"

#include "base/must.h"

static uint32_t *
list_of(struct sch *h, uint32_t c)
{
	switch (h->chunk[c].owner) {
	case CHUNK_FREE:
		return h->chunk[c].bare ? &h->bare_chunk : &h->free_chunk;
	case CHUNK_KV:
		return &h->kv_room;
	default:
		return &h->class_room[h->chunk[c].class];
	}
}

static void
list(struct sch *h, uint32_t c)
{
	struct sch_chunk *k = &h->chunk[c];
	uint32_t *head = list_of(h, c);

	if (k->listed)
		return;
	k->listed = true;
	k->prev = NOBODY;
	k->next = *head;
	if (*head != NOBODY)
		h->chunk[*head].prev = c;
	*head = c;
}

static void
unlist(struct sch *h, uint32_t c)
{
	struct sch_chunk *k = &h->chunk[c];

	if (!k->listed)
		return;
	k->listed = false;
	if (k->prev == NOBODY)
		*list_of(h, c) = k->next;
	else
		h->chunk[k->prev].next = k->next;
	if (k->next != NOBODY)
		h->chunk[k->next].prev = k->prev;
}

/* Everything belongs to whom its word says, and nothing is used. */
void
chunks_format(struct sch *h)
{
	h->free_chunk = h->bare_chunk = h->kv_room = NOBODY;
	h->cool_head = h->cool_tail = NOBODY;
	for (uint32_t kind = 0; kind <= DIR_CLASS_MAX; kind++)
		h->class_room[kind] = NOBODY;
	for (uint32_t c = h->nchunks; c-- > 0;) {
		struct sch_chunk *k = &h->chunk[c];
		struct place_word w = word_load_place(&h->w.chunk[c]);

		*k = (struct sch_chunk){ .free_block = NOBODY,
			.prev = NOBODY,
			.next = NOBODY };
		k->owner = (uint8_t)w.state;
		k->class = (uint8_t)w.class;
		/* One that nobody has had has no memory yet. */
		k->bare = w.state == CHUNK_FREE && w.gen == 0;
		h->nbare += k->bare;
		if (w.state > CHUNK_RETURNING ||
		    (w.state == CHUNK_ADAPTER && w.class > DIR_CLASS_MAX))
			k->owner = CHUNK_BAD;
		h->nfree_chunks += k->owner == CHUNK_FREE;
		h->kv_chunks += k->owner == CHUNK_KV;
		h->adapter_chunks += k->owner == CHUNK_ADAPTER;
		if (k->owner == CHUNK_FREE)
			list(h, c);
		else if (k->owner == CHUNK_RETURNING &&
		    h->nreturning < RETURNING_MAX)
			h->returning_chunk[h->nreturning++] = c;
	}
}

static void
own(struct sch *h, uint32_t c, enum chunk_owner owner, uint32_t kind)
{
	struct place_word w = word_load_place(&h->w.chunk[c]);

	w.gen = word_next_gen(w.gen);
	w.state = owner;
	w.class = kind;
	w.place = 0;
	word_store_place(&h->w.chunk[c], w);
	h->chunk[c].owner = (uint8_t)owner;
	h->chunk[c].class = (uint8_t)kind;
}

/* A8: from nobody to somebody. */
void
chunks_take(struct sch *h, uint32_t c, enum chunk_owner owner, uint32_t kind)
{
	struct sch_chunk *k = &h->chunk[c];

	must(k->owner == CHUNK_FREE && k->used == 0);
	unlist(h, c);
	h->nfree_chunks--;
	h->nbare -= k->bare;
	k->bare = false;
	own(h, c, owner, kind);
	if (owner == CHUNK_ADAPTER) {
		h->adapter_chunks++;
		list(h, c);
		return;
	}
	h->kv_chunks++;
	k->free_block = NOBODY;
	for (uint32_t i = h->per_chunk; i-- > 0;) {
		h->block_next[c * h->per_chunk + i] = k->free_block;
		k->free_block = c * h->per_chunk + i;
	}
	h->nfree_blocks += h->per_chunk;
	list(h, c);
}

/* A8: back to nobody.  Whatever was behind a fence counts as used. */
void
chunks_empty(struct sch *h, uint32_t c)
{
	struct sch_chunk *k = &h->chunk[c];

	if (!h->settled || k->used > 0 ||
	    (k->owner != CHUNK_KV && k->owner != CHUNK_ADAPTER))
		return;
	unlist(h, c);
	if (k->owner == CHUNK_KV) {
		h->kv_chunks--;
		h->nfree_blocks -= h->per_chunk;
	} else {
		h->adapter_chunks--;
	}
	own(h, c, CHUNK_FREE, 0);
	k->free_block = NOBODY;
	h->nfree_chunks++;
	list(h, c);
}

uint32_t
chunks_soon(const struct sch *h)
{
	return h->nfree_chunks + h->leaving_chunks + h->nreturning;
}

void
chunks_returning(struct sch *h, uint32_t c)
{
	must(h->settled && h->chunk[c].owner == CHUNK_FREE);
	unlist(h, c);
	h->nfree_chunks--;
	own(h, c, CHUNK_RETURNING, 0);
}

void
chunks_returned(struct sch *h, uint32_t c)
{
	must(h->chunk[c].owner == CHUNK_RETURNING);
	own(h, c, CHUNK_FREE, 0);
	h->chunk[c].bare = true;
	h->nfree_chunks++;
	h->nbare++;
	list(h, c);
}

/* A free chunk for this owner, with memory if there is one; NOBODY: there is
 * none. */
uint32_t
chunks_pop(struct sch *h, enum chunk_owner owner, uint32_t kind)
{
	uint32_t c = h->free_chunk != NOBODY ? h->free_chunk : h->bare_chunk;

	if (!h->settled)
		c = NOBODY;
	if (c != NOBODY)
		chunks_take(h, c, owner, kind);
	return c;
}

/* Counts a place as taken; a whole chunk is its only place. */
void
chunks_place_mark(struct sch *h, uint32_t c, uint32_t sub)
{
	struct sch_chunk *k = &h->chunk[c];

	must((k->places[sub / 64] >> sub % 64 & 1) == 0);
	k->places[sub / 64] |= 1ull << sub % 64;
	if (k->used > 0 && k->staying == 0)
		h->leaving_chunks--;
	k->staying++;
	if (++k->used == 1u << k->class)
		unlist(h, c);
}

static uint32_t
first_free(const struct sch_chunk *k)
{
	for (uint32_t i = 0; i < 4; i++)
		if (~k->places[i] != 0)
			return 64 * i +
			    (uint32_t)__builtin_ctzll(~k->places[i]);
	return NOBODY;
}

bool
chunks_place(struct sch *h, uint32_t kind, uint32_t *place)
{
	uint32_t c = h->settled ? h->class_room[kind] : NOBODY, sub;

	if (c == NOBODY)
		c = chunks_pop(h, CHUNK_ADAPTER, kind);
	if (c == NOBODY)
		return false;
	sub = first_free(&h->chunk[c]);
	must(sub < 1u << kind);
	chunks_place_mark(h, c, sub);
	*place = c << 8 | sub;
	return true;
}

/* The adapter of one place is called out, the place not yet free. */
void
chunks_place_leaving(struct sch *h, uint32_t c)
{
	struct sch_chunk *k = &h->chunk[c];

	must(k->staying > 0);
	if (--k->staying == 0)
		h->leaving_chunks++;
}

void
chunks_place_back(struct sch *h, uint32_t c, uint32_t sub)
{
	struct sch_chunk *k = &h->chunk[c];

	must((k->places[sub / 64] >> sub % 64 & 1) != 0);
	k->places[sub / 64] &= ~(1ull << sub % 64);
	if (--k->used == 0) {
		h->leaving_chunks--;
		chunks_empty(h, c);
	} else {
		list(h, c);
	}
}

uint32_t
chunks_block(struct sch *h)
{
	struct sch_chunk *k;
	uint32_t c, block;

	if (!h->settled)
		return NOBODY;
	if (h->kv_room == NOBODY)
		(void)chunks_pop(h, CHUNK_KV, 0);
	if ((c = h->kv_room) == NOBODY)
		return NOBODY;
	k = &h->chunk[c];
	block = k->free_block;
	must(block != NOBODY);
	k->free_block = h->block_next[block];
	if (k->free_block == NOBODY)
		unlist(h, c);
	k->used++;
	h->nfree_blocks--;
	return block;
}

/* At a start: a live grant lists it.  Free lists are made afterwards. */
void
chunks_block_mark(struct sch *h, uint32_t block)
{
	h->block_next[block] = block; /* in no list can one follow itself */
	h->chunk[block / h->per_chunk].used++;
}

/* At a start: all that is taken has been marked. */
void
chunks_rebuilt(struct sch *h)
{
	for (uint32_t c = h->nchunks; c-- > 0;) {
		struct sch_chunk *k = &h->chunk[c];

		if (k->owner == CHUNK_ADAPTER && k->used < 1u << k->class)
			list(h, c);
		if (k->owner != CHUNK_KV)
			continue;
		for (uint32_t i = h->per_chunk; i-- > 0;) {
			uint32_t block = c * h->per_chunk + i;

			if (h->block_next[block] == block)
				continue;
			h->block_next[block] = k->free_block;
			k->free_block = block;
			h->nfree_blocks++;
		}
		if (k->free_block != NOBODY)
			list(h, c);
	}
}

/* The fence of the start has passed: what nobody uses is nobody's. */
void
chunks_settle(struct sch *h)
{
	h->settled = true;
	for (uint32_t c = 0; c < h->nchunks; c++)
		chunks_empty(h, c);
}

/* In the order in which they come their fences never fall. */
void
chunks_block_back(struct sch *h, uint32_t block, uint64_t fence)
{
	h->block_fence[block] = fence;
	h->block_next[block] = NOBODY;
	if (h->cool_tail == NOBODY)
		h->cool_head = block;
	else
		h->block_next[h->cool_tail] = block;
	h->cool_tail = block;
	h->ncooling++;
}

void
chunks_cool(struct sch *h)
{
	while (h->cool_head != NOBODY &&
	    h->block_fence[h->cool_head] <= h->completed) {
		uint32_t block = h->cool_head, c = block / h->per_chunk;
		struct sch_chunk *k = &h->chunk[c];

		h->cool_head = h->block_next[block];
		if (h->cool_head == NOBODY)
			h->cool_tail = NOBODY;
		h->ncooling--;
		h->block_next[block] = k->free_block;
		k->free_block = block;
		h->nfree_blocks++;
		k->used--;
		list(h, c);
		chunks_empty(h, c);
	}
}

/* Those that a grant would find now. */
uint64_t
chunks_blocks_free(const struct sch *h)
{
	if (!h->settled)
		return 0;
	return h->nfree_blocks + (uint64_t)h->nfree_chunks * h->per_chunk;
}

/*
 * snap_in.h -- what the files of this folder share; for them alone.
 */
#ifndef SNAP_SNAP_IN_H
#define SNAP_SNAP_IN_H

#include "snap/snap.h"

/* Text of another's segment: ended, and what is no printable UTF-8 is '?'. */
void snap_text(char *out, const char *from, size_t size);

/* Makes room for n entries of size each; ERR_MEMORY. */
int snap_room(void *array, uint32_t *room, uint32_t n, size_t each);

/* Each part, into s. */
void snap_meters(const struct segs *, struct snap *);
void snap_queues(const struct segs *, struct snap *);
void snap_memory(const struct segs *, struct snap *);
void snap_rings(const struct segs *, struct snap *);
void snap_processes(const struct segs *, struct snap *, bool measured);
int snap_adapters(const struct segs *, struct snap *);
int snap_requests(const struct segs *, struct snap *);
int snap_events(const struct segs *, struct snap *);
int snap_history(const struct segs *, struct snap *);
int snap_records(const struct segs *, struct snap *);

static inline uint64_t
snap_load(const _Atomic uint64_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

static inline uint32_t
snap_load32(const _Atomic uint32_t *v)
{
	return atomic_load_explicit(v, memory_order_relaxed);
}

/* A moment of this instance's life, or 0. */
static inline nsec
snap_ago(nsec then, nsec now)
{
	return then > 0 && then <= now ? now - then : 0;
}

#endif

/*
 * snap_in.h -- what the files of this folder share; for them alone.
 */
#ifndef SNAP_SNAP_IN_H
#define SNAP_SNAP_IN_H

#include "snap/snap.h"

#define SNAP_MOST ((int64_t)1 << 59) /* 18 years in ns; sums of a few fit */

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

/* Another's number, as one can be with which others reckon. */
static inline int64_t
snap_sane(int64_t v)
{
	return v > SNAP_MOST ? SNAP_MOST : v < -SNAP_MOST ? -SNAP_MOST : v;
}

/* Another's time, or time since. */
static inline nsec
snap_span(nsec t)
{
	return t < 0 ? 0 : snap_sane(t);
}

/* A moment, or a length of time, of the machine's life until now: who subtracts
 * one from another may rely on it. */
static inline nsec
snap_moment(nsec then, nsec now)
{
	return then < 0 ? 0 : then > now ? now : then;
}

/* Each part of a wait. */
static inline struct wait_split
snap_wait(struct wait_split w, nsec now)
{
	for (int i = 0; i < WHY_COUNT; i++)
		w.by_ns[i] = snap_moment(w.by_ns[i], now);
	w.loading_ns = snap_moment(w.loading_ns, now);
	w.disk_ns = snap_moment(w.disk_ns, now);
	w.host_ns = snap_moment(w.host_ns, now);
	w.copy_ns = snap_moment(w.copy_ns, now);
	return w;
}

/* A moment of this instance's life, or 0. */
static inline nsec
snap_ago(nsec then, nsec now)
{
	return then > 0 && then <= now ? now - then : 0;
}

#endif

/*
 * note.h -- how a note is written that may be read meanwhile.
 *
 * Each note has a number beside it: 0 while it is written, stored last.  A copy
 * of it is whole if the number was the wanted one before and after.  What is read
 * of a note that is being written is thrown away.
 *
 * Threads  One writer a note.
 * Waiting  Never; a writer takes no notice of readers.
 */
#ifndef SHM_NOTE_H
#define SHM_NOTE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

static inline void
note_open(_Atomic uint64_t *number)
{
	atomic_store_explicit(number, 0, memory_order_relaxed);
	/* N1 pairs with N3: who sees any of the note sees no old number. */
	atomic_thread_fence(memory_order_release);
}

static inline void
note_close(_Atomic uint64_t *number, uint64_t n)
{
	/* N2 pairs with N4: who sees the number sees the whole note. */
	atomic_store_explicit(number, n, memory_order_release);
}

/* Whether note n is there; then copy it. */
static inline bool
note_is(const _Atomic uint64_t *number, uint64_t n)
{
	/* N4 pairs with N2. */
	return n != 0 &&
	    atomic_load_explicit(number, memory_order_acquire) == n;
}

/* Whether what was copied is whole. */
static inline bool
note_was(const _Atomic uint64_t *number, uint64_t n)
{
	atomic_thread_fence(memory_order_acquire); /* N3 pairs with N1 */
	return atomic_load_explicit(number, memory_order_relaxed) == n;
}

/* Where a log counts its notes: the number of the next. */
static inline uint64_t
note_next(const _Atomic uint64_t *last)
{
	return atomic_load_explicit(last, memory_order_relaxed) + 1;
}

#endif

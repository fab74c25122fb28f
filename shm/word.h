/*
 * word.h -- the 64-bit words that carry the truth.
 *
 * Request words f, s and x:   generation:24 | state:4 | round:12 | low:24
 * Adapter words want, have:   generation:24 | state:4 | class:4  | place:32
 * Chunk words:                generation:24 | owner:4 | class:4  | count:32
 *
 * One word has one writer, and one store-release of it is the commit of what
 * lies beside it.  Generation and round are compared for equality only.
 */
#ifndef SHM_WORD_H
#define SHM_WORD_H

#include <stdatomic.h>
#include <stdint.h>

#define WORD_GEN_MASK 0xffffffu
#define WORD_ROUND_MASK 0xfffu
#define WORD_LOW_MASK 0xffffffu

enum f_state { F_FREE, F_SUB, F_CLOSED };
enum s_state { S_REL, S_PLACED, S_HELD, S_DENIED };
enum x_state { X_NONE, X_RUN, X_HELD, X_FIN };

struct word {
	uint32_t gen;	/* 24 bits */
	uint32_t state; /* 4 bits */
	uint32_t round; /* 12 bits */
	uint32_t low;	/* 24 bits */
};

struct place_word {
	uint32_t gen;
	uint32_t state; /* enum want_state, have_state, chunk_owner */
	uint32_t class; /* log2 of the places in a chunk; FAILED: the reason */
	uint32_t place; /* chunk << 8 | place in the chunk; chunk: its use */
};

static inline uint64_t
word_pack(struct word w)
{
	return (uint64_t)(w.gen & WORD_GEN_MASK) << 40 |
	    (uint64_t)(w.state & 15u) << 36 |
	    (uint64_t)(w.round & WORD_ROUND_MASK) << 24 |
	    (w.low & WORD_LOW_MASK);
}

static inline struct word
word_unpack(uint64_t v)
{
	return (struct word){ (uint32_t)(v >> 40), (uint32_t)(v >> 36) & 15u,
		(uint32_t)(v >> 24) & WORD_ROUND_MASK,
		(uint32_t)v & WORD_LOW_MASK };
}

static inline uint64_t
word_pack_place(struct place_word w)
{
	return (uint64_t)(w.gen & WORD_GEN_MASK) << 40 |
	    (uint64_t)(w.state & 15u) << 36 | (uint64_t)(w.class & 15u) << 32 |
	    w.place;
}

static inline struct place_word
word_unpack_place(uint64_t v)
{
	return (struct place_word){ (uint32_t)(v >> 40),
		(uint32_t)(v >> 36) & 15u, (uint32_t)(v >> 32) & 15u,
		(uint32_t)v };
}

static inline struct word
word_load(const _Atomic uint64_t *w)
{
	return word_unpack(atomic_load_explicit(w, memory_order_acquire));
}

static inline void
word_store(_Atomic uint64_t *w, struct word v)
{
	atomic_store_explicit(w, word_pack(v), memory_order_release);
}

static inline struct place_word
word_load_place(const _Atomic uint64_t *w)
{
	return word_unpack_place(atomic_load_explicit(w, memory_order_acquire));
}

static inline void
word_store_place(_Atomic uint64_t *w, struct place_word v)
{
	atomic_store_explicit(w, word_pack_place(v), memory_order_release);
}

static inline uint32_t
word_next_gen(uint32_t gen)
{
	return (gen + 1) & WORD_GEN_MASK;
}

static inline uint32_t
word_next_round(uint32_t round)
{
	return (round + 1) & WORD_ROUND_MASK;
}

#endif

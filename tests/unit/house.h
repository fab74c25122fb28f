/*
 * house.h -- segments in plain memory, for tests of the executor: the test plays
 * frontend, scheduler and loader.
 */
#ifndef TESTS_UNIT_HOUSE_H
#define TESTS_UNIT_HOUSE_H

#include "gpuexec/gx.h"

#define MODEL "tests/fixtures/hf/llama-gqa/model"
#define ADAPTER "tests/fixtures/hf/llama-gqa/adapters/r8"
#define SLOTS 8
#define CONTEXT 64
#define CHUNK 65536
#define CHUNKS 16

extern struct segs house_segs;
extern struct gx house_gx;
extern struct gpuexec_meters house_meters;
extern _Atomic uint64_t house_launched, house_completed;

void house_set_up(void);
void house_tear_down(void);

/* A life of the executor begins, with what the segments hold. */
void house_begin_life(uint32_t epoch);

/* f = SUB: a greedy request to the base model. */
void house_submit(uint32_t slot, int nprompt, int max_tokens);

/* b = count, of blocks of the slot's own that lie far apart. */
void house_grant(uint32_t slot, uint32_t count, uint32_t round);

/* Grants, and s = PLACED. */
void house_place(uint32_t slot, uint32_t blocks, uint32_t round,
    uint32_t epoch);

/* Changes the state of a word alone. */
void house_say(_Atomic uint64_t *words, uint32_t slot, uint32_t state);

struct word house_x_of(uint32_t slot);

/* The scheduler's end of its ring. */
void house_scheduler_end(struct ring_tx *);

/* n turns of the executor's loop. */
void house_turns(int n);

/* The first n tokens are those that the model gives alone. */
void house_same_as_alone(uint32_t slot, const char *adapter, int n);

/* Adapter 2 becomes resident under a generation, in chunks 10, 12 ... */
void house_load_adapter(uint32_t gen);

/* The same, but only so much of it has arrived: what lies in front of its layers,
 * and so many of them.  The other bytes are not there yet. */
void house_load_layers(uint32_t gen, int layers);

#endif

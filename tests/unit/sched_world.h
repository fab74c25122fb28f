/*
 * sched_world.h -- a whole engine around the scheduler, made of arrays.
 *
 * The words are plain memory; frontend, loader and gpuexec are a few functions
 * that obey the tables of docs/RECOVERY.md.  Nothing waits, time is a number.
 *
 * Memory   One static world at a time; world_open clears it.
 */
#ifndef TESTS_UNIT_SCHED_WORLD_H
#define TESTS_UNIT_SCHED_WORLD_H

#include "base/rng.h"
#include "scheduler/core.h"
#include "shm/word.h"

#define SLOTS 12
#define ADAPTERS 8
#define CHUNKS 6
#define PER_CHUNK 4
#define BLOCKS (CHUNKS * PER_CHUNK)
#define ROW 16 /* blocks of a slot */
#define DEPTH 16
#define LAYERS 3

struct step { /* launched, perhaps not over */
	uint32_t slot, gen, nblocks, block[ROW];
	int32_t adapter;
	uint32_t want_gen;
	struct place_word place; /* of the adapter that it reads */
};

struct world {
	struct sch *core;
	struct sch_world w;
	struct sch_rules rules;
	struct plan plan;
	struct rng rng;
	nsec now;

	_Atomic uint64_t f[SLOTS], s[SLOTS], b[SLOTS], x[SLOTS];
	struct slot_request request[SLOTS];
	struct slot_ticket ticket[SLOTS];
	uint32_t blocks[SLOTS * ROW];
	_Atomic uint64_t want[ADAPTERS], have[ADAPTERS], entry[ADAPTERS];
	_Atomic uint64_t layers[ADAPTERS]; /* of LAYERS */
	_Atomic uint64_t ask[ADAPTERS], chunk[CHUNKS], returned[CHUNKS];
	_Atomic uint32_t next[CHUNKS];
	struct dir_info info[ADAPTERS];
	struct scheduler_meters meters;
	struct sched_queue queues[SEG_QUEUES];
	struct adapter_meters uses[ADAPTERS];
	struct slot_wait waits[SLOTS];
	struct event_log events;
	_Atomic uint64_t launched, completed;
	_Atomic uint32_t epoch;

	uint32_t life; /* of gpuexec: the epoch it lives in */
	struct step step[2];
	int nsteps;
	bool fails[ADAPTERS]; /* its next load fails */
	bool copying[ADAPTERS];
	uint32_t lose_hints; /* percent */
	uint32_t submitted, ended, denied[DENIED_COUNT];
	uint32_t given_back;	 /* chunks */
	uint32_t followed;	 /* steps with an adapter that was loading */
	uint32_t stop_at[SLOTS]; /* tokens after which gpuexec ends it */
};

extern struct world world;

void world_open(uint64_t seed);
/* Fills world.rules: policies by name, all else by default; predicted is what
 * is allowed.  Takes effect at a restart, or by sch_rules_set. */
void world_rules(const char *admission, const char *eviction);
void world_close(void);
void world_restart(void);

/* frontend: an open request in a free slot; its number.  SLOTS: none free. */
uint32_t world_submit(int32_t adapter, int32_t nprompt, int32_t max_tokens);
void world_close_slot(uint32_t slot);
void world_frontend(uint32_t slot); /* closes what has ended */

void world_loader(uint32_t adapter); /* one move */
void world_loader_hint(uint32_t adapter);

void world_gpuexec(uint32_t slot); /* 4, 5 or 8 */
void world_device(void);	   /* the oldest step is over */
void world_gpuexec_dies(void);

void world_turn(void); /* the scheduler: step, sometimes tick */
void world_laws(void); /* what must hold after each store */
/* Everybody moves until nothing is open; false: not within n rounds. */
bool world_settle(int n);
/* n rounds in which all have a move each. */
void world_rounds(int n);

struct word world_s(uint32_t slot);
struct word world_x(uint32_t slot);

#endif

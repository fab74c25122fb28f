/*
 * sim_rig.h -- a small engine in virtual time, whose numbers are round.
 *
 * A prompt step takes 5 ms and 1 ms a token, a step of answers 10 ms and 1 ms
 * a row.  The pool is 10 chunks of 10 blocks of 10 tokens.  An adapter of rank
 * 8 fills a chunk; its load reads for 3 ms and has the link for 2 + 8 ms.
 *
 * Memory   Static: one rig at a time.
 */
#ifndef TESTS_UNIT_SIM_RIG_H
#define TESTS_UNIT_SIM_RIG_H

#include "sim/sim.h"

#define RIG_ASKS 4096
#define RIG_ADAPTERS 16
#define RIG_ACTS 16

extern struct sim_setup rig;
extern struct sim_result rig_result;
extern struct sim_ask rig_asks[RIG_ASKS];

void rig_open(void); /* no requests, RIG_ADAPTERS adapters of rank 8 */
void rig_close(void);
void rig_set(const char *key, const char *value); /* of the configuration */
void rig_cost(const char *term, double value);
void rig_rank(uint32_t adapter, int32_t rank);

/* One more request; adapter -1: the base model. */
void rig_ask(double at_ms, int32_t adapter, uint32_t prompt, uint32_t output);

/* What is done while it runs, in order of time; rules: for SIM_ACT_RULES. */
void rig_act(double at_ms, enum sim_act_kind, uint64_t which,
    const struct conf *rules);

/* n requests drawn from the seed, at_ms apart on average. */
void rig_draw(uint64_t seed, uint32_t n, double at_ms);

void rig_run(void); /* fails the test if the run does */

/* Milliseconds of request i. */
double rig_first(int i), rig_last(int i), rig_placed(int i);

#endif

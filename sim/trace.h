/*
 * trace.h -- recorded requests from a file: when, how long, of which adapter.
 *
 *	# adapter french rank=16 bytes=303104
 *	TIMESTAMP,ContextTokens,GeneratedTokens,Adapter
 *	2023-11-16 18:15:46.6805900,374,44,french
 *
 * Three columns with commas between, or four; a first line that begins with a
 * letter names them.  The time is a date with or without fraction and zone, or
 * seconds as a number.  Rows are in order of time; empty lines are skipped, and
 * so are those that begin with '#', but for those that name an adapter: they
 * stand above the first row.  A row whose fourth column is absent or empty is
 * of the base model.
 *
 * Memory   sim_trace_read allocates, sim_trace_free frees.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include "base/clock.h"
#include "sim/names.h"

#include <stdint.h>
#include <stdio.h>

#define SIM_TOKENS_MAX (1u << 24) /* of a prompt or an answer */

struct sim_row {
	nsec at;		 /* after the first row */
	uint32_t prompt, output; /* tokens, 1..SIM_TOKENS_MAX */
	int32_t adapter;	 /* in adapters; -1: the base model */
};

struct sim_trace {
	struct sim_row *rows;
	uint64_t n;		   /* at least 1 */
	struct sim_names adapters; /* n 0: the trace names none */
};

/* At most max rows; 0: all.  ERR_NOT_FOUND; ERR_FORMAT: "FILE:LINE: 'x': want
 * ..."; ERR_IO; ERR_MEMORY.  Nothing is left to free then. */
int sim_trace_read(struct sim_trace *, const char *path, uint64_t max);
void sim_trace_free(struct sim_trace *);

/* As sim_trace_read takes it; what went wrong stays with the file. */
void sim_trace_write(const struct sim_trace *, FILE *);

/* A length of a trace times scale: rounded, at least 1. */
uint32_t sim_scaled(uint32_t tokens, double scale);

#endif

/*
 * rows.h -- what `make bench-gpu` measures, a row each.
 */
#ifndef TESTS_GPU_BENCH_ROWS_H
#define TESTS_GPU_BENCH_ROWS_H

#include <stdio.h>

#include "tests/gpu/bench/world.h"

struct row {
	const char *name; /* as ROWS='single decode64' has it */
	const char *what;
	double bar;   /* the least value that passes; 0: none */
	bool at_most; /* the bar is the most */
	/* Fills in what follows. */
	void (*measure)(struct world *, struct row *);

	double value;	/* against the bar: a share, a ratio, seconds */
	char note[160]; /* what it was made of */
	bool skipped;
};

extern struct row step_rows[], copy_rows[], peft_rows[1];
extern const int nstep_rows, ncopy_rows;

/* Rates that floors are made of: always first. */
void measure_rates(struct world *);

/* Each kernel alone: prints its own table. */
void measure_kernels(struct world *, FILE *json);

#endif

/*
 * linear.h -- linear layers that share their input, with adapters.
 *
 *	y_p[r,:] (+)= W_p x[r,:] + bias_p	for p < products, all rows
 *	y_p[r,:]  += (x[r,:] A^T) B^T		for the rows of each use
 *
 * Base products and x A^T go into one loop of the pool, the rest into a second
 * one that is run only if there is a use: rows of the base model cost nothing.
 * An adapter's products take exactly its rank.
 *
 * Memory   Job lists are the caller's, sized once by cpu_linear_jobs.
 * Threads  One caller; the pool's threads inside.
 */
#ifndef GPUEXEC_CPU_LINEAR_H
#define GPUEXEC_CPU_LINEAR_H

#include "gpuexec/cpu/kernels.h"
#include "gpuexec/cpu/lora.h"
#include "gpuexec/cpu/matrix.h"
#include "gpuexec/cpu/pool.h"

#define CPU_PRODUCTS 3 /* layers that share an input: q, k, v */

struct cpu_product {
	const struct cpu_matrix *w;
	float *y;
	size_t ldy;
	bool add;
};

/* Rows [row, row + rows) whose adapter changes product p. */
struct cpu_use {
	struct cpu_lora lora;
	int product, row, rows;
};

/* One job of one use: ranks or columns [from, to), rows [row, row + rows). */
struct cpu_use_job {
	int use, from, to, row, rows;
};

struct cpu_linear {
	const struct cpu_kernels *kernels;
	struct pool *pool;
	const float *x;
	size_t ldx;
	int rows;
	struct cpu_product product[CPU_PRODUCTS];
	int products;
	const struct cpu_use *uses;
	int nuses;
	float *t; /* rows * cpu_linear_t_stride() */
	struct cpu_use_job *jobs;
	int njobs; /* filled by cpu_linear_run */
};

/* Floats between rows of t. */
size_t cpu_linear_t_stride(void);

/* Jobs that rows rows of at most so many uses can need, of layers with
 * cols_max outputs. */
size_t cpu_linear_jobs(int rows, int uses, int cols_max);

void cpu_linear_run(struct cpu_linear *);

/* Only the second half: t is given.  For embeddings. */
void cpu_linear_expand(struct cpu_linear *);

#endif

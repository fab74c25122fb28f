/* The large products: our kernels beside OpenBLAS and oneDNN, for one layer of
 * a 1.1B model at 1, 32 and 512 rows.
 *
 *	gemm [THREADS]
 *
 * The libraries are asked for when it runs; one that is not installed is
 * skipped.  Time is that of the processor, divided by the threads, so that
 * neighbours on the machine count less; the best of several rounds counts. */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/rng.h"
#include "gpuexec/cpu/linear.h"
#include "model/tensors.h"

#define OUT 5632
#define IN 2048
#define ROUNDS 7
#define COPIES 8 /* of the weights: more than the caches of most hold */

struct job {
	int rows, threads;
	float *x, *y, *w[COPIES];
	struct cpu_linear ours;
	struct cpu_matrix half[COPIES], full[COPIES];
	/* y (rows, out) = x (rows, in) w^T, w (out, in) */
	void (*cblas)(int, int, int, int, int, int, float, const float *, int,
	    const float *, int, float, float *, int);
	int (*dnnl)(char, char, long, long, long, float, const float *, long,
	    const float *, long, float, float *, long);
};

static void
with_half(struct job *j, int copy)
{
	j->ours.product[0].w = &j->half[copy];
	cpu_linear_run(&j->ours);
}

static void
with_full(struct job *j, int copy)
{
	j->ours.product[0].w = &j->full[copy];
	cpu_linear_run(&j->ours);
}

static void
with_openblas(struct job *j, int copy)
{
	j->cblas(101, 111, 112, j->rows, OUT, IN, 1, j->x, IN, j->w[copy], IN,
	    0, j->y, OUT);
}

static void
with_onednn(struct job *j, int copy)
{
	(void)j->dnnl('N', 'T', j->rows, OUT, IN, 1, j->x, IN, j->w[copy], IN,
	    0, j->y, OUT);
}

static void
measure(struct job *j, const char *name, double bytes,
    void (*run)(struct job *, int))
{
	double best = 1e9, flops = 2.0 * j->rows * OUT * IN;

	run(j, 0);
	for (int i = 0; i < ROUNDS; i++) {
		clock_t begin = clock();
		double took;

		for (int c = 0; c < COPIES; c++)
			run(j, c);
		took = (double)(clock() - begin) / CLOCKS_PER_SEC / j->threads /
		    COPIES;
		best = took < best ? took : best;
	}
	printf("  %-14s %8.3f ms  %7.1f GFLOP/s  %6.1f GB/s of weights\n", name,
	    best * 1e3, flops / best / 1e9, bytes / best / 1e9);
}

static void *
symbol(const char *library, const char *name)
{
	void *l = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *f = l == NULL ? NULL : dlsym(l, name);

	if (f == NULL)
		printf("skipped: %s is not installed\n", library);
	return f;
}

static void
find_libraries(struct job *j)
{
	char number[16];
	void *f;

	snprintf(number, sizeof(number), "%d", j->threads);
	setenv("OPENBLAS_NUM_THREADS", number, 1);
	setenv("OMP_NUM_THREADS", number, 1);
	f = symbol("libopenblas.so.0", "cblas_sgemm");
	memcpy(&j->cblas, &f, sizeof(f));
	f = symbol("libdnnl.so.2", "dnnl_sgemm");
	memcpy(&j->dnnl, &f, sizeof(f));
}

static void
pack(struct cpu_matrix *m, const float *w, bool half)
{
	uint16_t *narrow = malloc((size_t)CPU_PANEL * IN * 2);

	*m = (struct cpu_matrix){ .rows = OUT, .cols = IN, .half = half };
	m->panels = aligned_alloc(64, cpu_matrix_bytes(m));
	for (int i = 0; i < OUT / CPU_PANEL; i++) {
		const float *from = w + (size_t)i * CPU_PANEL * IN;

		for (int k = 0; k < CPU_PANEL * IN; k++)
			narrow[k] = tensor_bf16(from[k]);
		cpu_matrix_pack(m, i,
		    half ? (const void *)narrow : (const void *)from,
		    CPU_PANEL);
	}
	free(narrow);
}

static void
prepare(struct job *j, struct pool *pool)
{
	struct rng rng;

	rng_seed(&rng, 1);
	j->x = calloc(512 * cpu_stride(IN), sizeof(float));
	j->y = calloc(512 * cpu_stride(OUT), sizeof(float));
	for (size_t i = 0; i < 512 * cpu_stride(IN); i++)
		j->x[i] = (float)rng_unit(&rng);
	for (int c = 0; c < COPIES; c++) {
		j->w[c] = malloc((size_t)OUT * IN * sizeof(float));
		for (size_t i = 0; i < (size_t)OUT * IN; i++)
			j->w[c][i] = (float)rng_unit(&rng);
		pack(&j->half[c], j->w[c], true);
		pack(&j->full[c], j->w[c], false);
	}
	j->ours = (struct cpu_linear){ .kernels = cpu_kernels_pick(),
		.pool = pool,
		.x = j->x,
		.ldx = cpu_stride(IN),
		.products = 1 };
	j->ours.product[0] = (struct cpu_product){ .y = j->y,
		.ldy = cpu_stride(OUT) };
}

int
main(int argc, char **argv)
{
	static const int rows[] = { 1, 32, 512 };
	struct job j = { .threads = argc > 1 ? atoi(argv[1]) : pool_cores() };
	double full = (double)OUT * IN * 4;
	struct pool *pool;

	if (j.threads < 1 || pool_open(&pool, j.threads) != 0) {
		fprintf(stderr, "usage: gemm [THREADS]\n");
		return 1;
	}
	find_libraries(&j);
	prepare(&j, pool);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		j.rows = j.ours.rows = rows[i];
		printf("%d rows, %d -> %d, %d threads, %s\n", rows[i], IN, OUT,
		    j.threads, j.ours.kernels->name);
		measure(&j, "ours, bf16", full / 2, with_half);
		measure(&j, "ours, f32", full, with_full);
		if (j.cblas != NULL)
			measure(&j, "OpenBLAS f32", full, with_openblas);
		if (j.dnnl != NULL)
			measure(&j, "oneDNN f32", full, with_onednn);
	}
	pool_close(pool);
	return 0;
}

/*
 * world.h -- what the rows of `make bench-gpu` measure on.
 *
 * A model of random numbers in a pool that another process holds, as in the
 * engine; sequences with blocks of their own; adapters of any rank, their
 * numbers made where they lie.
 *
 * On the stand-in everything is small and the figures mean nothing: it shows
 * that the bench works.
 */
#ifndef TESTS_GPU_BENCH_WORLD_H
#define TESTS_GPU_BENCH_WORLD_H

#include "base/clock.h"
#include "device/device.h"
#include "gpuexec/cuda/forward_in.h"

struct world {
	bool small; /* on the stand-in */
	char card[64];
	int driver;
	char model[256]; /* directory with a configuration */
	struct shape shape;
	struct device_pool pool;
	struct device *device;
	struct forward *f;
	struct forward_options options;
	struct forward_cuda with;
	uint64_t weights_bytes; /* used in the region */
	uint64_t chunk;		/* the next one that is free */

	int seqs_max, adapters_max;
	void ***blocks;	       /* [seqs_max][blocks of the context] */
	struct image **images; /* [adapters_max] */
	int32_t *tokens;       /* [step tokens] */

	/* Measured first: what floors are made of. */
	double copy_rate; /* bytes/s, read and written counted */
	double link_rate; /* bytes/s, host to device, pinned */
	double blas_rate; /* operations/s, products of a prefill */
};

/* Before any CUDA call: it forks the holder. */
int world_open(struct world *, int argc, char **argv);
void world_close(struct world *);

/* Blocks for so many tokens of each of n sequences, filled with small numbers;
 * they stay. */
void world_context(struct world *, int n, int tokens);

/* An adapter of this rank on q, k, v and o of each layer, as image i. */
void world_adapter(struct world *, int i, int rank);
void world_drop_adapters(struct world *);

/* Microseconds of the median of `times` steps: n sequences at position
 * tokens - 1, sequence i with adapter of[i] (-1: none; NULL: nobody has one). */
double world_decode(struct world *, int n, int tokens, const int *of,
    int times);

/* Of a prompt of so many tokens in one step. */
double world_prefill(struct world *, int tokens, int times);

/* Microseconds of one of `times` calls queued on the stream, by events. */
double world_time(struct world *, int (*call)(struct world *), int times);

/* Fails the bench with the sentence of the last error. */
void world_must(int e, const char *doing);

/* fill.cu: n 16-bit numbers, about normal with this deviation, by seed. */
int bench_fill(cudaStream_t, void *, uint64_t n, float deviation,
    uint64_t seed);

#endif

/*
 * products.h -- matrix products of the base model, by cuBLASLt.
 *
 *	y[r,:] (+)= W x[r,:]	x (rows, in) dtype, W (out, in) dtype, y float
 *
 * The number of rows is rounded up to a bucket, so that an algorithm is chosen
 * once per (bucket, shape) and kept: the same shape gives the same bits.  What
 * the rows beyond hold does not matter, but they are memory.
 *
 * Memory   One workspace, taken at the start; algorithms are looked up at the
 *          first use of a bucket, or by cuda_products_prepare.
 * Threads  One stream, one caller.
 */
#ifndef GPUEXEC_CUDA_PRODUCTS_H
#define GPUEXEC_CUDA_PRODUCTS_H

#include <cublasLt.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/tensors.h"

struct cuda_products;

int cuda_products_open(struct cuda_products **, enum tensor_dtype,
    cudaStream_t);
void cuda_products_close(struct cuda_products *);

/* ldy: numbers between rows of y. */
struct cuda_product {
	const void *w, *x;
	float *y;
	int out, in;
	size_t ldy;
	bool add;
};
int cuda_product(struct cuda_products *, const struct cuda_product *,
    int bucket);

/* Looks up what a product will need, so that it may be captured. */
int cuda_products_prepare(struct cuda_products *, const struct cuda_product *,
    int bucket);

/* The least bucket that holds so many rows. */
int cuda_bucket(int rows);

#endif

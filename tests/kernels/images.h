/*
 * images.h -- images of adapters on the device, for the tests of kernels.
 *
 * Numbers are drawn, rounded to the image's kind, and laid where adapter_row
 * says; pages lie in disorder, with poison between them.
 */
#ifndef TESTS_KERNELS_IMAGES_H
#define TESTS_KERNELS_IMAGES_H

#include "gpuexec/cuda/step.h"
#include "model/shape.h"
#include "model/tensors.h"

#define IMAGES_LAYERS 2 /* of the model */

/* One module: A (rows, cols), B (rank, out); rank 0: not changed. */
struct images_module {
	int layer;
	enum shape_linear linear;
	int rank, rows, cols, out;
	float *a, *b; /* as the device has them; images_forget frees */
};

struct rng;

/* page_bytes 0: all in one page. */
struct cuda_adapter images_put(struct rng *, struct images_module *, int n,
    enum tensor_dtype, uint32_t page_bytes);
void images_forget(struct images_module *, int n);

/* Rounds n numbers to a dtype, in place. */
void images_round(enum tensor_dtype, float *v, size_t n);

#endif

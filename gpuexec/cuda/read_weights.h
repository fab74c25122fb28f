/*
 * read_weights.h -- from a model's files to the region of its weights.
 */
#ifndef GPUEXEC_CUDA_READ_WEIGHTS_H
#define GPUEXEC_CUDA_READ_WEIGHTS_H

#include "gpuexec/cuda/weights.h"

/* Every weight of the shape into its place; waits for the stream. */
int cuda_read_weights(const struct cuda_weights *, const struct shape *,
    const struct tensors *files, cudaStream_t);

/* Names the files as they are now, and how their numbers are held.  Never 0. */
uint64_t cuda_files_id(const struct tensors *, enum tensor_dtype);

/* One checksum of a region, made by a kernel; waits for the stream. */
int cuda_region_sum(uint64_t *sum, const void *region, uint64_t bytes,
    cudaStream_t);

#endif

/*
 * rig.h -- memory of the device for the tests of kernels.
 *
 * Whatever the tests take is poisoned with 0xff (NaN in every kind of number)
 * and given back by rig_end.
 */
#ifndef TESTS_KERNELS_RIG_H
#define TESTS_KERNELS_RIG_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuexec/cuda/kernels.h"

/* Before and after every test. */
void rig_begin(void);
void rig_end(void);

extern cudaStream_t rig_stream;

void *rig_new(size_t bytes);
void *rig_put(const void *from, size_t bytes);
void rig_write(void *device, const void *from, size_t bytes);
void rig_get(void *to, const void *device, size_t bytes);

/* Waits for the stream; what went wrong fails the test. */
void rig_wait(void);

/* Numbers of a dtype on the device from floats, and back.  rig_put_as rounds;
 * rounded, if not NULL, is what the device then has, as floats. */
void *rig_put_as(enum tensor_dtype, const float *from, size_t n,
    float *rounded);
void rig_get_as(enum tensor_dtype, float *to, const void *device, size_t n);

/* A step like this one, its arrays host memory (NULL: none), on the device.
 * blocks: addresses in `block`. */
const struct cuda_step *rig_step(const struct cuda_step *, size_t blocks);

/* n numbers, normally distributed; the caller frees. */
struct rng;
float *rig_noise(struct rng *, size_t n);

/* |have - want| <= share * (size + |want|), or the test fails. */
void rig_near(float have, float want, float size, float share,
    const char *what);

#endif

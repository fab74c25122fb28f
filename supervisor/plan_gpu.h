/*
 * plan_gpu.h -- the part of a plan that a GPU decides; plan.c's own.
 */
#ifndef SUPERVISOR_PLAN_GPU_H
#define SUPERVISOR_PLAN_GPU_H

#include "supervisor/plan.h"

/* Where it computes: backend, ordinal, name.  ERR_CONFIG: not where `device`
 * says. */
int plan_backend(struct plan *, const struct conf *, const struct plan_gpu *);

/* weight_dtype and kv_dtype.  ERR_CONFIG: not as `dtype` or `kv_dtype` says. */
int plan_dtypes(struct plan *, const struct conf *, enum tensor_dtype files);

/* Bytes left for chunks when weights, activations and reserve are there. */
uint64_t plan_gpu_room(const struct plan *, const struct conf *,
    const struct plan_gpu *);

/* ERR_CONFIG, with the sum: memory.device_bytes, or the chunks that are
 * needed, find no room. */
int plan_gpu_fits(const struct plan *, const struct conf *,
    uint64_t chunks_least, const struct plan_gpu *);

#endif

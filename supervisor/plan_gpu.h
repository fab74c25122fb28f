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

/* Bytes of gpuexec's activations, about: rows and logits rows rounded up to a
 * power of two, since graphs are captured for these.
 *   rows * (6 hidden + 8 q + 8 kv + 10 inter + 12 ADAPTER_RANK_MAX)
 *   + batch_max * ceil(context / 256) splits * heads * 4 (head_dim + 2)
 *   + 16 vocab * logits rows               logits, and the work of picking
 *   + batch_max * 16 context               tables of blocks, ids seen
 * where q and kv are heads and kv_heads times head_dim. */
uint64_t plan_gpu_work_bytes(const struct plan *, const struct shape *);

/* Bytes left for chunks when weights, activations and reserve are there. */
uint64_t plan_gpu_room(const struct plan *, const struct conf *,
    const struct plan_gpu *);

/* ERR_CONFIG, with the sum: memory.device_bytes, or the chunks that are
 * needed, find no room. */
int plan_gpu_fits(const struct plan *, const struct conf *,
    uint64_t chunks_least, const struct plan_gpu *);

#endif

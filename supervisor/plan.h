/*
 * plan.h -- how large everything will be, worked out before anything starts.
 *
 * From settings, model and machine to shm/plan.h.  What is set explicitly is
 * taken or refused, never bent; what is 0 or auto is chosen.
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "conf/conf.h"
#include "model/shape.h"
#include "model/tensors.h"
#include "shm/plan.h"

/* What of the machine decides. */
struct plan_machine {
	uint64_t memory_free; /* MemAvailable */
	uint64_t shared_free; /* of /dev/shm */
	uint32_t cores;	      /* that this process may use */
};

void plan_look(struct plan_machine *);

/* weights: how they are held, F32 or BF16.  ERR_CONFIG, with the setting to
 * change and the least it may be. */
int plan_make_on(struct plan *, const struct conf *, const struct shape *,
    enum tensor_dtype weights, const struct plan_machine *);

/* Likewise, on this machine. */
int plan_make(struct plan *, const struct conf *, const struct shape *,
    enum tensor_dtype weights);

/* How the weights are to be held: as `dtype` says; auto: as the files have
 * them, f16 as f32. */
int plan_weights(const struct conf *, enum tensor_dtype *);

/* Everything from the settings alone: reads the model's directory. */
int plan_for(struct plan *, const struct conf *, struct shape *);

/* Bytes of gpuexec's activations (plan.work_bytes), in floats:
 *   step_tokens * (4 hidden + 2 (heads + 2 kv_heads) head_dim + 3 inter)
 *   + batch_max * vocab                    logits
 *   + threads * (context + 4 head_dim)     scores of one query */
uint64_t plan_work_bytes(const struct plan *, const struct shape *);

#endif

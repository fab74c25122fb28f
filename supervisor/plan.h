/*
 * plan.h -- how large everything will be, worked out before anything starts.
 *
 * From settings, model and machine to shm/plan.h.  What is set explicitly is
 * taken or refused, never bent; what is 0 or auto is chosen.
 *
 * A GPU is used if `device` says so, or if it is auto, one is there, and nothing
 * else that is set needs the cpu.  Its memory is one pool that the holder
 * takes whole at the start:
 *
 *	[ weights | chunk | chunk | ... ] [ activations ] [ reserve ]
 *	  the plan's upper bound           of gpuexec       left alone
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "conf/conf.h"
#include "model/shape.h"
#include "model/tensors.h"
#include "shm/plan.h"

#define PLAN_WHY_MAX 256

/* A GPU, as the probe has found it (probe.h). */
struct plan_gpu {
	bool there;
	char why_not[PLAN_WHY_MAX]; /* if it is not, a sentence */
	char name[PLAN_DEVICE_NAME];
	char capability[16], driver[32];
	uint64_t total, free; /* bytes of its memory */
};

/* What of the machine, and of the model's files, decides. */
struct plan_machine {
	uint64_t memory_free;	 /* MemAvailable */
	uint64_t shared_free;	 /* of /dev/shm */
	uint32_t cores;		 /* that this process may use */
	struct plan_gpu gpu;	 /* the one that `device` means */
	enum tensor_dtype files; /* of most numbers; counts if dtype is auto */
};

/* Memory and cores. */
void plan_look(struct plan_machine *);

/* ERR_CONFIG, with the setting to change and the least it may be, or how much
 * there is. */
int plan_make_on(struct plan *, const struct conf *, const struct shape *,
    const struct plan_machine *);

/* Everything from the settings alone: reads the model's directory, looks at
 * the machine, and asks for the GPU if one may be used. */
int plan_for(struct plan *, const struct conf *, struct shape *,
    struct plan_machine *);

/* Logs where it computes, and why not elsewhere; and if the weights are not
 * held as the files have them. */
void plan_log(const struct plan *, const struct conf *,
    const struct plan_machine *);

/* Bytes of gpuexec's activations on the cpu (plan.work_bytes), in floats:
 *   step_tokens * (4 hidden + 2 (heads + 2 kv_heads) head_dim + 3 inter)
 *   + batch_max * vocab                    logits
 *   + threads * (context + 4 head_dim)     scores of one query */
uint64_t plan_work_bytes(const struct plan *, const struct shape *);

#endif

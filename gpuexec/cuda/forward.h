/*
 * forward.h -- the forward pass on a GPU.
 *
 * What gpuexec/forward.h promises, by our kernels and cuBLASLt.  Weights lie in
 * the front of the device pool and outlive the process; KV blocks and adapters
 * are device addresses in it.  Everything else is taken once, at the start.
 *
 * Steps without prompts are launched as one graph, captured at the start for
 * each bucket of rows, with and without adapters; which adapters are active is
 * data, not part of the graph.
 *
 * An error of the device ends the process (device/cuda_check.h).
 */
#ifndef GPUEXEC_CUDA_FORWARD_H
#define GPUEXEC_CUDA_FORWARD_H

#include "base/clock.h"
#include "gpuexec/cuda/weights.h"
#include "gpuexec/forward.h"

struct forward_cuda {
	void *region;		   /* of the weights, on the device */
	uint64_t room;		   /* bytes of it */
	struct weights_mark *mark; /* what a former life left; NULL: nothing */
	uint64_t pool;		   /* its number, for the mark */
	uint64_t kv_tokens;	   /* that the pool can hold at the most */
	int adapters;		   /* images of a step: numbers below that */
	int pages;		   /* of an image, at the most */
	uint64_t page_bytes;	   /* of those */
	bool graphs;
};

/* blank: only the configuration of model_dir is read; weights are the numbers
 * that the region holds, for benchmarks.  ERR_* as cuda_weights_open. */
int forward_open_cuda(struct forward **, const char *model_dir,
    const struct forward_options *, const struct forward_cuda *, bool blank);

/* How it came up, for the log. */
struct forward_cuda_told {
	bool attached; /* the weights were there */
	int graphs;    /* captured */
	nsec weights_ns, graphs_ns;
	uint64_t work_bytes; /* on the device, beside weights and pool */
};
struct forward_cuda_told forward_cuda_told(struct forward *);

/* Device bytes that forward_open_cuda takes beside the pool. */
uint64_t forward_cuda_bytes(const struct shape *,
    const struct forward_options *, const struct forward_cuda *);

#endif

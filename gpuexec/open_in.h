/*
 * open_in.h -- opening the model on a GPU; for the files of open*.c alone.
 */
#ifndef GPUEXEC_OPEN_IN_H
#define GPUEXEC_OPEN_IN_H

#include "gpuexec/open.h"

/* The forward pass on the GPU of the plan, its weights in the pool of that
 * number.  ERR_UNSUPPORTED: a build without CUDA. */
int gx_open_cuda(struct gx *, struct proc *, const struct forward_options *,
    uint64_t pool);

#endif

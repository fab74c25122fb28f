/* A build without CUDA. */
#include "gpuexec/open_in.h"

#include "base/err.h"

int
gx_open_cuda(struct gx *g, struct proc *p, const struct forward_options *o,
    uint64_t pool)
{
	(void)g;
	(void)p;
	(void)o;
	(void)pool;
	return err_set(ERR_UNSUPPORTED,
	    "device: cuda: this build has no CUDA backend (make CUDA=1)");
}

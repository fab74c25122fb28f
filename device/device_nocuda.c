/* A build without CUDA. */
#include "device/device_in.h"

#include "base/err.h"

int
device_open_cuda(struct device **out, const struct device_pool *p)
{
	(void)p;
	*out = 0;
	return err_set(ERR_UNSUPPORTED,
	    "device: cuda: this build has no CUDA backend (make CUDA=1)");
}

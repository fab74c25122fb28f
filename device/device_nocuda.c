/* A build without CUDA. */
#include "device/device_in.h"

#include "base/err.h"

void
device_on_loss(void (*say)(const char *sentence))
{
	(void)say;
}

int
device_open_cuda(struct device **out, const struct device_pool *p)
{
	(void)p;
	*out = 0;
	return err_set(ERR_UNSUPPORTED,
	    "device: cuda: this build has no CUDA backend (make CUDA=1)");
}

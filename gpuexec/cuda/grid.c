/* What launches take from the device: how large a grid is worth, no more blocks
 * than there are items, and no more than a few at a time on each multiprocessor,
 * the rest is done in a loop; and whether a kernel may begin early. */
#include "gpuexec/cuda/kernels.h"

#define SOME 132 /* multiprocessors, where nobody knows: an H100's */
#define EARLY 9	 /* compute capability from which on kernels begin early */

/* A fact of the device, or what to take where nobody knows. */
static int
ask(enum cudaDeviceAttr what, int otherwise)
{
	int device = 0, n = 0;

	if (cudaGetDevice(&device) != cudaSuccess ||
	    cudaDeviceGetAttribute(&n, what, device) != cudaSuccess || n < 1)
		return otherwise;
	return n;
}

bool
cuda_begins_early(void)
{
	static int major; /* whoever asks twice reads it */

	if (major == 0)
		major = ask(cudaDevAttrComputeCapabilityMajor, 1);
	return major >= EARLY;
}

int
cuda_grid(int items, int each)
{
	static int multiprocessors;
	int n;

	if (multiprocessors == 0)
		multiprocessors = ask(cudaDevAttrMultiProcessorCount, SOME);
	n = multiprocessors;
	if (items < 1)
		return 1;
	return items < n * each ? items : n * each;
}

/* What launches take from the device: what it is, and how large a grid is worth, no
 * more blocks than there are items, and no more than a few at a time on each
 * multiprocessor; the rest is done in a loop. */
#include "gpuexec/cuda/kernels.h"

#define SOME 132 /* multiprocessors, where nobody knows: an H100's */

int
cuda_grid(int items, int each)
{
	static int multiprocessors; /* a fact: whoever asks twice reads it */
	int device = 0, n = multiprocessors;

	if (n == 0) {
		if (cudaGetDevice(&device) != cudaSuccess ||
		    cudaDeviceGetAttribute(&n, cudaDevAttrMultiProcessorCount,
			device) != cudaSuccess ||
		    n < 1)
			n = SOME;
		multiprocessors = n;
	}
	if (items < 1)
		return 1;
	return items < n * each ? items : n * each;
}

int
cuda_capability(void)
{
	static int capability;
	int device = 0, major = 0, minor = 0;

	if (capability == 0 && cudaGetDevice(&device) == cudaSuccess &&
	    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor,
		device) == cudaSuccess &&
	    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor,
		device) == cudaSuccess)
		capability = 10 * major + minor;
	return capability;
}

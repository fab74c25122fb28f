/* Launches: checked as the real ones are, then block by block. */
#include "sim.h"

#include <map>

#define THREADS_MAX 1024u
#define SHARED_MAX ((size_t)227 << 10)
#define SHARED_ALWAYS ((size_t)48 << 10) /* more must be asked for */

static std::map<const void *, size_t> allowed; /* dynamic shared memory */

cudaError_t
cudasim_func_attribute(const void *kernel, cudaFuncAttribute what, int value)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaFuncSetAttribute");

	if (e != cudaSuccess ||
	    what != cudaFuncAttributeMaxDynamicSharedMemorySize)
		return sim_error(e);
	if (value < 0 || (size_t)value > SHARED_MAX)
		return sim_error(cudaErrorInvalidValue);
	allowed[kernel] = (size_t)value;
	return cudaSuccess;
}

static bool
legal(dim3 grid, dim3 block, size_t shared, const void *kernel)
{
	size_t threads = (size_t)block.x * block.y * block.z;

	return grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.y <= 65535 &&
	    grid.z <= 65535 && grid.x <= 0x7fffffff && threads > 0 &&
	    threads <= THREADS_MAX && block.z <= 64 &&
	    (shared <= SHARED_ALWAYS || shared <= allowed[kernel]);
}

static void
run(const char *name, dim3 grid, dim3 block, size_t shared,
    const std::function<void()> &kernel)
{
	for (unsigned z = 0; z < grid.z; z++)
		for (unsigned y = 0; y < grid.y; y++)
			for (unsigned x = 0; x < grid.x; x++)
				sim_block(name, grid, block, { x, y, z },
				    shared, kernel);
}

void
cudasim_launch(const char *name, dim3 grid, dim3 block, size_t shared,
    cudaStream_t stream, const void *identity, std::function<void()> kernel)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaLaunchKernel");

	if (e == cudaSuccess && !legal(grid, block, shared, identity))
		e = cudaErrorInvalidConfiguration;
	if (e != cudaSuccess) {
		(void)sim_error(e);
		return;
	}
	sim_queue(stream, [=] {
		if (sim_launch_allowed(name))
			run(name, grid, block, shared, kernel);
	});
}

/*
 * launch.h -- what every kernel file begins with; for *.cu alone.
 *
 *	LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...);
 *	return cuda_launched("rmsnorm");
 *
 * LAUNCH_EARLY does not wait for the end of the kernel before it: blocks begin as
 * soon as all of that one's have called let_next_begin(), or have ended (sm_90;
 * elsewhere it is LAUNCH).  Every thread of such a kernel calls
 * wait_for_earlier() before it reads what a kernel of the step writes, and before
 * it writes anything; none ends without: its end is taken for the end of all that
 * was queued before.  What may be read first is what the step was given, adapters
 * and weights.
 *
 * A template's name with commas stands in brackets: LAUNCH((k<T, 4>), ...).
 * Memory whose size the launch gives: SHARED_DYNAMIC(float, name);
 *
 * A compiler that knows no <<< >>> defines all of these in its cuda_runtime.h.
 */
#ifndef GPUEXEC_CUDA_LAUNCH_H
#define GPUEXEC_CUDA_LAUNCH_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "device/cuda_check.h"
#include "gpuexec/cuda/kernels.h"

#ifndef LAUNCH
#define LAUNCH(kernel, grid, block, shared, stream, ...)                       \
	(kernel)<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__)
#define LAUNCH_EARLY(kernel, grid, block, shared, stream, ...)                 \
	launch_early((kernel), (grid), (block), (shared), (stream), __VA_ARGS__)

/* Whether the code that runs has the wait below in it: an older GPU has none, nor
 * code for an older one that the driver has made fit. */
static inline bool
knows_how_to_wait(void)
{
	static const int made_for[] = { __CUDA_ARCH_LIST__ };

	for (int arch : made_for)
		if (arch >= 900 && arch <= cuda_capability() * 10)
			return true;
	return false;
}

/* What goes wrong is told by cuda_launched. */
template <typename... P, typename... A>
static inline void
launch_early(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
    cudaStream_t stream, A... arguments)
{
	cudaLaunchAttribute early = {};
	cudaLaunchConfig_t how = {};

	early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
	early.val.programmaticStreamSerializationAllowed = 1;
	how.gridDim = grid;
	how.blockDim = block;
	how.dynamicSmemBytes = shared;
	how.stream = stream;
	how.attrs = &early;
	how.numAttrs = knows_how_to_wait() ? 1 : 0;
	(void)cudaLaunchKernelEx(&how, kernel, (P)arguments...);
}
#define SHARED_DYNAMIC(type, name)                                             \
	extern __shared__ __align__(16) unsigned char cuda_dynamic[];          \
	type *name = reinterpret_cast<type *>(cuda_dynamic)

static __device__ __forceinline__ void
wait_for_earlier(void)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
	cudaGridDependencySynchronize();
#endif
}

static __device__ __forceinline__ void
let_next_begin(void)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
	cudaTriggerProgrammaticLaunchCompletion();
#endif
}
#endif

#endif

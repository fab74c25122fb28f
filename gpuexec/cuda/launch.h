/*
 * launch.h -- what every kernel file begins with; for *.cu alone.
 *
 *	LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...);
 *	return cuda_launched("rmsnorm");
 *
 * A template's name with commas stands in brackets: LAUNCH((k<T, 4>), ...).
 * Memory whose size the launch gives: SHARED_DYNAMIC(float, name);
 *
 * A compiler that knows no <<< >>> defines LAUNCH and SHARED_DYNAMIC in its
 * cuda_runtime.h.
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
#define SHARED_DYNAMIC(type, name)                                             \
	extern __shared__ __align__(16) unsigned char cuda_dynamic[];          \
	type *name = reinterpret_cast<type *>(cuda_dynamic)
#endif

#endif

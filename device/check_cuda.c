/* CUDA's errors become ours; one that is for good ends the process. */
#include "device/cuda_check.h"

#include "base/err.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static void
to_stderr(const char *sentence)
{
	fprintf(stderr, "%s\n", sentence);
}

static void (*last_words)(const char *) = to_stderr;

void
cuda_set_last_words(void (*say)(const char *sentence))
{
	last_words = say;
}

bool
cuda_is_sticky(cudaError_t e)
{
	switch (e) {
	case cudaErrorIllegalAddress:
	case cudaErrorMisalignedAddress:
	case cudaErrorIllegalInstruction:
	case cudaErrorInvalidAddressSpace:
	case cudaErrorInvalidPc:
	case cudaErrorLaunchFailure:
	case cudaErrorLaunchTimeout:
	case cudaErrorHardwareStackError:
	case cudaErrorAssert:
	case cudaErrorECCUncorrectable:
#if CUDART_VERSION >= 13000
	case cudaErrorContained:
#endif
	case cudaErrorNvlinkUncorrectable:
	case cudaErrorDevicesUnavailable:
	case cudaErrorUnknown:
		return true;
	default:
		return false;
	}
}

void
cuda_last_words(void)
{
	last_words(err_text());
	_exit(err_status(ERR_DEVICE));
}

int
cuda_check(cudaError_t e, const char *doing)
{
	if (e == cudaSuccess)
		return 0;
	(void)err_set(e == cudaErrorMemoryAllocation ? ERR_MEMORY : ERR_DEVICE,
	    "%s: %s (%s)", doing, cudaGetErrorString(e), cudaGetErrorName(e));
	if (cuda_is_sticky(e))
		cuda_last_words();
	(void)cudaGetLastError(); /* told once */
	return err_code();
}

int
cuda_launched(const char *kernel)
{
	char doing[64];

	snprintf(doing, sizeof(doing), "kernel %.40s", kernel);
	return cuda_check(cudaGetLastError(), doing);
}

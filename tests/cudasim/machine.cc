/* Devices, errors, and faults on demand. */
#include "sim.h"

#include <cstdarg>
#include <cstdlib>
#include <map>
#include <unistd.h>

std::recursive_mutex sim_lock;
static int depth; /* of calls in calls */

static thread_local cudaError_t last = cudaSuccess;
static cudaError_t broken = cudaSuccess; /* for good */
static pid_t owner;			 /* of the first call */
static std::map<std::string, long> calls;
static long launches;
static uint64_t state;

sim_call::sim_call()
{
	sim_lock.lock();
	depth++;
}

sim_call::~sim_call()
{
	if (--depth == 0)
		sim_close_memory();
	sim_lock.unlock();
}

long
sim_setting(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text == nullptr || *text == '\0' ? otherwise : atol(text);
}

unsigned
sim_random(unsigned n)
{
	if (state == 0)
		state = (uint64_t)sim_setting("CUDASIM_SEED", 1) * 2654435761u +
		    88172645463325252u;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 11) % n);
}

cudaError_t
sim_error(cudaError_t e)
{
	if (e != cudaSuccess && e != cudaErrorNotReady)
		last = e;
	return e;
}

void
sim_break(cudaError_t e, const char *fmt, ...)
{
	va_list ap;

	if (broken == cudaSuccess)
		broken = e;
	fputs("cudasim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* CUDASIM_FAIL=function:nth:error, the third 999 if left out. */
static cudaError_t
asked_for(const char *function)
{
	const char *text = getenv("CUDASIM_FAIL"), *nth;
	size_t n;

	if (text == nullptr || (nth = strchr(text, ':')) == nullptr)
		return cudaSuccess;
	n = (size_t)(nth - text);
	if (strncmp(text, function, n) != 0 || function[n] != '\0' ||
	    ++calls[function] != atol(nth + 1))
		return cudaSuccess;
	nth = strchr(nth + 1, ':');
	return nth == nullptr ? cudaErrorUnknown : (cudaError_t)atol(nth + 1);
}

static bool
no_driver(void)
{
	const char *driver = getenv("CUDASIM_DRIVER");

	return driver != nullptr && strcmp(driver, "none") == 0;
}

cudaError_t
sim_enter(const char *function)
{
	cudaError_t e;

	if (owner == 0)
		owner = getpid();
	if (owner != getpid()) {
		fprintf(stderr, "cudasim: %s after a fork\n", function);
		return cudaErrorInitializationError;
	}
	if (broken != cudaSuccess)
		return broken;
	if (no_driver() || sim_setting("CUDASIM_DRIVER", 13000) < 13000)
		return cudaErrorInsufficientDriver;
	if (sim_setting("CUDASIM_DEVICES", 1) == 0)
		return cudaErrorNoDevice;
	if ((e = asked_for(function)) != cudaSuccess)
		return e;
	return cudaSuccess;
}

/* CUDASIM_STICKY=n: from the n-th launch on nothing works, as after an illegal
 * address. */
bool
sim_launch_allowed(const char *kernel)
{
	long from = sim_setting("CUDASIM_STICKY", 0);

	if (broken != cudaSuccess)
		return false;
	if (from == 0 || ++launches < from)
		return true;
	sim_break((cudaError_t)sim_setting("CUDASIM_STICKY_ERROR",
		      cudaErrorIllegalAddress),
	    "kernel %s fails, as was asked", kernel);
	return false;
}

extern "C" {

cudaError_t
cudaGetLastError(void)
{
	SIM_LOCKED;
	cudaError_t e = broken != cudaSuccess ? broken : last;

	last = cudaSuccess;
	return e;
}

cudaError_t
cudaPeekAtLastError(void)
{
	return broken != cudaSuccess ? broken : last;
}

#define ERRORS                                                                 \
	E(cudaSuccess, "no error")                                             \
	E(cudaErrorInvalidValue, "invalid argument")                           \
	E(cudaErrorMemoryAllocation, "out of memory")                          \
	E(cudaErrorInitializationError, "initialization error")                \
	E(cudaErrorInvalidConfiguration, "invalid configuration argument")     \
	E(cudaErrorInvalidMemcpyDirection, "invalid copy direction")           \
	E(cudaErrorInsufficientDriver, "CUDA driver version is insufficient")  \
	E(cudaErrorDevicesUnavailable, "devices are busy or unavailable")      \
	E(cudaErrorNoDevice, "no CUDA-capable device is detected")             \
	E(cudaErrorInvalidDevice, "invalid device ordinal")                    \
	E(cudaErrorDeviceUninitialized, "invalid device context")              \
	E(cudaErrorMapBufferObjectFailed, "mapping of buffer object failed")   \
	E(cudaErrorECCUncorrectable, "uncorrectable ECC error encountered")    \
	E(cudaErrorOperatingSystem, "OS call failed")                          \
	E(cudaErrorInvalidResourceHandle, "invalid resource handle")           \
	E(cudaErrorNotReady, "device not ready")                               \
	E(cudaErrorIllegalAddress, "an illegal memory access was encountered") \
	E(cudaErrorLaunchTimeout, "the launch timed out and was terminated")   \
	E(cudaErrorHostMemoryAlreadyRegistered,                                \
	    "memory is registered already")                                    \
	E(cudaErrorHostMemoryNotRegistered, "memory is not registered")        \
	E(cudaErrorLaunchFailure, "unspecified launch failure")                \
	E(cudaErrorNotPermitted, "operation not permitted")                    \
	E(cudaErrorNotSupported, "operation not supported")                    \
	E(cudaErrorStreamCaptureUnsupported, "not permitted in a capture")     \
	E(cudaErrorStreamCaptureInvalidated, "the capture is invalid")         \
	E(cudaErrorUnknown, "unknown error")

const char *
cudaGetErrorString(cudaError_t e)
{
	switch (e) {
#define E(name, text)                                                          \
	case name:                                                             \
		return text;
		ERRORS
#undef E
	default:
		return "an error without a name here";
	}
}

const char *
cudaGetErrorName(cudaError_t e)
{
	switch (e) {
#define E(name, text)                                                          \
	case name:                                                             \
		return #name;
		ERRORS
#undef E
	default:
		return "cudaErrorOther";
	}
}

/* ---- devices ---------------------------------------------------------- */

cudaError_t
cudaGetDeviceCount(int *n)
{
	SIM_LOCKED;
	cudaError_t e = sim_enter("cudaGetDeviceCount");

	*n = e == cudaSuccess ? (int)sim_setting("CUDASIM_DEVICES", 1) : 0;
	return sim_error(e);
}

static thread_local int current;

static cudaError_t
known(const char *function, int device)
{
	cudaError_t e = sim_enter(function);

	if (e == cudaSuccess &&
	    (device < 0 || device >= sim_setting("CUDASIM_DEVICES", 1)))
		e = cudaErrorInvalidDevice;
	return sim_error(e);
}

cudaError_t
cudaSetDevice(int device)
{
	SIM_LOCKED;
	cudaError_t e = known("cudaSetDevice", device);

	if (e == cudaSuccess)
		current = device;
	return e;
}

cudaError_t
cudaInitDevice(int device, unsigned, unsigned)
{
	return cudaSetDevice(device);
}

cudaError_t
cudaGetDevice(int *device)
{
	*device = current;
	return cudaSuccess;
}

cudaError_t
cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
	SIM_LOCKED;
	cudaError_t e = known("cudaGetDeviceProperties", device);
	size_t left;

	if (e != cudaSuccess)
		return e;
	memset(p, 0, sizeof(*p));
	strcpy(p->name, "stand-in for a GPU");
	p->major = (int)sim_setting("CUDASIM_CAPABILITY", 9);
	p->multiProcessorCount = 1;
	return cudaMemGetInfo(&left, &p->totalGlobalMem);
}

cudaError_t
cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what, int device)
{
	SIM_LOCKED;
	cudaError_t e = known("cudaDeviceGetAttribute", device);

	if (e != cudaSuccess)
		return e;
	switch (what) {
	case cudaDevAttrMaxThreadsPerBlock:
		*value = 1024;
		break;
	case cudaDevAttrMaxSharedMemoryPerBlock:
		*value = 48 << 10;
		break;
	case cudaDevAttrMaxSharedMemoryPerBlockOptin:
		*value = 227 << 10;
		break;
	case cudaDevAttrMultiProcessorCount:
		*value = 1; /* few blocks, which take item after item */
		break;
	case cudaDevAttrComputeCapabilityMajor:
		*value = (int)sim_setting("CUDASIM_CAPABILITY", 9);
		break;
	case cudaDevAttrIpcEventSupport:
		*value = (int)sim_setting("CUDASIM_IPC", 1);
		break;
	case cudaDevAttrComputeMode:
		*value = (int)sim_setting("CUDASIM_COMPUTE_MODE", 0);
		break;
	default:
		*value = 0;
	}
	return cudaSuccess;
}

cudaError_t
cudaDeviceGetPCIBusId(char *to, int n, int device)
{
	SIM_LOCKED;
	cudaError_t e = known("cudaDeviceGetPCIBusId", device);

	if (e == cudaSuccess)
		snprintf(to, (size_t)n, "0000:%02x:00.0", device);
	return e;
}

cudaError_t
cudaDriverGetVersion(int *v)
{
	*v = no_driver() ? 0 : (int)sim_setting("CUDASIM_DRIVER", 13000);
	return cudaSuccess;
}

cudaError_t
cudaRuntimeGetVersion(int *v)
{
	*v = CUDART_VERSION;
	return cudaSuccess;
}

} /* extern "C" */

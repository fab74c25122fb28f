/* The holder's part: is there a GPU that we can use, and its pool. */
#include "device/pool_cuda.h"

#include "base/err.h"
#include "base/units.h"
#include "device/cuda_check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static_assert(sizeof(cudaIpcMemHandle_t) == DEVICE_HANDLE_BYTES,
    "a handle fits its place");

/* A device node that is there, but not for us. */
static bool
is_forbidden(void)
{
	static const char node[] = "/dev/nvidiactl";

	return access(node, F_OK) == 0 && access(node, R_OK | W_OK) != 0;
}

static int
no_permission(void)
{
	return err_set(ERR_UNSUPPORTED,
	    "no permission to open the GPU's device nodes (/dev/nvidia*): this "
	    "user, or this container, must be allowed to");
}

static int
wrong_driver(cudaError_t said, int driver)
{
	if (said == cudaErrorSystemDriverMismatch)
		return err_set(ERR_UNSUPPORTED,
		    "the NVIDIA driver's module and its library are of two "
		    "versions: reboot, or load the module anew");
	if (said == cudaErrorStubLibrary)
		return err_set(ERR_UNSUPPORTED,
		    "libcuda.so.1 is the toolkit's stub, not the driver's: "
		    "take its folder out of LD_LIBRARY_PATH");
	if (driver == 0)
		return err_set(ERR_DEVICE, "no NVIDIA driver is loaded");
	return err_set(ERR_UNSUPPORTED,
	    "the NVIDIA driver is too old: it knows CUDA %d.%d, this build "
	    "needs %d.%d",
	    driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
	    CUDART_VERSION % 1000 / 10);
}

/* What the first call says, in the words of whoever has to mend it. */
static int
count_devices(int *n)
{
	int driver = 0;
	cudaError_t said = cudaGetDeviceCount(n);

	if (said == cudaSuccess)
		return 0;
	(void)cudaGetLastError();
	(void)cudaDriverGetVersion(&driver);
	switch (said) {
	case cudaErrorInsufficientDriver:
	case cudaErrorSystemDriverMismatch:
	case cudaErrorCompatNotSupportedOnDevice:
	case cudaErrorStubLibrary:
		return wrong_driver(said, driver);
	case cudaErrorOperatingSystem:
	case cudaErrorNotPermitted:
		return no_permission();
	case cudaErrorNoDevice:
		if (is_forbidden())
			return no_permission();
		return err_set(ERR_DEVICE,
		    "no GPU can be seen: none is there, it has failed or is "
		    "being reset (the kernel's log says Xid), or "
		    "CUDA_VISIBLE_DEVICES hides it");
	case cudaErrorSystemNotReady:
		return err_set(ERR_DEVICE,
		    "the GPU is not ready: nvidia-fabricmanager is not up");
	default:
		return cuda_check(said, "looking for a GPU");
	}
}

static int
attribute(int *value, enum cudaDeviceAttr what, int ordinal)
{
	return cuda_check(cudaDeviceGetAttribute(value, what, ordinal),
	    "asking the GPU");
}

/* Two processes must be able to hold the same memory of it. */
static int
check_sharing(int ordinal)
{
	int mode = 0, ipc = 0, e;

	if ((e = attribute(&mode, cudaDevAttrComputeMode, ordinal)) != 0 ||
	    (e = attribute(&ipc, cudaDevAttrIpcEventSupport, ordinal)) != 0)
		return e;
	if (mode != cudaComputeModeDefault)
		return err_set(ERR_UNSUPPORTED,
		    "GPU %d is in compute mode %s: want Default, since several "
		    "processes use it (nvidia-smi -c DEFAULT)",
		    ordinal,
		    mode == cudaComputeModeProhibited ? "Prohibited" :
							"Exclusive");
	if (ipc == 0)
		return err_set(ERR_UNSUPPORTED,
		    "GPU %d cannot share memory between processes (CUDA IPC); "
		    "under MIG and in some virtual machines it never can",
		    ordinal);
	return 0;
}

static int
fill_facts(struct device_facts *f, int ordinal)
{
	struct cudaDeviceProp properties;
	size_t left = 0, total = 0;
	int e = cuda_check(cudaSetDevice(ordinal), "starting on the GPU");

	if (e == 0)
		e = cuda_check(cudaGetDeviceProperties(&properties, ordinal),
		    "asking the GPU");
	if (e == 0)
		e = cuda_check(cudaMemGetInfo(&left, &total),
		    "asking the GPU for its memory");
	if (e != 0)
		return e;
	snprintf(f->name, sizeof(f->name), "%.63s", properties.name);
	f->total = total;
	f->free = left;
	f->major = properties.major;
	f->minor = properties.minor;
	f->mig = strstr(properties.name, " MIG ") != NULL;
	(void)cudaDriverGetVersion(&f->driver);
	if (f->major < 8)
		return err_set(ERR_UNSUPPORTED,
		    "GPU %d (%s) has compute capability %d.%d: want 8.0 or "
		    "later",
		    ordinal, f->name, f->major, f->minor);
	return 0;
}

int
device_look(struct device_facts *f, int ordinal)
{
	int e;

	*f = (struct device_facts){ .runtime = CUDART_VERSION };
	if ((e = count_devices(&f->devices)) != 0)
		return e;
	if (ordinal < 0 || ordinal >= f->devices)
		return err_set(ERR_UNSUPPORTED,
		    "no GPU %d: this machine has %d", ordinal, f->devices);
	if ((e = check_sharing(ordinal)) != 0)
		return e;
	return fill_facts(f, ordinal);
}

static int
too_little(const struct device_pool *p)
{
	char want[32], have[32], all[32];
	size_t left = 0, total = 0;

	(void)cudaMemGetInfo(&left, &total);
	return err_set(ERR_MEMORY,
	    "pool of %s on GPU %d: %s of %s are free, other processes hold the "
	    "rest (nvidia-smi lists them): lower memory.device_bytes",
	    units_bytes(want, sizeof(want), p->weights_bytes + p->bytes),
	    p->ordinal, units_bytes(have, sizeof(have), left),
	    units_bytes(all, sizeof(all), total));
}

/* Lanes that do not count must not meet an old NaN. */
static int
zero(void *at, uint64_t bytes)
{
	int e = cuda_check(cudaMemset(at, 0, bytes), "zeroing the pool");

	return e != 0 ? e :
			cuda_check(cudaDeviceSynchronize(), "zeroing the pool");
}

int
device_make(struct device_pool *p)
{
	uint64_t bytes = p->weights_bytes + p->bytes;
	struct device_facts facts;
	cudaIpcMemHandle_t handle;
	void *at = NULL;
	cudaError_t said;
	int e = device_look(&facts, p->ordinal);

	if (e != 0)
		return e;
	said = cudaMalloc(&at, bytes);
	if (said == cudaErrorMemoryAllocation) {
		(void)cudaGetLastError();
		return too_little(p);
	}
	if ((e = cuda_check(said, "allocating the pool")) != 0)
		return e;
	if ((e = zero(at, bytes)) == 0)
		e = cuda_check(cudaIpcGetMemHandle(&handle, at),
		    "exporting the pool");
	if (e != 0) {
		(void)cudaFree(at);
		return e;
	}
	p->kind = DEVICE_CUDA;
	memcpy(p->handle, &handle, sizeof(p->handle));
	return 0;
}

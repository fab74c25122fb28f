/* The holder's part: is there a GPU that we can use, and its pool. */
#include "device/pool_cuda.h"

#include "base/err.h"
#include "base/units.h"
#include "device/cuda_check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(cudaIpcMemHandle_t) == DEVICE_HANDLE_BYTES,
    "a handle fits its place");

/* What the first call says, in the words of whoever has to mend it. */
static int
count_devices(int *n)
{
	int driver = 0;
	cudaError_t e = cudaGetDeviceCount(n);

	(void)cudaDriverGetVersion(&driver);
	if (e == cudaErrorInsufficientDriver && driver == 0)
		return err_set(ERR_DEVICE, "no NVIDIA driver is loaded");
	if (e == cudaErrorInsufficientDriver ||
	    e == cudaErrorSystemDriverMismatch ||
	    e == cudaErrorCompatNotSupportedOnDevice)
		return err_set(ERR_DEVICE,
		    "the NVIDIA driver is too old: it knows CUDA %d.%d, this "
		    "build needs %d.%d",
		    driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000,
		    CUDART_VERSION % 1000 / 10);
	if (e == cudaErrorNoDevice)
		return err_set(ERR_DEVICE,
		    "no GPU can be seen: none is there, CUDA_VISIBLE_DEVICES "
		    "hides it, or this user may not open /dev/nvidia*");
	if (e == cudaErrorOperatingSystem || e == cudaErrorNotPermitted)
		return err_set(ERR_DEVICE,
		    "the GPU may not be used: no permission for /dev/nvidia*");
	return cuda_check(e, "looking for a GPU");
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
		return err_set(ERR_DEVICE,
		    "GPU %d is in compute mode %s: want Default, since several "
		    "processes use it (nvidia-smi -c DEFAULT)",
		    ordinal,
		    mode == cudaComputeModeProhibited ? "Prohibited" :
							"Exclusive");
	if (ipc == 0)
		return err_set(ERR_DEVICE,
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
	(void)cudaDriverGetVersion(&f->driver);
	if (f->major < 8)
		return err_set(ERR_DEVICE,
		    "GPU %d (%s) has compute capability %d.%d: want 8.0 or "
		    "later",
		    ordinal, f->name, f->major, f->minor);
	return 0;
}

int
device_look(struct device_facts *f, int ordinal)
{
	int n = 0, e;

	*f = (struct device_facts){ 0 };
	if ((e = count_devices(&n)) != 0)
		return e;
	if (ordinal < 0 || ordinal >= n)
		return err_set(ERR_DEVICE, "no GPU %d: this machine has %d",
		    ordinal, n);
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

int
device_make(struct device_pool *p)
{
	cudaIpcMemHandle_t handle;
	void *at = NULL;
	cudaError_t e;
	int failed = cuda_check(cudaSetDevice(p->ordinal),
	    "starting on the GPU");

	if (failed != 0)
		return failed;
	e = cudaMalloc(&at, p->weights_bytes + p->bytes);
	if (e == cudaErrorMemoryAllocation) {
		(void)cudaGetLastError();
		return too_little(p);
	}
	failed = cuda_check(e, "allocating the pool");
	/* Lanes that do not count must not meet an old NaN. */
	if (failed == 0)
		failed = cuda_check(cudaMemset(at, 0,
					p->weights_bytes + p->bytes),
		    "zeroing the pool");
	if (failed == 0)
		failed = cuda_check(cudaDeviceSynchronize(),
		    "zeroing the pool");
	if (failed == 0)
		failed = cuda_check(cudaIpcGetMemHandle(&handle, at),
		    "exporting the pool");
	if (failed != 0)
		return failed;
	p->kind = DEVICE_CUDA;
	memcpy(p->handle, &handle, sizeof(p->handle));
	return 0;
}

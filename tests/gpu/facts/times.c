/* How long things take, and what they cost: T1, T7 to T10. */
#include "tests/gpu/facts/facts.h"

#include "base/err.h"
#include "device/cuda_check.h"
#include "device/pool_cuda.h"
#include "gpuexec/cuda/kernels.h"

#include <cublasLt.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB ((uint64_t)1 << 30)

static double
since_ms(nsec begun)
{
	return (double)(clock_mono() - begun) / 1e6;
}

/* ---- T1 --------------------------------------------------------------- */

struct opening {
	double open_ms, close_ms;
	uint64_t address;
};

static void
open_life(int in, int out)
{
	struct device_pool p;
	struct opening o = { 0 };
	struct device *d;
	nsec begun;

	if (!child_get(in, &p, sizeof(p)))
		return;
	(void)cudaFree(NULL); /* the context, not counted */
	begun = clock_mono();
	if (device_open(&d, &p) != 0)
		return;
	o.open_ms = since_ms(begun);
	o.address = (uint64_t)(uintptr_t)device_address(d, 0);
	begun = clock_mono();
	device_close(d);
	o.close_ms = since_ms(begun);
	child_put(out, &o, sizeof(o));
}

static void
t1(void)
{
	static const uint64_t sizes[] = { 8, 32, 64, 110 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t n = fact_bytes(sizes[i] * GIB);
		struct child holder, user[2];
		struct device_pool p;
		struct opening o[2] = { { .open_ms = 0 }, { .open_ms = 0 } };
		nsec begun = clock_mono();
		double made;

		if (i > 0 && n < sizes[i] * GIB)
			break;
		for (int k = 0; k < 2; k++)
			child_start(&user[k], open_life);
		hold(&holder, &p, n);
		made = since_ms(begun);
		for (int k = 0; k < 2; k++) {
			child_put(user[k].to, &p, sizeof(p));
			(void)child_get(user[k].from, &o[k], sizeof(o[k]));
			child_end(&user[k]);
		}
		child_end(&holder);
		say("T1",
		    "pool of %.2f GiB: context, malloc, zero and export %.0f "
		    "ms; open %.1f and %.1f ms, close %.1f ms; addresses "
		    "%#jx and %#jx",
		    (double)n / (double)GIB, made, o[0].open_ms, o[1].open_ms,
		    o[0].close_ms, (uintmax_t)o[0].address,
		    (uintmax_t)o[1].address);
	}
}

/* ---- T7 --------------------------------------------------------------- */

static void
t7(void)
{
	uint64_t *words, *there;
	cudaStream_t s;
	double by_word = 0, by_wait = 0;
	int n = 200;

	(void)cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
	if (cudaHostAlloc((void **)&words, 64, cudaHostAllocMapped) !=
		cudaSuccess ||
	    cudaHostGetDevicePointer((void **)&there, words, 0) != cudaSuccess)
		return;
	words[0] = 0;
	for (int i = 1; i <= n; i++) {
		nsec begun = clock_mono();

		words[1] = (uint64_t)i;
		(void)cuda_done(s, there, there + 1);
		while (((volatile uint64_t *)words)[0] != (uint64_t)i)
			(void)cudaStreamQuery(s);
		by_word += since_ms(begun) * 1e3 / n;
		begun = clock_mono();
		(void)cuda_done(s, there, there + 1);
		(void)cudaStreamSynchronize(s);
		by_wait += since_ms(begun) * 1e3 / n;
	}
	say("T7",
	    "a kernel that says it is done: seen in mapped memory after %.1f "
	    "us, by synchronising after %.1f us",
	    by_word, by_wait);
	(void)cudaFreeHost(words);
	(void)cudaStreamDestroy(s);
}

/* ---- T8 --------------------------------------------------------------- */

static void
context_life(int in, int out)
{
	char c = 0;

	(void)cudaFree(NULL);
	child_put(out, &c, 1);
	(void)!read(in, &c, 1);
}

static void
t8(void)
{
	struct child other[2];
	size_t left[3] = { 0 }, all;
	char c;

	for (int i = 0; i < 2; i++)
		child_start(&other[i], context_life);
	/* All three are there once this process has asked. */
	for (int i = 0; i < 2; i++)
		(void)child_get(other[i].from, &c, 1);
	(void)cudaMemGetInfo(&left[0], &all);
	for (int i = 0; i < 2; i++) {
		child_end(&other[i]);
		clock_sleep(SECOND / 5);
		(void)cudaMemGetInfo(&left[i + 1], &all);
	}
	say("T8", "an idle context takes %.0f and %.0f MiB of the GPU",
	    ((double)left[1] - (double)left[0]) / (1 << 20),
	    ((double)left[2] - (double)left[1]) / (1 << 20));
}

/* ---- T9 --------------------------------------------------------------- */

static void
t9(void)
{
	uint64_t n = fact_small() ? 16u << 20 : GIB;
	char name[64];
	nsec begun;
	double first, second;
	void *at;
	int fd;

	snprintf(name, sizeof(name), "/chameleon-facts.%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	(void)shm_unlink(name);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)n) != 0)
		return;
	at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
	    fd, 0);
	close(fd);
	(void)cudaFree(NULL);
	begun = clock_mono();
	if (cuda_check(cudaHostRegister(at, n, cudaHostRegisterPortable),
		"pinning") != 0) {
		say("T9", "%s", err_text());
		return;
	}
	first = since_ms(begun);
	begun = clock_mono();
	(void)cudaHostUnregister(at);
	second = since_ms(begun);
	say("T9",
	    "pinning %.2f GiB of POSIX shared memory %.0f ms, letting go %.0f "
	    "ms",
	    (double)n / (double)GIB, first, second);
	(void)munmap(at, n);
}

/* ---- T10 -------------------------------------------------------------- */

static void
t10(void)
{
	cublasLtHandle_t blas;
	struct child holder;
	struct device_pool p;
	struct device *d;
	double context, opens, starts;
	nsec begun;

	hold(&holder, &p, fact_bytes(GIB));
	begun = clock_mono();
	(void)cudaSetDevice(0);
	(void)cudaFree(NULL);
	context = since_ms(begun);
	begun = clock_mono();
	if (device_open(&d, &p) != 0)
		return;
	opens = since_ms(begun);
	begun = clock_mono();
	(void)cublasLtCreate(&blas);
	starts = since_ms(begun);
	say("T10",
	    "start: context %.0f ms, opening the pool %.1f ms, cuBLASLt %.0f "
	    "ms; weights and graphs: the log of gpuexec",
	    context, opens, starts);
	(void)cublasLtDestroy(blas);
	device_close(d);
	child_end(&holder);
}

const struct fact time_facts[] = {
	{ "T1", "pools of several sizes", t1 },
	{ "T7", "how a step's end is seen", t7 },
	{ "T8", "what a context takes", t8 },
	{ "T9", "what pinning takes", t9 },
	{ "T10", "a start by its parts", t10 },
};
const int ntime_facts = (int)(sizeof(time_facts) / sizeof(time_facts[0]));

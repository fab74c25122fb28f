/* The pool on a GPU, as the holder has exported it.
 *
 * Copies go over a stream of their own, PIECE_BYTES at a time and at most two
 * of them queued, so that an urgent one waits for a piece, not for a queue.
 * Bytes that are not pinned go through staging, whose two halves take turns.
 * One copy at a time has the stream: the link is shared anyhow. */
#include "device/device_in.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/must.h"
#include "base/units.h"
#include "device/cuda_check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((uint64_t)4 << 20)
#define PINNED_MAX 8
#define NAP_NS (20 * MICROSECOND) /* between two looks at a copy */

struct pinned {
	unsigned char *at;
	uint64_t bytes;
};

struct gpu {
	struct device base;
	int ordinal;
	void *map; /* what the handle opened */
	cudaStream_t stream;
	cudaEvent_t passed[2]; /* the copy that uses half i is over */
	pthread_mutex_t busy;  /* stream, events, staging */
	struct pinned pinned[PINNED_MAX];
	int npinned;
	unsigned char *staging; /* NULL: none */
	uint64_t half;		/* bytes of half of it */
	unsigned char *own;	/* staging that we had to make ourselves */
};

static struct gpu *
gpu(struct device *d)
{
	return (struct gpu *)(void *)d;
}

/* Which device it is, each thread must say for itself. */
static int
enter(const struct gpu *g)
{
	return cuda_check(cudaSetDevice(g->ordinal), "the GPU");
}

static int
commit(struct device *d, uint64_t offset, uint64_t n)
{
	(void)d;
	(void)offset;
	(void)n;
	return 0;
}

/* ---- copies ----------------------------------------------------------- */

static bool
is_pinned(const struct gpu *g, const unsigned char *at, uint64_t n)
{
	for (int i = 0; i < g->npinned; i++)
		if (at >= g->pinned[i].at &&
		    at + n <= g->pinned[i].at + g->pinned[i].bytes)
			return true;
	return false;
}

/* Until the last copy with half i is over.  Its time is known to be long for a
 * processor, so it is slept through. */
static int
wait_half(struct gpu *g, int i)
{
	cudaError_t e;

	while ((e = cudaEventQuery(g->passed[i])) == cudaErrorNotReady)
		clock_sleep(NAP_NS);
	return cuda_check(e, "a copy to the GPU");
}

static int
queue(struct gpu *g, int half, void *to, const void *from, uint64_t n,
    enum cudaMemcpyKind kind)
{
	int e = cuda_check(cudaMemcpyAsync(to, from, n, kind, g->stream),
	    "a copy to the GPU");

	return e != 0 ? e :
			cuda_check(cudaEventRecord(g->passed[half], g->stream),
			    "a copy to the GPU");
}

static int
both(struct gpu *g)
{
	int e = wait_half(g, 0), f = wait_half(g, 1);

	return e != 0 ? e : f;
}

/* Has the stream. */
static int
copy_pieces(struct gpu *g, unsigned char *to, const unsigned char *from,
    uint64_t n)
{
	bool pinned = is_pinned(g, from, n);
	uint64_t most = pinned || g->half > PIECE_BYTES ? PIECE_BYTES : g->half;
	int half = 0, e = 0;

	for (uint64_t at = 0; e == 0 && at < n; at += most, half ^= 1) {
		uint64_t some = n - at < most ? n - at : most;
		unsigned char *by = g->staging + (uint64_t)half * g->half;

		if ((e = wait_half(g, half)) != 0)
			break;
		if (!pinned)
			memcpy(by, from + at, some);
		e = queue(g, half, to + at, pinned ? from + at : by, some,
		    cudaMemcpyHostToDevice);
	}
	return e != 0 ? e : both(g);
}

static int
read_pieces(struct gpu *g, unsigned char *to, const unsigned char *from,
    uint64_t n)
{
	uint64_t most = g->half;
	int e = 0;

	for (uint64_t at = 0; e == 0 && at < n; at += most) {
		uint64_t some = n - at < most ? n - at : most;

		e = queue(g, 0, g->staging, from + at, some,
		    cudaMemcpyDeviceToHost);
		if (e == 0)
			e = wait_half(g, 0);
		if (e == 0)
			memcpy(to + at, g->staging, some);
	}
	return e;
}

/* Who has given no staging gets a little. */
static int
have_staging(struct gpu *g)
{
	int e;

	if (g->staging != NULL)
		return 0;
	e = cuda_check(cudaHostAlloc((void **)&g->own, 2 * PIECE_BYTES,
			   cudaHostAllocDefault),
	    "pinned memory for copies");
	if (e == 0) {
		g->staging = g->own;
		g->half = PIECE_BYTES;
	}
	return e;
}

static int
copy(struct device *d, uint64_t offset, const void *from, uint64_t n)
{
	struct gpu *g = gpu(d);
	int e;

	(void)pthread_mutex_lock(&g->busy);
	e = enter(g);
	if (e == 0)
		e = have_staging(g);
	if (e == 0)
		e = copy_pieces(g, d->at + offset, from, n);
	(void)pthread_mutex_unlock(&g->busy);
	return e;
}

static int
read_back(struct device *d, void *to, uint64_t offset, uint64_t n)
{
	struct gpu *g = gpu(d);
	int e;

	(void)pthread_mutex_lock(&g->busy);
	e = enter(g);
	if (e == 0)
		e = have_staging(g);
	if (e == 0)
		e = read_pieces(g, to, d->at + offset, n);
	(void)pthread_mutex_unlock(&g->busy);
	return e;
}

static int
pin(struct device *d, void *at, uint64_t bytes, bool staging)
{
	struct gpu *g = gpu(d);
	char text[32];
	cudaError_t e;

	must(g->npinned < PINNED_MAX);
	e = cudaHostRegister(at, bytes, cudaHostRegisterPortable);
	if (e != cudaSuccess) {
		(void)cuda_check(e, "pinning");
		return err_add("%s of host memory (ulimit -l must allow it)",
		    units_bytes(text, sizeof(text), bytes));
	}
	g->pinned[g->npinned++] = (struct pinned){ at, bytes };
	if (staging) {
		g->staging = at;
		g->half = bytes / 2;
	}
	return 0;
}

/* ---- life ------------------------------------------------------------- */

static void
let_go(struct device *d)
{
	struct gpu *g = gpu(d);

	if (g->stream != NULL)
		(void)cudaStreamSynchronize(g->stream);
	for (int i = 0; i < 2; i++)
		if (g->passed[i] != NULL)
			(void)cudaEventDestroy(g->passed[i]);
	if (g->stream != NULL)
		(void)cudaStreamDestroy(g->stream);
	while (g->npinned > 0)
		(void)cudaHostUnregister(g->pinned[--g->npinned].at);
	if (g->own != NULL)
		(void)cudaFreeHost(g->own);
	if (g->map != NULL)
		(void)cudaIpcCloseMemHandle(g->map);
	(void)pthread_mutex_destroy(&g->busy);
	free(g);
}

static const struct device_ops ops = {
	.close = let_go,
	.commit = commit,
	.copy = copy,
	.read = read_back,
	.pin = pin,
};

void
device_on_loss(void (*say)(const char *sentence))
{
	cuda_set_last_words(say);
}

static int
open_map(struct gpu *g, const struct device_pool *p)
{
	cudaIpcMemHandle_t handle;
	cudaError_t e;

	memcpy(&handle, p->handle, sizeof(handle));
	e = cudaIpcOpenMemHandle(&g->map, handle,
	    cudaIpcMemLazyEnablePeerAccess);
	if (e == cudaSuccess)
		return 0;
	g->map = NULL;
	(void)cuda_check(e, "opening the holder's memory");
	return err_add("it must be of a process that lives, of this user and "
		       "in this container");
}

static int
open_stream(struct gpu *g)
{
	int e = cuda_check(cudaStreamCreateWithFlags(&g->stream,
			       cudaStreamNonBlocking),
	    "a stream for copies");

	for (int i = 0; e == 0 && i < 2; i++)
		e = cuda_check(cudaEventCreateWithFlags(&g->passed[i],
				   cudaEventDisableTiming),
		    "an event for copies");
	return e;
}

int
device_open_cuda(struct device **out, const struct device_pool *p)
{
	struct gpu *g = calloc(1, sizeof(*g));
	int e;

	if (g == NULL)
		return err_set(ERR_MEMORY, "pool: out of memory");
	(void)pthread_mutex_init(&g->busy, NULL);
	g->base = (struct device){ .ops = &ops,
		.bytes = p->bytes,
		.chunk_bytes = p->chunk_bytes };
	g->ordinal = p->ordinal;
	e = cuda_check(cudaSetDevice(p->ordinal), "starting on the GPU");
	if (e == 0)
		e = open_map(g, p);
	if (e == 0)
		e = open_stream(g);
	if (e != 0) {
		let_go(&g->base);
		return e;
	}
	g->base.weights = g->map;
	g->base.at = g->base.weights + p->weights_bytes;
	*out = &g->base;
	return 0;
}

/* The pool on a GPU, as the holder has exported it.
 *
 * Bytes that are not pinned go through staging, which is cut into lanes of two
 * slots: while the bytes of one cross, the other is filled, and threads that
 * copy at the same time fill each their own.  What is read comes back through
 * memory of this process alone, never through staging: of a process that has
 * died copies may still be under way, and those must not write where its
 * successor puts bytes that are to be copied. */
#include "device/device_in.h"

#include "base/err.h"
#include "base/must.h"
#include "base/units.h"
#include "device/cuda_check.h"
#include "device/track_cuda.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((uint64_t)4 << 20)
#define READ_BYTES ((uint64_t)1 << 20)
#define ALIGN 256
#define PINNED_MAX 8
#define LANES_MAX 8

struct pinned {
	unsigned char *at;
	uint64_t bytes;
};

/* Two slots, one behind the other. */
struct lane {
	unsigned char *at;
	bool taken;
};

struct gpu {
	struct device base;
	int ordinal;
	void *map; /* what the handle opened */
	struct track in, out;
	struct pinned pinned[PINNED_MAX];
	int npinned;
	pthread_mutex_t lock; /* of what follows, and of what is pinned */
	struct gate free;     /* as many as lanes are not taken */
	struct lane lane[LANES_MAX];
	uint32_t nlanes; /* 0: no staging yet */
	uint64_t slot;	 /* bytes */
	/* Pinned memory of our own: staging that nobody gave, and two slots
	 * to read through. */
	unsigned char *staging, *reading;
	struct gate reads; /* one at a time */
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

/* ---- lanes ------------------------------------------------------------ */

/* Has the lock, or is alone. */
static void
lay_lanes(struct gpu *g, unsigned char *at, uint64_t bytes)
{
	uint64_t n = bytes / (2 * PIECE_BYTES);

	g->nlanes = n == 0 ? 1 : n > LANES_MAX ? LANES_MAX : (uint32_t)n;
	g->slot = n == 0 ? bytes / 2 : PIECE_BYTES;
	must(g->slot > 0);
	for (uint32_t i = 0; i < g->nlanes; i++)
		g->lane[i] = (struct lane){ .at = at + i * 2 * g->slot };
	gate_open(&g->free, g->nlanes);
}

static int
own_memory(unsigned char **out, uint64_t bytes)
{
	return cuda_check(cudaHostAlloc((void **)out, bytes,
			      cudaHostAllocDefault),
	    "pinned memory for copies");
}

/* Who has given no staging gets a little. */
static int
have_lanes(struct gpu *g)
{
	int e = 0;

	(void)pthread_mutex_lock(&g->lock);
	if (g->nlanes == 0 &&
	    (e = own_memory(&g->staging, 2 * PIECE_BYTES)) == 0)
		lay_lanes(g, g->staging, 2 * PIECE_BYTES);
	(void)pthread_mutex_unlock(&g->lock);
	return e;
}

static struct lane *
take_lane(struct gpu *g)
{
	struct lane *l = g->lane;

	gate_enter(&g->free);
	(void)pthread_mutex_lock(&g->lock);
	while (l->taken)
		l++;
	l->taken = true;
	(void)pthread_mutex_unlock(&g->lock);
	return l;
}

static void
give_lane(struct gpu *g, struct lane *l)
{
	(void)pthread_mutex_lock(&g->lock);
	l->taken = false;
	(void)pthread_mutex_unlock(&g->lock);
	gate_leave(&g->free);
}

/* ---- copies ----------------------------------------------------------- */

static bool
is_pinned(struct gpu *g, const unsigned char *at, uint64_t n)
{
	bool yes = false;

	(void)pthread_mutex_lock(&g->lock);
	for (int i = 0; i < g->npinned && !yes; i++) {
		const struct pinned *p = &g->pinned[i];

		yes = at >= p->at && n <= p->bytes &&
		    (uint64_t)(at - p->at) <= p->bytes - n;
	}
	(void)pthread_mutex_unlock(&g->lock);
	return yes;
}

/* Whatever happens, nothing moves any more when it returns: the caller gives
 * the bytes and the place to others. */
static int
copy_pinned(struct gpu *g, unsigned char *to, const unsigned char *from,
    uint64_t n)
{
	uint64_t number = 0;
	int e = 0, f;

	for (uint64_t at = 0; e == 0 && at < n; at += PIECE_BYTES)
		e = track_put(&g->in, to + at, from + at,
		    n - at < PIECE_BYTES ? n - at : PIECE_BYTES, &number);
	f = track_wait(&g->in, number);
	return e != 0 ? e : f;
}

static int
copy_staged(struct gpu *g, struct lane *l, unsigned char *to,
    const unsigned char *from, uint64_t n)
{
	uint64_t number[2] = { 0, 0 }, at = 0;
	int e = 0, f;

	for (int i = 0; e == 0 && at < n; at += g->slot, i ^= 1) {
		unsigned char *slot = l->at + (uint64_t)i * g->slot;
		uint64_t some = n - at < g->slot ? n - at : g->slot;

		if ((e = track_wait(&g->in, number[i])) != 0)
			break;
		memcpy(slot, from + at, some);
		e = track_put(&g->in, to + at, slot, some, &number[i]);
	}
	f = track_wait(&g->in, number[0] > number[1] ? number[0] : number[1]);
	return e != 0 ? e : f;
}

static int
copy(struct device *d, uint64_t offset, const void *from, uint64_t n)
{
	struct gpu *g = gpu(d);
	struct lane *l;
	int e = enter(g);

	if (e == 0 && is_pinned(g, from, n))
		return copy_pinned(g, d->at + offset, from, n);
	if (e == 0)
		e = have_lanes(g);
	if (e != 0)
		return e;
	l = take_lane(g);
	e = copy_staged(g, l, d->at + offset, from, n);
	give_lane(g, l);
	return e;
}

/* ---- back ------------------------------------------------------------- */

static int
fetch(struct gpu *g, int i, const unsigned char *from, uint64_t n, uint64_t at,
    uint64_t *number)
{
	if (at >= n)
		return 0;
	return track_put(&g->out, g->reading + (uint64_t)i * READ_BYTES,
	    from + at, n - at < READ_BYTES ? n - at : READ_BYTES, number);
}

/* The next piece crosses while one is taken out. */
static int
read_pieces(struct gpu *g, unsigned char *to, const unsigned char *from,
    uint64_t n)
{
	uint64_t number[2] = { 0, 0 };
	int e = fetch(g, 0, from, n, 0, &number[0]), i = 0, f;

	for (uint64_t at = 0; e == 0 && at < n; at += READ_BYTES, i ^= 1) {
		e = fetch(g, i ^ 1, from, n, at + READ_BYTES, &number[i ^ 1]);
		if (e == 0)
			e = track_wait(&g->out, number[i]);
		if (e == 0)
			memcpy(to + at, g->reading + (uint64_t)i * READ_BYTES,
			    n - at < READ_BYTES ? n - at : READ_BYTES);
	}
	f = track_wait(&g->out, number[0] > number[1] ? number[0] : number[1]);
	return e != 0 ? e : f;
}

static int
read_back(struct device *d, void *to, uint64_t offset, uint64_t n)
{
	struct gpu *g = gpu(d);
	int e = enter(g);

	gate_enter(&g->reads);
	if (e == 0 && g->reading == NULL)
		e = own_memory(&g->reading, 2 * READ_BYTES);
	if (e == 0)
		e = read_pieces(g, to, d->at + offset, n);
	gate_leave(&g->reads);
	return e;
}

/* ---- pinning ---------------------------------------------------------- */

static int
cannot_pin(cudaError_t said, uint64_t bytes)
{
	char text[32];

	(void)cudaGetLastError(); /* if all is lost, the next call says so */
	return err_set(said == cudaErrorMemoryAllocation ? ERR_MEMORY :
							   ERR_DEVICE,
	    "%s of host memory cannot be pinned for the GPU: %s (%s); the "
	    "limit "
	    "on locked memory (ulimit -l, in a container --ulimit memlock=-1) "
	    "must allow it, and so much must be free",
	    units_bytes(text, sizeof(text), bytes), cudaGetErrorString(said),
	    cudaGetErrorName(said));
}

static int
pin(struct device *d, void *at, uint64_t bytes, bool staging)
{
	struct gpu *g = gpu(d);
	cudaError_t said;
	int e = enter(g);

	if (e != 0)
		return e;
	said = cudaHostRegister(at, bytes, cudaHostRegisterPortable);
	if (said != cudaSuccess)
		return cannot_pin(said, bytes);
	(void)pthread_mutex_lock(&g->lock);
	must(g->npinned < PINNED_MAX);
	must(!staging || g->nlanes == 0); /* given before it is used */
	g->pinned[g->npinned++] = (struct pinned){ at, bytes };
	if (staging)
		lay_lanes(g, at, bytes);
	(void)pthread_mutex_unlock(&g->lock);
	return 0;
}

/* ---- life ------------------------------------------------------------- */

static void
let_go(struct device *d)
{
	struct gpu *g = gpu(d);

	track_close(&g->in);
	track_close(&g->out);
	while (g->npinned > 0)
		(void)cudaHostUnregister(g->pinned[--g->npinned].at);
	if (g->staging != NULL)
		(void)cudaFreeHost(g->staging);
	if (g->reading != NULL)
		(void)cudaFreeHost(g->reading);
	if (g->map != NULL)
		(void)cudaIpcCloseMemHandle(g->map);
	if (g->nlanes > 0)
		gate_close(&g->free);
	gate_close(&g->reads);
	(void)pthread_mutex_destroy(&g->lock);
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
	cudaError_t said;

	memcpy(&handle, p->handle, sizeof(handle));
	said = cudaIpcOpenMemHandle(&g->map, handle,
	    cudaIpcMemLazyEnablePeerAccess);
	if (said == cudaSuccess)
		return 0;
	g->map = NULL;
	if (cuda_is_sticky(said) || said == cudaErrorMemoryAllocation)
		return cuda_check(said, "opening the holder's memory");
	(void)cudaGetLastError();
	return err_set(ERR_DEVICE,
	    "the holder's memory on GPU %d cannot be opened: %s (%s); it must "
	    "be of a process that lives, runs as the same user and in the same "
	    "container",
	    p->ordinal, cudaGetErrorString(said), cudaGetErrorName(said));
}

int
device_open_cuda(struct device **out, const struct device_pool *p)
{
	struct gpu *g = calloc(1, sizeof(*g));
	int e;

	must(p->weights_bytes % ALIGN == 0 && p->chunk_bytes % ALIGN == 0);
	if (g == NULL)
		return err_set(ERR_MEMORY, "pool: out of memory");
	g->ordinal = p->ordinal;
	(void)pthread_mutex_init(&g->lock, NULL);
	gate_open(&g->reads, 1);
	if ((e = enter(g)) != 0 || (e = open_map(g, p)) != 0 ||
	    (e = track_open(&g->in, "a copy to the GPU",
		 cudaMemcpyHostToDevice)) != 0 ||
	    (e = track_open(&g->out, "a copy from the GPU",
		 cudaMemcpyDeviceToHost)) != 0) {
		let_go(&g->base);
		return e;
	}
	g->base = (struct device){ .ops = &ops,
		.at = (unsigned char *)g->map + p->weights_bytes,
		.weights = g->map,
		.bytes = p->bytes,
		.chunk_bytes = p->chunk_bytes };
	*out = &g->base;
	return 0;
}

/* From settings, model and machine to sizes. */
#include "supervisor/plan.h"

#include "base/err.h"
#include "base/units.h"
#include "proc/idle.h"
#include "supervisor/plan_gpu.h"
#include "supervisor/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define STORE_ROOMS_SPARE 64
#define STORE_BYTES_MAX (1ull << 60) /* a file may have */
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define CONTEXT_AUTO_MAX 4096u
#define CHUNK_AUTO (2 * MIB)
#define CHUNK_MIN (64 * (uint64_t)1024)
#define CHUNKS_MAX ((uint64_t)1 << 24) /* a place has 24 bits for its chunk */
#define POOL_AUTO_MAX GIB

void
plan_look(struct plan_machine *m)
{
	FILE *f = fopen("/proc/meminfo", "re");
	struct statvfs fs;
	char line[128];
	uint64_t kib;

	*m = (struct plan_machine){ .memory_free = GIB,
		.shared_free = GIB,
		.cores = (uint32_t)idle_cores() };
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			m->memory_free = kib * 1024;
	if (f != NULL)
		fclose(f);
	if (statvfs("/dev/shm", &fs) == 0)
		m->shared_free = (uint64_t)fs.f_bavail * fs.f_frsize;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint64_t
least64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int
choose_context(struct plan *p, const struct conf *c, const struct shape *s)
{
	uint32_t model = (uint32_t)s->context;

	if (c->context > model)
		return err_set(ERR_CONFIG,
		    "context: %u: want 2..%u tokens, this model's own",
		    c->context, model);
	if (c->context == 1)
		return err_set(ERR_CONFIG,
		    "context: 1: want at least 2 tokens, a prompt and an "
		    "answer");
	p->context = c->context != 0 ? c->context :
				       least(model, CONTEXT_AUTO_MAX);
	return 0;
}

static int
choose_chunk(struct plan *p, const struct conf *c)
{
	uint64_t n = c->memory_chunk_bytes;
	char block[32], low[32];

	if (n == 0)
		for (n = CHUNK_AUTO; n < p->kv_block_bytes; n *= 2)
			;
	if ((n & (n - 1)) != 0 || n < CHUNK_MIN || n < p->kv_block_bytes)
		return err_set(ERR_CONFIG,
		    "memory.chunk_bytes: %ju: want a power of two of at least "
		    "%s that holds a KV block of %s",
		    (uintmax_t)n, units_bytes(low, sizeof(low), CHUNK_MIN),
		    units_bytes(block, sizeof(block), p->kv_block_bytes));
	p->chunk_bytes = n;
	p->blocks_per_chunk = (uint32_t)(n / p->kv_block_bytes);
	return 0;
}

/* A request of full context, and a chunk for its adapter. */
static uint64_t
least_chunks(const struct plan *p)
{
	return (p->blocks_per_slot + p->blocks_per_chunk - 1) /
	    p->blocks_per_chunk +
	    1;
}

static uint64_t
automatic(const struct plan *p, const struct conf *c,
    const struct plan_machine *m)
{
	uint64_t n = least64(m->memory_free / 4, POOL_AUTO_MAX);

	if (p->backend == BACKEND_CUDA)
		return plan_gpu_room(p, c, &m->gpu) / p->chunk_bytes;
	n = least64(n, m->shared_free / 2) / p->chunk_bytes;
	return n < least_chunks(p) ? least_chunks(p) : n;
}

static int
choose_pool(struct plan *p, const struct conf *c, const struct plan_machine *m)
{
	uint64_t need = least_chunks(p);
	uint64_t chunks = c->memory_device_bytes / p->chunk_bytes;
	char set[32], want[32];
	int e;

	if (c->memory_device_bytes == 0)
		chunks = automatic(p, c, m);
	if (p->backend == BACKEND_CUDA &&
	    (e = plan_gpu_fits(p, c, need, &m->gpu)) != 0)
		return e;
	if (chunks < need)
		return err_set(ERR_CONFIG,
		    "memory.device_bytes: %s: want at least %s for one request "
		    "of full context (%u tokens) and its adapter",
		    units_bytes(set, sizeof(set), c->memory_device_bytes),
		    units_bytes(want, sizeof(want), need * p->chunk_bytes),
		    p->context);
	if (chunks > CHUNKS_MAX)
		return err_set(ERR_CONFIG,
		    "memory.chunk_bytes: %ju: too small for "
		    "memory.device_bytes: want at least %ju",
		    (uintmax_t)p->chunk_bytes,
		    (uintmax_t)(chunks * p->chunk_bytes / CHUNKS_MAX));
	p->chunks = (uint32_t)chunks;
	return 0;
}

uint64_t
plan_work_bytes(const struct plan *p, const struct shape *s)
{
	uint64_t heads = (uint64_t)s->heads + 2 * (uint64_t)s->kv_heads;
	uint64_t row = 4 * (uint64_t)s->hidden +
	    2 * heads * (uint64_t)s->head_dim + 3 * (uint64_t)s->inter;
	uint64_t floats = p->step_tokens * row +
	    (uint64_t)p->batch_max * p->vocab +
	    p->threads * (p->context + 4 * (uint64_t)s->head_dim);

	return floats * sizeof(float);
}

/* A room for each adapter, and for loads that are called off and not over yet; as
 * large as the pool, for no larger adapter can be served.  That is a size in name
 * alone. */
static void
plan_store(struct plan *p, const struct conf *c)
{
	uint64_t page = 4096,
		 bytes = (plan_chunks_bytes(p) + page - 1) / page * page;
	uint64_t most = STORE_BYTES_MAX / bytes;

	if (c->loader_host_bytes == 0)
		return;
	p->store_room_bytes = bytes;
	p->store_rooms = p->adapters + STORE_ROOMS_SPARE;
	if (p->store_rooms > most)
		p->store_rooms = (uint32_t)most;
}

/* Some more than have series at once, so that one which loses them and comes back
 * goes on where it was. */
static uint32_t
told_rows(const struct conf *c)
{
	uint64_t n = 4 * (uint64_t)c->metrics_per_adapter;

	return n < c->loader_adapters_max ? (uint32_t)n :
					    c->loader_adapters_max;
}

int
plan_make_on(struct plan *p, const struct conf *c, const struct shape *s,
    const struct plan_machine *m)
{
	uint64_t each;
	int e;

	memset(p, 0, sizeof(*p));
	if ((e = plan_backend(p, c, &m->gpu)) != 0 ||
	    (e = plan_dtypes(p, c, m->files)) != 0 ||
	    (e = choose_context(p, c, s)) != 0)
		return e;
	p->slots = c->slots;
	p->vocab = (uint32_t)s->vocab;
	p->adapters = c->loader_adapters_max;
	p->connections = c->frontend_connections_max;
	p->told_rows = told_rows(c);
	p->step_tokens = c->gpuexec_step_tokens;
	/* A running answer takes a row of each step. */
	p->batch_max = least(least(c->scheduler_batch_max, c->slots),
	    c->gpuexec_step_tokens);
	p->block_tokens = c->gpuexec_block_tokens;
	p->blocks_per_slot = (p->context + p->block_tokens - 1) /
	    p->block_tokens;
	p->threads = c->threads != 0 ? c->threads : m->cores;
	p->kv_block_bytes = shape_kv_floats(s) * p->block_tokens *
	    (uint64_t)tensor_dtype_bytes((enum tensor_dtype)p->kv_dtype);
	each = (uint64_t)tensor_dtype_bytes((enum tensor_dtype)p->weight_dtype);
	p->weights_bytes = shape_parameters(s) * each;
	p->work_bytes = plan_work_bytes(p, s);
	if (p->backend == BACKEND_CUDA) {
		p->work_bytes = plan_gpu_work_bytes(p, s);
		p->weights_region_bytes = shape_region_bytes(s, each);
		p->staging_bytes = c->loader_staging_bytes;
	}
	if ((e = choose_chunk(p, c)) != 0 || (e = choose_pool(p, c, m)) != 0)
		return e;
	plan_store(p, c);
	plan_segments(p);
	return 0;
}

/* The dtype of most bytes: norms may be held wider than the rest. */
static enum tensor_dtype
common(const struct tensors *t)
{
	uint64_t bytes[TENSOR_OTHER + 1] = { 0 };
	enum tensor_dtype most = TENSOR_F32;

	for (int i = 0; i < t->count; i++)
		bytes[t->list[i].dtype] += t->list[i].bytes;
	for (int d = 0; d < TENSOR_OTHER; d++)
		if (bytes[d] > bytes[most])
			most = (enum tensor_dtype)d;
	return most;
}

static int
look_at_files(const struct conf *c, enum tensor_dtype *out)
{
	struct tensors t = { 0 };
	int e;

	*out = TENSOR_F32;
	if (strcmp(c->dtype, "auto") != 0)
		return 0;
	if ((e = tensors_open_model(&t, c->model)) != 0)
		return err_add("model");
	*out = common(&t);
	tensors_close(&t);
	return 0;
}

int
plan_for(struct plan *p, const struct conf *c, struct shape *s,
    struct plan_machine *m)
{
	int ordinal, e;

	if ((e = shape_read(s, c->model)) != 0)
		return err_add("model");
	plan_look(m);
	if ((e = look_at_files(c, &m->files)) != 0)
		return e;
	if (conf_device(c, &ordinal) != CONF_DEVICE_CPU)
		probe_gpu(&m->gpu, ordinal);
	return plan_make_on(p, c, s, m);
}

/* From files to the device: read into pinned memory, copied from there.
 *
 * Two pieces of staging take turns: while one is copied the next is read.  All
 * cores read a piece together, since one alone is slower than the link. */
#include "gpuexec/cuda/read_weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/must.h"
#include "device/cuda_check.h"
#include "gpuexec/cpu/pool.h"
#include "gpuexec/cuda/kernels.h"

#define PIECE_BYTES (16u << 20)
#define PART_NUMBERS (1u << 18) /* that one job reads */

struct reading {
	const struct tensors *files;
	const struct tensor *tensor;
	uint64_t first, n;	 /* numbers of the piece */
	enum tensor_dtype dtype; /* as they are to be held; F32: vectors */
	unsigned char *piece;
	struct pool *pool;
	float *wide; /* [threads][PART_NUMBERS] */
	cudaStream_t stream;
	cudaEvent_t copied[2];
	unsigned char *staging[2];
	int turn;
	_Atomic int failed; /* 0 or the code */
	char text[512];	    /* of the first failure */
};

/* ---- reading ---------------------------------------------------------- */

static int
read_part(struct reading *r, uint64_t first, uint64_t n, void *to, float *wide)
{
	int e;

	if (r->dtype == TENSOR_F32)
		return tensors_read_f32(r->files, r->tensor, first, n, to);
	if (r->tensor->dtype == r->dtype)
		return tensors_read(r->files, r->tensor, first, n, to);
	if ((e = tensors_read_f32(r->files, r->tensor, first, n, wide)) != 0)
		return e;
	for (uint64_t i = 0; i < n; i++)
		((uint16_t *)to)[i] = r->dtype == TENSOR_BF16 ?
		    tensor_bf16(wide[i]) :
		    tensor_f16(wide[i]);
	return 0;
}

static void
read_job(void *arg, int i, int thread)
{
	struct reading *r = arg;
	uint64_t at = (uint64_t)i * PART_NUMBERS;
	uint64_t n = r->n - at < PART_NUMBERS ? r->n - at : PART_NUMBERS;
	size_t each = r->dtype == TENSOR_F32 ? 4 : 2;
	int none = 0, e;

	if (atomic_load(&r->failed) != 0)
		return;
	e = read_part(r, r->first + at, n, r->piece + at * each,
	    r->wide + (size_t)thread * PART_NUMBERS);
	/* The sentence belongs to this thread; the first failure keeps it. */
	if (e != 0 && atomic_compare_exchange_strong(&r->failed, &none, e))
		snprintf(r->text, sizeof(r->text), "%s", err_text());
}

/* One piece: read when its staging is free, copied behind the others. */
static int
pass(struct reading *r, char *to)
{
	size_t each = r->dtype == TENSOR_F32 ? 4 : 2;
	int turn = r->turn ^= 1;
	int e = cuda_check(cudaEventSynchronize(r->copied[turn]),
	    "copying weights");

	if (e != 0)
		return e;
	r->piece = r->staging[turn];
	pool_run(r->pool, read_job, r,
	    (int)((r->n + PART_NUMBERS - 1) / PART_NUMBERS));
	if (r->failed != 0)
		return err_set(r->failed, "%s", r->text);
	e = cuda_check(cudaMemcpyAsync(to, r->piece, r->n * each,
			   cudaMemcpyHostToDevice, r->stream),
	    "copying weights");
	if (e == 0)
		e = cuda_check(cudaEventRecord(r->copied[turn], r->stream),
		    "copying weights");
	return e;
}

/* A tensor to `to`; returns where it ends. */
static int
read_tensor(struct reading *r, const struct shape *s, enum shape_weight w,
    int layer, enum tensor_dtype dtype, char **to)
{
	uint64_t all = (uint64_t)shape_rows(s, w) * (uint64_t)shape_cols(s, w);
	size_t each = dtype == TENSOR_F32 ? 4 : 2;
	char name[SHAPE_NAME_MAX];
	int e = 0;

	r->tensor = tensors_find(r->files, shape_weight_name(name, w, layer));
	must(r->tensor != NULL);
	r->dtype = dtype;
	for (r->first = 0; e == 0 && r->first < all; r->first += r->n) {
		r->n = PIECE_BYTES / each;
		if (r->n > all - r->first)
			r->n = all - r->first;
		e = pass(r, *to + r->first * each);
	}
	*to += all * each;
	return e;
}

/* n weights one behind the other; to NULL: the model has none of them. */
static int
read_some(struct reading *r, const struct shape *s, enum shape_weight first,
    int n, int layer, enum tensor_dtype dtype, void *to)
{
	char *at = to;
	int e = 0;

	for (int i = 0; e == 0 && to != NULL && i < n; i++)
		e = read_tensor(r, s, (enum shape_weight)((int)first + i),
		    layer, dtype, &at);
	return e;
}

static int
read_layer(struct reading *r, const struct shape *s, const struct cuda_layer *l,
    int i, enum tensor_dtype dtype)
{
	const struct {
		enum shape_weight first;
		int n;
		enum tensor_dtype dtype;
		void *to;
	} parts[] = {
		{ WEIGHT_Q, 3, dtype, l->qkv },
		{ WEIGHT_O, 1, dtype, l->o },
		{ WEIGHT_GATE, 2, dtype, l->gate_up },
		{ WEIGHT_DOWN, 1, dtype, l->down },
		{ WEIGHT_Q_BIAS, 3, TENSOR_F32, l->qkv_bias },
		{ WEIGHT_O_BIAS, 1, TENSOR_F32, l->o_bias },
		{ WEIGHT_GATE_BIAS, 2, TENSOR_F32, l->gate_up_bias },
		{ WEIGHT_DOWN_BIAS, 1, TENSOR_F32, l->down_bias },
		{ WEIGHT_Q_NORM, 1, TENSOR_F32, l->q_norm },
		{ WEIGHT_K_NORM, 1, TENSOR_F32, l->k_norm },
		{ WEIGHT_INPUT_NORM, 1, TENSOR_F32, l->input_norm },
		{ WEIGHT_POST_NORM, 1, TENSOR_F32, l->post_norm },
	};
	int e = 0;

	for (size_t p = 0; e == 0 && p < sizeof(parts) / sizeof(parts[0]); p++)
		e = read_some(r, s, parts[p].first, parts[p].n, i,
		    parts[p].dtype, parts[p].to);
	return e;
}

static int
read_all(struct reading *r, const struct cuda_weights *w, const struct shape *s)
{
	int e = read_some(r, s, WEIGHT_EMBED, 1, 0, w->dtype, w->embed);

	if (e == 0 && !s->tied)
		e = read_some(r, s, WEIGHT_HEAD, 1, 0, w->dtype, w->head);
	if (e == 0)
		e = read_some(r, s, WEIGHT_NORM, 1, 0, TENSOR_F32, w->norm);
	for (int i = 0; e == 0 && i < s->layers; i++)
		e = read_layer(r, s, &w->layers[i], i, w->dtype);
	return e;
}

/* ---- staging ---------------------------------------------------------- */

static int
open_staging(struct reading *r)
{
	int e = pool_open(&r->pool, 0);

	if (e == 0)
		r->wide = malloc((size_t)pool_threads(r->pool) * PART_NUMBERS *
		    sizeof(*r->wide));
	if (e == 0 && r->wide == NULL)
		e = err_set(ERR_MEMORY, "no memory to read weights");
	for (int i = 0; e == 0 && i < 2; i++) {
		e = cuda_check(cudaHostAlloc((void **)&r->staging[i],
				   PIECE_BYTES, cudaHostAllocDefault),
		    "pinned memory to read weights");
		if (e == 0)
			e = cuda_check(cudaEventCreateWithFlags(&r->copied[i],
					   cudaEventDisableTiming),
			    "reading weights");
	}
	return e;
}

static void
close_staging(struct reading *r)
{
	for (int i = 0; i < 2; i++) {
		if (r->copied[i] != NULL)
			(void)cudaEventDestroy(r->copied[i]);
		if (r->staging[i] != NULL)
			(void)cudaFreeHost(r->staging[i]);
	}
	free(r->wide);
	pool_close(r->pool);
}

int
cuda_read_weights(const struct cuda_weights *w, const struct shape *s,
    const struct tensors *files, cudaStream_t stream)
{
	struct reading r = { .files = files, .stream = stream };
	int e = open_staging(&r), wait;

	if (e == 0)
		e = read_all(&r, w, s);
	wait = cuda_check(cudaStreamSynchronize(stream), "copying weights");
	close_staging(&r);
	return e != 0 ? e : wait;
}

/* ---- recognising ------------------------------------------------------ */

uint64_t
cuda_files_id(const struct tensors *files, enum tensor_dtype dtype)
{
	uint64_t how = (uint64_t)dtype;
	uint64_t id = hash_bytes(HASH_START, &how, sizeof(how));
	struct stat st;

	for (int i = 0; i < files->nfiles; i++) {
		uint64_t what[5] = { (uint64_t)i };

		if (fstat(files->fds[i], &st) == 0) {
			what[1] = (uint64_t)st.st_ino;
			what[2] = (uint64_t)st.st_size;
			what[3] = (uint64_t)st.st_mtim.tv_sec;
			what[4] = (uint64_t)st.st_mtim.tv_nsec;
		}
		id = hash_bytes(id, what, sizeof(what));
	}
	return id == 0 ? 1 : id;
}

int
cuda_region_sum(uint64_t *sum, const void *region, uint64_t bytes,
    cudaStream_t stream)
{
	size_t n = (size_t)((bytes + CHECKSUM_PART - 1) / CHECKSUM_PART);
	uint64_t *device = NULL, *host = malloc(n * sizeof(*host) + 1);
	int e = host == NULL ? err_set(ERR_MEMORY, "no memory for checksums") :
			       0;

	if (e == 0)
		e = cuda_check(cudaMalloc((void **)&device,
				   n * sizeof(*device) + 1),
		    "memory for checksums");
	if (e == 0)
		e = cuda_checksum(stream, device, region, bytes);
	if (e == 0)
		e = cuda_check(cudaMemcpyAsync(host, device, n * sizeof(*host),
				   cudaMemcpyDeviceToHost, stream),
		    "checksums");
	if (e == 0)
		e = cuda_check(cudaStreamSynchronize(stream), "checksums");
	*sum = 0;
	for (size_t i = 0; e == 0 && i < n; i++)
		*sum = checksum_join(*sum, host[i]);
	if (device != NULL)
		(void)cudaFree(device);
	free(host);
	return e;
}

/* A model's weights: where they lie, and how they come there. */
#include "gpuexec/cuda/weights.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/must.h"
#include "gpuexec/cuda/read_weights.h"

/* Hands out pieces of a region; with base NULL it only counts. */
struct carve {
	char *base;
	uint64_t used;
};

static void *
take(struct carve *c, uint64_t bytes)
{
	void *p = c->base == NULL ? NULL : c->base + c->used;

	c->used += (bytes + CUDA_WEIGHTS_ALIGN - 1) / CUDA_WEIGHTS_ALIGN *
	    CUDA_WEIGHTS_ALIGN;
	return p;
}

/* n matrices with the same input, or n vectors, one behind the other. */
static void *
take_weights(struct carve *c, const struct shape *s, enum shape_weight first,
    int n, uint64_t each)
{
	uint64_t numbers = 0;

	if (!shape_has(s, first))
		return NULL;
	for (int i = 0; i < n; i++) {
		enum shape_weight w = (enum shape_weight)((int)first + i);

		numbers += (uint64_t)shape_rows(s, w) *
		    (uint64_t)shape_cols(s, w);
	}
	return take(c, numbers * each);
}

static void
lay_out_layer(struct cuda_layer *l, struct carve *c, const struct shape *s)
{
	l->qkv = take_weights(c, s, WEIGHT_Q, 3, 2);
	l->o = take_weights(c, s, WEIGHT_O, 1, 2);
	l->gate_up = take_weights(c, s, WEIGHT_GATE, 2, 2);
	l->down = take_weights(c, s, WEIGHT_DOWN, 1, 2);
	l->qkv_bias = take_weights(c, s, WEIGHT_Q_BIAS, 3, sizeof(float));
	l->o_bias = take_weights(c, s, WEIGHT_O_BIAS, 1, sizeof(float));
	l->gate_up_bias = take_weights(c, s, WEIGHT_GATE_BIAS, 2,
	    sizeof(float));
	l->down_bias = take_weights(c, s, WEIGHT_DOWN_BIAS, 1, sizeof(float));
	l->q_norm = take_weights(c, s, WEIGHT_Q_NORM, 1, sizeof(float));
	l->k_norm = take_weights(c, s, WEIGHT_K_NORM, 1, sizeof(float));
	l->input_norm = take_weights(c, s, WEIGHT_INPUT_NORM, 1, sizeof(float));
	l->post_norm = take_weights(c, s, WEIGHT_POST_NORM, 1, sizeof(float));
}

/* The same walk twice: first to count, then to hand out. */
static void
lay_out(struct cuda_weights *w, struct carve *c, const struct shape *s)
{
	struct cuda_layer spare;

	w->embed = take_weights(c, s, WEIGHT_EMBED, 1, 2);
	w->head = s->tied ? w->embed : take_weights(c, s, WEIGHT_HEAD, 1, 2);
	w->norm = take_weights(c, s, WEIGHT_NORM, 1, sizeof(float));
	for (int i = 0; i < s->layers; i++)
		lay_out_layer(w->layers == NULL ? &spare : &w->layers[i], c, s);
}

uint64_t
cuda_weights_bytes(const struct shape *s, enum tensor_dtype dtype)
{
	struct cuda_weights w = { .dtype = dtype };
	struct carve c = { 0 };

	lay_out(&w, &c, s);
	return c.used;
}

/* Whether a former life has left exactly these files in the region. */
static int
recognise(struct cuda_weights *w, const struct weights_mark *mark,
    uint64_t pool, uint64_t id, cudaStream_t stream)
{
	uint64_t sum;
	int e;

	if (atomic_load_explicit(&mark->pool_number, memory_order_acquire) !=
		pool ||
	    mark->file_id != id || mark->bytes != w->bytes)
		return 0;
	if ((e = cuda_region_sum(&sum, w->region, w->bytes, stream)) != 0)
		return e;
	w->attached = sum == mark->sum;
	return 0;
}

/* The number is gone before the first byte is written, and comes back behind
 * the last. */
static int
fill(struct cuda_weights *w, const struct shape *s, const struct tensors *files,
    struct weights_mark *mark, uint64_t pool, cudaStream_t stream)
{
	uint64_t id = cuda_files_id(files, w->dtype), sum = 0;
	int e = 0;

	if (mark != NULL)
		e = recognise(w, mark, pool, id, stream);
	if (e != 0 || w->attached)
		return e;
	if (mark != NULL)
		atomic_store(&mark->pool_number, 0);
	e = cuda_read_weights(w, s, files, stream);
	if (e == 0 && mark != NULL)
		e = cuda_region_sum(&sum, w->region, w->bytes, stream);
	if (e != 0 || mark == NULL)
		return e;
	mark->file_id = id;
	mark->bytes = w->bytes;
	mark->sum = sum;
	atomic_store_explicit(&mark->pool_number, pool, memory_order_release);
	return 0;
}

int
cuda_weights_open(struct cuda_weights *w, const struct shape *s,
    const struct tensors *files, enum tensor_dtype dtype, void *region,
    uint64_t room, struct weights_mark *mark, uint64_t pool,
    cudaStream_t stream)
{
	struct carve c = { .base = region };
	int e = 0;

	*w = (struct cuda_weights){ .dtype = dtype, .region = region };
	w->bytes = cuda_weights_bytes(s, dtype);
	must((uintptr_t)region % CUDA_WEIGHTS_ALIGN == 0);
	if (w->bytes > room)
		return err_set(ERR_LIMIT,
		    "weights of %ju bytes: the device pool keeps %ju for them",
		    (uintmax_t)w->bytes, (uintmax_t)room);
	w->layers = calloc((size_t)s->layers, sizeof(*w->layers));
	if (w->layers == NULL)
		return err_set(ERR_MEMORY, "no memory for a table of layers");
	lay_out(w, &c, s);
	if (files != NULL)
		e = fill(w, s, files, mark, pool, stream);
	if (e != 0)
		cuda_weights_close(w);
	return e;
}

void
cuda_weights_close(struct cuda_weights *w)
{
	free(w->layers);
	*w = (struct cuda_weights){ 0 };
}

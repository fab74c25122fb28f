/* A model's weights: laying out the memory, reading and packing the files. */
#include "gpuexec/cpu/weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/must.h"
#include "gpuexec/cpu/kernels.h"

/* Hands out pieces of a mapping; with base NULL it only counts. */
struct carve {
	char *base;
	size_t used;
};

/* What a loop over the panels of one tensor knows. */
struct reading {
	const struct tensors *files;
	const struct tensor *tensor;
	const struct cpu_matrix *matrix; /* NULL: the embedding's rows */
	void *embed;
	bool half;
	char *scratch; /* [threads][scratch_bytes] */
	size_t scratch_bytes;
	_Atomic int failed; /* 0 or the code */
	char text[512];	    /* of the first failure */
};

/* ---- where everything lies -------------------------------------------- */

static void *
take(struct carve *c, size_t bytes)
{
	void *p = c->base == NULL ? NULL : c->base + c->used;

	c->used += (bytes + 127) / 128 * 128;
	return p;
}

static float *
take_vector(struct carve *c, const struct shape *s, enum shape_weight w)
{
	size_t n = (size_t)shape_rows(s, w);

	if (!shape_has(s, w))
		return NULL;
	n = (n + CPU_PANEL - 1) / CPU_PANEL * CPU_PANEL;
	return take(c, n * sizeof(float));
}

static struct cpu_matrix
take_matrix(struct carve *c, const struct shape *s, enum shape_weight w,
    bool half)
{
	struct cpu_matrix m = {
		.rows = shape_rows(s, w),
		.cols = shape_cols(s, w),
		.half = half,
	};

	m.panels = take(c, cpu_matrix_bytes(&m));
	return m;
}

static void
lay_out_layer(struct weights_layer *l, struct carve *c, const struct shape *s,
    bool half)
{
	for (int i = 0; i < LINEAR_LAYER_COUNT; i++) {
		l->linear[i] = take_matrix(c, s,
		    (enum shape_weight)(WEIGHT_Q + i), half);
		l->linear[i].bias = take_vector(c, s,
		    (enum shape_weight)(WEIGHT_Q_BIAS + i));
	}
	l->q_norm = take_vector(c, s, WEIGHT_Q_NORM);
	l->k_norm = take_vector(c, s, WEIGHT_K_NORM);
	l->input_norm = take_vector(c, s, WEIGHT_INPUT_NORM);
	l->post_norm = take_vector(c, s, WEIGHT_POST_NORM);
}

static size_t
embed_bytes(const struct shape *s, bool half)
{
	return (size_t)s->vocab * (size_t)s->hidden * (half ? 2 : 4);
}

/* The same walk twice: first to count, then to hand out. */
static void
lay_out(struct weights *w, struct carve *c, const struct shape *s, bool half)
{
	struct weights_layer spare;

	for (int i = 0; i < s->layers; i++)
		lay_out_layer(c->base == NULL ? &spare : &w->layers[i], c, s,
		    half);
	w->head = take_matrix(c, s, s->tied ? WEIGHT_EMBED : WEIGHT_HEAD, half);
	w->norm = take_vector(c, s, WEIGHT_NORM);
	w->embed = s->tied ? NULL : take(c, embed_bytes(s, half));
}

size_t
weights_bytes(const struct shape *s, enum tensor_dtype dtype)
{
	struct carve c = { 0 };
	struct weights w;

	lay_out(&w, &c, s, dtype == TENSOR_BF16);
	return c.used;
}

/* ---- reading ---------------------------------------------------------- */

/* Reads n numbers as bf16 or float, rounding where the file has more. */
static int
read_numbers(const struct reading *r, uint64_t first, uint64_t n, void *out,
    float *wide)
{
	int e;

	if (r->half && r->tensor->dtype == TENSOR_BF16)
		return tensors_read(r->files, r->tensor, first, n, out);
	if (!r->half)
		return tensors_read_f32(r->files, r->tensor, first, n, out);
	if ((e = tensors_read_f32(r->files, r->tensor, first, n, wide)) != 0)
		return e;
	for (uint64_t i = 0; i < n; i++)
		((uint16_t *)out)[i] = tensor_bf16(wide[i]);
	return 0;
}

static int
read_panel(const struct reading *r, int i, char *scratch)
{
	const struct cpu_matrix *m = r->matrix;
	int row = i * CPU_PANEL;
	int n = m->rows - row < CPU_PANEL ? m->rows - row : CPU_PANEL;
	uint64_t cols = (uint64_t)m->cols;
	int e = read_numbers(r, (uint64_t)row * cols, (uint64_t)n * cols,
	    scratch, (float *)(void *)(scratch + r->scratch_bytes / 2));

	if (e == 0)
		cpu_matrix_pack(m, i, scratch, n);
	return e;
}

static int
read_embed(const struct reading *r, int i, char *scratch)
{
	uint64_t cols = r->tensor->shape[1], rows = r->tensor->shape[0];
	uint64_t row = (uint64_t)i * CPU_PANEL;
	uint64_t n = rows - row < CPU_PANEL ? rows - row : CPU_PANEL;
	char *to = (char *)r->embed + row * cols * (r->half ? 2 : 4);

	return read_numbers(r, row * cols, n * cols, to,
	    (float *)(void *)scratch);
}

static void
read_job(void *arg, int i, int thread)
{
	struct reading *r = arg;
	char *scratch = r->scratch + (size_t)thread * r->scratch_bytes;
	int none = 0, e;

	if (atomic_load(&r->failed) != 0)
		return;
	e = r->matrix != NULL ? read_panel(r, i, scratch) :
				read_embed(r, i, scratch);
	/* The sentence belongs to this thread; the first failure keeps it. */
	if (e != 0 && atomic_compare_exchange_strong(&r->failed, &none, e))
		snprintf(r->text, sizeof(r->text), "%s", err_text());
}

static const struct tensor *
find(const struct tensors *files, enum shape_weight w, int layer)
{
	char name[SHAPE_NAME_MAX];

	return tensors_find(files, shape_weight_name(name, w, layer));
}

static int
read_matrix(struct reading *r, const struct cpu_matrix *m, enum shape_weight w,
    int layer, struct pool *pool)
{
	r->tensor = find(r->files, w, layer);
	must(r->tensor != NULL);
	r->matrix = m;
	pool_run(pool, read_job, r, cpu_matrix_panels(m));
	if (r->failed != 0)
		return err_set(r->failed, "%s", r->text);
	return 0;
}

static int
read_vector(struct reading *r, const struct shape *s, float *to,
    enum shape_weight w, int layer)
{
	if (to == NULL)
		return 0;
	r->tensor = find(r->files, w, layer);
	must(r->tensor != NULL);
	return tensors_read_f32(r->files, r->tensor, 0,
	    (uint64_t)shape_rows(s, w), to);
}

static int
read_layer(struct reading *r, const struct shape *s, struct weights_layer *l,
    int i, struct pool *pool)
{
	int e = 0;

	for (int j = 0; e == 0 && j < LINEAR_LAYER_COUNT; j++) {
		e = read_matrix(r, &l->linear[j],
		    (enum shape_weight)(WEIGHT_Q + j), i, pool);
		if (e == 0)
			e = read_vector(r, s, l->linear[j].bias,
			    (enum shape_weight)(WEIGHT_Q_BIAS + j), i);
	}
	if (e == 0)
		e = read_vector(r, s, l->q_norm, WEIGHT_Q_NORM, i);
	if (e == 0)
		e = read_vector(r, s, l->k_norm, WEIGHT_K_NORM, i);
	if (e == 0)
		e = read_vector(r, s, l->input_norm, WEIGHT_INPUT_NORM, i);
	if (e == 0)
		e = read_vector(r, s, l->post_norm, WEIGHT_POST_NORM, i);
	return e;
}

static int
read_ends(struct reading *r, const struct shape *s, struct weights *w,
    struct pool *pool)
{
	int e = read_vector(r, s, w->norm, WEIGHT_NORM, 0);

	if (e == 0)
		e = read_matrix(r, &w->head,
		    s->tied ? WEIGHT_EMBED : WEIGHT_HEAD, 0, pool);
	if (e != 0 || s->tied)
		return e;
	r->tensor = find(r->files, WEIGHT_EMBED, 0);
	must(r->tensor != NULL);
	r->matrix = NULL;
	r->embed = w->embed;
	pool_run(pool, read_job, r, (s->vocab + CPU_PANEL - 1) / CPU_PANEL);
	return r->failed == 0 ? 0 : err_set(r->failed, "%s", r->text);
}

static int
read_all(struct weights *w, const struct shape *s, const struct tensors *files,
    struct pool *pool)
{
	int cols = s->inter > s->hidden ? s->inter : s->hidden;
	struct reading r = { .files = files, .half = w->half };
	int e;

	if (cols < s->heads * s->head_dim)
		cols = s->heads * s->head_dim;
	/* Half for the numbers as kept, half for floats to be rounded. */
	r.scratch_bytes = (size_t)cols * CPU_PANEL * sizeof(float) * 2;
	r.scratch = malloc(r.scratch_bytes * (size_t)pool_threads(pool));
	if (r.scratch == NULL)
		return err_set(ERR_MEMORY, "no memory to read weights");
	e = read_ends(&r, s, w, pool);
	for (int i = 0; e == 0 && i < s->layers; i++)
		e = read_layer(&r, s, &w->layers[i], i, pool);
	free(r.scratch);
	return e;
}

/* ---- opening ---------------------------------------------------------- */

static enum tensor_dtype
dtype_of(const struct shape *s, const struct tensors *files)
{
	const struct tensor *t;

	for (int i = 0; i < s->layers; i++)
		for (int j = 0; j < LINEAR_LAYER_COUNT; j++) {
			t = find(files, (enum shape_weight)(WEIGHT_Q + j), i);
			if (t == NULL || t->dtype != TENSOR_BF16)
				return TENSOR_F32;
		}
	return TENSOR_BF16;
}

static int
reserve(struct weights *w, const struct shape *s)
{
	struct carve c = { 0 };

	w->layers = calloc((size_t)s->layers, sizeof(*w->layers));
	w->bytes = weights_bytes(s, w->half ? TENSOR_BF16 : TENSOR_F32);
	w->memory = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->layers == NULL || w->memory == MAP_FAILED) {
		w->memory = NULL;
		return err_set(ERR_MEMORY, "no memory for weights of %zu bytes",
		    w->bytes);
	}
	(void)madvise(w->memory, w->bytes, MADV_HUGEPAGE);
	(void)madvise(w->memory, w->bytes, MADV_DONTDUMP);
	c.base = w->memory;
	lay_out(w, &c, s, w->half);
	return 0;
}

int
weights_open(struct weights *w, const char *model_dir, const struct shape *s,
    enum tensor_dtype dtype, struct pool *pool)
{
	struct tensors files = { 0 };
	int e = tensors_open_model(&files, model_dir);

	*w = (struct weights){ .hidden = s->hidden };
	if (e == 0)
		e = shape_check_weights(s, &files);
	if (e == 0) {
		if (dtype == TENSOR_OTHER)
			dtype = dtype_of(s, &files);
		w->half = dtype == TENSOR_BF16;
		e = reserve(w, s);
	}
	if (e == 0)
		e = read_all(w, s, &files, pool);
	tensors_close(&files);
	if (e != 0) {
		weights_close(w);
		return err_add("model '%s'", model_dir);
	}
	return 0;
}

void
weights_close(struct weights *w)
{
	if (w->memory != NULL)
		(void)munmap(w->memory, w->bytes);
	free(w->layers);
	*w = (struct weights){ 0 };
}

void
weights_embed(const struct weights *w, int token, float *out)
{
	size_t at = (size_t)token * (size_t)w->hidden;

	if (w->embed == NULL) {
		cpu_matrix_row(&w->head, token, out);
		return;
	}
	for (int c = 0; c < w->hidden; c++)
		out[c] = w->half ?
		    cpu_widen(((const uint16_t *)w->embed)[at + (size_t)c]) :
		    ((const float *)w->embed)[at + (size_t)c];
}

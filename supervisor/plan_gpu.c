/* Which device, in which numbers, and what finds room on it. */
#include "supervisor/plan_gpu.h"

#include "base/err.h"
#include "base/log.h"
#include "base/units.h"
#include "model/adapter.h"

#include <stdio.h>
#include <string.h>

#define SPLIT_TOKENS 256u /* as attention is split (gpuexec/cuda/step.h) */

/* Whether something that is set can be had on the cpu alone. */
static const char *
needs_cpu(const struct conf *c)
{
	if (strcmp(c->dtype, "f32") == 0)
		return "dtype: f32";
	return strcmp(c->kv_dtype, "f32") == 0 ? "kv_dtype: f32" : NULL;
}

int
plan_backend(struct plan *p, const struct conf *c, const struct plan_gpu *g)
{
	int ordinal;
	enum conf_device want = conf_device(c, &ordinal);

	p->backend = BACKEND_CPU;
	p->device_ordinal = -1;
	if (want == CONF_DEVICE_CUDA && !g->there)
		return err_set(ERR_CONFIG, "device: %s: %s", c->device,
		    g->why_not);
	if (want == CONF_DEVICE_CPU || !g->there ||
	    (want == CONF_DEVICE_AUTO && needs_cpu(c) != NULL))
		return 0;
	p->backend = BACKEND_CUDA;
	p->device_ordinal = ordinal;
	snprintf(p->device_name, sizeof(p->device_name), "%s", g->name);
	return 0;
}

static enum tensor_dtype
dtype_of(const char *word, enum tensor_dtype automatic)
{
	static const enum tensor_dtype all[] = { TENSOR_F32, TENSOR_F16,
		TENSOR_BF16 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(word, tensor_dtype_word(all[i])) == 0)
			return all[i];
	return automatic;
}

static int
dtypes_cpu(struct plan *p, const struct conf *c, enum tensor_dtype files)
{
	enum tensor_dtype own = files == TENSOR_BF16 ? TENSOR_BF16 : TENSOR_F32;

	p->weight_dtype = dtype_of(c->dtype, own);
	p->kv_dtype = dtype_of(c->kv_dtype, TENSOR_F32);
	if (p->weight_dtype == TENSOR_F16)
		return err_set(ERR_CONFIG,
		    "dtype: f16: the cpu computes with f32 or bf16 alone; "
		    "files of f16 are held as f32 with dtype: auto");
	if (p->kv_dtype == TENSOR_F16)
		return err_set(ERR_CONFIG,
		    "kv_dtype: f16: on the cpu want auto, f32 or bf16");
	return 0;
}

static int
dtypes_cuda(struct plan *p, const struct conf *c, enum tensor_dtype files)
{
	enum tensor_dtype own = files == TENSOR_F16 ? TENSOR_F16 : TENSOR_BF16;

	p->weight_dtype = dtype_of(c->dtype, own);
	p->kv_dtype = dtype_of(c->kv_dtype, (enum tensor_dtype)p->weight_dtype);
	if (p->weight_dtype == TENSOR_F32)
		return err_set(ERR_CONFIG,
		    "dtype: f32: a GPU holds weights as bf16 or f16: want "
		    "auto, or device: cpu");
	if (p->kv_dtype != p->weight_dtype)
		return err_set(ERR_CONFIG,
		    "kv_dtype: %s: on a GPU keys and values are held as the "
		    "weights are, which is %s: want auto",
		    c->kv_dtype,
		    tensor_dtype_word((enum tensor_dtype)p->weight_dtype));
	return 0;
}

int
plan_dtypes(struct plan *p, const struct conf *c, enum tensor_dtype files)
{
	return (
	    p->backend == BACKEND_CUDA ? dtypes_cuda : dtypes_cpu)(p, c, files);
}

static uint64_t
power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

uint64_t
plan_gpu_work_bytes(const struct plan *p, const struct shape *s)
{
	uint64_t seqs = p->batch_max;
	uint64_t logits = power_of_two(seqs);
	uint64_t rows = power_of_two(p->step_tokens);
	uint64_t splits = seqs *
	    ((p->context + SPLIT_TOKENS - 1) / SPLIT_TOKENS);
	uint64_t dim = (uint64_t)s->head_dim;
	uint64_t row = 6 * (uint64_t)s->hidden +
	    8 * ((uint64_t)s->heads + (uint64_t)s->kv_heads) * dim +
	    10 * (uint64_t)s->inter + 12 * ADAPTER_RANK_MAX;

	if (rows < logits)
		rows = logits;
	return rows * row + splits * (uint64_t)s->heads * 4 * (dim + 2) +
	    16 * p->vocab * logits + seqs * 16 * p->context;
}

uint64_t
plan_gpu_room(const struct plan *p, const struct conf *c,
    const struct plan_gpu *g)
{
	uint64_t taken = p->weights_region_bytes + p->work_bytes +
	    c->memory_reserve_bytes;

	return g->free > taken ? g->free - taken : 0;
}

int
plan_gpu_fits(const struct plan *p, const struct conf *c, uint64_t chunks_least,
    const struct plan_gpu *g)
{
	uint64_t want = c->memory_device_bytes, room = plan_gpu_room(p, c, g);
	uint64_t least = chunks_least * p->chunk_bytes;
	char t[7][32];

	if (want < least)
		want = least;
	if (want <= room)
		return 0;
	return err_set(ERR_CONFIG,
	    "memory.device_bytes: %s wanted, room for %s: cuda:%d has %s, %s "
	    "of it free; weights take %s, activations %s, "
	    "memory.reserve_bytes %s: lower one of them, or context, or free "
	    "the GPU",
	    units_bytes(t[0], sizeof(t[0]), want),
	    units_bytes(t[1], sizeof(t[1]), room), p->device_ordinal,
	    units_bytes(t[2], sizeof(t[2]), g->total),
	    units_bytes(t[3], sizeof(t[3]), g->free),
	    units_bytes(t[4], sizeof(t[4]), p->weights_region_bytes),
	    units_bytes(t[5], sizeof(t[5]), p->work_bytes),
	    units_bytes(t[6], sizeof(t[6]), c->memory_reserve_bytes));
}

void
plan_log(const struct plan *p, const struct conf *c,
    const struct plan_machine *m)
{
	const struct plan_gpu *g = &m->gpu;
	const char *why = needs_cpu(c);
	char device[32], weights[32], chunks[32];
	int ordinal;

	(void)plan_device_text(p, device, sizeof(device));
	if (p->backend == BACKEND_CUDA)
		log_info("computing on a GPU device=%s name=%s capability=%s "
			 "driver=%s dtype=%s weights=%s chunks=%s",
		    device, g->name, g->capability, g->driver,
		    tensor_dtype_word((enum tensor_dtype)p->weight_dtype),
		    units_bytes(weights, sizeof(weights),
			p->weights_region_bytes),
		    units_bytes(chunks, sizeof(chunks), plan_chunks_bytes(p)));
	if (p->backend == BACKEND_CUDA && p->weight_dtype != m->files &&
	    strcmp(c->dtype, "auto") == 0)
		log_info("weights are rounded: a GPU does not hold them as the "
			 "files do files=%s dtype=%s",
		    tensor_dtype_word(m->files),
		    tensor_dtype_word((enum tensor_dtype)p->weight_dtype));
	if (p->backend == BACKEND_CUDA)
		return;
	if (conf_device(c, &ordinal) == CONF_DEVICE_CPU)
		log_info("computing on the cpu device=%s", device);
	else if (g->there)
		log_warn("computing on the cpu, though there is a GPU "
			 "device=%s reason=%s name=%s",
		    device, why, g->name);
	else
		log_info("computing on the cpu device=%s reason=%s", device,
		    g->why_not);
}

/* The executor joins the house: segments, rings, pool, model. */
#include "gpuexec/open_in.h"

#include "base/err.h"
#include "base/log.h"
#include "proc/pool.h"

static int
open_model(struct gx *g, struct proc *p, uint64_t pool)
{
	const struct plan *plan = p->plan;
	struct forward_options o = {
		.weights = (enum tensor_dtype)plan->weight_dtype,
		.kv = (enum tensor_dtype)plan->kv_dtype,
		.threads = (int)plan->threads,
		.rows_max = (int)plan->step_tokens,
		.seqs_max = (int)plan->batch_max,
		.logits_max = (int)plan->batch_max,
		.context = (int)plan->context,
		.block_tokens = (int)plan->block_tokens,
	};
	int e = plan->backend == BACKEND_CUDA ?
	    gx_open_cuda(g, p, &o, pool) :
	    forward_open(&g->forward, p->conf.model, &o);

	if (e != 0)
		return e;
	if ((uint32_t)forward_shape(g->forward)->vocab != plan->vocab ||
	    forward_block_bytes(g->forward) != plan->kv_block_bytes)
		return err_set(ERR_FORMAT,
		    "model '%s' has changed since the engine started",
		    p->conf.model);
	log_info("model ready kernels=%s threads=%d",
	    forward_kernels(g->forward), forward_threads(g->forward));
	return 0;
}

int
gx_join(struct gx *g, struct proc *p)
{
	const struct plan *plan = p->plan;
	uint64_t pool;
	int e;

	g->segs = &p->segs;
	g->plan = plan;
	g->epoch = p->epoch;
	segs_rx(&p->segs, RING_SC_GX, &g->from_scheduler);
	segs_rx(&p->segs, RING_FE_GX, &g->from_frontend);
	segs_tx(&p->segs, RING_GX_SC, &g->to_scheduler);
	segs_tx(&p->segs, RING_GX_FE, &g->to_frontend);
	e = proc_pool_open(p, &g->device, &pool);
	if (e == 0)
		e = open_model(g, p, pool);
	if (e == 0)
		e = gx_open(g);
	return e;
}

void
gx_leave(struct gx *g)
{
	gx_close(g);
	forward_close(g->forward);
	device_close(g->device);
}

/* The model on a GPU: what the pool keeps of it, and what a dead life may still
 * be writing. */
#include "gpuexec/open_in.h"

#include "base/err.h"
#include "base/log.h"
#include "base/units.h"
#include "gpuexec/cuda/forward.h"

/* A kernel of a dead process may still run for a moment after its death is
 * known (docs/RECOVERY.md, section 4).  This life began after that. */
#define QUARANTINE_NS SECOND

static void
tell(struct gx *g)
{
	struct forward_cuda_told t = forward_cuda_told(g->forward);
	char bytes[32];

	log_info("%s on the GPU weights_ms=%.0f graphs=%d graphs_ms=%.0f "
		 "work=%s",
	    t.attached ? "weights found" : "weights read",
	    clock_ms(t.weights_ns), t.graphs, clock_ms(t.graphs_ns),
	    units_bytes(bytes, sizeof(bytes), t.work_bytes));
}

static void
wait_for_the_dead(struct gx *g, nsec begun)
{
	nsec until = begun + QUARANTINE_NS, now = clock_mono();

	if (atomic_load(g->segs->launched_step) !=
		atomic_load(g->segs->completed_step) &&
	    now < until)
		clock_sleep(until - now);
}

int
gx_open_cuda(struct gx *g, struct proc *p, const struct forward_options *o,
    uint64_t pool)
{
	const struct plan *plan = p->plan;
	nsec begun = clock_mono();
	struct forward_cuda with = {
		.region = device_weights(g->device),
		.room = plan->weights_region_bytes,
		.mark = p->segs.weights_mark,
		.pool = pool,
		.kv_tokens = (uint64_t)plan->chunks * plan->blocks_per_chunk *
		    plan->block_tokens,
		.adapters = (int)plan->batch_max,
		.page_bytes = plan->chunk_bytes,
		.graphs = true,
	};
	struct shape s;
	int e = shape_read(&s, p->conf.model);

	if (e != 0)
		return err_add("model");
	with.pages = gx_pages_most(&s, plan);
	e = forward_open_cuda(&g->forward, p->conf.model, o, &with, false);
	if (e != 0)
		return e;
	tell(g);
	wait_for_the_dead(g, begun);
	return 0;
}

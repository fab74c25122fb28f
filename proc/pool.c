/* The device pool, by plan and holder. */
#include "proc/pool.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "shm/pool.h"

static int
from_holder(const struct proc *p, struct device_pool *to, uint64_t number)
{
	struct holder_pool said;

	if (!holder_pool_hear(p->segs.holder_pool, number, &said))
		return err_set(ERR_GONE,
		    "the holder says nothing of pool %ju: it is not up",
		    (uintmax_t)number);
	if (said.chunk_bytes != to->chunk_bytes ||
	    said.weights_bytes != p->plan->weights_region_bytes ||
	    said.bytes != said.weights_bytes + to->bytes)
		return err_set(ERR_LAYOUT,
		    "the holder's pool is not the one that was planned");
	to->kind = DEVICE_CUDA;
	to->ordinal = (int)said.ordinal;
	to->weights_bytes = said.weights_bytes;
	memcpy(to->handle, said.handle, sizeof(to->handle));
	return 0;
}

/* The cell whose owner ends if the device does. */
static struct cell *cell;

static void
say(const char *sentence)
{
	snprintf(cell->last_words, sizeof(cell->last_words), "%s", sentence);
	log_error("the device has failed reason=%s", sentence);
}

void
proc_pool_watch(struct proc *p)
{
	cell = p->cell;
	device_on_loss(say);
}

int
proc_pool_open(struct proc *p, struct device **out, uint64_t *number)
{
	struct device_pool pool = { .kind = DEVICE_HOST,
		.fd = p->segs.pool_fd,
		.bytes = plan_chunks_bytes(p->plan),
		.chunk_bytes = p->plan->chunk_bytes };
	int e = 0;

	proc_pool_watch(p);
	*number = 0;
	if (p->plan->backend == BACKEND_CUDA) {
		*number = proc_epoch(p, PROC_HOLDER);
		e = from_holder(p, &pool, *number);
	}
	if (e == 0)
		e = device_open(out, &pool);
	if (e == 0)
		return 0;
	return *number == 0 ? err_add("pool") :
			      err_add("pool %ju", (uintmax_t)*number);
}

/* chameleon-holder: owns the one allocation that weights, keys, values and
 * adapters lie in, so that they outlive loader and gpuexec.  Then it sleeps.
 *
 * With --probe N it says what GPU N is, for a supervisor that must not call the
 * driver itself. */
#include "proc/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/units.h"
#include "device/pool_cuda.h"
#include "proc/pool.h"
#include "shm/pool.h"

static int
make(struct proc *p)
{
	struct device_pool pool = { .ordinal = p->plan->device_ordinal,
		.weights_bytes = p->plan->weights_region_bytes,
		.bytes = plan_chunks_bytes(p->plan),
		.chunk_bytes = p->plan->chunk_bytes };
	struct holder_pool told = { .bytes = pool.weights_bytes + pool.bytes,
		.weights_bytes = pool.weights_bytes,
		.chunk_bytes = pool.chunk_bytes,
		.ordinal = (uint32_t)pool.ordinal };
	char bytes[32];
	int e;

	proc_pool_watch(p);
	if ((e = device_make(&pool)) != 0)
		return e;
	memcpy(told.handle, pool.handle, sizeof(told.handle));
	holder_pool_tell(p->segs.holder_pool, &told, p->epoch);
	log_info("pool made device=cuda:%d number=%u bytes=%s", pool.ordinal,
	    p->epoch, units_bytes(bytes, sizeof(bytes), told.bytes));
	return 0;
}

static int
step(struct proc *p, nsec now)
{
	(void)p;
	(void)now;
	return 0;
}

static void
tick(struct proc *p, nsec now)
{
	(void)p;
	(void)now;
}

static bool
drained(struct proc *p)
{
	(void)p;
	return true;
}

/* The memory goes with the process. */
static void
leave(struct proc *p)
{
	(void)p;
}

static const struct proc_ops life = {
	.id = PROC_HOLDER,
	.open = make,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = leave,
};

/* A device that is lost ends the process at once: the line must be out. */
static void
say(const char *sentence)
{
	printf("%s\n", sentence);
	(void)fflush(stdout);
}

static int
probe(int ordinal)
{
	struct device_facts f;

	device_on_loss(say);
	if (device_look(&f, ordinal) != 0) {
		say(err_text());
		return 0;
	}
	printf("ok name=\"%s\" total=%ju free=%ju capability=%d.%d "
	       "driver=%d.%d\n",
	    f.name, (uintmax_t)f.total, (uintmax_t)f.free, f.major, f.minor,
	    f.driver / 1000, f.driver % 1000 / 10);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--probe") == 0)
		return probe(atoi(argv[2]));
	return proc_main(argc, argv, &life);
}

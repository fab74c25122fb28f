/* chameleon-gpuexec: the process that computes. */
#include "gpuexec/open.h"
#include "proc/proc.h"

static struct gx gx;

static int
join(struct proc *p)
{
	return gx_join(&gx, p);
}

static int
step(struct proc *p, nsec now)
{
	int hints = gx_hints(&gx);

	(void)p;
	(void)now;
	return hints + gx_step(&gx);
}

static void
tick(struct proc *p, nsec now)
{
	(void)p;
	(void)now;
	gx_sweep(&gx);
}

/* What is placed is finished; what is not waits for the next engine. */
static bool
drained(struct proc *p)
{
	(void)p;
	return gx.nlive == 0;
}

static void
leave(struct proc *p)
{
	(void)p;
	gx_leave(&gx);
}

static bool
busy(struct proc *p)
{
	(void)p;
	return ring_waiting(&gx.from_scheduler) ||
	    ring_waiting(&gx.from_frontend) || gx_follow_waits(&gx);
}

static const struct proc_ops life = {
	.id = PROC_GPUEXEC,
	.open = join,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = leave,
	.busy = busy,
};

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}

/* chameleon-monitor: watches the others, and changes nothing. */
#include "proc/proc.h"

static int
start(struct proc *p)
{
	(void)p;
	return 0;
}

static int
step(struct proc *p, nsec now)
{
	(void)p, (void)now;
	return 0;
}

static void
tick(struct proc *p, nsec now)
{
	(void)p, (void)now;
}

static bool
drained(struct proc *p)
{
	(void)p;
	return true;
}

static void
leave(struct proc *p)
{
	(void)p;
}

static const struct proc_ops life = { .id = PROC_MONITOR,
	.open = start,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = leave };

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}

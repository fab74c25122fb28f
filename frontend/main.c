/* The frontend process: its five functions, and main. */
#include "frontend/frontend.h"

static struct frontend fe;

static int
open_it(struct proc *p)
{
	return fe_open(&fe, p, PROC_CONTROL_FD);
}

static int
step(struct proc *p, nsec now)
{
	(void)p;
	return fe_step(&fe, now);
}

static void
tick(struct proc *p, nsec now)
{
	(void)p;
	fe_tick(&fe, now);
}

static bool
drained(struct proc *p)
{
	(void)p;
	return fe_drained(&fe);
}

static void
close_it(struct proc *p)
{
	(void)p;
	fe_close(&fe);
}

static void
sleep_it(struct proc *p, nsec until)
{
	(void)p;
	fe_sleep(&fe, until);
}

static bool
busy(struct proc *p)
{
	(void)p;
	return fe_busy(&fe);
}

static const struct proc_ops life = {
	.id = PROC_FRONTEND,
	.open = open_it,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = close_it,
	.sleep = sleep_it,
	.busy = busy,
};

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}

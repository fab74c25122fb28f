/* The monitor process: its five functions, and main. */
#include "monitor/monitor.h"

static struct monitor mon;

static int
open_it(struct proc *p)
{
	return mon_open(&mon, p, PROC_CONTROL_FD);
}

static int
step(struct proc *p, nsec now)
{
	(void)p;
	return mon_step(&mon, now);
}

static void
tick(struct proc *p, nsec now)
{
	(void)p;
	mon_tick(&mon, now);
}

/* Nobody waits for it. */
static bool
drained(struct proc *p)
{
	(void)p;
	return true;
}

static void
close_it(struct proc *p)
{
	(void)p;
	mon_close(&mon);
}

static void
sleep_it(struct proc *p, nsec until)
{
	(void)p;
	mon_sleep(&mon, until);
}

static const struct proc_ops life = {
	.id = PROC_MONITOR,
	.open = open_it,
	.step = step,
	.tick = tick,
	.drained = drained,
	.close = close_it,
	.sleep = sleep_it,
};

int
main(int argc, char **argv)
{
	return proc_main(argc, argv, &life);
}

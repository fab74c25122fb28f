/* Spinning, and the length of a tick. */
#include "proc/idle.h"

#include "proc/proc.h"

#include <sched.h>

int
idle_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set);
}

void
idle_begin(struct idle *i, nsec now)
{
	i->may_spin = idle_cores() > 1;
	i->worked_ns = now;
	i->tick_ns = PROC_TICK_NS;
}

nsec
idle_tick(struct idle *i, nsec now, bool open)
{
	if (open || now - i->worked_ns < IDLE_LATELY_NS)
		i->tick_ns = PROC_TICK_NS;
	else if (i->tick_ns * 2 <= IDLE_TICK_MAX_NS)
		i->tick_ns *= 2;
	else
		i->tick_ns = IDLE_TICK_MAX_NS;
	return i->tick_ns;
}

void
idle_wake(struct idle *i)
{
	i->tick_ns = PROC_TICK_NS;
}

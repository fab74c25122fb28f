/* By what the processes and the supervisor say in their segments. */
#include "monitor/health.h"

#include <stdio.h>

static uint32_t
load(const _Atomic uint32_t *v)
{
	return atomic_load_explicit(v, memory_order_acquire);
}

/* Its cell may still be that of its last life. */
static bool
runs(const struct segs *g, int i)
{
	return load(&g->cell[i]->epoch) ==
	    load(&g->supervisor->order[i].epoch) &&
	    load(&g->cell[i]->state) == CELL_RUN;
}

static bool
ending(const struct segs *g)
{
	bool asked = load(g->drain_asked) != 0;

	for (int i = 0; i < PROC_COUNT; i++)
		asked |= load(&g->supervisor->order[i].halt) != 0;
	return asked;
}

bool
health_look(const struct segs *g, nsec now, char why[HEALTH_WHY_MAX])
{
	if (ending(g)) {
		snprintf(why, HEALTH_WHY_MAX, "the engine is about to end");
		return false;
	}
	for (int i = 0; i < PROC_COUNT; i++) {
		nsec beat = atomic_load_explicit(&g->cell[i]->beat_ns,
		    memory_order_relaxed);
		const char *name = seg_proc_name((enum proc_id)i);
		nsec most = seg_proc_silence((enum proc_id)i);

		if (i == PROC_MONITOR ||
		    !seg_has_proc(g->plan, (enum proc_id)i))
			continue;
		if (!runs(g, i)) {
			snprintf(why, HEALTH_WHY_MAX, "%s is not up", name);
			return false;
		}
		if (most > 0 && now - beat > most) {
			snprintf(why, HEALTH_WHY_MAX,
			    "%s has been silent for %.1f s", name,
			    (double)(now - beat) / (double)SECOND);
			return false;
		}
	}
	return true;
}

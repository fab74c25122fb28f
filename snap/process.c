/* The processes, as their cells and the kernel show them. */
#include "snap/snap_in.h"

#include "base/pidstat.h"

#include <string.h>

static const char *
state_name(uint32_t state)
{
	static const char *const names[] = { [CELL_NONE] = "none",
		[CELL_BOOT] = "boot",
		[CELL_RUN] = "run",
		[CELL_DRAIN] = "drain",
		[CELL_DONE] = "done",
		[CELL_FAILED] = "failed" };

	return state <= CELL_FAILED ? names[state] : "unknown";
}

/* What a cell still says of a process that was reaped. */
static bool
lived(const char *state)
{
	return strcmp(state, "run") == 0 || strcmp(state, "boot") == 0 ||
	    strcmp(state, "drain") == 0;
}

/* The pid may be another's by now. */
static void
kernel(struct snap_process *p, uint64_t start_time, bool measured)
{
	struct pidstat stat;

	if (p->pid == 0 && lived(p->state))
		p->state = "dead";
	if (!measured || p->pid == 0)
		return;
	if (!pidstat_read((pid_t)p->pid, &stat) ||
	    stat.start_time != start_time) {
		p->state = "dead";
		return;
	}
	p->cpu_ns = stat.cpu_ns;
	p->rss_bytes = stat.rss_bytes;
}

void
snap_processes(const struct segs *g, struct snap *s, bool measured)
{
	const struct supervisor_seg *u = g->supervisor;
	struct snap_process *last = &s->process[PROC_COUNT];

	memset(s->process, 0, sizeof(s->process));
	for (int i = 0; i < PROC_COUNT; i++) {
		const struct order *order = &u->order[i];
		const struct cell *cell = g->cell[i];
		struct snap_process *p = &s->process[i];

		p->name = seg_proc_name((enum proc_id)i);
		p->absent = !seg_has_proc(&s->plan, (enum proc_id)i);
		p->state = state_name(snap_load32(&cell->state));
		p->pid = snap_load32(&order->pid);
		p->epoch = snap_load32(&order->epoch);
		p->restarts = snap_load32(&order->restarts);
		p->silent_ns = snap_ago(atomic_load_explicit(&cell->beat_ns,
					    memory_order_relaxed),
		    s->now);
		p->turns = snap_load(&cell->turns);
		snap_text(p->last_words, cell->last_words,
		    sizeof(p->last_words));
		kernel(p, snap_load(&order->start_time), measured);
	}
	last->name = "supervisor";
	last->state = s->alive ? "run" : "dead";
	last->pid = snap_load32(&u->pid);
	last->epoch = 1;
	if (s->alive)
		kernel(last, snap_load(&u->start_time), measured);
}

uint32_t
snap_process_count(const struct snap *s)
{
	uint32_t n = 0;

	for (int i = 0; i <= PROC_COUNT; i++)
		n += !s->process[i].absent;
	return n;
}

const struct snap_process *
snap_process_at(const struct snap *s, uint32_t i)
{
	const struct snap_process *p = s->process;

	for (; p < &s->process[PROC_COUNT]; p++)
		if (!p->absent && i-- == 0)
			break;
	return p;
}

/* The view of processes and rings. */
#include "tui/text.h"
#include "tui/ui.h"
#include "tui/warn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RING_COLUMNS 39 /* of one ring; two stand side by side */

/* Share of one core since the last reading; NaN: not known. */
static double
cpu_share(const struct snap *before, const struct snap *s, int i)
{
	const struct snap_process *now = &s->process[i], *was;

	if (before == NULL || s->now <= before->now)
		return NAN;
	was = &before->process[i];
	if (was->pid != now->pid || was->cpu_ns == 0 ||
	    now->cpu_ns < was->cpu_ns)
		return NAN;
	return (double)(now->cpu_ns - was->cpu_ns) /
	    (double)(s->now - before->now);
}

static int
draw_process(struct page *p, const struct snap *before, const struct snap *s,
    int i, int y)
{
	const struct snap_process *c = &s->process[i];
	char state[32], beat[TEXT_MAX], cpu[TEXT_MAX], all[TEXT_MAX],
	    rss[TEXT_MAX];
	bool bad = warn_process(c, (enum proc_id)i, state);
	bool silent = bad && strcmp(c->state, "run") == 0;

	if (c->absent)
		return y;
	page_say(p, 0, y++, bad ? LOOK_BAD : LOOK_PLAIN,
	    "%-11s %-7s %8u %5u %8u %8s %6s %8s %8s", c->name,
	    silent ? "silent" : c->state, c->pid, c->epoch, c->restarts,
	    text_time(beat, i < PROC_COUNT ? c->silent_ns : -1),
	    text_percent(cpu, cpu_share(before, s, i)),
	    text_time(all, c->cpu_ns > 0 ? c->cpu_ns : -1),
	    text_bytes(rss, c->rss_bytes > 0 ? (double)c->rss_bytes : NAN));
	if (c->last_words[0] != '\0') {
		page_put(p, 2, y, LOOK_WARN, "last words:");
		page_fit(p, 14, y++, p->wide - 14, false, LOOK_WARN,
		    c->last_words);
	}
	return y;
}

void
view_processes(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	uint32_t n = s->ring_count,
		 across = p->wide >= 2 * RING_COLUMNS ? 2 : 1;
	int y = 1;

	(void)u;
	page_say(p, 0, 0, LOOK_BOLD, "%-11s %-7s %8s %5s %8s %8s %6s %8s %8s",
	    "PROCESS", "STATE", "PID", "LIFE", "RESTARTS", "BEAT", "CPU%",
	    "CPU", "RSS");
	for (int i = 0; i <= PROC_COUNT; i++)
		y = draw_process(p, before, s, i, y);
	y++;
	for (uint32_t k = 0; k < across; k++)
		page_say(p, (int)k * RING_COLUMNS, y, LOOK_BOLD, "%-24s %11s",
		    "RING", "USED");
	y++;
	for (uint32_t i = 0; i < n; i++) {
		char name[48];

		snprintf(name, sizeof(name), "%.20s > %.20s", s->ring[i].from,
		    s->ring[i].to);
		page_say(p, (int)(i % across) * RING_COLUMNS,
		    y + (int)(i / across),
		    s->ring[i].used >= s->ring[i].depth / 2 ? LOOK_WARN :
							      LOOK_PLAIN,
		    "%-24.24s %5u/%5u", name, s->ring[i].used,
		    s->ring[i].depth);
	}
}

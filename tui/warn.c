/* What is wrong with an engine. */
#include "tui/warn.h"

#include "tui/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct warnings {
	char (*text)[WARNING_MAX];
	int n;
};

static void __attribute__((format(printf, 2, 3)))
add(struct warnings *w, const char *fmt, ...)
{
	va_list args;

	if (w->n == WARNINGS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(w->text[w->n++], WARNING_MAX, fmt, args);
	va_end(args);
}

bool
warn_process(const struct snap_process *c, enum proc_id id, char *state)
{
	char t[TEXT_MAX];

	state[0] = '\0';
	if (c->absent)
		return false;
	if (strcmp(c->state, "run") != 0) {
		snprintf(state, 32, "%s", c->state);
		return strcmp(c->state, "drain") != 0 &&
		    strcmp(c->state, "done") != 0;
	}
	if (id >= PROC_COUNT || c->silent_ns < WARN_SILENT_NS)
		return false;
	snprintf(state, 32, "silent %s", text_time(t, c->silent_ns));
	return true;
}

static void
processes(struct warnings *w, const struct snap *s)
{
	for (int i = 0; i <= PROC_COUNT; i++) {
		const struct snap_process *c = &s->process[i];
		char state[32], t[TEXT_MAX], most[TEXT_MAX];

		if (!warn_process(c, (enum proc_id)i, state))
			continue;
		if (strcmp(c->state, "run") == 0)
			add(w,
			    "%s has been silent for %s; after %s it is "
			    "taken for hung",
			    c->name, text_long(t, c->silent_ns),
			    text_long(most, seg_proc_silence((enum proc_id)i)));
		else
			add(w, "%s is in state %s%s%.80s", c->name, c->state,
			    c->last_words[0] != '\0' ? ": " : "",
			    c->last_words);
	}
}

/* The queue whose first has waited longest. */
static void
queues(struct warnings *w, const struct snap *s)
{
	nsec slow = (nsec)s->conf.frontend_slow_ms * MILLISECOND;
	char t[TEXT_MAX];

	const struct snap_queue *worst = &s->queue[0];

	for (uint32_t i = 1; i < s->nqueues; i++)
		if (s->queue[i].oldest_ns > worst->oldest_ns)
			worst = &s->queue[i];
	if (slow > 0 && worst->oldest_ns > slow)
		add(w, "%ju requests wait, one in queue %d for %s: for %s",
		    (uintmax_t)s->scheduler.waiting, (int)(worst - s->queue),
		    text_long(t, worst->oldest_ns), why_name(worst->why));
}

/* Requests that were slow lately, as the frontend notes them. */
static uint32_t
slow_lately(const struct snap *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nevents; i++)
		n += s->event[i].note.kind == EVENT_SLOW &&
		    s->wall_now - s->event[i].at_wall_ns < WARN_SLOW_NS;
	return n;
}

int
warn_all(const struct snap *s, char out[WARNINGS_MAX][WARNING_MAX])
{
	struct warnings w = { out, 0 };
	uint32_t slow = slow_lately(s);

	processes(&w, s);
	if (s->draining)
		add(&w,
		    "the engine ends when all that it has accepted is "
		    "answered");
	queues(&w, s);
	if (s->loader.broken > 0)
		add(&w, "%ju broken %s: press 3, then / and broken",
		    (uintmax_t)s->loader.broken,
		    s->loader.broken == 1 ? "adapter" : "adapters");
	if (slow > 0)
		add(&w,
		    "%u %s slow in the last minute: first token after more "
		    "than %u ms",
		    slow, slow == 1 ? "request was" : "requests were",
		    s->conf.frontend_slow_ms);
	return w.n;
}

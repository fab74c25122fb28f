/* What a request waits for, as sentences. */
#include "tui/explain.h"

#include "tui/columns.h"
#include "tui/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Puts more at the end of a text of EXPLAIN_MAX bytes. */
static void __attribute__((format(printf, 2, 3)))
more(char *out, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list args;

	va_start(args, fmt);
	vsnprintf(out + n, EXPLAIN_MAX - n, fmt, args);
	va_end(args);
}

/* The oldest that waits in the same queue; the readings' order is by age. */
static const struct snap_request *
first_of_queue(const struct snap *s, uint32_t queue)
{
	for (uint32_t i = 0; i < s->nrequests; i++)
		if (s->request[i].phase == SNAP_WAITING &&
		    s->request[i].queue == queue)
			return &s->request[i];
	return NULL;
}

static uint64_t
free_chunks(const struct snap *s)
{
	return s->plan.chunk_bytes > 0 ? s->memory.idle / s->plan.chunk_bytes :
					 0;
}

static const struct snap_adapter *
adapter_of(const struct snap *s, int32_t index)
{
	for (uint32_t i = 0; i < s->nadapters; i++)
		if (index >= 0 && s->adapter[i].index == (uint32_t)index)
			return &s->adapter[i];
	return NULL;
}

/* Why the first of a queue does not start. */
static void
why(char *out, const struct snap *s, const struct snap_queue *q,
    const struct snap_request *first, enum sched_why reason)
{
	char a[TEXT_MAX], b[TEXT_MAX];

	switch (reason) {
	case WHY_QUOTA:
		more(out,
		    "needs more tokens than are left: %s of the quota of %s",
		    text_count(a, (double)q->available),
		    text_count(b, (double)q->quota));
		break;
	case WHY_MEMORY:
		more(out,
		    "finds no memory: %ju of %u chunks free, %ju of %ju KV "
		    "blocks in use",
		    (uintmax_t)free_chunks(s), s->plan.chunks,
		    (uintmax_t)s->scheduler.kv_blocks_used,
		    (uintmax_t)s->scheduler.kv_blocks_total);
		break;
	case WHY_ADAPTER:
		more(out, "waits for adapter %s to come",
		    first != NULL ? adapter_name(first->adapter, first->name) :
				    "another");
		break;
	case WHY_BATCH:
		more(out, "finds the batch full: %ju of %u run",
		    (uintmax_t)s->scheduler.running, s->plan.batch_max);
		break;
	case WHY_INTERVAL:
		more(out,
		    "waits for the next admission: every %u steps "
		    "(policy.admit_every_steps)",
		    s->conf.policy_admit_every_steps);
		break;
	default:
		more(out,
		    "was not held by anything when it was last looked "
		    "at");
	}
}

/* Whoever is to do it may hang. */
static void
silence(char *out, const struct snap *s, enum proc_id who)
{
	const struct snap_process *p = &s->process[who];
	char t[TEXT_MAX];

	if (p->silent_ns > SECOND)
		more(out, "; %s has been silent for %s", p->name,
		    text_long(t, p->silent_ns));
}

static void
own_load(char *out, const struct snap *s, const struct snap_request *r)
{
	const struct snap_adapter *a = adapter_of(s, r->adapter);
	char t[TEXT_MAX];

	more(out, "waits %s for its own adapter %s, which is on its way",
	    text_long(t, r->waited_ns), r->name);
	if (a != NULL)
		more(out, ": %s, %s", snap_state_name(a->state),
		    text_bytes(t, (double)a->bytes));
	if (a != NULL && a->loads > 0)
		more(out, ", a load takes %s in the mean",
		    text_long(t, a->cold_ns / a->loads));
	silence(out, s, PROC_LOADER);
}

static void
waits(char *out, const struct snap *s, const struct snap_request *r)
{
	const struct snap_queue *q = &s->queue[r->queue];
	const struct snap_request *first = first_of_queue(s, r->queue);
	char t[TEXT_MAX];

	if (r->loading) {
		own_load(out, s, r);
		return;
	}
	more(out, "waits %s in queue %u", text_long(t, r->waited_ns), r->queue);
	if (r->queue == 0)
		more(out, " (past the age limit)");
	else {
		more(out, " (sizes %s", text_real(t, q->from));
		if (q->to > 0)
			more(out, " to %s)", text_real(t, q->to));
		else
			more(out, " and more)");
	}
	if (first == r)
		more(out, ": it is the first of the queue, and ");
	else if (first != NULL)
		more(out, ": the first of the queue, %u.%u, ", first->slot,
		    first->gen);
	else
		more(out, ": the first of the queue ");
	why(out, s, q, first, r->why);
	silence(out, s, PROC_SCHEDULER);
}

static void
runs(char *out, const struct snap *s, const struct snap_request *r)
{
	char t[TEXT_MAX];

	more(out, "runs: %u of at most %u tokens, the last one %s ago",
	    r->tokens, r->max_tokens, text_long(t, r->quiet_ns));
	silence(out, s, PROC_GPUEXEC);
}

char *
explain_request(char *out, const struct snap *s, const struct snap_request *r)
{
	char t[TEXT_MAX];

	out[0] = '\0';
	switch (r->phase) {
	case SNAP_WAITING:
		waits(out, s, r);
		break;
	case SNAP_PLACED:
		more(out, "was placed %s ago, after waiting for ",
		    text_long(t, r->quiet_ns));
		more(out, "%s; its prompt is being computed",
		    text_long(t, r->waited_ns));
		silence(out, s, PROC_GPUEXEC);
		break;
	case SNAP_RUNNING:
		runs(out, s, r);
		break;
	case SNAP_HELD:
		more(out,
		    "was put back after %u tokens, to go on when it finds "
		    "memory: %ju of %u chunks free",
		    r->tokens, (uintmax_t)free_chunks(s), s->plan.chunks);
		break;
	default:
		more(out,
		    "has ended, and its place is about to be given "
		    "back");
	}
	more(out, ".");
	return out;
}

char *
explain_split(char *out, const struct wait_split *w)
{
	char t[TEXT_MAX];

	out[0] = '\0';
	for (uint32_t i = 0; i < WHY_COUNT; i++)
		if (w->by_ns[i] > 0)
			more(out, "%s%s %s", out[0] != '\0' ? ", " : "",
			    i == WHY_NONE ? "its turn" : why_name(i),
			    text_time(t, w->by_ns[i]));
	if (w->loading_ns > 0)
		more(out, "%sown load %s", out[0] != '\0' ? ", " : "",
		    text_time(t, w->loading_ns));
	if (w->disk_ns > 0)
		more(out, ", reading %s", text_time(t, w->disk_ns));
	if (w->host_ns > 0)
		more(out, ", from host memory %s", text_time(t, w->host_ns));
	if (w->copy_ns > 0)
		more(out, ", copying %s", text_time(t, w->copy_ns));
	if (out[0] == '\0')
		more(out, "nothing");
	return out;
}

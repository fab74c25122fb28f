/* chameleon ctl: tables of what there is. */
#include "cli/ctl.h"

#include "cli/options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define GRID(columns)                                                          \
	{                                                                      \
		CMD_ENTRIES(columns)                                           \
	}

typedef json_t *row_f(const struct ctl_look *, uint32_t i);

/* n rows of what was read. */
static json_t *
rows_of(const struct ctl_look *l, uint32_t n, row_f *row)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(rows, row(l, i));
	return rows;
}

/* Text, or null if it is empty. */
static json_t *
text_or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

/* A time in ms; null: there is none. */
static json_t *
ms_or_null(nsec t)
{
	return t < 0 ? json_null() : json_real(clock_ms(t));
}

/* ---- adapters ---- */

static const struct grid_column adapter_columns[] = {
#define ADAPTERS(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

/* The first bytes, as answers have them; null: never loaded. */
static json_t *
digest_of(const unsigned char *d)
{
	char text[13];

	for (int i = 0; i < 6; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", d[i]);
	return strcmp(text, "000000000000") == 0 ? json_null() :
						   json_string(text);
}

static json_t *
adapter_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_adapter *a = &l->snap.adapter[i];
	char reason[SNAP_REASON_MAX];
	json_t *chunk = a->chunk < 0 ? json_null() : json_integer(a->chunk);

	snap_reason(&l->source, a->index, reason);
	return json_pack("{s:s, s:I, s:i, s:I, s:s, s:b, s:b, s:o, s:I, s:I, "
			 "s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:f, "
			 "s:o, s:o}",
	    "name", a->name, "version", (json_int_t)a->version, "rank", a->rank,
	    "bytes", (json_int_t)a->bytes, "state", snap_state_name(a->state),
	    "pinned", a->pinned, "retired", a->retired, "chunk", chunk, "hits",
	    (json_int_t)a->hits, "misses", (json_int_t)a->misses, "loads",
	    (json_int_t)a->loads, "evictions",
	    (json_int_t)a->evictions_kv + a->evictions_adapter, "evictions_kv",
	    (json_int_t)a->evictions_kv, "evictions_adapter",
	    (json_int_t)a->evictions_adapter, "left", (json_int_t)a->left,
	    "waiting", (json_int_t)a->waiting, "running",
	    (json_int_t)a->running, "worth", a->worth, "used_ms",
	    ms_or_null(a->used_ns), "cold_ms", clock_ms(a->cold_ns), "digest",
	    digest_of(a->digest), "reason", text_or_null(reason));
}

/* ---- queues ---- */

static const struct grid_column queue_columns[] = {
#define QUEUES(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

/* Queue 0 is that of requests past the age limit. */
static json_t *
queue_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_queue *q = &l->snap.queue[i];
	json_t *blocked = json_object();
	json_t *to = q->to > 0 ? json_real(q->to) : json_null();

	for (int w = WHY_NONE + 1; w < WHY_COUNT; w++)
		json_object_set_new(blocked, why_name((uint32_t)w),
		    json_real(clock_ms(q->blocked_ns[w])));
	return json_pack("{s:I, s:f, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:f, s:s, s:o}",
	    "queue", (json_int_t)i, "from", q->from, "to", to, "quota",
	    (json_int_t)q->quota, "available", (json_int_t)q->available, "lent",
	    (json_int_t)q->lent, "borrowed", (json_int_t)q->borrowed, "waiting",
	    (json_int_t)q->waiting, "running", (json_int_t)q->running,
	    "admitted", (json_int_t)q->admitted, "oldest_ms",
	    clock_ms(q->oldest_ns), "why", why_name(q->why), "blocked_ms",
	    blocked);
}

/* ---- requests ---- */

static const struct grid_column request_columns[] = {
#define REQUESTS(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

static json_t *
request_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_request *r = &l->snap.request[i];
	char slot[CTL_SLOT_MAX];

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:s, s:b, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:f, s:f, s:f}",
	    "request", ctl_slot(r->slot, r->gen, slot), "id", ctl_id(r->id),
	    "phase", snap_phase_name(r->phase), "adapter",
	    text_or_null(r->name), "queue", (json_int_t)r->queue, "why",
	    why_name(r->why), "loading", r->loading, "prompt",
	    (json_int_t)r->prompt, "tokens", (json_int_t)r->tokens,
	    "max_tokens", (json_int_t)r->max_tokens, "predicted",
	    (json_int_t)r->predicted, "squashes", (json_int_t)r->squashes,
	    "deaths", (json_int_t)r->deaths, "age_ms", clock_ms(r->age_ns),
	    "waited_ms", clock_ms(r->waited_ns), "quiet_ms",
	    clock_ms(r->quiet_ns));
}

/* ---- requests that have ended ---- */

static const struct grid_column ended_columns[] = {
#define ENDED(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

/* The last ended first. */
static json_t *
ended_row(const struct ctl_look *l, uint32_t i)
{
	const struct record_note *r = &l->snap.record[l->snap.nrecords - 1 - i];
	nsec ended = l->snap.now - r->arrived_ns - r->total_ns;
	char slot[CTL_SLOT_MAX];

	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:f, "
			 "s:f, s:o, s:f, s:f, s:f, s:f, s:f}",
	    "request", ctl_slot(r->slot, r->gen, slot), "id", ctl_id(r->id),
	    "adapter", text_or_null(r->name), "end", record_end_name(r->end),
	    "code", text_or_null(r->code), "queue", (json_int_t)r->queue,
	    "prompt", (json_int_t)r->prompt, "tokens", (json_int_t)r->tokens,
	    "squashes", (json_int_t)r->squashes, "ended_ms",
	    clock_ms(ended > 0 ? ended : 0), "total_ms", clock_ms(r->total_ns),
	    "ttft_ms", ms_or_null(r->ran ? r->ttft_ns : -1), "queue_ms",
	    clock_ms(r->queue_ns), "adapter_ms", clock_ms(r->adapter_ns),
	    "prefill_ms", clock_ms(r->prefill_ns), "decode_ms",
	    clock_ms(r->decode_ns), "gap_ms", clock_ms(r->longest_ns));
}

/* ---- processes ---- */

static const struct grid_column process_columns[] = {
#define PROCESSES(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

static json_t *
process_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_process *p = &l->snap.process[i];

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:I, s:f, s:I, s:o}",
	    "name", p->name, "state", p->state, "pid", (json_int_t)p->pid,
	    "epoch", (json_int_t)p->epoch, "restarts", (json_int_t)p->restarts,
	    "silent_ms", clock_ms(p->silent_ns), "turns", (json_int_t)p->turns,
	    "cpu_ms", clock_ms(p->cpu_ns), "rss_bytes",
	    (json_int_t)p->rss_bytes, "last_words",
	    text_or_null(p->last_words));
}

/* ---- events ---- */

static const struct grid_column event_columns[] = {
#define EVENTS(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

/* "2026-11-26T04:18:15.123Z" */
static const char *
moment(nsec wall, char buf[40])
{
	time_t seconds = (time_t)(wall / SECOND);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%03dZ", (int)(wall / MILLISECOND % 1000));
	return buf;
}

static bool
is_one_of(uint32_t kind, enum event_kind a, enum event_kind b)
{
	return kind == a || kind == b;
}

/* "value" is as the event has it (shm/event.tbl); in its unit where it has one. */
static json_t *
event_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_event *e = &l->snap.event[i];
	struct snap_adapter adapter = { .name = "" };
	char at[40], slot[CTL_SLOT_MAX] = "";
	bool timed = is_one_of(e->note.kind, EVENT_LOADED, EVENT_SLOW);
	bool sized = is_one_of(e->note.kind, EVENT_WANTED, EVENT_EVICTED);
	json_t *bytes = sized ? json_integer((json_int_t)e->note.value) :
				json_null();

	if (e->note.adapter >= 0)
		(void)snap_adapter_at(&l->source, (uint32_t)e->note.adapter,
		    &adapter, l->snap.now);
	if (e->note.slot >= 0)
		ctl_slot((uint32_t)e->note.slot, e->note.gen, slot);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:s}",
	    "at", moment(e->at_wall_ns, at), "by", e->by, "event",
	    event_name(e->note.kind), "reason",
	    text_or_null(event_reason(e->note.reason)), "adapter",
	    text_or_null(adapter.name), "request", text_or_null(slot), "value",
	    (json_int_t)e->note.value, "took_ms",
	    ms_or_null(timed ? (nsec)e->note.value : -1), "bytes", bytes,
	    "text", e->note.text);
}

/* ---- the verbs ---- */

static int
show(const char *name, unsigned part, const struct grid *g, row_f *row,
    uint32_t (*count)(const struct snap *))
{
	struct ctl_look l;
	int status = ctl_open(&l, part);

	if (status != CMD_GO_ON)
		return status;
	status = ctl_rows(name, g, rows_of(&l, count(&l.snap), row));
	ctl_close(&l);
	return status;
}

#define LIST(name, part, columns, row, number)                                 \
	static uint32_t count_##name(const struct snap *s)                     \
	{                                                                      \
		(void)s;                                                       \
		return number;                                                 \
	}                                                                      \
	int ctl_##name(char **operands)                                        \
	{                                                                      \
		static const struct grid g = GRID(columns);                    \
                                                                               \
		(void)operands;                                                \
		return show(#name, part, &g, row, count_##name);               \
	}

LIST(adapters, SNAP_ADAPTERS, adapter_columns, adapter_row, s->nadapters)
LIST(queues, 0, queue_columns, queue_row, s->nqueues)
LIST(requests, SNAP_REQUESTS, request_columns, request_row, s->nrequests)
LIST(ended, SNAP_RECORDS, ended_columns, ended_row, s->nrecords)
LIST(processes, SNAP_PROCESSES, process_columns, process_row, PROC_COUNT + 1)
LIST(events, SNAP_EVENTS, event_columns, event_row, s->nevents)

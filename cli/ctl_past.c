/* chameleon ctl: tables of what has been. */
#include "cli/ctl.h"

#include "cli/options.h"

#include <stdio.h>
#include <time.h>

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
	    ctl_text(event_reason(e->note.reason)), "adapter",
	    ctl_text(adapter.name), "request", ctl_text(slot), "value",
	    (json_int_t)e->note.value, "took_ms",
	    ctl_ms(timed ? (nsec)e->note.value : -1), "bytes", bytes, "text",
	    e->note.text);
}

/* ---- ended ---- */

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
	    "adapter", ctl_text(r->name), "end", record_end_name(r->end),
	    "code", ctl_text(r->code), "queue", (json_int_t)r->queue, "prompt",
	    (json_int_t)r->prompt, "tokens", (json_int_t)r->tokens, "squashes",
	    (json_int_t)r->squashes, "ended_ms",
	    clock_ms(ended > 0 ? ended : 0), "total_ms", clock_ms(r->total_ns),
	    "ttft_ms", ctl_ms(r->ran ? r->ttft_ns : -1), "queue_ms",
	    clock_ms(r->queue_ns), "adapter_ms", clock_ms(r->adapter_ns),
	    "prefill_ms", clock_ms(r->prefill_ns), "decode_ms",
	    clock_ms(r->decode_ns), "gap_ms", clock_ms(r->longest_ns));
}

/* ---- history ---- */

static const struct grid_column history_columns[] = {
#define HISTORY(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

/* A time of the point; null: nothing had one. */
static json_t *
percentile(double ns)
{
	return ns > 0 && ns < 1e18 ? json_real(ns / MILLISECOND) : json_null();
}

/* Counts are of its length, a second unless the monitor was held up. */
static json_t *
history_row(const struct ctl_look *l, uint32_t i)
{
	const struct history_point *p = &l->snap.history[i];
	nsec wall = l->snap.wall_now - (l->snap.now - p->at_ns);
	char at[40];

	return json_pack("{s:s, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, "
			 "s:o, s:o}",
	    "at", moment(wall, at), "took_ms", clock_ms(p->took_ns), "accepted",
	    (json_int_t)p->accepted, "refused", (json_int_t)p->refused,
	    "finished", (json_int_t)p->finished, "cancelled",
	    (json_int_t)p->cancelled, "failed", (json_int_t)p->failed,
	    "prompt_tokens", (json_int_t)p->prompt_tokens, "output_tokens",
	    (json_int_t)p->output_tokens, "hits", (json_int_t)p->hits, "misses",
	    (json_int_t)p->misses, "loads", (json_int_t)p->loads, "evictions",
	    (json_int_t)p->evictions, "squashed", (json_int_t)p->squashed,
	    "waiting", (json_int_t)p->waiting, "running",
	    (json_int_t)p->running, "ttft_p50_ms", percentile(p->ttft_p50),
	    "ttft_p99_ms", percentile(p->ttft_p99), "tbt_p50_ms",
	    percentile(p->tbt_p50), "tbt_p99_ms", percentile(p->tbt_p99),
	    "queue_p50_ms", percentile(p->queue_p50), "queue_p99_ms",
	    percentile(p->queue_p99));
}

CTL_LIST(events, SNAP_EVENTS, event_columns, event_row, s->nevents)
CTL_LIST(ended, SNAP_RECORDS, ended_columns, ended_row, s->nrecords)
CTL_LIST(history, SNAP_HISTORY, history_columns, history_row, s->nhistory)

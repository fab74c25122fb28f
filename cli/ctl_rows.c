/* chameleon ctl: tables of what there is. */
#include "cli/ctl.h"

#include "cli/options.h"

#include <stdio.h>
#include <string.h>

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

	return ctl_text(snap_digest(d, 6, text));
}

json_t *
ctl_adapter_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_adapter *a = &l->snap.adapter[i];
	char reason[SNAP_REASON_MAX];
	json_t *chunk = a->chunk < 0 ? json_null() : json_integer(a->chunk);
	json_t *place = a->chunk < 0 ? json_null() : json_integer(a->place);

	snap_reason(&l->source, a->index, reason);
	return json_pack("{s:s, s:I, s:b, s:f, s:i, s:I, s:s, s:b, s:b, s:o, "
			 "s:o, s:I, "
			 "s:I, "
			 "s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:f, "
			 "s:o, s:o}",
	    "name", a->name, "version", (json_int_t)a->version, "kept", a->kept,
	    "weight", a->weight, "rank", a->rank, "bytes", (json_int_t)a->bytes,
	    "state", snap_state_name(a->state), "pinned", a->pinned, "retired",
	    a->retired, "chunk", chunk, "place", place, "hits",
	    (json_int_t)a->hits, "misses", (json_int_t)a->misses, "loads",
	    (json_int_t)a->loads, "evictions",
	    (json_int_t)a->evictions_kv + a->evictions_adapter, "evictions_kv",
	    (json_int_t)a->evictions_kv, "evictions_adapter",
	    (json_int_t)a->evictions_adapter, "left", (json_int_t)a->left,
	    "waiting", (json_int_t)a->waiting, "running",
	    (json_int_t)a->running, "worth", a->worth, "used_ms",
	    ctl_ms(a->used_ns), "cold_ms", clock_ms(a->cold_ns), "digest",
	    digest_of(a->digest), "reason", ctl_text(reason));
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
	    "phase", snap_phase_name(r->phase), "adapter", ctl_text(r->name),
	    "queue", (json_int_t)r->queue, "why", why_name(r->why), "loading",
	    r->loading, "prompt", (json_int_t)r->prompt, "tokens",
	    (json_int_t)r->tokens, "max_tokens", (json_int_t)r->max_tokens,
	    "predicted", (json_int_t)r->predicted, "squashes",
	    (json_int_t)r->squashes, "deaths", (json_int_t)r->deaths, "age_ms",
	    clock_ms(r->age_ns), "waited_ms", clock_ms(r->waited_ns),
	    "quiet_ms", clock_ms(r->quiet_ns));
}

/* ---- processes ---- */

static const struct grid_column process_columns[] = {
#define PROCESSES(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

static json_t *
process_row(const struct ctl_look *l, uint32_t i)
{
	const struct snap_process *p = snap_process_at(&l->snap, i);

	/* Null of one that is dead: 0 would mean others to kill(1). */
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:f, s:I, s:f, s:I, s:o}",
	    "name", p->name, "state", p->state, "pid",
	    p->pid > 0 ? json_integer(p->pid) : json_null(), "epoch",
	    (json_int_t)p->epoch, "restarts", (json_int_t)p->restarts,
	    "silent_ms", clock_ms(p->silent_ns), "turns", (json_int_t)p->turns,
	    "cpu_ms", clock_ms(p->cpu_ns), "rss_bytes",
	    (json_int_t)p->rss_bytes, "last_words", ctl_text(p->last_words));
}

/* ---- rings ---- */

static const struct grid_column ring_columns[] = {
#define RINGS(name, path, help) { #name, path },
#include "cli/ctl_columns.tbl"
};

static json_t *
ring_row(const struct ctl_look *l, uint32_t i)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "ring",
	    l->snap.ring[i].name, "from", l->snap.ring[i].from, "to",
	    l->snap.ring[i].to, "used", (json_int_t)l->snap.ring[i].used,
	    "depth", (json_int_t)l->snap.ring[i].depth);
}

CTL_LIST(adapters, SNAP_ADAPTERS, adapter_columns, ctl_adapter_row,
    s->nadapters)
CTL_LIST(queues, 0, queue_columns, queue_row, s->nqueues)
CTL_LIST(requests, SNAP_REQUESTS, request_columns, request_row, s->nrequests)
CTL_LIST(processes, SNAP_PROCESSES, process_columns, process_row,
    snap_process_count(s))
CTL_LIST(rings, 0, ring_columns, ring_row, s->ring_count)

/* The lists of the console, each from a table of columns. */
#include "tui/columns.h"

#include "base/hash.h"

#include <math.h>
#include <string.h>

#define QUIET_LONG (2 * SECOND) /* of a request that runs */

/* What a request waits for, in a word. */
static const char *
request_why(const struct snap_request *r)
{
	if (r->phase == SNAP_HELD)
		return "memory";
	if (r->phase != SNAP_WAITING)
		return "";
	if (r->loading)
		return "own load";
	return r->why == WHY_NONE ? "" : why_name(r->why);
}

const char *
adapter_name(int32_t adapter, const char *name)
{
	return adapter == SLOT_BASE ? DIR_BASE : name;
}

double
hit_share(const struct snap_adapter *a)
{
	double all = (double)a->hits + a->misses;

	return all > 0 ? a->hits / all : NAN;
}

/* Nanoseconds; -1 of what takes no time. */
static double
event_took(const struct event_note *e)
{
	return e->kind == EVENT_LOADED || e->kind == EVENT_SLOW ?
	    (double)e->value :
	    -1;
}

/* NaN of what has none. */
static double
event_bytes(const struct event_note *e)
{
	return e->kind == EVENT_WANTED || e->kind == EVENT_EVICTED ?
	    (double)e->value :
	    NAN;
}

/* The functions of the tables' columns; then the columns. */

#define TEXT_COLUMN(id, head, wide, value, help)                               \
	static const char *LIST_FUNCTION(id)(const struct snap *s, uint32_t i) \
	{                                                                      \
		LIST_ROW;                                                      \
		return value;                                                  \
	}
#define NUM_COLUMN(id, head, wide, kind, down, value, help)                    \
	static double LIST_FUNCTION(id)(const struct snap *s, uint32_t i)      \
	{                                                                      \
		LIST_ROW;                                                      \
		return value;                                                  \
	}

#define LIST_ROW const struct snap_adapter *a = &s->adapter[i]
#define LIST_FUNCTION(id) id##_of_adapter
#include "tui/adapter_columns.tbl"
#undef LIST_FUNCTION
#undef LIST_ROW

#define LIST_ROW const struct snap_request *r = &s->request[i]
#define LIST_FUNCTION(id) id##_of_request
#include "tui/request_columns.tbl"
#undef LIST_FUNCTION
#undef LIST_ROW

#define LIST_ROW const struct record_note *r = &s->record[i]
#define LIST_FUNCTION(id) id##_of_ended
#include "tui/ended_columns.tbl"
#undef LIST_FUNCTION
#undef LIST_ROW

#define LIST_ROW const struct snap_event *e = &s->event[i]
#define LIST_FUNCTION(id) id##_of_event
#include "tui/event_columns.tbl"
#undef LIST_FUNCTION
#undef LIST_ROW
#undef TEXT_COLUMN
#undef NUM_COLUMN

#define TEXT_COLUMN(id, head, wide, value, help)                               \
	{ #id, head, help, wide, COLUMN_TEXT, false, NULL, LIST_FUNCTION(id) },
#define NUM_COLUMN(id, head, wide, kind, down, value, help)                    \
	{ #id, head, help, wide, COLUMN_##kind, down, LIST_FUNCTION(id), NULL },

static const struct column adapter_columns[] = {
#define LIST_FUNCTION(id) id##_of_adapter
#include "tui/adapter_columns.tbl"
#undef LIST_FUNCTION
};

static const struct column request_columns[] = {
#define LIST_FUNCTION(id) id##_of_request
#include "tui/request_columns.tbl"
#undef LIST_FUNCTION
};

static const struct column ended_columns[] = {
#define LIST_FUNCTION(id) id##_of_ended
#include "tui/ended_columns.tbl"
#undef LIST_FUNCTION
};

static const struct column event_columns[] = {
#define LIST_FUNCTION(id) id##_of_event
#include "tui/event_columns.tbl"
#undef LIST_FUNCTION
};

static uint32_t
count_adapters(const struct snap *s)
{
	return s->nadapters;
}

static uint32_t
count_requests(const struct snap *s)
{
	return s->nrequests;
}

static uint32_t
count_ended(const struct snap *s)
{
	return s->nrecords;
}

static uint32_t
count_events(const struct snap *s)
{
	return s->nevents;
}

static uint64_t
which_adapter(const struct snap *s, uint32_t i)
{
	const struct snap_adapter *a = &s->adapter[i];

	return hash_bytes(hash_text(HASH_START, a->name), &a->version,
	    sizeof(a->version));
}

static uint64_t
which_request(const struct snap *s, uint32_t i)
{
	return (uint64_t)s->request[i].slot << 32 | s->request[i].gen;
}

static uint64_t
which_ended(const struct snap *s, uint32_t i)
{
	return (uint64_t)s->record[i].slot << 32 | s->record[i].gen;
}

static uint64_t
which_event(const struct snap *s, uint32_t i)
{
	const struct snap_event *e = &s->event[i];

	return hash_bytes(hash_text(HASH_START, e->by), &e->number,
	    sizeof(e->number));
}

static enum page_look
look_adapter(const struct snap *s, uint32_t i)
{
	const struct snap_adapter *a = &s->adapter[i];

	return a->state <= SNAP_FAILED ? LOOK_BAD :
	    a->state == SNAP_RESIDENT  ? LOOK_GOOD :
					 LOOK_PLAIN;
}

static enum page_look
look_request(const struct snap *s, uint32_t i)
{
	const struct snap_request *r = &s->request[i];

	return r->phase == SNAP_HELD || r->quiet_ns > QUIET_LONG ? LOOK_WARN :
								   LOOK_PLAIN;
}

static enum page_look
look_ended(const struct snap *s, uint32_t i)
{
	return s->record[i].end == RECORD_FAILED ? LOOK_BAD : LOOK_PLAIN;
}

static enum page_look
look_event(const struct snap *s, uint32_t i)
{
	uint32_t kind = s->event[i].note.kind;

	return kind == EVENT_DIED || kind == EVENT_FAILED ? LOOK_BAD :
	    kind == EVENT_SLOW || kind == EVENT_SQUASHED  ? LOOK_WARN :
							    LOOK_PLAIN;
}

#define COUNT(table) (int)(sizeof(table) / sizeof(*(table)))

const struct list_kind list_kinds[LISTS] = {
	[LIST_ADAPTERS] = { "adapters", adapter_columns, COUNT(adapter_columns),
	    0, false, 0, count_adapters, which_adapter, look_adapter },
	[LIST_REQUESTS] = { "open requests", request_columns,
	    COUNT(request_columns), -1, false, 1, count_requests, which_request,
	    look_request },
	[LIST_ENDED] = { "ended requests", ended_columns, COUNT(ended_columns),
	    -1, true, 1, count_ended, which_ended, look_ended },
	[LIST_EVENTS] = { "events", event_columns, COUNT(event_columns), -1,
	    true, -1, count_events, which_event, look_event },
};

int64_t
columns_find(enum lists list, const struct snap *s, uint64_t identity)
{
	const struct list_kind *k = &list_kinds[list];

	for (uint32_t i = 0; i < k->count(s); i++)
		if (k->identity(s, i) == identity)
			return i;
	return -1;
}

/* What is kept of the past: events, history, records. */
#include "snap/snap_in.h"

#include <stdlib.h>
#include <string.h>

/* Number of the note that is i after the oldest of those that may be there; what
 * the log says of its last is another's, and may be anything. */
static uint64_t
number_at(uint64_t last, uint64_t kept, uint64_t i)
{
	return last > kept ? last - kept + 1 + i : i + 1;
}

static int
events_of(const struct event_log *log, const char *by, struct snap *s)
{
	uint64_t last = atomic_load_explicit(&log->last, memory_order_acquire);

	for (uint64_t i = 0; i < EVENTS_KEPT; i++) {
		uint64_t n = number_at(last, EVENTS_KEPT, i);
		struct snap_event *e;
		char text[EVENT_TEXT_MAX];
		int error = snap_room(&s->event, &s->room.event, s->nevents + 1,
		    sizeof(*s->event));

		if (error != 0)
			return error;
		e = &s->event[s->nevents];
		if (!event_get(log, n, &e->note))
			continue;
		snap_text(text, e->note.text, sizeof(text));
		snap_text(e->note.text, text, sizeof(text));
		e->by = by;
		e->number = n;
		e->at_wall_ns = s->wall_now - snap_ago(e->note.at_ns, s->now);
		s->nevents++;
	}
	return 0;
}

/* By time; what one process did at one moment in its order. */
static int
earlier(const void *va, const void *vb)
{
	const struct snap_event *a = va, *b = vb;

	if (a->note.at_ns != b->note.at_ns)
		return a->note.at_ns < b->note.at_ns ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

int
snap_events(const struct segs *g, struct snap *s)
{
	int e;

	s->nevents = 0;
	if ((e = events_of(&g->supervisor->events, "supervisor", s)) != 0)
		return e;
	for (int i = 0; i < PROC_COUNT; i++)
		if ((e = events_of(g->events[i], seg_proc_name((enum proc_id)i),
			 s)) != 0)
			return e;
	if (s->nevents > 0)
		qsort(s->event, s->nevents, sizeof(*s->event), earlier);
	return 0;
}

int
snap_history(const struct segs *g, struct snap *s)
{
	const struct history *h = g->history;
	uint64_t last = atomic_load_explicit(&h->last, memory_order_acquire);
	int e = snap_room(&s->history, &s->room.history, HISTORY_KEPT,
	    sizeof(*s->history));

	s->nhistory = 0;
	for (uint64_t i = 0; e == 0 && i < HISTORY_KEPT; i++) {
		struct history_point *p = &s->history[s->nhistory];

		if (!history_get(h, number_at(last, HISTORY_KEPT, i), p))
			continue;
		p->at_ns = snap_moment(p->at_ns, s->now);
		p->took_ns = snap_moment(p->took_ns, s->now);
		s->nhistory++;
	}
	return e;
}

/* What is neither true nor false is true. */
static bool
is_set(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, 1);
	return byte != 0;
}

static void
tame(struct record_note *to, const struct record_note *raw, nsec now)
{
	nsec *const spans[] = { &to->queue_ns, &to->adapter_ns, &to->prefill_ns,
		&to->ttft_ns, &to->decode_ns, &to->total_ns, &to->longest_ns };

	memcpy(to, raw, sizeof(*to));
	to->streamed = is_set(&raw->streamed);
	to->placed = is_set(&raw->placed);
	to->ran = is_set(&raw->ran);
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		*spans[i] = snap_moment(*spans[i], now);
	to->arrived_ns = snap_moment(raw->arrived_ns, now);
	to->wait = snap_wait(raw->wait, now);
}

int
snap_records(const struct segs *g, struct snap *s)
{
	const struct record_log *log = g->records;
	uint64_t last = atomic_load_explicit(&log->last, memory_order_acquire);
	int e = snap_room(&s->record, &s->room.record, RECORDS_KEPT,
	    sizeof(*s->record));

	s->nrecords = 0;
	for (uint64_t i = 0; e == 0 && i < RECORDS_KEPT; i++) {
		struct record_note *r = &s->record[s->nrecords], raw;

		if (!record_get(log, number_at(last, RECORDS_KEPT, i), &raw))
			continue;
		tame(r, &raw, s->now);
		snap_text(r->id, raw.id, sizeof(r->id));
		snap_text(r->name, raw.name, sizeof(r->name));
		snap_text(r->code, raw.code, sizeof(r->code));
		s->nrecords++;
	}
	return e;
}

/* Notes in a ring. */
#include "shm/event.h"

#include "shm/note.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[EVENT_KINDS] = {
	[EVENT_NONE] = "none",
#define EVENT(kind, by, name, text) [EVENT_##kind] = name,
#include "shm/event.tbl"
#undef EVENT
};

static const char *const reasons[REASON_COUNT] = { [REASON_NONE] = "",
	[REASON_KV] = "kv",
	[REASON_ADAPTER] = "adapter",
	[REASON_IDLE] = "idle",
	[REASON_UNLOAD] = "unload",
	[REASON_GONE] = "gone",
	[REASON_FAILED] = "failed",
	[REASON_UNWANTED] = "unwanted",
	[REASON_MEMORY] = "memory",
	[REASON_BYPASS] = "bypass",
	[REASON_DEATH] = "death",
	[REASON_DISK] = "disk",
	[REASON_HOST] = "host" };

static void
put(struct event_log *log, const struct event_note *note)
{
	uint64_t number = note_next(&log->last);
	struct event *e = &log->at[number % EVENTS_KEPT];

	note_open(&e->number);
	e->note = *note;
	note_close(&e->number, number);
	note_close(&log->last, number);
}

void
event_put(struct event_log *log, struct event_note note, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	memset(note.text, 0, sizeof(note.text));
	(void)vsnprintf(note.text, sizeof(note.text), fmt, ap);
	va_end(ap);
	put(log, &note);
}

void
event_put_text(struct event_log *log, struct event_note note, const char *text,
    size_t most)
{
	size_t room = sizeof(note.text) - 1;
	size_t n = strnlen(text, most < room ? most : room);

	memcpy(note.text, text, n);
	memset(note.text + n, 0, sizeof(note.text) - n);
	put(log, &note);
}

bool
event_get(const struct event_log *log, uint64_t number, struct event_note *note)
{
	const struct event *e = &log->at[number % EVENTS_KEPT];

	if (!note_is(&e->number, number))
		return false;
	*note = e->note;
	note->text[EVENT_TEXT_MAX - 1] = '\0';
	return note_was(&e->number, number);
}

const char *
event_name(uint32_t kind)
{
	return kind < EVENT_KINDS ? kinds[kind] : "unknown";
}

const char *
event_reason(uint32_t reason)
{
	return reason < REASON_COUNT ? reasons[reason] : "unknown";
}

/* Events that are about no adapter and no request. */
#include "supervisor/note.h"

#include <stdarg.h>
#include <stdio.h>

void
sv_note(struct segs *g, enum event_kind kind, uint64_t value, const char *fmt,
    ...)
{
	char text[EVENT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	event_put(&g->supervisor->events,
	    (struct event_note){ .at_ns = clock_mono(),
		.kind = (uint16_t)kind,
		.adapter = -1,
		.slot = -1,
		.value = value },
	    "%s", text);
}

/*
 * note.h -- the supervisor's events: what consoles show of lives and deaths.
 *
 * Threads  The supervisor's one.
 * Waiting  Never.
 */
#ifndef SUPERVISOR_NOTE_H
#define SUPERVISOR_NOTE_H

#include "shm/seg.h"

/* Puts one into the supervisor's log of events; event.tbl says what the value
 * is. */
void sv_note(struct segs *, enum event_kind, uint64_t value, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));

#endif

/*
 * log.h -- one event, one line on standard error.
 *
 *	log_info("adapter loaded adapter=%s took_ms=%.3f", name, ms);
 *
 *	2026-01-31T12:00:00.123Z loader info  adapter loaded adapter=sql-r16 ...
 *	{"time":"2026-01-31T12:00:00.123Z","level":"info","who":"loader",
 *	 "pid":7,"instance":"default","event":"adapter loaded",
 *	 "adapter":"sql-r16","took_ms":4.125}
 *
 * The format is a sentence, then pairs: the first ` key=` in it, key being
 * [a-z][a-z0-9_]*, ends the sentence, and each further one the value before it.
 * What is printed into a value is no part of the format, so whatever a client
 * wrote there stays that value: quoted, escaped, on its line.  What may hold
 * anything therefore stands in a pair, and the sentence stays the same from event
 * to event.
 *
 * One conversion of a number by itself is a number in JSON, all else a text.
 * The value of `request` is JSON already, as the client wrote its id, and
 * is put as it is.  Keys: those of the table in docs/OPERATIONS.md, where they
 * fit; `time`, `level`, `who` and `event` are taken, and so are `pid` and
 * `instance`, which mean those of the speaker.
 *
 * Where standard error is the journal, a line of text begins with its priority
 * in place of the time, which the journal knows.
 *
 * Threads  Any; a line is one write, so lines never mix.
 * Waiting  As long as standard error does.  Not for hot paths.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_form { LOG_TEXT, LOG_JSON };

/* Who speaks, and the least level that is written (default: info).  who must
 * live as long as the process.  The form is text until log_form_set. */
void log_open(const char *who, enum log_level least);

/* How lines are written from now on, and of which instance; NULL: none.  It
 * must live as long as the process. */
void log_form_set(enum log_form, const char *instance);

/* Conversions: d i u x X o c s p and those of doubles, with flags, width,
 * precision and the lengths h hh l ll j z t. */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/*
 * log.h -- one event, one line on standard error.
 *
 *	2026-01-31T12:00:00.123Z scheduler info  adapter evicted name=sql-r16
 *
 * Threads  Any; a line is one write, so lines never mix.
 * Waiting  As long as standard error does.  Not for hot paths.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Who speaks, and the least level that is written (default: info).  who must
 * live as long as the process. */
void log_open(const char *who, enum log_level least);

void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/* Log lines: time, speaker, level, sentence. */
#include "base/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *const names[] = { "debug", "info ", "warn ", "error" };
static const char *speaker = "chameleon";
static enum log_level floor_level = LOG_INFO;

void
log_open(const char *who, enum log_level least)
{
	speaker = who;
	floor_level = least;
}

static void
put_line(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	nsec now = clock_wall();
	time_t s = now / SECOND;
	struct tm tm;
	size_t n;
	int k;

	if (level < floor_level)
		return;
	gmtime_r(&s, &tm);
	n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03dZ %s %s ",
	    (int)(now % SECOND / MILLISECOND), speaker, names[level]);
	k = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	n += k < 0 ? 0 : (size_t)k;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	/* What a stranger sent may be quoted in a line: it stays one line. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, n);
}

#define LOG_AT(name, level)                                                    \
	void log_##name(const char *fmt, ...)                                  \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		put_line(level, fmt, ap);                                      \
		va_end(ap);                                                    \
	}

LOG_AT(debug, LOG_DEBUG)
LOG_AT(info, LOG_INFO)
LOG_AT(warn, LOG_WARN)
LOG_AT(error, LOG_ERROR)

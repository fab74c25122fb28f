/* Log lines: who, when, what, as a sentence with pairs or as an object. */
#include "base/log.h"

#include "base/clock.h"
#include "base/log_part.h"
#include "base/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096 /* a pipe takes so many at once, or none */

static const struct {
	const char *name, *column;
	int priority; /* of syslog, for the journal */
} levels[] = {
	[LOG_DEBUG] = { "debug", "debug", 7 },
	[LOG_INFO] = { "info", "info ", 6 },
	[LOG_WARN] = { "warn", "warn ", 4 },
	[LOG_ERROR] = { "error", "error", 3 },
};

/* Keys of an object's beginning: a pair is not to say them again. */
static const char *const taken[] = { "time", "level", "who", "pid", "instance",
	"event" };

static const char *speaker = "chameleon", *instance;
static enum log_level floor_level = LOG_INFO;
static enum log_form form;
static bool journal;

struct line {
	char text[LINE_BYTES];
	size_t n;
};

/* Whether standard error is the journal, by the file that systemd named. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream != NULL &&
	    sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode;
}

void
log_open(const char *who, enum log_level least)
{
	speaker = who;
	floor_level = least;
	form = LOG_TEXT;
	instance = NULL;
	journal = is_journal();
}

void
log_form_set(enum log_form f, const char *of)
{
	form = f;
	instance = of;
}

/* ------------------------------------------------------------- lines */

/* All of text, or nothing of it: two bytes stay free for the end. */
static bool
put(struct line *l, const char *text, size_t n)
{
	if (l->n + n > sizeof(l->text) - 2)
		return false;
	memcpy(l->text + l->n, text, n);
	l->n += n;
	return true;
}

static bool
put_quoted(struct line *l, const char *text, size_t n)
{
	size_t room = sizeof(l->text) - 2 - l->n, k;

	k = quote_put(l->text + l->n, room, text, n);
	l->n += k;
	return k > 0;
}

static bool
put_string(struct line *l, const char *text)
{
	return put(l, text, strlen(text));
}

static void
put_time(struct line *l)
{
	nsec now = clock_wall();
	time_t s = now / SECOND;
	char text[40];
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(text + n, sizeof(text) - n, ".%03dZ",
	    (int)(now % SECOND / MILLISECOND));
	(void)put(l, text, n);
}

/* A value that is JSON already. */
static bool
is_json(const struct log_part *p)
{
	bool id = p->nkey == 7 && memcmp(p->key, "request", 7) == 0;

	return ((id || p->number) && quote_is_number(p->text, p->n)) ||
	    (id && quote_is_string(p->text, p->n));
}

/* ------------------------------------------------------- text, JSON */

static void
begin_text(struct line *l, enum log_level level)
{
	char head[96];
	int n = 0;

	if (journal)
		n = snprintf(head, sizeof(head), "<%d>",
		    levels[level].priority);
	else
		put_time(l);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "%s%.64s %s ",
	    journal ? "" : " ", speaker, levels[level].column);
	(void)put(l, head, (size_t)n);
}

static void
put_text(struct line *l, const struct log_part *p)
{
	size_t was = l->n;
	bool whole;

	if (p->nkey == 0) {
		(void)put(l, p->text, p->n);
		return;
	}
	whole = put(l, " ", 1) && put(l, p->key, p->nkey) && put(l, "=", 1);
	if (is_json(p) || quote_is_word(p->text, p->n))
		whole = whole && put(l, p->text, p->n);
	else
		whole = whole && put_quoted(l, p->text, p->n);
	if (!whole)
		l->n = was;
}

static void
begin_json(struct line *l, enum log_level level)
{
	char text[64];

	(void)put_string(l, "{\"time\":\"");
	put_time(l);
	(void)put_string(l, "\",\"level\":\"");
	(void)put_string(l, levels[level].name);
	(void)put_string(l, "\",\"who\":");
	(void)put_quoted(l, speaker, strlen(speaker));
	(void)put(l, text,
	    (size_t)snprintf(text, sizeof(text), ",\"pid\":%d", (int)getpid()));
	if (instance != NULL) {
		(void)put_string(l, ",\"instance\":");
		(void)put_quoted(l, instance, strlen(instance));
	}
}

static bool
is_taken(const struct log_part *p)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strlen(taken[i]) == p->nkey &&
		    memcmp(taken[i], p->key, p->nkey) == 0)
			return true;
	return false;
}

static void
put_json(struct line *l, const struct log_part *p)
{
	size_t was = l->n;
	bool whole;

	if (p->nkey > 0 && is_taken(p))
		return;
	whole = put(l, ",\"", 2);
	if (p->nkey > 0)
		whole = whole && put(l, p->key, p->nkey);
	else
		whole = whole && put_string(l, "event");
	whole = whole && put(l, "\":", 2);
	if (p->nkey > 0 && is_json(p))
		whole = whole && put(l, p->text, p->n);
	else
		whole = whole && put_quoted(l, p->text, p->n);
	if (!whole)
		l->n = was;
}

static void
put_line(enum log_level level, const char *fmt, va_list ap)
{
	bool json = form == LOG_JSON;
	struct log_part part;
	struct log_args args;
	struct line l = { .n = 0 };

	if (level < floor_level)
		return;
	if (json)
		begin_json(&l, level);
	else
		begin_text(&l, level);
	log_args_begin(&args, fmt, ap);
	while (log_part_next(&args, &part, !json))
		if (json)
			put_json(&l, &part);
		else
			put_text(&l, &part);
	log_args_end(&args);
	if (json)
		l.text[l.n++] = '}';
	l.text[l.n++] = '\n';
	(void)!write(STDERR_FILENO, l.text, l.n);
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

/* The sentence of the last failure, one a thread. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_BYTES 1024

static const struct {
	const char *text;
	int status;
} kinds[ERR_COUNT] = {
	[ERR_NONE] = { "no error", 0 },
#define ERR(name, text, status) [ERR_##name] = { text, status },
#include "base/err.tbl"
#undef ERR
};

static _Thread_local int last;
static _Thread_local char sentence[SENTENCE_BYTES];

int
err_set(int code, const char *fmt, ...)
{
	char text[SENTENCE_BYTES];
	va_list ap;

	/* By way of a copy: an argument may be the old sentence. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(sentence, text, sizeof(text));
	last = code;
	return code;
}

int
err_sys(int code, const char *fmt, ...)
{
	int saved = errno;
	char text[SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(code, "%s: %s", text, strerror(saved));
}

int
err_add(const char *fmt, ...)
{
	char text[SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(last, "%s: %s", text, sentence);
}

const char *
err_text(void)
{
	return sentence;
}

int
err_code(void)
{
	return last;
}

const char *
err_name(int code)
{
	return code >= 0 && code < ERR_COUNT ? kinds[code].text : "unknown";
}

int
err_status(int code)
{
	return code >= 0 && code < ERR_COUNT ? kinds[code].status : 111;
}

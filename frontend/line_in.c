/* Splits what sockets give into lines. */
#include "frontend/line_in.h"

#include <stdlib.h>
#include <string.h>

char *
line_room(struct line_in *in, size_t *n)
{
	if (in->size - in->used < LINE_ROOM) {
		size_t size = in->size * 2 + LINE_ROOM;
		char *at = realloc(in->at, size);

		if (at == NULL)
			return NULL;
		in->at = at;
		in->size = size;
	}
	*n = in->size - in->used;
	return in->at + in->used;
}

void
line_filled(struct line_in *in, size_t n)
{
	in->used += n;
}

/* The rest of a line that was told to be too long. */
static bool
skip(struct line_in *in)
{
	char *end = memchr(in->at + in->from, '\n', in->used - in->from);

	if (end == NULL) {
		in->from = in->looked = in->used;
		return false;
	}
	in->from = in->looked = (size_t)(end - in->at) + 1;
	in->skipping = false;
	return true;
}

static enum line_got
give(struct line_in *in, size_t end, size_t max, char **line, size_t *n)
{
	size_t len = end - in->from;

	*line = in->at + in->from;
	in->from = in->looked = end < in->used ? end + 1 : end;
	if (len > 0 && (*line)[len - 1] == '\r')
		len--;
	*n = len;
	return len > max ? LINE_TOO_LONG : LINE_READY;
}

enum line_got
line_take(struct line_in *in, size_t max, char **line, size_t *n)
{
	char *end;

	if (in->used == in->from || (in->skipping && !skip(in)))
		return LINE_NONE;
	end = memchr(in->at + in->looked, '\n', in->used - in->looked);
	if (end != NULL)
		return give(in, (size_t)(end - in->at), max, line, n);
	in->looked = in->used;
	/* One more than max: the carriage return does not count. */
	if (in->used - in->from <= max + 1)
		return LINE_NONE;
	in->from = in->used;
	in->skipping = true;
	return LINE_TOO_LONG;
}

enum line_got
line_last(struct line_in *in, size_t max, char **line, size_t *n)
{
	if (in->skipping || in->used == in->from)
		return LINE_NONE;
	return give(in, in->used, max, line, n);
}

void
line_settle(struct line_in *in)
{
	if (in->from == in->used) {
		free(in->at);
		in->at = NULL;
		in->from = in->looked = in->used = in->size = 0;
	} else if (in->from > 0) {
		memmove(in->at, in->at + in->from, in->used - in->from);
		in->used -= in->from;
		in->looked -= in->from;
		in->from = 0;
	}
}

void
line_in_free(struct line_in *in)
{
	free(in->at);
	*in = (struct line_in){ 0 };
}

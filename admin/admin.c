/* Asking over the admin socket, one question at a time, without waiting. */
#include "admin/admin.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES 16384
#define READS_MAX 64 /* in one look */
#define REPLY_BYTES_MAX ((size_t)16 << 20)
#define MESSAGE_MAX 1000

int
admin_open(struct admin *a, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int error;

	memset(a, 0, sizeof(*a));
	a->fd = -1;
	if (strlen(path) >= sizeof(to.sun_path))
		return err_set(ERR_IO,
		    "'%.64s...': a socket's path has at "
		    "most %zu bytes",
		    path, sizeof(to.sun_path) - 1);
	strcpy(to.sun_path, path);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return err_sys(ERR_IO, "cannot make a socket");
	if (connect(a->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return 0;
	error = errno;
	admin_close(a);
	errno = error;
	if (error == ENOENT || error == ECONNREFUSED)
		return err_set(ERR_NOT_FOUND, "nobody listens at %s", path);
	if (error == EAGAIN)
		return err_set(ERR_IO, "%s: too many wait to be heard there",
		    path);
	return err_sys(ERR_IO, "cannot connect to %s", path);
}

void
admin_close(struct admin *a)
{
	if (a->fd >= 0)
		close(a->fd);
	free(a->in);
	*a = (struct admin){ .fd = -1, .id = a->id };
}

static int
gone(struct admin *a, const char *what)
{
	admin_close(a);
	return err_set(ERR_GONE, "the admin socket: %s", what);
}

/* The line; NULL: no memory, or a text is not UTF-8. */
static char *
question(struct admin *a, const char *op, const char *const *fields)
{
	json_t *o = json_object();
	char *line = NULL;
	int bad = json_object_set_new(o, "op", json_string(op));

	bad |= json_object_set_new(o, "id", json_integer((json_int_t)++a->id));
	for (size_t i = 0; fields != NULL && fields[i] != NULL; i += 2)
		bad |= json_object_set_new(o, fields[i],
		    json_string(fields[i + 1]));
	if (bad == 0)
		line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return line;
}

/* A question is small, and the last one was read before: it goes whole, or
 * nobody reads at the other end. */
int
admin_ask(struct admin *a, const char *op, const char *const *fields)
{
	char *line;
	size_t n;
	ssize_t sent;

	if (a->fd < 0)
		return err_set(ERR_GONE, "the admin socket: not connected");
	if ((line = question(a, op, fields)) == NULL)
		return err_set(ERR_USAGE, "%s: what is asked for is not UTF-8",
		    op);
	n = strlen(line);
	line[n] = '\n';
	do
		sent = send(a->fd, line, n + 1, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	free(line);
	if (sent == (ssize_t)(n + 1))
		return 0;
	return gone(a,
	    sent < 0 && errno != EAGAIN ? "the engine closed the connection" :
					  "the engine does not read");
}

static int
read_more(struct admin *a)
{
	char *bigger;
	ssize_t n;

	if (a->used + READ_BYTES > a->size) {
		size_t size = a->size == 0 ? READ_BYTES : 2 * a->size;

		if (size > REPLY_BYTES_MAX)
			return gone(a, "an answer without an end");
		if ((bigger = realloc(a->in, size)) == NULL)
			return gone(a, "no memory for an answer");
		a->in = bigger;
		a->size = size;
	}
	n = recv(a->fd, a->in + a->used, a->size - a->used, 0);
	if (n == 0)
		return gone(a, "the engine closed the connection");
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return gone(a, "the connection broke");
	if (n > 0)
		a->used += (size_t)n;
	return n > 0 ? 0 : ERR_BUSY;
}

/* What became of it, by the code that the engine gave. */
static int
code_of(const char *code)
{
	static const struct {
		const char *code;
		int err;
	} known[] = { { "timed_out", ERR_TIMEOUT },
		{ "unknown_adapter", ERR_NOT_FOUND },
		{ "unknown_setting", ERR_NOT_FOUND },
		{ "unknown_id", ERR_NOT_FOUND }, { "unknown_op", ERR_LAYOUT },
		{ "frontend_restarted", ERR_GONE } };

	for (size_t i = 0; code != NULL && i < sizeof(known) / sizeof(*known);
	     i++)
		if (strcmp(code, known[i].code) == 0)
			return known[i].err;
	return ERR_USAGE;
}

/* The engine's sentence, for a terminal. */
static void
take_sentence(const json_t *error)
{
	const char *m = json_string_value(json_object_get(error, "message"));
	char text[MESSAGE_MAX];

	snprintf(text, sizeof(text), "%s",
	    m != NULL ? m : "refused, and not said why");
	utf8_tame(text);
	err_set(code_of(json_string_value(json_object_get(error, "code"))),
	    "%s", text);
}

/* One line; WAITS: it is not about the question. */
static enum admin_state
hear(struct admin *a, const char *line, size_t n, json_t **reply)
{
	json_t *o, *id, *error;
	enum admin_state s = ADMIN_WAITS;

	if (strspn(line, " \r") >= n)
		return ADMIN_WAITS;
	o = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o)) {
		json_decref(o);
		gone(a, "what came is not an answer");
		return ADMIN_LOST;
	}
	id = json_object_get(o, "id");
	error = json_object_get(o, "error");
	if (json_is_integer(id) && (uint64_t)json_integer_value(id) == a->id)
		s = error == NULL ? ADMIN_DONE : ADMIN_REFUSED;
	else if (json_is_null(id) && error != NULL)
		s = ADMIN_REFUSED; /* the question did not arrive whole */
	if (s == ADMIN_REFUSED)
		take_sentence(error);
	if (s == ADMIN_DONE && reply != NULL)
		*reply = o;
	else
		json_decref(o);
	return s;
}

/* The lines that have come, until one answers. */
static enum admin_state
hear_lines(struct admin *a, json_t **reply)
{
	enum admin_state s = ADMIN_WAITS;
	size_t at = 0;

	while (s == ADMIN_WAITS && at < a->used) {
		char *line = a->in + at;
		char *end = memchr(line, '\n', a->used - at);

		if (end == NULL)
			break;
		*end = '\0';
		at += (size_t)(end - line) + 1;
		s = hear(a, line, (size_t)(end - line), reply);
	}
	if (s != ADMIN_LOST && at > 0) {
		a->used -= at;
		memmove(a->in, a->in + at, a->used);
	}
	return s;
}

enum admin_state
admin_look(struct admin *a, json_t **reply)
{
	enum admin_state s;
	int e;

	if (reply != NULL)
		*reply = NULL;
	if (a->fd < 0) {
		err_set(ERR_GONE, "the admin socket: not connected");
		return ADMIN_LOST;
	}
	/* Whoever never stops talking keeps nobody here. */
	for (int i = 0; (s = hear_lines(a, reply)) == ADMIN_WAITS; i++)
		if (i == READS_MAX)
			break;
		else if ((e = read_more(a)) != 0)
			return e == ERR_BUSY ? ADMIN_WAITS : ADMIN_LOST;
	return s;
}

enum admin_state
admin_call(struct admin *a, const char *op, const char *const *fields,
    int timeout_ms, json_t **reply)
{
	nsec until = clock_mono() + timeout_ms * MILLISECOND;
	enum admin_state s;

	if (reply != NULL)
		*reply = NULL;
	if (admin_ask(a, op, fields) != 0)
		return err_code() == ERR_USAGE ? ADMIN_REFUSED : ADMIN_LOST;
	while ((s = admin_look(a, reply)) == ADMIN_WAITS) {
		struct pollfd p = { a->fd, POLLIN, 0 };
		nsec left = until - clock_mono();

		if (left <= 0)
			break;
		poll(&p, 1, (int)(left / MILLISECOND) + 1);
	}
	if (s == ADMIN_WAITS)
		err_set(ERR_TIMEOUT, "%s: no answer within %d ms", op,
		    timeout_ms);
	return s;
}

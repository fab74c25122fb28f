/* One connection to an engine, as lines. */
#include "cli/client.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_BYTES 65536
#define LINE_BYTES_MAX ((size_t)64 << 20)

/* Waits for a connection that is under way. */
static int
finish(int fd, nsec until)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	nsec left = until - clock_mono();
	int error = 0;
	socklen_t n = sizeof(error);

	if (left < 0 || poll(&p, 1, (int)(left / MILLISECOND)) <= 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		return errno;
	return error;
}

static int
try_address(const struct sockaddr *a, socklen_t n, nsec until, int *fd)
{
	int s = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	int error, one = 1;

	if (s < 0)
		return errno;
	error = connect(s, a, n) == 0 ? 0 : errno;
	if (error == EINPROGRESS)
		error = finish(s, until);
	if (error != 0) {
		close(s);
		return error;
	}
	if (a->sa_family != AF_UNIX)
		setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*fd = s;
	return 0;
}

static int
split(const char *address, char host[256], char port[16])
{
	const char *colon = strrchr(address, ':');
	size_t n;

	if (colon == NULL || colon == address || colon[1] == '\0' ||
	    strlen(colon + 1) >= 16 || (n = (size_t)(colon - address)) >= 256)
		return err_set(ERR_USAGE,
		    "'%.64s': want HOST:PORT, or the path of a unix socket",
		    address);
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	memcpy(host, address, n);
	host[n] = '\0';
	strcpy(port, colon + 1);
	return 0;
}

static int
open_tcp(const char *address, nsec until, int *fd)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *list, *a;
	char host[256], port[16];
	int e, error = ECONNREFUSED;

	if ((e = split(address, host, port)) != 0)
		return e;
	if ((error = getaddrinfo(host, port, &want, &list)) != 0)
		return err_set(ERR_NOT_FOUND, "%s: %s", address,
		    gai_strerror(error));
	for (a = list; a != NULL; a = a->ai_next)
		if ((error = try_address(a->ai_addr, a->ai_addrlen, until,
			 fd)) == 0)
			break;
	freeaddrinfo(list);
	if (error == 0)
		return 0;
	errno = error;
	return err_sys(error == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO,
	    "cannot connect to %s", address);
}

static int
open_unix(const char *path, nsec until, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int error;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(ERR_USAGE,
		    "'%.64s...': a socket's path has "
		    "at most %zu bytes",
		    path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	error = try_address((const struct sockaddr *)&a, sizeof(a), until, fd);
	if (error == 0)
		return 0;
	errno = error;
	return err_sys(ERR_IO, "cannot connect to %s", path);
}

int
client_open(struct client *c, const char *address, nsec timeout)
{
	nsec until = clock_mono() + timeout;

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (strchr(address, '/') != NULL)
		return open_unix(address, until, &c->fd);
	return open_tcp(address, until, &c->fd);
}

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->out);
	free(c->in);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static int
grow(char **buf, size_t *size, size_t need)
{
	size_t want = *size == 0 ? READ_BYTES : *size;
	char *bigger;

	while (want < need)
		want *= 2;
	if (want == *size)
		return 0;
	if ((bigger = realloc(*buf, want)) == NULL)
		return err_set(ERR_MEMORY, "no memory for %zu bytes", want);
	*buf = bigger;
	*size = want;
	return 0;
}

static int
gone(void)
{
	return err_set(ERR_GONE, "the engine closed the connection");
}

/* An engine that takes no more may have said why: what it sent is read first,
 * and the end is noticed there. */
static void
flush(struct client *c)
{
	while (c->nout > 0) {
		ssize_t n = send(c->fd, c->out, c->nout, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			c->nout = 0;
			return;
		}
		memmove(c->out, c->out + n, c->nout - (size_t)n);
		c->nout -= (size_t)n;
	}
}

int
client_send(struct client *c, const char *line)
{
	size_t n = strlen(line);
	int e = grow(&c->out, &c->out_size, c->nout + n + 1);

	if (e != 0)
		return e;
	memcpy(c->out + c->nout, line, n);
	c->out[c->nout + n] = '\n';
	c->nout += n + 1;
	flush(c);
	return 0;
}

short
client_events(const struct client *c)
{
	return (short)((c->ended ? 0 : POLLIN) | (c->nout > 0 ? POLLOUT : 0));
}

int
client_pump(struct client *c)
{
	int e = 0;

	flush(c);
	while (!c->ended) {
		ssize_t n;

		if (c->nin >= LINE_BYTES_MAX)
			return err_set(ERR_LIMIT,
			    "an answer of over %zu bytes "
			    "without a line's end",
			    LINE_BYTES_MAX);
		e = grow(&c->in, &c->in_size, c->nin + READ_BYTES + 1);
		if (e != 0)
			return e;
		n = recv(c->fd, c->in + c->nin, READ_BYTES, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : gone();
		c->nin += (size_t)n;
		c->ended = n == 0;
		if (n < READ_BYTES)
			break;
	}
	return e;
}

char *
client_line(struct client *c)
{
	char *begin, *end;

	if (c->nin == c->taken) {
		c->nin = c->taken = 0;
		return NULL;
	}
	begin = c->in + c->taken;
	end = memchr(begin, '\n', c->nin - c->taken);
	if (end == NULL) {
		c->nin -= c->taken;
		memmove(c->in, begin, c->nin);
		c->taken = 0;
		return NULL;
	}
	*end = '\0';
	c->taken += (size_t)(end - begin) + 1;
	return begin;
}

int
client_wait(struct client *c, char **line, nsec until)
{
	int e = 0;

	while (e == 0 && (*line = client_line(c)) == NULL) {
		struct pollfd p = { c->fd, client_events(c), 0 };
		nsec left = until - clock_mono();

		if (c->ended)
			return gone();
		if (left <= 0)
			return err_set(ERR_TIMEOUT, "no answer in time");
		if (left > 1000 * SECOND)
			left = 1000 * SECOND;
		if (poll(&p, 1, (int)(left / MILLISECOND) + 1) > 0)
			e = client_pump(c);
	}
	return e;
}

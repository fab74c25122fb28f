/* Addresses as people write them. */
#include "supervisor/listen.h"

#include "base/err.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

static int
illegal(const char *address)
{
	return err_set(ERR_CONFIG,
	    "'%s': want ADDRESS:PORT, such as 127.0.0.1:7070 or [::1]:7070",
	    address);
}

/* Cuts "host:port" or "[host]:port". */
static int
split(const char *address, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(address, ':'), *from = address;
	size_t n;
	char *end;

	if (colon == NULL)
		return illegal(address);
	n = (size_t)(colon - address);
	if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
		from++;
		n -= 2;
	} else if (memchr(address, ':', n) != NULL)
		return illegal(address);
	if (n >= size || strspn(colon + 1, "0123456789") == 0 ||
	    strlen(colon + 1) > 5 || strtol(colon + 1, &end, 10) > 65535 ||
	    *end != '\0')
		return illegal(address);
	memcpy(host, from, n);
	host[n] = '\0';
	*port = colon + 1;
	return 0;
}

static int
bound(const struct addrinfo *ai, const char *address, int *out)
{
	int one = 1, fd, e = 0;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return err_sys(ERR_IO, "'%s'", address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		*out = fd;
		return 0;
	}
	if (errno == EADDRINUSE)
		e = err_set(ERR_BUSY,
		    "'%s': the port is in use by another program; "
		    "choose another (port 0: any free one)",
		    address);
	else if (errno == EACCES)
		e = err_set(ERR_CONFIG,
		    "'%s': this user may not use this port; choose one "
		    "above 1023",
		    address);
	else if (errno == EADDRNOTAVAIL)
		e = err_set(ERR_CONFIG,
		    "'%s': this machine has no such address", address);
	else
		e = err_sys(ERR_CONFIG, "'%s'", address);
	close(fd);
	return e;
}

static void
show(int fd, const char *host, uint16_t *port, char shown[LISTEN_TEXT_MAX])
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { 0 };
	socklen_t n = sizeof(a);

	(void)getsockname(fd, &a.any, &n);
	*port = ntohs(
	    a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
	snprintf(shown, LISTEN_TEXT_MAX,
	    strchr(host, ':') != NULL ? "[%.100s]:%u" : "%.100s:%u", host,
	    *port);
}

static int
open_tcp(const char *address, int *fd, uint16_t *port,
    char shown[LISTEN_TEXT_MAX])
{
	struct addrinfo want = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	const char *text = "";
	char host[256];
	int e = split(address, host, sizeof(host), &text);

	if (e != 0)
		return e;
	e = getaddrinfo(host[0] == '\0' ? NULL : host, text, &want, &list);
	if (e != 0)
		return err_set(ERR_CONFIG, "'%s': %s", address,
		    gai_strerror(e));
	for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		if ((e = bound(ai, address, fd)) == 0)
			break;
	freeaddrinfo(list);
	if (e == 0)
		show(*fd, host, port, shown);
	return e;
}

int
listen_tcp(const char *setting, const char *address, int *fd, uint16_t *port,
    char shown[LISTEN_TEXT_MAX])
{
	return open_tcp(address, fd, port, shown) == 0 ? 0 :
							 err_add("%s", setting);
}

int
listen_file(const char *path, int *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, e;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(ERR_CONFIG,
		    "run_dir: '%s': want a path of at most %zu bytes", path,
		    sizeof(a.sun_path) - 1);
	memcpy(a.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(ERR_IO, "admin socket '%s'", path);
	(void)unlink(path);
	mask = umask(0177); /* 0600 from its first moment */
	e = bind(fd, (const struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (e == 0 && listen(fd, 64) == 0) {
		*out = fd;
		return 0;
	}
	e = err_sys(ERR_IO, "admin socket '%s'", path);
	close(fd);
	return e;
}

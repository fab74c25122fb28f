/* How connections come (accept, park) and go (shut down, drop). */
#include "frontend/conn_door.h"

#include "base/err.h"
#include "base/log.h"
#include "frontend/api.h"
#include "proc/door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define SEND_BYTES                                                             \
	(128 * 1024) /* of kernel memory: a stalled reader is cheap */

int
conn_spare(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

/* What the client has sent is read first: a socket closed over unread bytes
 * is reset, and the reset overtakes the last line. */
void
conns_farewell(int fd, const char *bytes, size_t n)
{
	char waste[4096];

	(void)!send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 64; i++)
		if (recv(fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
			break;
	close(fd);
}

static void
refuse(int fd, enum api_code code, const char *message)
{
	struct line_out out = { 0 };
	struct api_fail fail;

	api_refuse(&fail, code, "", "%s", message);
	api_error(&out, "", &fail);
	conns_farewell(fd, out.at, out.used);
	line_out_free(&out);
}

static void
give_back(struct conns *t, struct conn *c)
{
	if (c->admin)
		t->operators--;
	else
		t->clients--;
	c->state = CONN_FREE;
	t->free[t->nfree++] = c->index;
}

/* true: sent.  Without a supervisor there is nothing to tell. */
static bool
tell(struct conns *t, struct conn *c, enum door_kind kind, int fd)
{
	struct door_message m = { kind, c->admin ? DOOR_IS_ADMIN : 0, c->tag };

	return door_send(t->control, m, fd) != ERR_BUSY;
}

void
conn_drop(struct conns *t, struct conn *c)
{
	/* close() alone sends no FIN while a duplicate exists. */
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	c->fd = -1;
	if (c->state == CONN_PARKING) {
		t->waiting--;
		give_back(t, c);
		return;
	}
	c->state = CONN_DROPPING;
	t->waiting++;
	conn_again(t, c);
}

static void
park(struct conns *t, struct conn *c)
{
	if (!tell(t, c, DOOR_PARK, c->fd))
		return;
	t->waiting--;
	c->state = CONN_ASKED;
}

void
conn_again(struct conns *t, struct conn *c)
{
	if (c->state == CONN_PARKING) {
		park(t, c);
	} else if (tell(t, c, DOOR_DROP, -1)) {
		t->waiting--;
		give_back(t, c);
	}
}

static bool
ours(int fd)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
	    (who.uid == geteuid() || who.uid == 0);
}

static void
admit(struct conns *t, int fd, bool admin)
{
	int bytes = SEND_BYTES, on = 1;
	struct conn *c = &t->list[t->free[--t->nfree]];
	uint32_t index = (uint32_t)(c - t->list);

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	*c = (struct conn){ .fd = fd,
		.index = index,
		.tag = t->life | (uint64_t)(++t->made & 0xffffu) << 32 | index,
		.state = CONN_PARKING,
		.admin = admin,
		.answers = -1 };
	if (admin)
		t->operators++;
	else
		t->clients++;
	t->waiting++;
	park(t, c);
}

static void
welcome(struct conns *t, int fd, bool admin)
{
	char text[128];

	if (admin && !ours(fd)) {
		refuse(fd, API_PERMISSION,
		    "the admin socket serves the user who runs the engine");
	} else if (admin && t->operators >= CONN_OPERATORS_MAX) {
		refuse(fd, API_TOO_MANY_CONNECTIONS,
		    "too many operators are connected");
	} else if (!admin && t->clients >= t->clients_max) {
		snprintf(text, sizeof(text),
		    "%u connections are open, as many as "
		    "frontend.connections_max allows",
		    t->clients);
		refuse(fd, API_TOO_MANY_CONNECTIONS, text);
	} else {
		admit(t, fd, admin);
	}
}

/* Without a free descriptor the listener would stay ready for ever: the spare
 * one is given up for the moment in which the client is told. */
static bool
turn_away(struct conns *t, int listener)
{
	int fd;

	if (t->spare < 0)
		return false;
	close(t->spare);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		refuse(fd, API_TOO_MANY_CONNECTIONS,
		    "this process may have no more descriptors");
	t->spare = conn_spare();
	return fd >= 0 && t->spare >= 0;
}

bool
conns_accept(struct conns *t, int listener, bool admin)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(listener, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			welcome(t, fd, admin);
		else if (errno == EMFILE || errno == ENFILE)
			return turn_away(t, listener);
		else if (errno == ENOMEM || errno == ENOBUFS)
			return false;
		else if (errno == EAGAIN)
			return true;
	}
	return true;
}

void
conns_kept(struct conns *t, uint64_t tag)
{
	struct conn *c = conns_find(t, tag);

	if (c != NULL && c->state == CONN_ASKED)
		conn_begin(t, c);
}

void
conns_refused(struct conns *t, uint64_t tag)
{
	struct conn *c = conns_find(t, tag);

	if (c == NULL || c->state != CONN_ASKED)
		return;
	refuse(c->fd, API_TOO_MANY_CONNECTIONS,
	    "the supervisor can keep no more connections");
	c->fd = -1;
	give_back(t, c);
}

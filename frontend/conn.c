/* Sockets: life, lines and bytes of each connection. */
#include "frontend/conn.h"

#include "base/err.h"
#include "base/log.h"
#include "frontend/conn_door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES_A_TURN 32		    /* of one connection, in fairness */
#define STALL_NS (30 * SECOND)	    /* a client that reads nothing so long */
#define PROBE_NS (1 * SECOND)	    /* between looks at a half-closed one */
#define SCAN_NS (100 * MILLISECOND) /* between looks at all of them */
#define OUT_KEPT_BYTES ((size_t)1 << 14) /* of an empty buffer */

int
conns_open(struct conns *t, struct conn_limits limits, int epoll, int control,
    uint32_t epoch, const struct conn_ops *ops, void *arg)
{
	uint32_t count = limits.clients_max + CONN_OPERATORS_MAX;

	*t = (struct conns){ .count = count,
		.clients_max = limits.clients_max,
		.epoll = epoll,
		.control = control,
		.spare = conn_spare(),
		.line_max = limits.line_max,
		.output_max = limits.output_max,
		.life = (uint64_t)(epoch & 0xffffu) << 48,
		.ops = ops,
		.arg = arg };
	t->list = calloc(count, sizeof(*t->list));
	t->free = calloc(count, sizeof(*t->free));
	/* Those of this turn, and behind them those of the next. */
	t->dirty = calloc((size_t)2 * count, sizeof(*t->dirty));
	if (t->list == NULL || t->free == NULL || t->dirty == NULL)
		return err_set(ERR_MEMORY, "no memory for %u connections",
		    count);
	for (uint32_t i = count; i-- > 0;)
		t->free[t->nfree++] = i;
	return 0;
}

struct conn *
conns_find(struct conns *t, uint64_t tag)
{
	uint32_t index = (uint32_t)tag;

	if (index >= t->count || t->list[index].state == CONN_FREE ||
	    t->list[index].tag != tag)
		return NULL;
	return &t->list[index];
}

static void
mark(struct conns *t, struct conn *c)
{
	if (c->dirty || c->state != CONN_OPEN)
		return;
	c->dirty = true;
	t->dirty[t->ndirty++] = c->index;
}

/* A client that lets half of what it may wait is not listened to. */
static bool
listening(const struct conns *t, const struct conn *c)
{
	return line_pending(&c->out) <= t->output_max / 2;
}

/* Tells epoll what this connection waits for. */
static void
watch(struct conns *t, struct conn *c)
{
	struct epoll_event e = { .data.u64 = c->tag };

	if (!c->eof && listening(t, c))
		e.events |= EPOLLIN;
	if (line_pending(&c->out) > 0)
		e.events |= EPOLLOUT;
	if (e.events == c->mask)
		return;
	c->mask = e.events;
	if (epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0)
		c->doomed = true;
}

void
conn_begin(struct conns *t, struct conn *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = c->tag };

	c->state = CONN_OPEN;
	c->mask = EPOLLIN;
	c->moved_ns = t->now;
	if (epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		c->doomed = true;
	mark(t, c);
}

static void
end(struct conns *t, struct conn *c)
{
	c->state = CONN_DROPPING; /* nobody marks it again */
	t->ops->gone(t->arg, c);
	line_in_free(&c->in);
	line_out_free(&c->out);
	conn_drop(t, c);
}

static void
send_some(struct conns *t, struct conn *c)
{
	while (line_pending(&c->out) > 0 && !c->doomed) {
		ssize_t n = send(c->fd, c->out.at + c->out.sent,
		    line_pending(&c->out), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			c->out.sent += (size_t)n;
			c->moved_ns = t->now;
			c->blocked_ns = 0;
		} else if (errno == EAGAIN) {
			if (c->blocked_ns == 0)
				c->blocked_ns = t->now;
			return;
		} else if (errno != EINTR) {
			c->doomed = true;
		}
	}
	c->allowed = 0;
	line_clear(&c->out);
	if (c->out.size > OUT_KEPT_BYTES || c->open == 0)
		line_out_free(&c->out);
}

void
conns_written(struct conns *t, struct conn *c)
{
	if (c->out.broken)
		c->doomed = true;
	if (line_pending(&c->out) > t->output_max + c->allowed)
		send_some(t, c);
	if (line_pending(&c->out) > t->output_max + c->allowed && !c->doomed) {
		log_info("client disconnected: it does not read "
			 "waiting_bytes=%zu",
		    line_pending(&c->out));
		c->doomed = true;
	}
	mark(t, c);
}

void
conns_allow(struct conn *c, size_t n)
{
	c->allowed += n;
}

void
conns_look(struct conns *t, struct conn *c)
{
	mark(t, c);
}

static void
receive(struct conns *t, struct conn *c)
{
	size_t n;
	char *room;
	ssize_t got;

	if (c->eof || !listening(t, c))
		return;
	room = line_room(&c->in, &n);
	if (room == NULL) {
		c->doomed = true;
		return;
	}
	got = recv(c->fd, room, n, MSG_DONTWAIT);
	if (got > 0)
		line_filled(&c->in, (size_t)got);
	else if (got == 0)
		c->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		c->doomed = true;
	mark(t, c);
}

/* One line, if one is there. */
static bool
take(struct conns *t, struct conn *c)
{
	char *line;
	size_t n;
	enum line_got got = line_take(&c->in, t->line_max, &line, &n);

	if (got == LINE_NONE && c->eof)
		got = line_last(&c->in, t->line_max, &line, &n);
	if (got == LINE_TOO_LONG)
		t->ops->too_long(t->arg, c);
	else if (got == LINE_READY && n > 0)
		t->ops->line(t->arg, c, line, n);
	return got != LINE_NONE;
}

/* true: there are lines left for the next turn. */
static bool
read_lines(struct conns *t, struct conn *c)
{
	int lines = 0;

	while (
	    lines < LINES_A_TURN && !c->doomed && listening(t, c) && take(t, c))
		lines++;
	line_settle(&c->in);
	return lines == LINES_A_TURN;
}

/* true: it is to have another turn at once. */
static bool
serve(struct conns *t, struct conn *c)
{
	bool more = read_lines(t, c);

	if (line_pending(&c->out) > 0) {
		bool deaf = !listening(t, c);

		send_some(t, c);
		/* Lines may have waited in our buffer, not in the socket. */
		more = more || (deaf && listening(t, c));
	}
	if (c->eof && c->open == 0 && c->in.used == 0 &&
	    line_pending(&c->out) == 0)
		c->doomed = true;
	if (c->doomed) {
		end(t, c);
		return false;
	}
	watch(t, c);
	return more;
}

int
conns_turn(struct conns *t, nsec now)
{
	uint32_t n = t->ndirty, left = 0;

	t->now = now;
	for (uint32_t i = 0; i < n; i++) {
		struct conn *c = &t->list[t->dirty[i]];

		c->dirty = false;
		if (c->state == CONN_OPEN && serve(t, c))
			mark(t, c);
	}
	/* Those marked meanwhile move to the front. */
	for (uint32_t i = n; i < t->ndirty; i++)
		t->dirty[left++] = t->dirty[i];
	t->ndirty = left;
	return (int)n;
}

void
conns_event(struct conns *t, uint64_t tag, uint32_t events)
{
	struct conn *c = conns_find(t, tag);

	if (c == NULL || c->state != CONN_OPEN)
		return;
	/* Both halves are shut, or the peer has reset: nobody is there. */
	if (events & (EPOLLHUP | EPOLLERR))
		c->doomed = true;
	else if (events & EPOLLIN)
		receive(t, c);
	mark(t, c);
}

/* A client that has closed looks like one that has shut down its sending half
 * until something is sent to it.  A space before a line is no part of its
 * JSON, so a space is sent. */
static void
probe(struct conns *t, struct conn *c)
{
	if (c->eof && c->open > 0 && line_pending(&c->out) == 0 &&
	    t->now - c->moved_ns > PROBE_NS) {
		line_put(&c->out, " ");
		conns_written(t, c);
	}
}

void
conns_tick(struct conns *t, nsec now)
{
	t->now = now;
	if (now < t->scan_ns || t->clients + t->operators == 0)
		return;
	t->scan_ns = now + SCAN_NS;
	for (uint32_t i = 0; i < t->count; i++) {
		struct conn *c = &t->list[i];

		if (c->state == CONN_PARKING || c->state == CONN_DROPPING)
			conn_again(t, c);
		if (c->state != CONN_OPEN)
			continue;
		if (line_pending(&c->out) == 0) {
			probe(t, c);
		} else if (c->blocked_ns != 0 &&
		    now - c->blocked_ns > STALL_NS) {
			log_info("client disconnected: it reads nothing "
				 "for_s=%d",
			    (int)(STALL_NS / SECOND));
			c->doomed = true;
			mark(t, c);
		}
	}
}

bool
conns_drained(const struct conns *t)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->list[i].state == CONN_OPEN &&
		    line_pending(&t->list[i].out) > 0)
			return false;
	return true;
}

void
conns_close(struct conns *t)
{
	for (uint32_t i = 0; t->list != NULL && i < t->count; i++) {
		struct conn *c = &t->list[i];

		if (c->state == CONN_OPEN)
			end(t, c);
		else if (c->state == CONN_PARKING || c->state == CONN_ASKED)
			conn_drop(t, c);
	}
	if (t->spare >= 0)
		close(t->spare);
	free(t->list);
	free(t->free);
	free(t->dirty);
	*t = (struct conns){ .spare = -1 };
}

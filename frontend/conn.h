/*
 * conn.h -- the sockets of clients and operators.
 *
 *	FREE --accept--> PARKING --sent--> ASKED --kept--> OPEN
 *	  ^                                                  |
 *	  +-------- DROPPING (the supervisor is told) <------+
 *
 * A connection is read only after the supervisor keeps a duplicate of its
 * socket.  What is for the client is written into `out` and sent at the end
 * of the turn.  A client that does not read is first no longer listened to,
 * and disconnected when more than the limit waits for it.  One that has shut
 * down its sending half still gets what it asked for.
 *
 * This file knows lines and bytes, not requests: it hands lines up and says
 * when a connection has gone.
 *
 * Memory   A small struct a connection; buffers only while they hold something.
 * Threads  One.
 * Waiting  Never.
 */
#ifndef FRONTEND_CONN_H
#define FRONTEND_CONN_H

#include "base/clock.h"
#include "frontend/line_in.h"
#include "frontend/line_out.h"

#include <stdbool.h>
#include <stdint.h>

enum conn_state {
	CONN_FREE,
	CONN_PARKING,
	CONN_ASKED,
	CONN_OPEN,
	CONN_DROPPING
};

struct conn {
	int fd;
	uint32_t index, mask;
	uint64_t tag;
	uint8_t state;
	bool admin, eof, doomed, dirty;
	struct line_in in;
	struct line_out out;
	size_t allowed;	 /* bytes over the limit that one long line may take */
	nsec moved_ns;	 /* when bytes last went out */
	nsec blocked_ns; /* since when none can; 0: they can */
	uint32_t open;	 /* what keeps it: requests and operations */
	int32_t answers; /* first of its slots; -1: none */
};

/* What the owner does with lines; neither may close the connection. */
struct conn_ops {
	void (*line)(void *arg, struct conn *, char *line, size_t n);
	void (*too_long)(void *arg, struct conn *);
	/* It is about to be closed: what is open on it is to be cancelled. */
	void (*gone)(void *arg, struct conn *);
};

struct conns {
	struct conn *list;
	uint32_t count; /* size of list */
	uint32_t clients_max, clients, operators;
	uint32_t *free, nfree;	 /* stack of indexes */
	uint32_t *dirty, ndirty; /* have something to do this turn */
	uint32_t waiting;	 /* PARKING or DROPPING, to be tried again */
	int epoll, control, spare;
	size_t line_max, output_max;
	uint64_t life; /* high part of tags */
	uint32_t made; /* connections of this life */
	nsec now, scan_ns;
	const struct conn_ops *ops;
	void *arg;
};

#define CONN_OPERATORS_MAX 16 /* on the admin socket, beside the clients */

struct conn_limits {
	uint32_t clients_max;
	size_t line_max, output_max;
};

/* epoll and control are the caller's; epoch tells tags of one life from those
 * of another.  ERR_MEMORY. */
int conns_open(struct conns *, struct conn_limits, int epoll, int control,
    uint32_t epoch, const struct conn_ops *, void *arg);
void conns_close(struct conns *);

/* Accepts what waits at a listener, at most a few.  false: the process is out
 * of descriptors; ask again later. */
bool conns_accept(struct conns *, int listener, bool admin);

/* The supervisor's answer. */
void conns_kept(struct conns *, uint64_t tag);
void conns_refused(struct conns *, uint64_t tag);

/* NULL: it has gone. */
struct conn *conns_find(struct conns *, uint64_t tag);

/* What epoll says of a connection: data is its tag. */
void conns_event(struct conns *, uint64_t tag, uint32_t events);

/* Lines were written to out: they are sent at the end of the turn. */
void conns_written(struct conns *, struct conn *);

/* The line just written is one long answer, of n bytes: it does not count. */
void conns_allow(struct conn *, size_t n);

/* Something that kept the connection has ended. */
void conns_look(struct conns *, struct conn *);

/* Reads lines, sends what is to be sent, closes what is to be closed. */
int conns_turn(struct conns *, nsec now);

/* Retries, stalled writers, half-closed clients that may have gone. */
void conns_tick(struct conns *, nsec now);

/* Nothing is left to be sent to anybody. */
bool conns_drained(const struct conns *);

/* Tells a socket that is not, or no longer, a connection's, and closes it. */
void conns_farewell(int fd, const char *bytes, size_t n);

#endif

/*
 * client.h -- one connection to an engine, as lines.
 *
 * Nothing blocks but client_open: lines to send wait in a buffer, received
 * bytes in another, and the caller polls.
 *
 * Memory   client_open allocates nothing that client_close does not free.
 * Threads  One a connection.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/clock.h"

#include <stdbool.h>
#include <stddef.h>

struct client {
	int fd; /* -1: closed */
	char *out;
	size_t nout, out_size;
	char *in;
	size_t nin, in_size, taken; /* taken: bytes of lines given away */
	bool ended;		    /* the engine has closed it */
};

/* Connects to "HOST:PORT", "[::1]:PORT" or a path (with a slash) of a unix
 * socket.  ERR_USAGE: no such form; ERR_NOT_FOUND, ERR_IO, ERR_TIMEOUT. */
int client_open(struct client *, const char *address, nsec timeout);
void client_close(struct client *);

/* Queues a line (the newline is added) and sends what goes at once. */
int client_send(struct client *, const char *line);

/* What to poll for. */
short client_events(const struct client *);

/* Reads and writes what can be.  ERR_GONE: the connection broke; an orderly
 * end by the engine only sets ended. */
int client_pump(struct client *);

/* The next whole line, ended with 0, valid until the next call on this
 * client; NULL: none yet. */
char *client_line(struct client *);

/* Waits for a line until the time `until`.  ERR_TIMEOUT, ERR_GONE. */
int client_wait(struct client *, char **line, nsec until);

#endif

/*
 * admin.h -- asking a running engine for something, over its admin socket.
 *
 * One question at a time; the engine answers when it is done, or says why not.
 * The protocol is docs/PROTOCOL.md's, the socket is for the engine's user and
 * root.
 *
 *	admin_open --> admin_ask --> admin_look ... --> DONE, REFUSED or LOST
 *	           \-> admin_call: the same, waiting
 *
 * Memory   A reply is the caller's (json_decref).
 * Threads  One a connection.
 * Waiting  admin_call alone, as long as it is told to.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum admin_state {
	ADMIN_WAITS,
	ADMIN_DONE,
	/* err_text is the engine's sentence; err_code is NOT_FOUND for an
	 * unknown name, TIMEOUT if it was not obeyed in the engine's time. */
	ADMIN_REFUSED,
	ADMIN_LOST, /* the connection has gone and is closed; err_text says so */
};

struct admin {
	int fd; /* -1: closed */
	char *in;
	size_t used, size;
	uint64_t id; /* of the question that is open */
};

/* ERR_NOT_FOUND: nobody listens at path; ERR_IO (no permission among them). */
int admin_open(struct admin *, const char *path);
void admin_close(struct admin *);

/* Sends op with fields: key, value, key, value, NULL; all texts; fields may be
 * NULL.  What is still to come for an older question is passed over.  ERR_GONE;
 * ERR_USAGE: a text is not UTF-8. */
int admin_ask(struct admin *, const char *op, const char *const *fields);

/* Whether an answer has come; never waits.  *reply is NULL but for DONE; reply
 * may be NULL. */
enum admin_state admin_look(struct admin *, json_t **reply);

/* Asks and waits for the answer, at most so long.  ADMIN_WAITS: it has not
 * come. */
enum admin_state admin_call(struct admin *, const char *op,
    const char *const *fields, int timeout_ms, json_t **reply);

#endif

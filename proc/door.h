/*
 * door.h -- descriptors between the supervisor and the frontend, and the monitor.
 *
 * The supervisor owns the listening sockets and a duplicate of every client's
 * socket, so that connections outlive the frontend.  Messages are one
 * datagram each on the control socket (SOCK_SEQPACKET), with a descriptor
 * where the kind says so.
 *
 *	supervisor -> frontend   LISTENER fd, ADMIN fd, PARKED tag fd (at
 *	                         start, one a connection), BEGIN, KEPT tag
 *	frontend -> supervisor   PARK tag fd, DROP tag
 *	supervisor -> monitor    LISTENER fd: of the metrics, if they are served
 *
 * A frontend reads nothing from a new connection before its KEPT has come.
 * The tag is the frontend's: connection index and generation.
 *
 * Memory   A descriptor that is received is the receiver's to close; one that
 *          is sent stays the sender's.
 * Threads  One an end.
 * Waiting  Never: a full socket is an answer.
 */
#ifndef PROC_DOOR_H
#define PROC_DOOR_H

#include <stdint.h>

enum door_kind {
	DOOR_LISTENER = 1, /* fd: accept clients here; the monitor: scrapers */
	DOOR_ADMIN,	   /* fd: accept operators here */
	DOOR_PARKED,	   /* tag, fd: a connection of the last life */
	DOOR_BEGIN,	   /* all that was parked has been sent */
	DOOR_PARK,	   /* tag, fd: keep a duplicate */
	DOOR_KEPT,	   /* tag: it is kept */
	DOOR_REFUSED,	   /* tag: it is not: no room */
	DOOR_DROP,	   /* tag: give the duplicate up */
};

struct door_message {
	uint32_t kind;	/* enum door_kind */
	uint32_t flags; /* DOOR_IS_ADMIN */
	uint64_t tag;
};

#define DOOR_IS_ADMIN 1u

/* fd -1: none.  ERR_GONE: the other end has gone; ERR_BUSY: would block. */
int door_send(int control, struct door_message, int fd);

/* *fd is -1 if none came; the caller owns it.  ERR_BUSY: nothing there. */
int door_receive(int control, struct door_message *, int *fd);

#endif

/*
 * door.h -- the supervisor's side of proc/door.h.
 *
 * Holds listeners and duplicates; gives all of them to each new frontend, then
 * keeps and drops what it is told to.  Reads no byte of any client.
 *
 *	CLOSED --open--> HANDING --all sent--> OPEN --frontend dies--> CLOSED
 *
 * Waiting  Never: what cannot be sent now is sent when the socket has room.
 */
#ifndef SUPERVISOR_DOOR_H
#define SUPERVISOR_DOOR_H

#include "proc/door.h"
#include "supervisor/park.h"

#include <stdbool.h>

enum door_stage { DOOR_CLOSED, DOOR_HANDING, DOOR_OPEN };

struct door {
	int listener, admin; /* -1: none */
	struct park park;
	enum door_stage stage;
	uint32_t sent; /* HANDING: 0, 1: listeners; then places of the park */
	bool owes;     /* an answer that did not go out yet */
	struct door_message owed;
};

/* Begins to hand everything to a new frontend. */
void door_hand_over(struct door *);

/* The frontend has gone. */
void door_shut(struct door *);

/* Does what can be done now.  ERR_GONE: the other end has gone. */
int door_turn(struct door *, int control);

/* Whether it waits for room to send, and must not be woken by input. */
bool door_wants_room(const struct door *);

#endif

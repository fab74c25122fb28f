/*
 * conn_door.h -- what conn.c and conn_door.c share: how connections come and go.
 *
 * conn_door.c accepts, parks with the supervisor and gives up; conn.c serves
 * in between.
 */
#ifndef FRONTEND_CONN_DOOR_H
#define FRONTEND_CONN_DOOR_H

#include "frontend/conn.h"

/* conn.c: the supervisor keeps it, it may be read. */
void conn_begin(struct conns *, struct conn *);

/* Closes the socket and has the supervisor drop its duplicate. */
void conn_drop(struct conns *, struct conn *);

/* The supervisor's end was full: once more. */
void conn_again(struct conns *, struct conn *);

/* A descriptor kept for the moment when there are no others. */
int conn_spare(void);

#endif

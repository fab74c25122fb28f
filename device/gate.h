/*
 * gate.h -- so many at a time, in the order in which they came.
 *
 * A mutex lets the thread that has just left it in again before those that
 * wait.  A gate does not: whoever copies much, piece by piece, lets others in
 * between.
 *
 * Memory   The owner's.
 * Threads  Any, of one process.
 * Waiting  gate_enter, until those before have come and one has left.
 */
#ifndef DEVICE_GATE_H
#define DEVICE_GATE_H

#include <pthread.h>
#include <stdint.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t came, entered; /* threads ever */
	uint32_t room;
};

void gate_open(struct gate *, uint32_t room);
void gate_close(struct gate *);

void gate_enter(struct gate *);
void gate_leave(struct gate *);

#endif

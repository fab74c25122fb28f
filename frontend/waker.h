/*
 * waker.h -- turns the process's bell into a descriptor that epoll can wait for.
 *
 * One small thread sleeps at the bell and writes to an eventfd when it rings.
 * It then waits until the frontend is about to sleep again, so that a busy
 * frontend costs its peers nothing: nobody sleeps at the bell meanwhile.
 *
 * Threads  waker_arm and waker_heard by the frontend's thread alone.
 */
#ifndef FRONTEND_WAKER_H
#define FRONTEND_WAKER_H

#include "shm/bell.h"
#include "shm/ring.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#define WAKER_RINGS 2

/* A ring as its counts alone: what another thread may look at. */
struct waker_ring {
	const struct ring_out *out;
	const struct ring_in *in;
};

struct waker {
	int fd; /* readable: somebody rang */
	struct bell *bell;
	struct waker_ring ring[WAKER_RINGS];
	pthread_t thread;
	bool running;
	sem_t armed_sem;
	atomic_bool armed, stop;
};

/* ERR_IO, ERR_MEMORY. */
int waker_start(struct waker *, struct bell *,
    const struct waker_ring ring[WAKER_RINGS]);
void waker_stop(struct waker *);

void waker_arm(struct waker *);	  /* about to sleep */
void waker_heard(struct waker *); /* fd was readable */

#endif

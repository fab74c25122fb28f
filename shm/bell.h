/*
 * bell.h -- how a sleeping process is woken.
 *
 * One bell a process, all in one segment that everybody may write and nothing
 * depends on: a lost ring costs a bounded wait, never work.
 *
 * Threads  One sleeper a bell, any number of ringers.
 * Waiting  bell_wait, until the moment it is given.
 */
#ifndef SHM_BELL_H
#define SHM_BELL_H

#include "base/clock.h"

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct bell {
	alignas(128) _Atomic uint32_t asleep;
	sem_t sem; /* process-shared */
};

/* Before its process is started, each time: one killed inside a wait leaves
 * its count behind. */
void bell_format(struct bell *);

/* Call after the word and the hint are written. */
void bell_ring(struct bell *);

/* Posts whether anybody sleeps or not; for the supervisor, after a death. */
void bell_post(struct bell *);

/* Sleeps while idle(arg) holds, at most until the monotonic time until.
 * true: rung. */
bool bell_wait(struct bell *, bool (*idle)(void *), void *arg, nsec until);

#endif

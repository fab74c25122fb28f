/*
 * instance.h -- a small instance of segments for tests, without processes.
 */
#ifndef TESTS_UNIT_INSTANCE_H
#define TESTS_UNIT_INSTANCE_H

#include "conf/conf.h"
#include "shm/seg.h"

/* A name that no other test and no engine has. */
const char *instance_name(void);

/* 8 slots of 64 tokens, 4 adapters, 4 chunks of 64 KiB. */
void instance_plan(struct plan *);

/* Creates the segments under that name, with these settings. */
void instance_make(struct segs *, const struct conf *);

void instance_end(struct segs *);

#endif

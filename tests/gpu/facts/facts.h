/*
 * facts.h -- what a GPU does that the engine relies on, tried out.
 *
 * Each experiment runs in processes of its own, forked before any of them calls
 * CUDA, and prints one line of a table for docs/CUDA.md.
 */
#ifndef TESTS_GPU_FACTS_FACTS_H
#define TESTS_GPU_FACTS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "device/device.h"

/* ---- processes: child.c ---- */

struct child {
	pid_t pid;
	int to, from, pidfd;
};

/* Runs life(in, out) in a child, a pipe each way. */
void child_start(struct child *, void (*life)(int in, int out));
void child_put(int fd, const void *, size_t);
bool child_get(int fd, void *, size_t);
/* kill -9; when it was seen to have ended. */
nsec child_kill(struct child *);
/* Lets it end by itself. */
void child_end(struct child *);

/* A holder: takes a struct device_pool, gives it back with its handle. */
void child_hold(int in, int out);
/* Starts one with a pool of so many bytes. */
void hold(struct child *, struct device_pool *, uint64_t bytes);

/* ---- kernels: facts.cu ---- */

/* Adds 1 to *word so many times, one after the other. */
int fact_count(void *stream, uint64_t *word, uint64_t times);
/* Writes where nobody may. */
int fact_stray(void *stream);

/* ---- output ---- */

void say(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

struct fact {
	const char *name, *question;
	void (*run)(void);
};
extern const struct fact death_facts[], time_facts[];
extern const int ndeath_facts, ntime_facts;

/* Bytes that experiments may take: what is free, or little on the stand-in. */
uint64_t fact_bytes(uint64_t want);
bool fact_small(void);

#endif

/*
 * pool.h -- a few threads that share out one loop.
 *
 *	pool_run(p, job, arg, n)    job(arg, i, thread) for each i < n, somewhere
 *
 * The caller works too, and returns when all are done.  Jobs are taken one by
 * one, so a thread that the machine delays holds up its own job alone; results
 * must not depend on who takes which.
 *
 *	word   turn:32 | jobs left to take:32	one loop after the other
 *
 * Memory   pool_open allocates, pool_close frees; running allocates nothing.
 * Threads  One caller.  A pool of one thread is a plain loop.
 * Waiting  A worker looks for the next loop for some microseconds, where more
 *          than one core is there, then sleeps in the kernel; so does a caller
 *          that waits for the last job.  An idle pool costs nothing.
 */
#ifndef GPUEXEC_CPU_POOL_H
#define GPUEXEC_CPU_POOL_H

struct pool;

/* threads 0: one a core that this process may use.  ERR_MEMORY. */
int pool_open(struct pool **, int threads);
void pool_close(struct pool *);

int pool_threads(const struct pool *);

typedef void pool_job_f(void *arg, int i, int thread);
void pool_run(struct pool *, pool_job_f *, void *arg, int n);

/* Cores that this process may use, at least 1. */
int pool_cores(void);

#endif

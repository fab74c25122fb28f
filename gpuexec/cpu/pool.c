/* A few threads that share out one loop: taking jobs, sleeping, waking. */
#include "gpuexec/cpu/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"

#define LOOKS 1500 /* before a thread sleeps: some tens of microseconds */

struct worker {
	struct pool *pool;
	pthread_t thread;
	int index; /* 1 .. threads - 1; the caller is 0 */
};

/* What the caller writes and what the workers count lie on lines of their
 * own. */
struct pool {
	alignas(128) _Atomic uint64_t word; /* turn:32 | left:32 */
	_Atomic(pool_job_f *) job;
	_Atomic(void *) arg;
	_Atomic uint32_t n;
	alignas(128) _Atomic uint32_t done; /* jobs finished in this turn */
	alignas(128) _Atomic uint32_t call; /* futex: raised with each loop */
	_Atomic uint32_t asleep;	    /* workers that may wait on it */
	_Atomic uint32_t caller_asleep;
	_Atomic uint32_t end;
	int threads, looks;
	struct worker worker[];
};

static void
futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void
futex_wake(_Atomic uint32_t *word, int count)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL,
	    0);
}

static inline void
breathe(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

int
pool_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}

/* Takes jobs until none is left.  job, arg and n change only while no job is
 * left and all taken ones are done; so if the exchange succeeds, the word has
 * not changed since it was read, and what was read between belongs to it.
 * W1 pairs with W2: what the loop is, is seen before its word. */
static bool
work(struct pool *p, int thread)
{
	uint64_t word = atomic_load_explicit(&p->word, memory_order_acquire);
	bool any = false;

	while ((uint32_t)word != 0) {
		pool_job_f *job = atomic_load_explicit(&p->job,
		    memory_order_relaxed);
		void *arg = atomic_load_explicit(&p->arg, memory_order_relaxed);
		uint32_t n = atomic_load_explicit(&p->n, memory_order_relaxed);

		if (!atomic_compare_exchange_weak_explicit(&p->word, &word,
			word - 1, memory_order_acquire, /* W1 */
			memory_order_acquire))
			continue;
		job(arg, (int)(n - (uint32_t)word), thread);
		any = true;
		/* D1 pairs with D2: what the job wrote is seen by whoever has
		 * counted all jobs. */
		if (atomic_fetch_add(&p->done, 1) + 1 == n &&
		    atomic_load(&p->caller_asleep) != 0)
			futex_wake(&p->done, 1);
		word = atomic_load_explicit(&p->word, memory_order_acquire);
	}
	return any;
}

static bool
look(struct pool *p)
{
	for (int i = 0; i < p->looks; i++) {
		if ((uint32_t)atomic_load_explicit(&p->word,
			memory_order_relaxed) != 0 ||
		    atomic_load_explicit(&p->end, memory_order_relaxed) != 0)
			return true;
		breathe();
	}
	return false;
}

/* S1 pairs with S2: either the caller sees asleep and wakes, or the worker
 * sees the raised call and stays up.  Never neither. */
static void
doze(struct pool *p)
{
	uint32_t call;

	atomic_fetch_add(&p->asleep, 1); /* S1 */
	call = atomic_load(&p->call);
	if ((uint32_t)atomic_load(&p->word) == 0 && atomic_load(&p->end) == 0)
		futex_wait(&p->call, call);
	atomic_fetch_sub(&p->asleep, 1);
}

static void *
live(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;

	while (atomic_load(&p->end) == 0)
		if (!work(p, w->index) && !look(p))
			doze(p);
	return NULL;
}

static void
call_all(struct pool *p)
{
	atomic_fetch_add(&p->call, 1); /* S2 */
	if (atomic_load(&p->asleep) != 0)
		futex_wake(&p->call, p->threads);
}

void
pool_run(struct pool *p, pool_job_f *job, void *arg, int n)
{
	uint64_t turn = (atomic_load(&p->word) >> 32) + 1;
	uint32_t done;

	if (p->threads == 1 || n <= 1) {
		for (int i = 0; i < n; i++)
			job(arg, i, 0);
		return;
	}
	atomic_store_explicit(&p->job, job, memory_order_relaxed);
	atomic_store_explicit(&p->arg, arg, memory_order_relaxed);
	atomic_store_explicit(&p->n, (uint32_t)n, memory_order_relaxed);
	atomic_store(&p->done, 0);
	atomic_store(&p->word, turn << 32 | (uint32_t)n); /* W2 */
	call_all(p);
	work(p, 0);
	for (int i = 0; i < p->looks; i++) {
		if (atomic_load(&p->done) == (uint32_t)n) /* D2 */
			return;
		breathe();
	}
	atomic_store(&p->caller_asleep, 1);
	while ((done = atomic_load(&p->done)) != (uint32_t)n) /* D2 */
		futex_wait(&p->done, done);
	atomic_store(&p->caller_asleep, 0);
}

int
pool_threads(const struct pool *p)
{
	return p->threads;
}

int
pool_open(struct pool **out, int threads)
{
	int cores = pool_cores();
	int want = threads > 0 ? threads : cores;
	size_t bytes = sizeof(struct pool) +
	    (size_t)want * sizeof(struct worker);
	struct pool *p = aligned_alloc(128, (bytes + 127) / 128 * 128);

	if (p == NULL)
		return err_set(ERR_MEMORY, "no memory for %d threads", want);
	*p = (struct pool){ .threads = 1 };
	p->looks = cores > 1 ? LOOKS : 0;
	for (int i = 1; i < want; i++) {
		p->worker[i] = (struct worker){ .pool = p, .index = i };
		if (pthread_create(&p->worker[i].thread, NULL, live,
			&p->worker[i]) != 0)
			break;
		p->threads++;
	}
	if (p->threads != want) {
		err_set(ERR_MEMORY, "cannot start thread %d of %d", p->threads,
		    want);
		pool_close(p);
		return ERR_MEMORY;
	}
	*out = p;
	return 0;
}

void
pool_close(struct pool *p)
{
	if (p == NULL)
		return;
	atomic_store(&p->end, 1);
	call_all(p);
	for (int i = 1; i < p->threads; i++)
		pthread_join(p->worker[i].thread, NULL);
	free(p);
}

/* Waking by semaphore, which only the sleeping pay for: B1 and B2. */
#include "shm/bell.h"

#include "base/must.h"

#include <time.h>

void
bell_format(struct bell *b)
{
	atomic_store_explicit(&b->asleep, 0, memory_order_relaxed);
	must(sem_init(&b->sem, 1, 0) == 0);
}

void
bell_ring(struct bell *b)
{
	/* B1 pairs with B2: either we see asleep and post, or the sleeper
	 * sees what we wrote and stays up.  Never neither. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&b->asleep, memory_order_relaxed) != 0 &&
	    atomic_exchange(&b->asleep, 0) != 0)
		(void)sem_post(&b->sem);
}

void
bell_post(struct bell *b)
{
	atomic_store(&b->asleep, 0);
	(void)sem_post(&b->sem);
}

bool
bell_wait(struct bell *b, bool (*idle)(void *), void *arg, nsec until)
{
	struct timespec ts = { until / SECOND, until % SECOND };
	bool rung = false;

	while (sem_trywait(&b->sem) == 0)
		; /* posts that came too late for an earlier wait */
	atomic_store_explicit(&b->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* B2 pairs with B1 */
	if (idle(arg))
		rung = sem_clockwait(&b->sem, CLOCK_MONOTONIC, &ts) == 0;
	atomic_store_explicit(&b->asleep, 0, memory_order_relaxed);
	return rung;
}

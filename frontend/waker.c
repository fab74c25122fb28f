/* The thread between a semaphore and epoll. */
#include "frontend/waker.h"

#include "base/err.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_NS (1 * SECOND) /* a peer may die between store and post */

static bool
idle(void *arg)
{
	struct waker *w = arg;

	for (int i = 0; i < WAKER_RINGS; i++)
		if (atomic_load_explicit(&w->ring[i].out->head,
			memory_order_acquire) !=
		    atomic_load_explicit(&w->ring[i].in->tail,
			memory_order_acquire))
			return false;
	return !atomic_load(&w->stop);
}

static void *
wait_and_tell(void *arg)
{
	struct waker *w = arg;
	uint64_t one = 1;

	while (!atomic_load(&w->stop)) {
		if (!bell_wait(w->bell, idle, w, clock_mono() + WAIT_NS) &&
		    idle(w))
			continue;
		atomic_store(&w->armed, false);
		(void)!write(w->fd, &one, sizeof(one));
		while (sem_wait(&w->armed_sem) != 0)
			;
	}
	return NULL;
}

int
waker_start(struct waker *w, struct bell *bell,
    const struct waker_ring ring[WAKER_RINGS])
{
	int e;

	*w = (struct waker){ .bell = bell, .armed = true };
	memcpy(w->ring, ring, sizeof(w->ring));
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return err_sys(ERR_IO, "waker: eventfd");
	sem_init(&w->armed_sem, 0, 0);
	e = pthread_create(&w->thread, NULL, wait_and_tell, w);
	if (e != 0)
		return err_set(ERR_MEMORY, "waker: thread: %s", strerror(e));
	w->running = true;
	return 0;
}

void
waker_arm(struct waker *w)
{
	if (!atomic_exchange(&w->armed, true))
		sem_post(&w->armed_sem);
}

void
waker_heard(struct waker *w)
{
	uint64_t count;

	(void)!read(w->fd, &count, sizeof(count));
}

void
waker_stop(struct waker *w)
{
	if (w->running) {
		atomic_store(&w->stop, true);
		bell_post(w->bell);
		sem_post(&w->armed_sem);
		pthread_join(w->thread, NULL);
		sem_destroy(&w->armed_sem);
	}
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct waker){ .fd = -1 };
}

/* Pieces on a stream, two at most. */
#include "device/track_cuda.h"

#include "base/clock.h"
#include "device/cuda_check.h"

#include <stdbool.h>
#include <sys/prctl.h>

#define NAP_NS (20 * MICROSECOND) /* between two looks at a piece */
#define SLACK_NS 1000UL

int
track_open(struct track *t, const char *what, enum cudaMemcpyKind way)
{
	int e;

	*t = (struct track){ .what = what, .way = way };
	gate_open(&t->turn, 1);
	(void)pthread_mutex_init(&t->lock, NULL);
	e = cuda_check(cudaStreamCreateWithFlags(&t->stream,
			   cudaStreamNonBlocking),
	    "a stream for copies");
	for (int i = 0; e == 0 && i < TRACK_DEEP; i++)
		e = cuda_check(cudaEventCreateWithFlags(&t->passed[i],
				   cudaEventDisableTiming),
		    "an event for copies");
	return e;
}

void
track_close(struct track *t)
{
	if (t->what == NULL)
		return;
	if (t->stream != NULL)
		(void)cudaStreamSynchronize(t->stream);
	for (int i = 0; i < TRACK_DEEP; i++)
		if (t->passed[i] != NULL)
			(void)cudaEventDestroy(t->passed[i]);
	if (t->stream != NULL)
		(void)cudaStreamDestroy(t->stream);
	(void)pthread_mutex_destroy(&t->lock);
	gate_close(&t->turn);
}

/* One look; *e is what CUDA says of it.  An event stands for the last piece
 * that was put on it, which is not queued before the one that is asked for is
 * over. */
static bool
is_over(struct track *t, uint64_t number, int *e)
{
	cudaError_t said = cudaSuccess;
	bool over;

	(void)pthread_mutex_lock(&t->lock);
	if (t->over < number) {
		said = cudaEventQuery(t->passed[number % TRACK_DEEP]);
		if (said == cudaSuccess)
			t->over = number;
	}
	over = t->over >= number;
	(void)pthread_mutex_unlock(&t->lock);
	*e = said == cudaErrorNotReady ? 0 : cuda_check(said, t->what);
	return over;
}

/* A nap is to be one: left to itself the system adds 50 us, in which a piece
 * could have crossed.  Said once by every thread that waits here. */
static void
wake_in_time(void)
{
	static _Thread_local bool said;

	if (!said)
		(void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
	said = true;
}

int
track_wait(struct track *t, uint64_t number)
{
	int e = 0;

	wake_in_time();
	while (!is_over(t, number, &e) && e == 0)
		clock_sleep(NAP_NS);
	return e;
}

/* Has the turn.  What is queued without an event would move unseen. */
static int
queue(struct track *t, void *to, const void *from, size_t n, uint64_t *number)
{
	cudaError_t said;

	(void)pthread_mutex_lock(&t->lock);
	said = cudaMemcpyAsync(to, from, n, t->way, t->stream);
	if (said == cudaSuccess) {
		said = cudaEventRecord(t->passed[(t->queued + 1) % TRACK_DEEP],
		    t->stream);
		if (said == cudaSuccess)
			*number = ++t->queued;
		else
			(void)cudaStreamSynchronize(t->stream);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return cuda_check(said, t->what);
}

int
track_put(struct track *t, void *to, const void *from, size_t n,
    uint64_t *number)
{
	uint64_t before;
	int e;

	gate_enter(&t->turn);
	before = t->queued; /* grows in a turn alone */
	e = before < TRACK_DEEP ? 0 : track_wait(t, before + 1 - TRACK_DEEP);
	if (e == 0)
		e = queue(t, to, from, n, number);
	gate_leave(&t->turn);
	return e;
}

/* Pieces on a stream, two at most. */
#include "device/line_cuda.h"

#include "base/clock.h"
#include "device/cuda_check.h"

#include <stdbool.h>

#define NAP_NS (20 * MICROSECOND) /* between two looks at a piece */

int
line_open(struct line *l, const char *what, enum cudaMemcpyKind way)
{
	int e;

	*l = (struct line){ .what = what, .way = way };
	gate_open(&l->turn, 1);
	(void)pthread_mutex_init(&l->lock, NULL);
	e = cuda_check(cudaStreamCreateWithFlags(&l->stream,
			   cudaStreamNonBlocking),
	    "a stream for copies");
	for (int i = 0; e == 0 && i < LINE_DEEP; i++)
		e = cuda_check(cudaEventCreateWithFlags(&l->passed[i],
				   cudaEventDisableTiming),
		    "an event for copies");
	return e;
}

void
line_close(struct line *l)
{
	if (l->what == NULL)
		return;
	if (l->stream != NULL)
		(void)cudaStreamSynchronize(l->stream);
	for (int i = 0; i < LINE_DEEP; i++)
		if (l->passed[i] != NULL)
			(void)cudaEventDestroy(l->passed[i]);
	if (l->stream != NULL)
		(void)cudaStreamDestroy(l->stream);
	(void)pthread_mutex_destroy(&l->lock);
	gate_close(&l->turn);
}

/* One look; *e is what CUDA says of it.  An event stands for the last piece
 * that was put on it, which is not queued before the one that is asked for is
 * over. */
static bool
is_over(struct line *l, uint64_t number, int *e)
{
	cudaError_t said = cudaSuccess;
	bool over;

	(void)pthread_mutex_lock(&l->lock);
	if (l->over < number) {
		said = cudaEventQuery(l->passed[number % LINE_DEEP]);
		if (said == cudaSuccess)
			l->over = number;
	}
	over = l->over >= number;
	(void)pthread_mutex_unlock(&l->lock);
	*e = said == cudaErrorNotReady ? 0 : cuda_check(said, l->what);
	return over;
}

int
line_wait(struct line *l, uint64_t number)
{
	int e = 0;

	while (!is_over(l, number, &e) && e == 0)
		clock_sleep(NAP_NS);
	return e;
}

/* Has the turn.  What is queued without an event would move unseen. */
static int
queue(struct line *l, void *to, const void *from, size_t n, uint64_t *number)
{
	cudaError_t said;

	(void)pthread_mutex_lock(&l->lock);
	*number = l->queued + 1;
	said = cudaMemcpyAsync(to, from, n, l->way, l->stream);
	if (said == cudaSuccess) {
		said = cudaEventRecord(l->passed[*number % LINE_DEEP],
		    l->stream);
		if (said == cudaSuccess)
			l->queued = *number;
		else
			(void)cudaStreamSynchronize(l->stream);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return cuda_check(said, l->what);
}

int
line_put(struct line *l, void *to, const void *from, size_t n, uint64_t *number)
{
	uint64_t before;
	int e;

	gate_enter(&l->turn);
	before = l->queued; /* grows in a turn alone */
	e = before < LINE_DEEP ? 0 : line_wait(l, before + 1 - LINE_DEEP);
	if (e == 0)
		e = queue(l, to, from, n, number);
	gate_leave(&l->turn);
	return e;
}

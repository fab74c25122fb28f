/* A step without prompts is one launch: its kernels are captured at the start,
 * for each bucket of rows, without adapters, with such of attention alone, and
 * with any.
 *
 * Several graphs a bucket, because nobody should pay for kernels that find
 * nothing to do.  What is not captured within the time that a
 * start may take is queued kernel by kernel, as are steps with prompts. */
#include "gpuexec/cuda/forward_in.h"

#include "base/err.h"
#include "device/cuda_check.h"

#define CAPTURE_NS (2 * SECOND) /* that all of them may take at the start */

static int
capture(struct cuda_forward *f, struct cuda_kinds kinds, cudaGraphExec_t *out)
{
	cudaGraph_t graph = NULL;
	int e = cuda_prepare_step(f, kinds);
	cudaError_t end;

	if (e == 0)
		e = cuda_check(cudaStreamBeginCapture(f->stream,
				   cudaStreamCaptureModeThreadLocal),
		    "capturing a step");
	if (e != 0)
		return e;
	e = cuda_queue_step(f, kinds);
	/* What went wrong first is what is told. */
	end = cudaStreamEndCapture(f->stream, &graph);
	if (e == 0)
		e = cuda_check(end, "capturing a step");
	if (e == 0)
		e = cuda_check(cudaGraphInstantiate(out, graph, 0),
		    "a graph of a step");
	if (graph != NULL)
		(void)cudaGraphDestroy(graph);
	return e;
}

static struct cuda_kinds
kinds_of(int bucket, enum cuda_reach reach)
{
	return (struct cuda_kinds){ .bucket = bucket,
		.logits = bucket,
		.reach = reach,
		.alone = true };
}

static int
buckets(struct cuda_forward *f)
{
	int most = f->base.limit.seqs_max, n = 0;

	for (int rows = 1; n < CUDA_ROWS_BUCKETS;
	     rows = f->buckets[n - 1] + 1) {
		f->buckets[n++] = cuda_bucket(rows);
		if (f->buckets[n - 1] >= most)
			break;
	}
	return n;
}

int
cuda_graphs_open(struct cuda_forward *f)
{
	nsec end = clock_mono() + CAPTURE_NS;
	int all = buckets(f), e = 0;

	for (int i = 0; e == 0 && i < all && clock_mono() < end; i++) {
		for (int r = 0; e == 0 && r < CUDA_REACHES; r++)
			e = capture(f,
			    kinds_of(f->buckets[i], (enum cuda_reach)r),
			    &f->graph[i].run[r]);
		f->nbuckets = i + 1;
	}
	return e;
}

void
cuda_graphs_close(struct cuda_forward *f)
{
	for (int i = 0; i < f->nbuckets; i++)
		for (int r = 0; r < CUDA_REACHES; r++)
			if (f->graph[i].run[r] != NULL)
				(void)cudaGraphExecDestroy(f->graph[i].run[r]);
	f->nbuckets = 0;
}

int
cuda_graphs_run(struct cuda_forward *f, struct cuda_kinds kinds, bool *done)
{
	*done = false;
	if (kinds.tiles || kinds.logits != kinds.bucket)
		return 0;
	for (int i = 0; i < f->nbuckets; i++)
		if (f->buckets[i] == kinds.bucket) {
			*done = true;
			return cuda_check(cudaGraphLaunch(f->graph[i]
							      .run[kinds.reach],
					      f->stream),
			    "a step");
		}
	return 0;
}

/* Rates of card and link; copies beside decoding; coming back after a death. */
#include "tests/gpu/bench/rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/cuda_check.h"
#include "gpuexec/cuda/read_weights.h"
#include "tests/gpu/bench/holder.h"

static struct cuda_forward *
inside(struct world *w)
{
	return (struct cuda_forward *)(void *)w->f;
}

/* ---- rates ------------------------------------------------------------ */

static uint64_t
copied(const struct world *w)
{
	uint64_t most = (uint64_t)1 << 30, half = w->pool.bytes / 2;

	return half < most ? half / 4096 * 4096 : most;
}

static int
copy_within(struct world *w)
{
	char *at = device_address(w->device, 0);

	return cuda_check(cudaMemcpyAsync(at + copied(w), at, copied(w),
			      cudaMemcpyDeviceToDevice, inside(w)->stream),
	    "a copy");
}

static void *pinned;
#define PINNED_BYTES ((uint64_t)64 << 20)

static uint64_t
linked(const struct world *w)
{
	return w->pool.bytes < PINNED_BYTES ? w->pool.bytes : PINNED_BYTES;
}

static int
copy_in(struct world *w)
{
	return cuda_check(cudaMemcpyAsync(device_address(w->device, 0), pinned,
			      linked(w), cudaMemcpyHostToDevice,
			      inside(w)->stream),
	    "a copy");
}

/* The products of a layer, as a prefill has them. */
static int
products(struct world *w)
{
	struct cuda_forward *f = inside(w);
	const struct shape *s = &w->shape;
	const struct cuda_layer *l = &f->weights.layers[0];
	int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
	struct cuda_product p[] = {
		{ l->qkv, f->x, f->qkv, q + 2 * kv, s->hidden,
		    (size_t)(q + 2 * kv), false },
		{ l->o, f->att, f->h, s->hidden, q, (size_t)s->hidden, true },
		{ l->gate_up, f->x, f->gate_up, 2 * s->inter, s->hidden,
		    2 * (size_t)s->inter, false },
		{ l->down, f->act, f->h, s->hidden, s->inter, (size_t)s->hidden,
		    true },
	};
	int e = 0;

	for (int i = 0; e == 0 && i < 4; i++)
		e = cuda_product(f->products, &p[i], f->rows_most);
	return e;
}

static double
product_operations(const struct world *w)
{
	const struct shape *s = &w->shape;
	int q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;

	return 2.0 * cuda_bucket(w->options.rows_max) *
	    ((double)s->hidden * (2 * q + 2 * kv) + 3.0 * s->hidden * s->inter);
}

void
measure_rates(struct world *w)
{
	struct cuda_forward *f = inside(w);
	double us;

	world_must(cuda_check(cudaHostAlloc(&pinned, PINNED_BYTES,
				  cudaHostAllocDefault),
		       "pinned memory"),
	    "the link");
	us = world_time(w, copy_within, 10);
	w->copy_rate = 2.0 * (double)copied(w) / us * 1e6;
	us = world_time(w, copy_in, 20);
	w->link_rate = (double)linked(w) / us * 1e6;
	/* Numbers of the size that activations have, not zeros. */
	world_must(bench_fill(f->stream, f->x,
		       (uint64_t)f->rows_most * (uint64_t)w->shape.hidden, 1,
		       3),
	    "numbers");
	world_must(bench_fill(f->stream, f->att,
		       (uint64_t)f->rows_most *
			   (uint64_t)(w->shape.heads * w->shape.head_dim),
		       1, 4),
	    "numbers");
	world_must(bench_fill(f->stream, f->act,
		       (uint64_t)f->rows_most * (uint64_t)w->shape.inter, 1, 5),
	    "numbers");
	us = world_time(w, products, 10);
	w->blas_rate = product_operations(w) / us * 1e6;
	printf("  card %s, CUDA %d.%d; copies %.0f GB/s, link %.1f GB/s, "
	       "products %.0f TFLOP/s\n",
	    w->card, w->driver / 1000, w->driver % 1000 / 10,
	    w->copy_rate / 1e9, w->link_rate / 1e9, w->blas_rate / 1e12);
}

/* ---- copies beside decoding ------------------------------------------- */

static double quiet_us, busy_us, copy_rate;

static void
copy_beside(struct world *w)
{
	int n = w->seqs_max / 2, tokens = w->small ? 10 : 256;
	uint64_t at, bytes;

	if (copy_rate > 0)
		return;
	quiet_us = world_decode(w, n, tokens, NULL, 50);
	at = w->chunk * w->pool.chunk_bytes;
	bytes = (uint64_t)16 << 20;
	if (at + bytes > w->pool.bytes)
		bytes = w->pool.bytes - at;
	copier_go(at, bytes);
	busy_us = world_decode(w, n, tokens, NULL, 100);
	copy_rate = copier_stop();
}

static void
copy(struct world *w, struct row *r)
{
	copy_beside(w);
	r->value = copy_rate / w->link_rate;
	snprintf(r->note, sizeof(r->note),
	    "%.1f GB/s by another process beside decoding, link %.1f GB/s",
	    copy_rate / 1e9, w->link_rate / 1e9);
}

static void
beside(struct world *w, struct row *r)
{
	copy_beside(w);
	r->value = busy_us / quiet_us;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a step beside copies, %.0f us in quiet", busy_us,
	    quiet_us);
}

/* ---- after a death ---------------------------------------------------- */

/* What a gpuexec that was killed has to do again, in a process that begins:
 * this program, called with the pool. */
static double
reopened(struct world *w)
{
	int pipes[2];
	char fd[16];
	nsec begun = clock_mono();
	pid_t pid;
	int status;

	if (pipe(pipes) != 0)
		return -1;
	snprintf(fd, sizeof(fd), "%d", pipes[0]);
	if ((pid = fork()) == 0) {
		execl("/proc/self/exe", "bench-gpu", "--reopen", fd, w->model,
		    (char *)NULL);
		_exit(1);
	}
	if (write(pipes[1], &w->pool, sizeof(w->pool)) !=
	    (ssize_t)sizeof(w->pool))
		return -1;
	close(pipes[1]);
	(void)waitpid(pid, &status, 0);
	close(pipes[0]);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ?
	    (double)(clock_mono() - begun) / 1e9 :
	    -1;
}

/* The process: opens the pool, adds up the weights, takes its memory, captures
 * its graphs. */
int reopen_main(int fd, const char *model);

int
reopen_main(int fd, const char *model)
{
	struct device_pool pool;
	struct device *d;
	struct forward *f;
	struct forward_options o = { .weights = TENSOR_BF16,
		.kv = TENSOR_BF16,
		.rows_max = 512,
		.seqs_max = 64,
		.logits_max = 64,
		.context = 4096,
		.block_tokens = 16 };
	struct forward_cuda with = { .adapters = 64,
		.pages = 64,
		.kv_tokens = 1 << 18,
		.graphs = true };
	struct shape s;
	uint64_t sum;

	if (read(fd, &pool, sizeof(pool)) != (ssize_t)sizeof(pool))
		return 1;
	world_must(shape_read(&s, model), "the model");
	if (s.context < o.context)
		o.context = s.context;
	world_must(device_open(&d, &pool), "the pool");
	with.region = device_weights(d);
	with.room = pool.weights_bytes;
	with.page_bytes = pool.chunk_bytes;
	world_must(cuda_region_sum(&sum, with.region,
		       cuda_weights_bytes(&s, TENSOR_BF16), NULL),
	    "the weights");
	world_must(forward_open_cuda(&f, model, &o, &with, true), "the model");
	printf("  reopened: graphs %d in %.0f ms\n",
	    forward_cuda_told(f).graphs,
	    (double)forward_cuda_told(f).graphs_ns / 1e6);
	forward_close(f);
	device_close(d);
	return 0;
}

static void
back(struct world *w, struct row *r)
{
	r->value = reopened(w);
	if (r->value < 0) {
		r->skipped = true;
		snprintf(r->note, sizeof(r->note), "the process failed");
		return;
	}
	snprintf(r->note, sizeof(r->note),
	    "exec, context, pool, checksum of %.1f GB, memory, graphs, end",
	    (double)w->weights_bytes / 1e9);
}

struct row copy_rows[] = {
	{ "copy", "adapter copies from pinned memory, of the link", 0.90, false,
	    copy, 0, "", false },
	{ "beside", "decode step beside such copies, against quiet", 1.10, true,
	    beside, 0, "", false },
	{ "back", "seconds until a killed gpuexec is back", 3, true, back, 0,
	    "", false },
};
const int ncopy_rows = (int)(sizeof(copy_rows) / sizeof(copy_rows[0]));

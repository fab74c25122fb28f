/* The model, its pool, its sequences. */
#include "tests/gpu/bench/world.h"

#include "base/err.h"
#include "base/must.h"
#include "device/cuda_check.h"
#include "device/pool_cuda.h"
#include "model/adapter.h"
#include "model/synth.h"
#include "tests/gpu/bench/holder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((uint64_t)2 << 20)
#define BLOCK_TOKENS 16
#define WEIGHT_DEVIATION 0.02f
/* For weights, 64 contexts and 1,000 adapters; others need memory too. */
#define POOL_MOST ((uint64_t)96 << 30)

void
world_must(int e, const char *doing)
{
	if (e == 0)
		return;
	fprintf(stderr, "bench-gpu: %s: %s\n", doing, err_text());
	exit(1);
}

static cudaStream_t
stream(const struct world *w)
{
	return ((struct cuda_forward *)(void *)w->f)->stream;
}

static void
write_config(struct world *w)
{
	snprintf(w->model, sizeof(w->model), "%s/chameleon-bench.%d",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
	    (int)getpid());
	world_must(synth_shape(&w->shape, w->small ? "tiny" : "llama-7b"),
	    "the shape");
	(void)mkdir(w->model, 0700);
	world_must(shape_write(&w->shape, w->model), "a configuration");
	world_must(shape_read(&w->shape, w->model), "a configuration");
}

static void
choose_sizes(struct world *w, const struct device_facts *f)
{
	uint64_t room = f->free - f->free / 10;

	room = room < POOL_MOST ? room : POOL_MOST;
	w->seqs_max = w->small ? 8 : 64;
	w->adapters_max = w->small ? 12 : 1000;
	w->options = (struct forward_options){
		.weights = TENSOR_BF16,
		.kv = TENSOR_BF16,
		.rows_max = w->small ? 64 : 2048,
		.seqs_max = w->seqs_max,
		.logits_max = w->seqs_max,
		.context = w->small ? 128 : 4096,
		.block_tokens = BLOCK_TOKENS,
	};
	w->weights_bytes = cuda_weights_bytes(&w->shape, TENSOR_BF16);
	w->pool = (struct device_pool){
		.weights_bytes = (w->weights_bytes + CHUNK - 1) / CHUNK * CHUNK,
		.chunk_bytes = CHUNK,
	};
	if (room < w->pool.weights_bytes + ((uint64_t)6 << 30))
		room = w->small ? f->free / 2 : 0;
	else
		room -= (uint64_t)4 << 30; /* contexts, activations */
	if (room <= w->pool.weights_bytes) {
		fprintf(stderr,
		    "bench-gpu: skipped: the GPU has too little "
		    "free memory for a model of 7 B\n");
		exit(0);
	}
	w->pool.bytes = (room - w->pool.weights_bytes) / CHUNK * CHUNK;
}

static void
open_model(struct world *w)
{
	w->with = (struct forward_cuda){
		.region = device_weights(w->device),
		.room = w->pool.weights_bytes,
		.kv_tokens = (uint64_t)w->seqs_max *
		    (uint64_t)w->options.context,
		.adapters = w->adapters_max,
		.pages = w->small ? 8 : 512,
		.page_bytes = CHUNK,
		.graphs = true,
	};
	world_must(forward_open_cuda(&w->f, w->model, &w->options, &w->with,
		       true),
	    "the model");
	world_must(bench_fill(stream(w), w->with.region, w->weights_bytes / 2,
		       WEIGHT_DEVIATION, 1),
	    "weights");
	world_must(cuda_check(cudaStreamSynchronize(stream(w)), "weights"),
	    "weights");
}

int
world_open(struct world *w, int argc, char **argv)
{
	struct device_facts f;

	(void)argc;
	(void)argv;
	*w = (struct world){ 0 };
	/* The holder looks, so that nothing is called here before the fork. */
	if (holder_look(&f) != 0)
		return 1;
	w->small = strstr(f.name, "stand-in") != NULL;
	snprintf(w->card, sizeof(w->card), "%s", f.name);
	w->driver = f.driver;
	write_config(w);
	choose_sizes(w, &f);
	world_must(holder_start(&w->pool), "the pool");
	world_must(device_open(&w->device, &w->pool), "the pool");
	w->blocks = calloc((size_t)w->seqs_max, sizeof(*w->blocks));
	w->images = calloc((size_t)w->adapters_max, sizeof(struct image *));
	w->tokens = calloc((size_t)w->options.rows_max, sizeof(*w->tokens));
	for (int i = 0; i < w->options.rows_max; i++)
		w->tokens[i] = (i * 7919 + 13) % w->shape.vocab;
	open_model(w);
	return 0;
}

void
world_close(struct world *w)
{
	char path[300];

	world_drop_adapters(w);
	forward_close(w->f);
	device_close(w->device);
	holder_stop();
	snprintf(path, sizeof(path), "%s/config.json", w->model);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/generation_config.json", w->model);
	(void)unlink(path);
	(void)rmdir(w->model);
}

/* ---- memory ----------------------------------------------------------- */

static uint64_t
take_chunk(struct world *w)
{
	uint64_t at = w->chunk * CHUNK;

	if (at + CHUNK > w->pool.bytes) {
		fprintf(stderr, "bench-gpu: the pool is spent\n");
		exit(1);
	}
	w->chunk++;
	return at;
}

void
world_context(struct world *w, int n, int tokens)
{
	size_t one = forward_block_bytes(w->f);
	size_t a_chunk = one > CHUNK ? 1 : CHUNK / one, left = 0;
	uint64_t at = 0;

	for (int i = 0; i < n; i++) {
		int need = (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS;

		if (w->blocks[i] == NULL)
			w->blocks[i] = calloc(4096 / BLOCK_TOKENS,
			    sizeof(void *));
		for (int b = 0; b < need; b++) {
			if (w->blocks[i][b] != NULL)
				continue;
			if (left == 0) {
				at = take_chunk(w);
				for (size_t c = 1; c * CHUNK < one; c++)
					(void)take_chunk(w);
				left = a_chunk;
			}
			w->blocks[i][b] = device_address(w->device,
			    at + (a_chunk - left) * one);
			left--;
			world_must(bench_fill(stream(w), w->blocks[i][b],
				       one / 2, 0.5f, (uint64_t)(i * 977 + b)),
			    "keys and values");
		}
	}
}

/* ---- steps ------------------------------------------------------------ */

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_size);
	return v[n / 2];
}

static double
step_us(struct world *w, struct forward_seq *seq, int n)
{
	static const struct sample_params greedy = { .top_p = 1,
		.repetition = 1 };
	static struct sample_pick into[64];
	struct forward_pick pick[64];
	nsec begun = clock_mono();
	int picks = 0;

	forward_step(w->f, seq, n);
	for (int i = 0; i < n; i++)
		if (seq[i].want == FORWARD_LAST)
			pick[picks++] = (struct forward_pick){
				.logits = seq[i].logits,
				.params = &greedy,
				.position = 1,
				.into = &into[i],
			};
	forward_pick(w->f, pick, picks);
	return (double)(clock_mono() - begun) / 1e3;
}

double
world_decode(struct world *w, int n, int tokens, const int *of, int times)
{
	struct forward_seq seq[64];
	double took[256];

	must(n <= 64 && times <= 256);
	world_context(w, n, tokens);
	for (int t = -3; t < times; t++) {
		for (int i = 0; i < n; i++)
			seq[i] = (struct forward_seq){
				.tokens = w->tokens + i,
				.first = tokens - 1,
				.count = 1,
				.blocks = w->blocks[i],
				.adapter = of == NULL || of[i] < 0 ?
				    NULL :
				    w->images[of[i]],
				.want = FORWARD_LAST,
			};
		double us = step_us(w, seq, n);

		if (t >= 0)
			took[t] = us;
	}
	return median(took, times);
}

double
world_prefill(struct world *w, int tokens, int times)
{
	struct forward_seq seq;
	double took[64];

	must(times <= 64);
	world_context(w, 1, tokens);
	for (int t = -2; t < times; t++) {
		seq = (struct forward_seq){
			.tokens = w->tokens,
			.count = tokens,
			.blocks = w->blocks[0],
			.want = FORWARD_LAST,
		};
		double us = step_us(w, &seq, 1);

		if (t >= 0)
			took[t] = us;
	}
	return median(took, times);
}

double
world_time(struct world *w, int (*call)(struct world *), int times)
{
	cudaEvent_t begin, end;
	float ms = 0;

	for (int i = 0; i < 3; i++)
		world_must(call(w), "a kernel");
	world_must(cuda_check(cudaEventCreate(&begin), "an event"), "time");
	world_must(cuda_check(cudaEventCreate(&end), "an event"), "time");
	(void)cudaEventRecord(begin, stream(w));
	for (int i = 0; i < times; i++)
		world_must(call(w), "a kernel");
	(void)cudaEventRecord(end, stream(w));
	world_must(cuda_check(cudaEventSynchronize(end), "a kernel"), "time");
	(void)cudaEventElapsedTime(&ms, begin, end);
	(void)cudaEventDestroy(begin);
	(void)cudaEventDestroy(end);
	return (double)ms * 1e3 / times;
}

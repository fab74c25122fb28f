/* Whole steps against their floors, and against each other. */
#include "tests/gpu/bench/rows.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

static double
kv_bytes(const struct world *w, int n, int tokens)
{
	return (double)n * tokens * (double)shape_kv_floats(&w->shape) * 2;
}

/* All weights but the embedding, of which a row a token is read. */
static double
weight_bytes(const struct world *w)
{
	return (double)w->weights_bytes -
	    2.0 * w->shape.vocab * w->shape.hidden;
}

static int
at(const struct world *w, int tokens)
{
	return w->small ? tokens / 32 : tokens;
}

static void
single(struct world *w, struct row *r)
{
	int tokens = at(w, 128);
	double us = world_decode(w, 1, tokens, NULL, 50);
	double floor = weight_bytes(w) / w->copy_rate * 1e6;

	r->value = floor / us;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a token (%.1f tokens/s), floor %.0f us", us, 1e6 / us,
	    floor);
}

static void
decode(struct world *w, struct row *r, int n, int tokens)
{
	double us = world_decode(w, n, tokens, NULL, 50);
	double bytes = weight_bytes(w) + kv_bytes(w, n, tokens);
	double floor = bytes / w->copy_rate * 1e6;

	r->value = floor / us;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a step (%.0f tokens/s), floor %.0f us of %.1f GB", us,
	    n * 1e6 / us, floor, bytes / 1e9);
}

static void
decode4(struct world *w, struct row *r)
{
	decode(w, r, 4, at(w, 256));
}

static void
decode64(struct world *w, struct row *r)
{
	decode(w, r, w->seqs_max, at(w, 1024));
}

/* Operations of the layers' products, and of the last row's logits. */
static double
operations(const struct world *w, int tokens)
{
	const struct shape *s = &w->shape;
	double row = (double)s->hidden * (s->heads + 2 * s->kv_heads) *
		s->head_dim +
	    (double)s->hidden * s->heads * s->head_dim +
	    3.0 * s->hidden * s->inter;

	return 2 * (row * s->layers * tokens + (double)s->vocab * s->hidden);
}

static void
prefill(struct world *w, struct row *r)
{
	int tokens = at(w, 2048);
	double us = world_prefill(w, tokens, 10);
	double floor = operations(w, tokens) / w->blas_rate * 1e6;

	r->value = floor / us;
	snprintf(r->note, sizeof(r->note),
	    "%.1f ms (%.0f tokens/s), the products alone %.1f ms", us / 1e3,
	    tokens * 1e6 / us, floor / 1e3);
}

/* ---- adapters --------------------------------------------------------- */

#define STEPS 40

/* What n sequences take with adapters of these ranks, one each. */
static double
with_ranks(struct world *w, int n, const int *rank, int nranks)
{
	int of[64];

	for (int i = 0; i < n; i++) {
		world_adapter(w, i, rank[i % nranks]);
		of[i] = i;
	}
	return world_decode(w, n, at(w, 256), of, STEPS);
}

static void
lora64(struct world *w, struct row *r)
{
	static const int rank = 16;
	uint64_t chunk = w->chunk;
	double base = world_decode(w, w->seqs_max, at(w, 256), NULL, STEPS);
	double us = with_ranks(w, w->seqs_max, &rank, 1);

	w->chunk = chunk;
	r->value = base / us;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a step with an adapter each, %.0f us without", us, base);
}

static void
mixed(struct world *w, struct row *r)
{
	static const int ranks[] = { 8, 16, 32, 64, 128, 48, 24, 80 };
	static const int mean = 50; /* of those */
	uint64_t chunk = w->chunk;
	double all, some;

	all = with_ranks(w, w->seqs_max, &mean, 1);
	w->chunk = chunk;
	some = with_ranks(w, w->seqs_max, ranks, 8);
	w->chunk = chunk;
	r->value = all / some;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a step with ranks 8 to 128, %.0f us with all at %d", some,
	    all, mean);
}

/* The same steps with a table full of adapters that nobody uses. */
static void
idle(struct world *w, struct row *r)
{
	uint64_t chunk = w->chunk;
	int n = w->seqs_max, none[64];
	double before, after;

	world_drop_adapters(w);
	for (int i = 0; i < n; i++)
		none[i] = -1;
	before = world_decode(w, n, at(w, 256), none, STEPS);
	(void)with_ranks(w, n, &(int){ 16 }, 1);
	after = world_decode(w, n, at(w, 256), none, STEPS);
	w->chunk = chunk;
	r->value = before / after;
	snprintf(r->note, sizeof(r->note),
	    "%.0f us a step, %.0f us before any adapter was there", after,
	    before);
}

/* Zipf of exponent 1 over the first n. */
static int
zipf(struct rng *rng, int n)
{
	double u = rng_unit(rng) * log(n + 0.5), i = exp(u) - 0.5;

	return i < 0 ? 0 : i >= n ? n - 1 : (int)i;
}

static void
thousand(struct world *w, struct row *r)
{
	int n = w->seqs_max, of[64], have = 0;
	uint64_t chunk = w->chunk, each;
	double one, many = 0;
	struct rng rng;

	rng_seed(&rng, 7);
	world_adapter(w, have++, 16);
	each = w->chunk - chunk;
	while (have < w->adapters_max &&
	    (w->chunk + each) * w->pool.chunk_bytes <= w->pool.bytes)
		world_adapter(w, have++, 16);
	for (int i = 0; i < n; i++)
		of[i] = 0;
	one = world_decode(w, n, at(w, 256), of, STEPS);
	for (int t = 0; t < 8; t++) {
		for (int i = 0; i < n; i++)
			of[i] = zipf(&rng, have);
		many += world_decode(w, n, at(w, 256), of, 5) / 8;
	}
	w->chunk = chunk;
	r->value = one / many;
	snprintf(r->note, sizeof(r->note),
	    "%d adapters: %.0f us a step, one: %.0f us", have, many, one);
}

struct row step_rows[] = {
	{ "single", "single-stream decode, of its byte floor", 0.80, false,
	    single, 0, "", false },
	{ "decode4", "decode at batch 4, context 256, of its byte floor", 0.75,
	    false, decode4, 0, "", false },
	{ "decode64", "decode at batch 64, context 1,024, of its byte floor",
	    0.70, false, decode64, 0, "", false },
	{ "prefill", "prefill of 2,048 tokens, of its products' time", 0.60,
	    false, prefill, 0, "", false },
	{ "lora64", "64 rows over 64 adapters of rank 16, against base", 0.90,
	    false, lora64, 0, "", false },
	{ "mixed", "ranks 8 to 128 against all at their mean", 0.95, false,
	    mixed, 0, "", false },
	{ "idle", "base rows with adapters there, against without", 0.99, false,
	    idle, 0, "", false },
	{ "thousand", "1,000 adapters (Zipf 1) against one", 0.95, false,
	    thousand, 0, "", false },
};
const int nstep_rows = (int)(sizeof(step_rows) / sizeof(step_rows[0]));

/* The load of a benchmark, from a seed or a trace. */
#include "base/err.h"
#include "base/rng.h"
#include "cli/bench.h"
#include "sim/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_DEFAULT 100
#define TOKENS_MAX SIM_TOKENS_MAX

bool
bench_parse_range(const char *text, struct bench_range *r)
{
	char *end;
	unsigned long least = strtoul(text, &end, 10), most = least;

	if (end == text || *text == '-')
		return false;
	if (*end == ':') {
		const char *second = end + 1;

		most = strtoul(second, &end, 10);
		if (end == second)
			return false;
	}
	if (*end != '\0' || least == 0 || most < least || most > TOKENS_MAX)
		return false;
	r->least = (uint32_t)least;
	r->most = (uint32_t)most;
	return true;
}

bool
bench_parse_spread(const char *text, struct bench_options *o)
{
	static const char *const names[] = { "none", "round-robin", "uniform" };
	char *end;

	for (int i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			o->spread = (enum bench_spread)i;
			return true;
		}
	if (strncmp(text, "zipf:", 5) != 0)
		return false;
	o->spread = BENCH_ZIPF;
	o->zipf = strtod(text + 5, &end);
	return end != text + 5 && *end == '\0' && o->zipf >= 0 && o->zipf < 100;
}

static uint32_t
draw_length(struct rng *rng, struct bench_range r)
{
	return r.least + (uint32_t)rng_below(rng, r.most - r.least + 1u);
}

/* The k-th adapter with weight 1 / k^a: the first whose cumulated weight is
 * over a share drawn evenly. */
static int
draw_zipf(struct rng *rng, double a, int n)
{
	double sum = 0, want;

	for (int k = 1; k <= n; k++)
		sum += pow(k, -a);
	want = rng_unit(rng) * sum;
	for (int k = 1; k < n; k++)
		if ((want -= pow(k, -a)) < 0)
			return k - 1;
	return n - 1;
}

static int
draw_adapter(struct rng *rng, const struct bench_options *o, int n, uint64_t i)
{
	switch (o->spread) {
	case BENCH_ROUND_ROBIN:
		return (int)(i % (uint64_t)n);
	case BENCH_UNIFORM:
		return (int)rng_below(rng, (uint64_t)n);
	case BENCH_ZIPF:
		return draw_zipf(rng, o->zipf, n);
	default:
		return -1;
	}
}

static uint32_t
at_most(uint32_t tokens, uint64_t most)
{
	return tokens <= most ? tokens : most < 1 ? 1 : (uint32_t)most;
}

/* An answer keeps at least half of the context. */
static void
fit(const struct bench_options *o, const struct sim_row *row,
    struct bench_ask *a)
{
	a->at = (nsec)((double)row->at / o->trace_speed);
	a->output = sim_scaled(row->output, o->length_scale);
	a->prompt = sim_scaled(row->prompt, o->length_scale);
	if (o->context == 0)
		return;
	a->output = at_most(a->output, o->context / 2);
	a->prompt = at_most(a->prompt, o->context - a->output);
}

static int
no_memory(uint64_t n)
{
	return err_set(ERR_MEMORY, "no memory for %ju requests", (uintmax_t)n);
}

/* Indices among the engine's adapters, of the trace's. */
static int
match(const struct bench_options *o, const struct sim_names *of_trace,
    const struct sim_names *names, int **map)
{
	if (of_trace->n > 0 && o->spread != BENCH_NONE)
		return err_set(ERR_USAGE,
		    "%s names its adapters; want --adapters none", o->trace);
	if ((*map = calloc(of_trace->n + 1, sizeof(**map))) == NULL)
		return no_memory(of_trace->n);
	for (uint32_t i = 0; i < of_trace->n; i++) {
		(*map)[i] = sim_names_find(names, of_trace->at[i].name);
		if ((*map)[i] < 0)
			return err_set(ERR_USAGE,
			    "%s: the engine has no adapter '%s'", o->trace,
			    of_trace->at[i].name);
	}
	return 0;
}

static int
from_trace(const struct bench_options *o, const struct sim_names *names,
    struct bench_ask **asks, uint64_t *n)
{
	struct sim_trace t;
	int e = sim_trace_read(&t, o->trace, o->requests), *map = NULL;

	if (e != 0)
		return e;
	*n = t.n;
	if ((*asks = calloc(t.n, sizeof(**asks))) == NULL)
		e = no_memory(t.n);
	if (e == 0)
		e = match(o, &t.adapters, names, &map);
	for (uint64_t i = 0; e == 0 && i < t.n; i++) {
		int32_t a = t.rows[i].adapter;

		fit(o, &t.rows[i], &(*asks)[i]);
		(*asks)[i].adapter = a < 0 ? -1 : map[a];
	}
	free(map);
	sim_trace_free(&t);
	return e;
}

static int
from_ranges(const struct bench_options *o, struct bench_ask **asks, uint64_t *n)
{
	struct rng gaps, lengths;
	double at = 0;

	*n = o->requests > 0 ? o->requests : REQUESTS_DEFAULT;
	if ((*asks = calloc(*n, sizeof(**asks))) == NULL)
		return no_memory(*n);
	rng_seed(&gaps, o->seed ^ 0x9a95);
	rng_seed(&lengths, o->seed ^ 0x1e47);
	for (uint64_t i = 0; i < *n; i++) {
		struct bench_ask *a = &(*asks)[i];

		a->adapter = -1;
		a->prompt = draw_length(&lengths, o->prompt);
		a->output = draw_length(&lengths, o->output);
		if (o->rate > 0) {
			at += rng_exponential(&gaps, 1 / o->rate);
			a->at = (nsec)(at * 1e9);
		}
	}
	return 0;
}

int
bench_load(const struct bench_options *o, const struct sim_names *names,
    struct bench_ask **asks, uint64_t *n)
{
	struct rng rng;
	int e;

	*asks = NULL;
	if (o->spread != BENCH_NONE && names->n == 0)
		return err_set(ERR_USAGE,
		    "the engine has no adapters; "
		    "want --adapters none");
	e = o->trace != NULL ? from_trace(o, names, asks, n) :
			       from_ranges(o, asks, n);
	if (e != 0 || o->spread == BENCH_NONE)
		return e;
	rng_seed(&rng, o->seed);
	for (uint64_t i = 0; i < *n; i++)
		(*asks)[i].adapter = draw_adapter(&rng, o, (int)names->n, i);
	return 0;
}

int
bench_write(const struct bench_ask *asks, uint64_t n,
    const struct sim_names *names, const char *path)
{
	struct sim_trace t = { .n = n, .adapters = *names };
	FILE *f = fopen(path, "we");
	int e = 0;

	if (f == NULL)
		return err_sys(ERR_IO, "%s", path);
	if ((t.rows = calloc(n + 1, sizeof(*t.rows))) == NULL)
		e = no_memory(n);
	for (uint64_t i = 0; e == 0 && i < n; i++)
		t.rows[i] = (struct sim_row){ asks[i].at, asks[i].prompt,
			asks[i].output, asks[i].adapter };
	if (e == 0)
		sim_trace_write(&t, f);
	free(t.rows);
	if ((ferror(f) | fclose(f)) != 0 && e == 0)
		e = err_sys(ERR_IO, "%s", path);
	return e;
}

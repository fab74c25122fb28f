/* What a benchmark says: lists of numbers, a table, JSON. */
#include "base/err.h"
#include "base/must.h"
#include "cli/bench.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void
bench_add(struct bench_list *l, double x)
{
	if (l->n == l->size) {
		l->size = l->size == 0 ? 1024 : l->size * 2;
		l->at = realloc(l->at, l->size * sizeof(*l->at));
		must(l->at != NULL);
	}
	l->at[l->n++] = x;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_percentile(struct bench_list *l, double p)
{
	double place, low;
	uint64_t i;

	if (l->n == 0)
		return 0;
	qsort(l->at, l->n, sizeof(*l->at), by_size);
	place = p * (double)(l->n - 1);
	low = floor(place);
	i = (uint64_t)low;
	if (i + 1 >= l->n)
		return l->at[l->n - 1];
	return l->at[i] + (place - low) * (l->at[i + 1] - l->at[i]);
}

double
bench_mean(const struct bench_list *l)
{
	double sum = 0;

	for (uint64_t i = 0; i < l->n; i++)
		sum += l->at[i];
	return l->n == 0 ? 0 : sum / (double)l->n;
}

void
bench_failure(struct bench_result *r, const char *code)
{
	int i = 0;

	r->failed++;
	while (i < r->ncodes &&
	    strncmp(r->codes[i].code, code, sizeof(r->codes[i].code) - 1) != 0)
		i++;
	if (i == BENCH_CODES_MAX)
		return;
	if (i == r->ncodes) {
		r->ncodes++;
		snprintf(r->codes[i].code, sizeof(r->codes[i].code), "%s",
		    code);
	}
	r->codes[i].count++;
}

static double
per_second(const struct bench_result *r, uint64_t n)
{
	return r->duration_s > 0 ? (double)n / r->duration_s : 0;
}

static void
print_list(FILE *f, const char *name, struct bench_list *l)
{
	fprintf(f, "%-8s %10.2f %10.2f %10.2f %10.2f\n", name, bench_mean(l),
	    bench_percentile(l, 0.5), bench_percentile(l, 0.9),
	    bench_percentile(l, 0.99));
}

void
bench_print(struct bench_result *r, FILE *f)
{
	fprintf(f, "%ju requests%s, %ju completed, %ju failed",
	    (uintmax_t)r->requests, r->interrupted ? " (interrupted)" : "",
	    (uintmax_t)r->completed, (uintmax_t)r->failed);
	for (int i = 0; i < r->ncodes; i++)
		fprintf(f, "%s%s %ju", i == 0 ? ": " : ", ", r->codes[i].code,
		    (uintmax_t)r->codes[i].count);
	fprintf(f, "\n%.2f s, %.2f requests/s, %.1f tokens/s\n", r->duration_s,
	    per_second(r, r->completed), per_second(r, r->tokens));
	fprintf(f, "%-8s %10s %10s %10s %10s\n", "ms", "mean", "p50", "p90",
	    "p99");
	print_list(f, "TTFT", &r->ttft);
	print_list(f, "TBT", &r->tbt);
	print_list(f, "E2E", &r->e2e);
	if (r->with_adapter > 0)
		fprintf(f, "hit rate %.3f of %ju requests with an adapter\n",
		    (double)r->hits / (double)r->with_adapter,
		    (uintmax_t)r->with_adapter);
}

static json_t *
list_json(struct bench_list *l)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "mean", bench_mean(l), "p50",
	    bench_percentile(l, 0.5), "p90", bench_percentile(l, 0.9), "p99",
	    bench_percentile(l, 0.99));
}

int
bench_json(struct bench_result *r, FILE *f)
{
	json_t *errors = json_object(), *j;
	int e = 0;

	for (int i = 0; i < r->ncodes; i++)
		json_object_set_new(errors, r->codes[i].code,
		    json_integer((json_int_t)r->codes[i].count));
	j = json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}",
	    "requests", (json_int_t)r->requests, "completed",
	    (json_int_t)r->completed, "failed", (json_int_t)r->failed,
	    "duration_s", r->duration_s, "throughput_rps",
	    per_second(r, r->completed), "tokens_per_s",
	    per_second(r, r->tokens), "ttft_ms", list_json(&r->ttft), "tbt_ms",
	    list_json(&r->tbt), "e2e_ms", list_json(&r->e2e), "hit_rate",
	    r->with_adapter > 0 ?
		json_real((double)r->hits / (double)r->with_adapter) :
		json_null(),
	    "errors", errors);
	if (j == NULL)
		return err_set(ERR_MEMORY, "no memory for the result");
	if (json_dumpf(j, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0 ||
	    fputc('\n', f) == EOF || fflush(f) != 0)
		e = err_sys(ERR_IO, "writing the result");
	json_decref(j);
	return e;
}

void
bench_result_free(struct bench_result *r)
{
	free(r->ttft.at);
	free(r->tbt.at);
	free(r->e2e.at);
}

/* What a benchmark says: lists of numbers, and their sum. */
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

double
bench_wait(struct bench_result *r, json_t *timing)
{
	double ms = json_number_value(json_object_get(timing, "queue_ms")) +
	    json_number_value(json_object_get(timing, "adapter_ms"));

	if (ms > r->worst_wait_ms)
		r->worst_wait_ms = ms;
	return ms;
}

struct summary_times
bench_times(struct bench_list *l)
{
	return (struct summary_times){ bench_mean(l), bench_percentile(l, 0.5),
		bench_percentile(l, 0.9), bench_percentile(l, 0.99) };
}

static struct summary
sum_up(struct bench_result *r)
{
	return (struct summary){ .system = r->system,
		.seed = r->seed,
		.requests = r->requests,
		.completed = r->completed,
		.failed = r->failed,
		.duration_s = r->duration_s,
		.tokens = r->tokens,
		.with_adapter = r->with_adapter,
		.hits = r->hits,
		.counted = r->counted,
		.loads = r->counts.loads,
		.load_bytes = r->counts.load_bytes,
		.squashed = r->counts.squashed,
		.worst_wait_ms = r->worst_wait_ms,
		.ttft = bench_times(&r->ttft),
		.tbt = bench_times(&r->tbt),
		.e2e = bench_times(&r->e2e) };
}

void
bench_print(struct bench_result *r, FILE *f)
{
	struct summary s = sum_up(r);

	fprintf(f, "%ju requests%s, %ju completed, %ju failed",
	    (uintmax_t)r->requests, r->interrupted ? " (interrupted)" : "",
	    (uintmax_t)r->completed, (uintmax_t)r->failed);
	for (int i = 0; i < r->ncodes; i++)
		fprintf(f, "%s%s %ju", i == 0 ? ": " : ", ", r->codes[i].code,
		    (uintmax_t)r->codes[i].count);
	fprintf(f, "\n");
	summary_print(&s, f);
}

int
bench_json(struct bench_result *r, const char *path)
{
	struct summary s = sum_up(r);
	json_t *errors = json_object(), *j = summary_json(&s);

	for (int i = 0; i < r->ncodes; i++)
		json_object_set_new(errors, r->codes[i].code,
		    json_integer((json_int_t)r->codes[i].count));
	json_object_set_new(j, "errors", errors);
	return summary_write(j, path);
}

void
bench_result_free(struct bench_result *r)
{
	free(r->ttft.at);
	free(r->tbt.at);
	free(r->e2e.at);
}

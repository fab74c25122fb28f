/* One run's numbers, for people and for programs. */
#include "cli/summary.h"

#include "base/err.h"

#include <string.h>

double
summary_rate(const struct summary *s, uint64_t n)
{
	return s->duration_s > 0 ? (double)n / s->duration_s : 0;
}

double
summary_hit_rate(const struct summary *s)
{
	return s->with_adapter > 0 ? (double)s->hits / (double)s->with_adapter :
				     0;
}

static void
print_times(FILE *f, const char *name, const struct summary_times *t)
{
	fprintf(f, "%-8s %10.2f %10.2f %10.2f %10.2f\n", name, t->mean, t->p50,
	    t->p90, t->p99);
}

void
summary_print(const struct summary *s, FILE *f)
{
	fprintf(f, "%.2f s, %.2f requests/s, %.1f tokens/s\n", s->duration_s,
	    summary_rate(s, s->completed), summary_rate(s, s->tokens));
	fprintf(f, "%-8s %10s %10s %10s %10s\n", "ms", "mean", "p50", "p90",
	    "p99");
	print_times(f, "TTFT", &s->ttft);
	print_times(f, "TBT", &s->tbt);
	print_times(f, "E2E", &s->e2e);
	if (s->with_adapter > 0)
		fprintf(f, "hit rate %.3f of %ju requests with an adapter\n",
		    summary_hit_rate(s), (uintmax_t)s->with_adapter);
	if (s->counted)
		fprintf(f, "%ju loads of %.1f MB, %ju squashed\n",
		    (uintmax_t)s->loads, (double)s->load_bytes / 1e6,
		    (uintmax_t)s->squashed);
	fprintf(f, "worst wait %.2f ms\n", s->worst_wait_ms);
}

static json_t *
times_json(const struct summary_times *t)
{
	return json_pack("{s:f, s:f, s:f, s:f}", "mean", t->mean, "p50", t->p50,
	    "p90", t->p90, "p99", t->p99);
}

static json_t *
count_json(const struct summary *s, uint64_t n)
{
	return s->counted ? json_integer((json_int_t)n) : json_null();
}

json_t *
summary_json(const struct summary *s)
{
	json_t *rate = s->with_adapter > 0 ? json_real(summary_hit_rate(s)) :
					     json_null();

	return json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o, "
			 "s:o, s:o, s:o, s:f, s:I, s:s?}",
	    "requests", (json_int_t)s->requests, "completed",
	    (json_int_t)s->completed, "failed", (json_int_t)s->failed,
	    "duration_s", s->duration_s, "throughput_rps",
	    summary_rate(s, s->completed), "tokens_per_s",
	    summary_rate(s, s->tokens), "ttft_ms", times_json(&s->ttft),
	    "tbt_ms", times_json(&s->tbt), "e2e_ms", times_json(&s->e2e),
	    "hit_rate", rate, "loads", count_json(s, s->loads), "load_bytes",
	    count_json(s, s->load_bytes), "squashed",
	    count_json(s, s->squashed), "worst_wait_ms", s->worst_wait_ms,
	    "seed", (json_int_t)s->seed, "system", s->system);
}

int
summary_write(json_t *j, const char *path)
{
	bool to_stdout = strcmp(path, "-") == 0;
	FILE *f = NULL;
	int e = 0;

	if (j == NULL)
		e = err_set(ERR_MEMORY, "no memory for the result");
	else if ((f = to_stdout ? stdout : fopen(path, "we")) == NULL)
		e = err_sys(ERR_IO, "%s", path);
	else if (json_dumpf(j, f, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) !=
		0 ||
	    fputc('\n', f) == EOF || fflush(f) != 0)
		e = err_sys(ERR_IO, "writing %s", path);
	if (f != NULL && !to_stdout)
		fclose(f);
	json_decref(j);
	return e;
}

/* The load of a benchmark, from a seed or a trace. */
#include "base/err.h"
#include "base/rng.h"
#include "cli/bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REQUESTS_DEFAULT 100
#define TOKENS_MAX (1u << 24)

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

/* "2023-11-16 18:15:46.6805900" or seconds as a number, as nanoseconds. */
static bool
parse_time(const char *text, char **end, double *seconds)
{
	struct tm tm = { 0 };
	char *rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	double fraction = 0;

	if (rest == NULL) {
		*seconds = strtod(text, end);
		return *end != text && isfinite(*seconds);
	}
	*end = rest;
	if (*rest == '.')
		fraction = strtod(rest, end);
	*seconds = (double)timegm(&tm) + fraction;
	/* A zone may follow; all lines are in the same. */
	*end += strcspn(*end, ",");
	return true;
}

static bool
parse_row(const char *line, double *seconds, double *prompt, double *output)
{
	char *end;

	if (!parse_time(line, &end, seconds) || *end != ',')
		return false;
	*prompt = strtod(end + 1, &end);
	if (*end != ',')
		return false;
	*output = strtod(end + 1, &end);
	return *prompt >= 0 && *output >= 0 && *prompt < TOKENS_MAX &&
	    *output < TOKENS_MAX && strspn(end, "\r\n ,") == strlen(end);
}

static uint32_t
scaled(double tokens, double scale, uint64_t most)
{
	double n = round(tokens * scale);

	if (most > 0 && n > (double)most)
		n = (double)most;
	return n < 1 ? 1 : (uint32_t)n;
}

static int
read_trace(const struct bench_options *o, struct bench_ask *asks, uint64_t max,
    uint64_t *n)
{
	FILE *f = fopen(o->trace, "re");
	double first = 0, seconds, prompt, output;
	char line[512];
	int e = 0;

	if (f == NULL)
		return err_sys(ERR_NOT_FOUND, "%s", o->trace);
	*n = 0;
	for (int row = 1; *n < max && fgets(line, sizeof(line), f); row++) {
		if (!parse_row(line, &seconds, &prompt, &output)) {
			if (row == 1)
				continue; /* the names of the columns */
			e = err_set(ERR_FORMAT,
			    "%s:%d: want time,prompt tokens,output tokens",
			    o->trace, row);
			break;
		}
		if (*n == 0)
			first = seconds;
		struct bench_ask *a = &asks[(*n)++];
		a->at = (nsec)((seconds - first) / o->trace_speed * 1e9);
		a->at = a->at < 0 ? 0 : a->at;
		/* An answer keeps at least half of the context. */
		a->output = scaled(output, o->length_scale, o->context / 2);
		a->prompt = scaled(prompt, o->length_scale,
		    o->context > 0 ? o->context - a->output : 0);
	}
	fclose(f);
	if (e == 0 && *n == 0)
		e = err_set(ERR_FORMAT, "%s: no requests in it", o->trace);
	return e;
}

static uint64_t
count_lines(const char *path)
{
	FILE *f = fopen(path, "re");
	uint64_t n = 1;

	for (int c; f != NULL && (c = getc(f)) != EOF;)
		n += c == '\n';
	if (f != NULL)
		fclose(f);
	return n;
}

int
bench_load(const struct bench_options *o, int nadapters,
    struct bench_ask **asks, uint64_t *n)
{
	struct rng rng, gaps;
	double at = 0;
	int e;

	*asks = NULL;
	if (o->spread != BENCH_NONE && nadapters == 0)
		return err_set(ERR_USAGE,
		    "the engine has no adapters; "
		    "want --adapters none");
	*n = o->requests;
	if (*n == 0)
		*n = o->trace ? count_lines(o->trace) : REQUESTS_DEFAULT;
	if ((*asks = calloc(*n, sizeof(**asks))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju requests",
		    (uintmax_t)*n);
	if (o->trace != NULL && (e = read_trace(o, *asks, *n, n)) != 0) {
		free(*asks);
		*asks = NULL;
		return e;
	}
	rng_seed(&rng, o->seed);
	rng_seed(&gaps, o->seed ^ 0x9a95);
	for (uint64_t i = 0; i < *n; i++) {
		struct bench_ask *a = &(*asks)[i];

		a->adapter = draw_adapter(&rng, o, nadapters, i);
		if (o->trace != NULL)
			continue;
		a->prompt = draw_length(&rng, o->prompt);
		a->output = draw_length(&rng, o->output);
		if (o->rate > 0) {
			at += rng_exponential(&gaps, 1 / o->rate);
			a->at = (nsec)(at * 1e9);
		}
	}
	return 0;
}

/* Work from a seed: arrivals, lengths and adapters, each of its own stream. */
#include "sim/work.h"

#include "base/err.h"
#include "sim/draw.h"
#include "sim/ranks.h"
#include "sim/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX (1u << 24)
#define SECONDS_MAX 1e9
#define NS_MAX (SECONDS_MAX * 1e9)
/* Log-normal lengths whose means, cut at LMSYS_MAX and rounded, are 85 and
 * 165 tokens. */
#define LMSYS_MAX 1024
#define LMSYS_PROMPT_MU 3.7493
#define ADAPTERS_MAX (1 << 20)
#define LMSYS_PROMPT_SIGMA 1.2
#define LMSYS_OUTPUT_MU 4.7181
#define LMSYS_OUTPUT_SIGMA 0.9

enum stream { GAPS, ROWS, PROMPTS, OUTPUTS, RANKS, ADAPTERS, NSTREAMS };

struct maker {
	const struct sim_work_options *o;
	struct sim_work *w;
	struct sim_trace trace;
	struct ranks ranks;
	struct rng rng[NSTREAMS];
	bool named;	 /* the trace says whose each request is */
	uint32_t copies; /* of each that it names */
	double stretch;	 /* the trace's times are multiplied by it */
	nsec period;	 /* of a trace that is repeated */
	double gap_s;	 /* mean time between two arrivals, by a law */
	double at_s;	 /* of the newest arrival, by a law */
	uint32_t least, most, output_max;
	uint64_t size; /* asks there is room for */
};

static bool
in(double x, double least, double most)
{
	return x >= least && x <= most;
}

static int
check_arrivals(const struct sim_work_options *o)
{
	if (!in(o->rps, 0, 1e6))
		return err_set(ERR_USAGE, "a rate of %g/s: want 0..1000000",
		    o->rps);
	if (o->trace == NULL && (o->arrivals == SIM_TRACE_TIMES || o->rps == 0))
		return err_set(ERR_USAGE,
		    o->arrivals == SIM_TRACE_TIMES ?
			"arrivals as in a trace: want a trace" :
			"arrivals by a law: want a rate or a trace");
	if (o->arrivals == SIM_GAMMA && !in(o->gamma_cv, 0.01, 100))
		return err_set(ERR_USAGE,
		    "a variation of gaps of %g: want 0.01..100", o->gamma_cv);
	if (o->arrivals == SIM_BURSTS &&
	    (!in(o->on_s, 1e-3, SECONDS_MAX) || !in(o->off_s, 0, SECONDS_MAX)))
		return err_set(ERR_USAGE,
		    "bursts of %g s and pauses of %g s: want over 0.001 and "
		    "not less than 0",
		    o->on_s, o->off_s);
	return 0;
}

static int
check_sizes(const struct sim_work_options *o)
{
	uint32_t least = o->uniform_least, most = o->uniform_most;

	if (!in(o->length_scale, 1e-6, 1e6))
		return err_set(ERR_USAGE,
		    "a length scale of %g: want 0.000001..1000000",
		    o->length_scale);
	if (!in(o->duration_s, 0, SECONDS_MAX) || o->requests > REQUESTS_MAX)
		return err_set(ERR_USAGE,
		    "%ju requests, %g s: want at most %u and %g",
		    (uintmax_t)o->requests, o->duration_s, REQUESTS_MAX,
		    SECONDS_MAX);
	if (o->requests == 0 && o->duration_s * o->rps > REQUESTS_MAX)
		return err_set(ERR_USAGE, "%g/s for %g s: want at most %u",
		    o->rps, o->duration_s, REQUESTS_MAX);
	if (o->trace == NULL && o->requests == 0 && o->duration_s == 0)
		return err_set(ERR_USAGE,
		    "work without an end: want requests or a duration");
	if (o->trace == NULL && o->lengths == SIM_TRACE_LENGTHS)
		return err_set(ERR_USAGE,
		    "lengths as in a trace: want a trace");
	if (most != 0 && (least < 1 || least > most || most > SIM_TOKENS_MAX))
		return err_set(ERR_USAGE,
		    "lengths %u to %u: want 1..%u, the lesser first", least,
		    most, SIM_TOKENS_MAX);
	if (o->max_tokens > SIM_TOKENS_MAX)
		return err_set(ERR_USAGE, "at most %u tokens: want 1..%u",
		    o->max_tokens, SIM_TOKENS_MAX);
	return 0;
}

/* How the trace's times become arrivals, and how it goes on behind its end:
 * after one more gap of mean length. */
static int
fit_times(struct maker *m)
{
	const struct sim_trace *t = &m->trace;
	nsec span = t->rows[t->n - 1].at;
	double own_rps = span > 0 ? (double)(t->n - 1) * 1e9 / (double)span : 0;

	if (own_rps == 0 && m->o->rps > 0 && m->o->arrivals == SIM_TRACE_TIMES)
		return err_set(ERR_USAGE,
		    "%s: all requests come at once: no rate to change",
		    m->o->trace);
	if (own_rps == 0 && m->o->rps == 0 && m->o->arrivals != SIM_TRACE_TIMES)
		return err_set(ERR_USAGE,
		    "%s: all requests come at once: want a rate", m->o->trace);
	m->stretch = m->o->rps > 0 ? own_rps / m->o->rps : 1;
	m->period = own_rps > 0 ? span + (nsec)(1e9 / own_rps) : SECOND;
	m->gap_s = m->o->rps > 0 ? 1 / m->o->rps : 1 / own_rps;
	return 0;
}

static uint32_t
longest(const struct maker *m)
{
	uint32_t most = 1;

	if (m->o->lengths == SIM_LMSYS)
		return LMSYS_MAX;
	if (m->o->lengths == SIM_UNIFORM)
		return m->most;
	for (uint64_t i = 0; i < m->trace.n; i++)
		if (m->trace.rows[i].output > most)
			most = m->trace.rows[i].output;
	return most;
}

static int
check_copies(struct maker *m)
{
	uint64_t n = m->named ? m->trace.adapters.n : 0;

	m->copies = m->o->copies > 0 ? m->o->copies : 1;
	if (m->copies == 1)
		return 0;
	if (!m->named)
		return err_set(ERR_USAGE,
		    "copies of adapters: want a trace that names some");
	if (n * m->copies > ADAPTERS_MAX)
		return err_set(ERR_USAGE,
		    "%ju adapters %u times: want at most %d in all",
		    (uintmax_t)n, m->copies, ADAPTERS_MAX);
	return 0;
}

static int
prepare(struct maker *m)
{
	const struct sim_work_options *o = m->o;
	int e = check_arrivals(o);

	if (e == 0)
		e = check_sizes(o);
	if (e == 0 && o->trace != NULL)
		e = sim_trace_read(&m->trace, o->trace, 0);
	m->named = o->lengths == SIM_TRACE_LENGTHS && m->trace.adapters.n > 0;
	if (e == 0 && m->named && o->by_law)
		return err_set(ERR_USAGE,
		    "%s names its adapters: want neither a number nor ranks of "
		    "adapters beside it",
		    o->trace);
	if (e == 0)
		e = check_copies(m);
	if (e == 0 && !m->named)
		e = ranks_open(&m->ranks, o);
	if (e != 0)
		return e;
	for (int i = 0; i < NSTREAMS; i++)
		draw_stream(&m->rng[i], o->seed, (uint64_t)i);
	m->least = o->uniform_most > 0 ? o->uniform_least : 8;
	m->most = o->uniform_most > 0 ? o->uniform_most : 512;
	m->output_max = o->max_tokens > 0 ?
	    o->max_tokens :
	    sim_scaled(longest(m), o->length_scale);
	m->gap_s = o->rps > 0 ? 1 / o->rps : 0;
	return o->trace != NULL ? fit_times(m) : 0;
}

/* Time that counts only while a burst is on, as time. */
static double
with_pauses(const struct sim_work_options *o, double on_time)
{
	double whole = floor(on_time / o->on_s);

	return whole * (o->on_s + o->off_s) + (on_time - whole * o->on_s);
}

/* In nanoseconds. */
static double
next_arrival(struct maker *m, uint64_t i)
{
	const struct sim_work_options *o = m->o;
	double at;

	switch (o->arrivals) {
	case SIM_TRACE_TIMES:
		at = (double)m->trace.rows[i % m->trace.n].at +
		    (double)(i / m->trace.n) * (double)m->period;
		return round(at * m->stretch);
	case SIM_GAMMA:
		m->at_s += draw_gamma(&m->rng[GAPS],
		    1 / (o->gamma_cv * o->gamma_cv), m->gap_s);
		return m->at_s * 1e9;
	case SIM_BURSTS:
		m->at_s += rng_exponential(&m->rng[GAPS],
		    m->gap_s * o->on_s / (o->on_s + o->off_s));
		return with_pauses(o, m->at_s) * 1e9;
	default:
		m->at_s += rng_exponential(&m->rng[GAPS], m->gap_s);
		return m->at_s * 1e9;
	}
}

static uint32_t
lmsys(struct rng *r, double mu, double sigma)
{
	double n = round(draw_lognormal(r, mu, sigma));

	return n < 1 ? 1 : n > LMSYS_MAX ? LMSYS_MAX : (uint32_t)n;
}

static uint32_t
uniform(struct maker *m, enum stream s)
{
	return m->least +
	    (uint32_t)rng_below(&m->rng[s], m->most - m->least + 1u);
}

static void
draw_lengths(struct maker *m, uint64_t i, struct sim_ask *a)
{
	const struct sim_row *row;

	switch (m->o->lengths) {
	case SIM_LMSYS:
		a->prompt = lmsys(&m->rng[PROMPTS], LMSYS_PROMPT_MU,
		    LMSYS_PROMPT_SIGMA);
		a->output = lmsys(&m->rng[OUTPUTS], LMSYS_OUTPUT_MU,
		    LMSYS_OUTPUT_SIGMA);
		return;
	case SIM_UNIFORM:
		a->prompt = uniform(m, PROMPTS);
		a->output = uniform(m, OUTPUTS);
		return;
	default:
		if (m->o->arrivals != SIM_TRACE_TIMES)
			i = rng_below(&m->rng[ROWS], m->trace.n);
		row = &m->trace.rows[i % m->trace.n];
		a->prompt = row->prompt;
		a->output = row->output;
		a->adapter = row->adapter;
	}
}

/* The trace's adapter, or one of its copies; those lie behind all of the trace. */
static void
draw_copy(struct maker *m, struct sim_ask *a)
{
	if (m->copies > 1 && a->adapter >= 0)
		a->adapter += (int32_t)(m->trace.adapters.n *
		    rng_below(&m->rng[ADAPTERS], m->copies));
}

static void
fit_lengths(struct maker *m, struct sim_ask *a)
{
	a->prompt = sim_scaled(a->prompt, m->o->length_scale);
	a->output = sim_scaled(a->output, m->o->length_scale);
	if (a->output > m->output_max)
		a->output = m->output_max;
	a->max_tokens = m->o->max_is_output ? a->output : m->output_max;
	if (a->prompt > m->w->prompt_max)
		m->w->prompt_max = a->prompt;
	if (a->output > m->w->output_max)
		m->w->output_max = a->output;
}

static int
grow(struct maker *m)
{
	struct sim_ask *more;

	if (m->w->n < m->size)
		return 0;
	if (m->w->n == REQUESTS_MAX)
		return err_set(ERR_USAGE, "over %u requests", REQUESTS_MAX);
	m->size = m->size == 0 ? 1024 : m->size * 2;
	more = realloc(m->w->asks, m->size * sizeof(*more));
	if (more == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju requests",
		    (uintmax_t)m->size);
	m->w->asks = more;
	return 0;
}

static int
make_asks(struct maker *m)
{
	double end = m->o->duration_s > 0 ? m->o->duration_s * 1e9 : NS_MAX;
	uint64_t n = m->o->requests;
	int e;

	if (n == 0)
		n = m->o->duration_s > 0 ? UINT64_MAX : m->trace.n;
	while (m->w->n < n) {
		double at = next_arrival(m, m->w->n);
		struct sim_ask a = { 0 };

		if (at > end)
			break;
		if ((e = grow(m)) != 0)
			return e;
		a.at = (nsec)at;
		draw_lengths(m, m->w->n, &a);
		fit_lengths(m, &a);
		if (m->named)
			draw_copy(m, &a);
		else
			a.adapter = ranks_draw(&m->ranks, &m->rng[RANKS],
			    &m->rng[ADAPTERS]);
		m->w->asks[m->w->n++] = a;
	}
	return m->w->n > 0 ?
	    0 :
	    err_set(ERR_USAGE, "no request comes in %g s", end / 1e9);
}

/* The adapters: the trace's, or of so many ranks. */
static int
list_adapters(struct maker *m)
{
	const struct sim_names *l = &m->trace.adapters;
	uint32_t n;

	if (!m->named)
		return ranks_list(&m->ranks, m->w);
	n = l->n * m->copies;
	m->w->adapters = malloc(n * sizeof(*m->w->adapters));
	if (m->w->adapters == NULL)
		return err_set(ERR_MEMORY, "no memory for %u adapters", n);
	m->w->nadapters = n;
	for (uint32_t i = 0; i < n; i++)
		m->w->adapters[i] = (struct sim_adapter){ l->at[i % l->n].rank,
			l->at[i % l->n].bytes };
	return 0;
}

int
sim_work_make(struct sim_work *w, const struct sim_work_options *o)
{
	struct maker m = { .o = o, .w = w };
	int e;

	memset(w, 0, sizeof(*w));
	if ((e = prepare(&m)) == 0 && (e = list_adapters(&m)) == 0)
		e = make_asks(&m);
	sim_trace_free(&m.trace);
	ranks_close(&m.ranks);
	if (e != 0)
		sim_work_free(w);
	return e;
}

void
sim_work_free(struct sim_work *w)
{
	free(w->asks);
	free(w->adapters);
	memset(w, 0, sizeof(*w));
}

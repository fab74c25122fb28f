/* From samples to a cost model, and how far its times are from them. */
#include "cli/measure_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define RUN 32		 /* steps in a row, judged together */
#define HELD_OUT 5	 /* each fifth step judges and is not fitted */
#define WEIGHT_MOST 16	 /* of a row of a rare kind, over the mean */
#define SCHEDULER_MS 0.2 /* two wake-ups, where they were not measured */

int
table_open(struct table *t, const struct measure *m, int terms)
{
	size_t n = m->n + 1;

	*t = (struct table){ .terms = terms };
	t->x = calloc(n, (size_t)terms * sizeof(*t->x));
	t->y = calloc(n, sizeof(*t->y));
	t->weight = calloc(n, sizeof(*t->weight));
	t->bucket = calloc(n, 1);
	t->kind[0] = calloc(n, 1);
	t->kind[1] = calloc(n, 1);
	if (t->x == NULL || t->y == NULL || t->weight == NULL ||
	    t->bucket == NULL || t->kind[0] == NULL || t->kind[1] == NULL)
		return err_set(ERR_MEMORY, "no memory to fit %zu samples",
		    m->n);
	return 0;
}

void
table_close(struct table *t)
{
	free(t->x);
	free(t->y);
	free(t->weight);
	free(t->bucket);
	free(t->kind[0]);
	free(t->kind[1]);
}

void
table_add(struct table *t, const double *row, double y, int kind)
{
	memcpy(t->x + t->n * (size_t)t->terms, row,
	    (size_t)t->terms * sizeof(*row));
	t->y[t->n] = y;
	t->kind[kind][t->n] = 1;
	t->weight[t->n] = 1;
	t->n++;
}

void
table_balance(struct table *t)
{
	double rows[256] = { 0 };
	int buckets = 0;

	for (size_t i = 0; i < t->n; i++)
		buckets += rows[t->bucket[i]]++ == 0;
	for (size_t i = 0; i < t->n; i++) {
		t->weight[i] = (double)t->n / buckets / rows[t->bucket[i]];
		if (t->weight[i] > WEIGHT_MOST)
			t->weight[i] = WEIGHT_MOST;
	}
}

struct fit_data
table_data(const struct table *t)
{
	return (struct fit_data){ t->x, t->y, t->n, t->terms, t->weight };
}

int
fitting_judge(struct fitting *f, const char *what, const struct table *t,
    int kind, const double *c)
{
	struct fit_data d = table_data(t);
	int e = fit_errors(&d, c, t->kind[kind], &f->line[f->nlines].e);

	f->line[f->nlines].what = what;
	if (e == 0 && f->line[f->nlines].e.n > 0)
		f->nlines++;
	return e;
}

double
fitting_digits(double x)
{
	char text[32];

	snprintf(text, sizeof(text), "%.3e", x);
	return strtod(text, NULL);
}

static struct sim_step
terms_of(const struct step_note *s)
{
	return (struct sim_step){ .decode_rows = s->decode_rows,
		.prompt_tokens = s->prompt_tokens,
		.decode_context = s->decode_context,
		.prompt_pairs = s->prompt_pairs,
		.lora_rows = s->lora_rows,
		.adapters = s->adapters,
		.decode_ranks = s->decode_ranks,
		.prompt_ranks = s->prompt_ranks };
}

/* Steps of about as many answers, with prompts or without. */
static unsigned char
bucket_of(const struct step_note *s)
{
	unsigned char n = 0;

	for (uint32_t rows = s->decode_rows; rows > 0; rows /= 2)
		n++;
	return (unsigned char)(2 * n + (s->prompt_tokens > 0));
}

enum share { ALL, FITTED, HELD };

/* A step and what lies between it and the one before, if that left work: the
 * loop of an engine that is never idle. */
static void
take_steps(const struct measure *m, enum share share, struct table *t)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct step_note *s = &m->rows[i].step;
		double row[FIT_STEP_TERMS];
		struct sim_step step = terms_of(s);

		if (m->rows[i].kind != MEASURE_STEP || s->took_ns <= 0 ||
		    (share != ALL &&
			(m->rows[i].number % HELD_OUT == 0) != (share == HELD)))
			continue;
		fit_step_row(&step, row);
		t->bucket[t->n] = bucket_of(s);
		table_add(t, row, clock_ms(s->took_ns + s->gap_ns),
		    s->prompt_tokens > 0 ? OF_PROMPTS : OF_ANSWERS);
	}
}

/* So many steps one after the other, as one: what requests live through. */
static void
take_runs(const struct measure *m, struct table *t)
{
	double sum[FIT_STEP_TERMS] = { 0 }, ms = 0;
	uint64_t last = 0;
	int n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct step_note *s = &m->rows[i].step;
		struct sim_step step = terms_of(s);
		double row[FIT_STEP_TERMS];

		if (m->rows[i].kind != MEASURE_STEP || s->took_ns <= 0)
			continue;
		if (n == RUN || m->rows[i].number != last + 1) {
			memset(sum, 0, sizeof(sum));
			ms = n = 0;
		}
		last = m->rows[i].number;
		fit_step_row(&step, row);
		for (int j = 0; j < FIT_STEP_TERMS; j++)
			sum[j] += row[j];
		ms += clock_ms(s->took_ns + s->gap_ns);
		if (++n == RUN)
			table_add(t, sum, ms, 0);
	}
}

static int
judge_runs(struct fitting *f, const double *c)
{
	struct table t = { 0 };
	int e = table_open(&t, f->m, FIT_STEP_TERMS);

	if (e == 0) {
		take_runs(f->m, &t);
		e = fitting_judge(f, "32 steps in a row", &t, 0, c);
	}
	table_close(&t);
	return e;
}

int
fitting_steps(struct fitting *f, const struct sim_cost *given)
{
	struct table all = { 0 }, held = { 0 };
	struct fit_data d;
	double c[FIT_STEP_TERMS];
	int e = table_open(&all, f->m, FIT_STEP_TERMS);

	if (e == 0)
		e = table_open(&held, f->m, FIT_STEP_TERMS);
	if (e != 0)
		goto out;
	take_steps(f->m, given != NULL ? ALL : FITTED, &all);
	if (given == NULL)
		take_steps(f->m, HELD, &held);
	table_balance(&all);
	d = table_data(&all);
	if (given != NULL)
		fit_step_get(given, c);
	else if ((e = fit_robust(&d, FIT_TRIM, c)) != 0)
		goto out;
	else
		f->kept = fit_keep_total(&d, c);
	for (int i = 0; given == NULL && i < FIT_STEP_TERMS; i++)
		c[i] = fitting_digits(c[i]);
	fit_step_set(&f->cost, c);
	if ((e = fitting_judge(f, "steps of answers", &all, OF_ANSWERS, c)) ==
		0 &&
	    (e = fitting_judge(f, "steps with prompts", &all, OF_PROMPTS, c)) ==
		0 &&
	    (e = fitting_judge(f, "held out, answers", &held, OF_ANSWERS, c)) ==
		0)
		e = fitting_judge(f, "held out, prompts", &held, OF_PROMPTS, c);
	if (e == 0)
		e = judge_runs(f, c);
out:
	table_close(&all);
	table_close(&held);
	return e;
}

/* What the engine says of itself. */
static void
copy_head(struct fitting *f)
{
	const struct measure_head *h = &f->m->head;
	struct sim_cost *c = &f->cost;

	snprintf(c->name, sizeof(c->name), "%.40s-%.8s-%ju", h->model,
	    h->backend, (uintmax_t)h->threads);
	c->step_tokens = (double)h->step_tokens;
	c->batch_max = (double)h->batch_max;
	c->load_threads = (double)h->load_threads;
	c->scheduler_ms = h->lone_us > 0 ? (double)h->lone_us / 1e3 :
					   SCHEDULER_MS;
	c->frontend_ms = (double)h->beside_us / 1e3;
	c->pool_bytes = (double)h->pool_bytes;
	c->chunk_bytes = (double)h->chunk_bytes;
	c->kv_token_bytes = (double)h->kv_token_bytes;
	c->block_tokens = (double)h->block_tokens;
	c->adapter_rank_bytes = 1; /* until there are adapters */
}

int
measure_fit(const struct measure_options *o, FILE *out)
{
	struct measure m;
	struct fitting f = { .m = &m };
	struct sim_cost given;
	const struct sim_cost *judged = o->cost != NULL ? &given : NULL;
	int e;

	if (judged != NULL && (e = sim_cost_read(&given, o->cost)) != 0)
		return e;
	if ((e = measure_read(&m, o->fit)) != 0)
		return e;
	copy_head(&f);
	if (judged != NULL)
		f.cost = given;
	if ((e = fitting_steps(&f, judged)) == 0 &&
	    (e = fitting_loads(&f, judged)) == 0 &&
	    (e = fitting_adapters(&f, judged)) == 0)
		fitting_report(&f, "", out);
	if (e == 0 && o->cost_out != NULL)
		e = fitting_write(&f, o->cost_out);
	measure_free(&m);
	return e;
}

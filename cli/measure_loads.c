/* Loads and the sizes of adapters, as a cost model has them. */
#include "cli/measure_in.h"

#include <math.h>

#define RATE_MOST 1e15 /* of a link whose time does not depend on bytes */
#define LOADS_MIN 4    /* for a fit */
#define MEGA 1e6       /* bytes of a row: numbers near those of ms */

/* What a load takes beside the link: its worker's, files or host memory, and
 * until the scheduler could see it. */
static nsec
beside(const struct load_note *l)
{
	return l->queue_ns + l->read_ns + l->tell_ns;
}

/* Whether a worker was free for it: else it waited for others, which the
 * simulator counts by itself. */
static bool
was_alone(const struct measure *m, const struct measure_row *r)
{
	uint64_t busy = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct load_note *l = &m->rows[i].load;

		busy += m->rows[i].kind == MEASURE_LOAD && &m->rows[i] != r &&
		    l->asked_ns <= r->load.asked_ns &&
		    l->asked_ns + beside(l) + l->wait_ns + l->copy_ns >
			r->load.asked_ns;
	}
	return busy < m->head.load_threads;
}

enum load_part { LINK, BESIDE, WHOLE };

/* The time of one part as rows of 1 and megabytes that crossed; beside the link that of
 * loads alone, for others wait for each other. */
static void
take_loads(const struct measure *m, enum load_part part, int kind,
    struct table *t)
{
	double times = m->head.link_copies > 1 ? (double)m->head.link_copies :
						 1;

	for (size_t i = 0; i < m->n; i++) {
		const struct load_note *l = &m->rows[i].load;
		double row[2] = { 1, times * (double)l->bytes / MEGA };
		nsec took = part == LINK ? l->copy_ns :
		    part == BESIDE	 ? beside(l) :
					   l->copy_ns + beside(l);

		if (m->rows[i].kind == MEASURE_LOAD && took > 0 &&
		    (l->from_disk ? FROM_DISK : FROM_HOST) == kind &&
		    (part == LINK || was_alone(m, &m->rows[i])))
			table_add(t, row, clock_ms(took), kind);
	}
}

/* Coefficients of one part; c stays 0 where there are too few loads. */
static int
fit_part(const struct measure *m, enum load_part part, int kind, double *c)
{
	struct table t = { 0 };
	struct fit_data d;
	int e = table_open(&t, m, part == BESIDE ? 1 : 2);

	if (e == 0) {
		take_loads(m, part, kind, &t);
		d = table_data(&t);
		if (t.n >= LOADS_MIN)
			e = fit_robust(&d, FIT_TRIM, c);
		c[0] = fitting_digits(c[0]);
	}
	table_close(&t);
	return e;
}

/* From host memory if any were: there a load does not wait for a disk, nor its
 * place for its first memory. */
static int
fit_link(struct fitting *f, int kind)
{
	double c[2] = { 0 };
	int e = fit_part(f->m, LINK, kind, c);
	double rate = c[1] > 0 ? 1e3 * MEGA / c[1] : RATE_MOST;

	rate = fitting_digits(rate);
	f->cost.load_fixed_ms = c[0];
	f->cost.link_bytes_per_s = rate < RATE_MOST ? floor(rate) : RATE_MOST;
	f->cost.load_read_ms = f->read_ms[kind];
	return e;
}

/* With what was measured beside the link for loads of this kind. */
static int
judge_loads(struct fitting *f, int kind, const char *what, double read_ms)
{
	struct table t = { 0 };
	double c[2] = { f->cost.load_fixed_ms + read_ms,
		1e3 * MEGA / f->cost.link_bytes_per_s };
	int e = table_open(&t, f->m, 2);

	if (e == 0) {
		take_loads(f->m, WHOLE, kind, &t);
		e = fitting_judge(f, what, &t, kind, c);
	}
	table_close(&t);
	return e;
}

int
fitting_loads(struct fitting *f, const struct sim_cost *given)
{
	int e = 0, kind = FROM_DISK;

	for (int k = FROM_HOST; e == 0 && k <= FROM_DISK; k++)
		e = fit_part(f->m, BESIDE, k, &f->read_ms[k]);
	if (f->read_ms[FROM_HOST] > 0)
		kind = FROM_HOST;
	if (e == 0 && given == NULL)
		e = fit_link(f, kind);
	if (e == 0)
		e = judge_loads(f, FROM_HOST, "loads from host",
		    f->cost.load_read_ms);
	return e != 0 ?
	    e :
	    judge_loads(f, FROM_DISK, "loads from disk", f->read_ms[FROM_DISK]);
}

/* Bytes by rank; those of one that adapts other modules are off the line. */
int
fitting_adapters(struct fitting *f, const struct sim_cost *given)
{
	struct table t = { 0 };
	struct fit_data d;
	double c[2] = { f->cost.adapter_fixed_bytes,
		f->cost.adapter_rank_bytes };
	int e = table_open(&t, f->m, 2);

	for (size_t i = 0; e == 0 && i < f->m->n; i++) {
		const struct load_note *l = &f->m->rows[i].load;
		double row[2] = { 1, l->rank };

		if (f->m->rows[i].kind == MEASURE_ADAPTER && l->bytes > 0)
			table_add(&t, row, (double)l->bytes, 0);
	}
	d = table_data(&t);
	if (e == 0 && given == NULL && t.n >= LOADS_MIN) {
		e = fit_robust(&d, 0, c);
		f->cost.adapter_fixed_bytes = round(c[0]);
		f->cost.adapter_rank_bytes = c[1] < 1 ? 1 : round(c[1]);
	}
	if (e == 0)
		e = fitting_judge(f, "bytes of adapters", &t, 0, c);
	table_close(&t);
	return e;
}

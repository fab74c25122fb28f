/*
 * measure_in.h -- what the files of a fit share; for them alone.
 *
 *	measure_fit.c	 tables, steps, and the order of it all
 *	measure_loads.c	 loads, sizes of adapters
 *	measure_report.c what is printed and written
 */
#ifndef CLI_MEASURE_IN_H
#define CLI_MEASURE_IN_H

#include "cli/measure.h"
#include "sim/fit.h"

#define FIT_TRIM 0.05 /* share of samples that a fit leaves out */

enum { OF_ANSWERS, OF_PROMPTS }; /* of steps: no prompts, or some */
enum { FROM_HOST, FROM_DISK };	 /* of loads */

/* Samples as rows; in two kinds, that errors are told of apart. */
struct table {
	double *x, *y;
	double *weight;		/* [n] 1, until they are balanced */
	unsigned char *bucket;	/* [n] */
	unsigned char *kind[2]; /* [n] 1: the row is of it */
	size_t n;
	int terms;
};

/* Room for every row of m.  ERR_MEMORY; it is to be closed all the same. */
int table_open(struct table *, const struct measure *m, int terms);
void table_close(struct table *);
void table_add(struct table *, const double *row, double y, int kind);
/* Lets each bucket's rows count as much as another's, unless they are few. */
void table_balance(struct table *);
struct fit_data table_data(const struct table *);

#define FIT_LINES_MAX 8

struct fitting {
	const struct measure *m;
	struct sim_cost cost;
	double kept; /* by what steps were multiplied, so that totals agree */
	double read_ms[2]; /* from host, disk: beside the link; 0: too few */
	struct {
		const char *what;
		struct fit_error e;
	} line[FIT_LINES_MAX];
	int nlines;
};

/* One line of the report; of rows of that kind, if there are any. */
int fitting_judge(struct fitting *, const char *what, const struct table *,
    int kind, const double *c);

/* x to four digits: more are not known. */
double fitting_digits(double x);

/* Each: given is a model that is only judged; NULL: coefficients are made. */
int fitting_steps(struct fitting *, const struct sim_cost *given);
int fitting_loads(struct fitting *, const struct sim_cost *given);
int fitting_adapters(struct fitting *, const struct sim_cost *given);

/* mark: what begins each line. */
void fitting_report(const struct fitting *, const char *mark, FILE *);

/* The model as a file; ERR_IO. */
int fitting_write(const struct fitting *, const char *path);

#endif

/* `make bench-gpu`: rows against their bars, one table and a JSON file.
 *
 *	bench-gpu JSON [ROW...]		all rows, or those named; "kernels" too */
#include "tests/gpu/bench/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int reopen_main(int fd, const char *model);

static bool
wanted(const char *name, int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 3;
}

static const char *
verdict(const struct row *r)
{
	if (r->skipped)
		return "skipped";
	return (r->at_most ? r->value <= r->bar : r->value >= r->bar) ? "pass" :
									"short";
}

static void
show(const struct row *r, FILE *json)
{
	printf("  %-9s %7.3f  %s %.2f  %-7s  %s\n            %s\n", r->name,
	    r->value, r->at_most ? "<=" : ">=", r->bar, verdict(r), r->what,
	    r->note);
	fprintf(json,
	    ",\n  \"%s\": {\"value\": %.4f, \"bar\": %.2f, \"verdict\": "
	    "\"%s\", \"note\": \"%s\"}",
	    r->name, r->value, r->bar, verdict(r), r->note);
	fflush(stdout);
}

static void
run(struct world *w, struct row *rows, int n, int argc, char **argv, FILE *json)
{
	for (int i = 0; i < n; i++) {
		if (!wanted(rows[i].name, argc, argv))
			continue;
		rows[i].measure(w, &rows[i]);
		show(&rows[i], json);
	}
}

int
main(int argc, char **argv)
{
	struct world w;
	FILE *json;

	if (argc == 4 && strcmp(argv[1], "--reopen") == 0)
		return reopen_main(atoi(argv[2]), argv[3]);
	if (argc < 2) {
		fprintf(stderr, "usage: bench-gpu JSON [ROW...]\n");
		return 100;
	}
	if (world_open(&w, argc, argv) != 0) {
		printf("bench-gpu: skipped: %s\n", err_text());
		return 0;
	}
	if ((json = fopen(argv[1], "w")) == NULL) {
		fprintf(stderr, "bench-gpu: cannot write '%s'\n", argv[1]);
		return 1;
	}
	if (w.small)
		printf("  on the stand-in: a tiny model; the figures mean "
		       "nothing\n");
	measure_rates(&w);
	fprintf(json,
	    "{\n  \"card\": \"%s\",\n  \"driver\": %d,\n  \"copy_rate\": "
	    "%.4g,\n  \"link_rate\": %.4g,\n  \"blas_rate\": %.4g",
	    w.card, w.driver, w.copy_rate, w.link_rate, w.blas_rate);
	run(&w, step_rows, nstep_rows, argc, argv, json);
	run(&w, copy_rows, ncopy_rows, argc, argv, json);
	run(&w, peft_rows, 1, argc, argv, json);
	if (wanted("kernels", argc, argv))
		measure_kernels(&w, json);
	fprintf(json, "\n}\n");
	fclose(json);
	world_close(&w);
	return 0;
}

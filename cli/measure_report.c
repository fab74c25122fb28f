/* What a fit prints, and the model as a file. */
#include "cli/measure_in.h"

#include "base/err.h"

void
fitting_report(const struct fitting *f, const char *mark, FILE *out)
{
	const struct measure_head *h = &f->m->head;

	fprintf(out,
	    "%smodel %s, backend %s, %s weights, %ju threads, %ju "
	    "cores\n",
	    mark, h->model, h->backend, h->weights, (uintmax_t)h->threads,
	    (uintmax_t)h->cores);
	fprintf(out, "%s%-20s %7s %7s %7s %7s  %s\n", mark, "told of measured",
	    "n", "mean", "P50", "P90", "sums");
	for (int i = 0; i < f->nlines; i++) {
		const struct fit_error *e = &f->line[i].e;

		fprintf(out, "%s%-20s %7zu %5.1f %% %5.1f %% %5.1f %%  %.3f\n",
		    mark, f->line[i].what, e->n, 100 * e->mean, 100 * e->p50,
		    100 * e->p90, e->total);
	}
	if (f->kept > 0)
		fprintf(out,
		    "%sterms of steps times %.3f, so that all together, every "
		    "kind alike, are told as measured\n",
		    mark, f->kept);
	for (int i = FROM_HOST; i <= FROM_DISK; i++)
		if (f->read_ms[i] > 0)
			fprintf(out,
			    "%sa load from %s: %.3f ms beside the link\n", mark,
			    i == FROM_HOST ? "host memory" : "disk",
			    f->read_ms[i]);
	if (h->link_emulated_bytes_per_s > 0 || h->link_copies > 1)
		fprintf(out,
		    "%sthe link was emulated: %ju bytes/s, %ju times\n", mark,
		    (uintmax_t)h->link_emulated_bytes_per_s,
		    (uintmax_t)h->link_copies);
}

int
fitting_write(const struct fitting *f, const char *path)
{
	FILE *out = fopen(path, "we");
	int e;

	if (out == NULL)
		return err_sys(ERR_IO, "%s", path);
	fprintf(out,
	    "# A cost model for the simulator, measured by 'chameleon bench\n"
	    "# --profile' and fitted by 'chameleon bench --fit --cost-out'.\n"
	    "#\n");
	fitting_report(f, "# ", out);
	fprintf(out,
	    "#\n# %s\n# What a load adds to steps beside it is not told "
	    "apart: load_stall_* are 0.\n\n",
	    f->m->head.lone_us > 0 ?
		"scheduler_ms is the median of lone requests, from their line "
		"to their step." :
		"scheduler_ms was not measured and is a guess.");
	e = sim_cost_print(&f->cost, out);
	if (fclose(out) != 0 && e == 0)
		e = err_sys(ERR_IO, "%s", path);
	return e;
}

/* Pictures of a study: data and commands in files, drawn by gnuplot. */
#include "cli/study.h"

#include "base/err.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CURVE_POINTS 500
#define CURVES 6
#define NAME_MAX_BYTES 4096
#define SCRIPT "plots.gnuplot"

extern char **environ;

/* By load, means over seeds: rps, P50, P99. */
static void
load_data(const struct study *s, FILE *f)
{
	for (uint32_t load = 0; load < s->nloads; load++) {
		const struct study_run *r = &s->run[load * s->seeds];
		double p50 = 0, p99 = 0;

		for (uint32_t i = 0; i < s->seeds; i++) {
			p50 += r[i].sum.ttft.p50 / s->seeds;
			p99 += r[i].sum.ttft.p99 / s->seeds;
		}
		fprintf(f, "%.9g\t%.9g\t%.9g\n", r[0].rps, p50, p99);
	}
}

/* Of the first seed of each load, a block each: ms, share. */
static void
share_data(const struct study *s, FILE *f)
{
	for (uint32_t load = 0; load < s->nloads; load++) {
		struct study_run *r = &s->run[load * s->seeds];

		fprintf(f, "# %.9g requests/s\n", r->rps);
		for (int i = 0; i <= CURVE_POINTS && r->ttft.n > 0; i++) {
			double p = (double)i / CURVE_POINTS;
			double place = p * (double)(r->ttft.n - 1);

			fprintf(f, "%.9g\t%.9g\n", r->ttft.at[(uint64_t)place],
			    p);
		}
		fprintf(f, "\n\n");
	}
}

/* Of the last load: s, GB of KV, adapters and idle, running, waiting. */
static void
memory_data(const struct study *s, FILE *f)
{
	const struct study_run *r = &s->run[s->nrun - s->seeds];

	for (uint32_t i = 0; i < r->nsamples; i++) {
		const struct sim_sample *m = &r->samples[i];

		fprintf(f, "%.9g\t%.9g\t%.9g\t%.9g\t%u\t%u\n", m->at_s,
		    (double)m->kv_bytes / 1e9, (double)m->adapter_bytes / 1e9,
		    (double)m->idle_bytes / 1e9, m->running, m->waiting);
	}
}

static void
load_commands(const struct study *s, FILE *f)
{
	fprintf(f,
	    "set xlabel 'requests/s'\nset ylabel 'TTFT, ms'\n"
	    "set logscale y\n"
	    "plot 'ttft-load.tsv' using 1:3 with linespoints title "
	    "'P99', '' using 1:2 with linespoints linewidth 2 title 'P50', "
	    "%.9g with lines dashtype 2 title 'SLO'\n",
	    s->slo_ms);
}

/* At most CURVES of the loads. */
static void
share_commands(const struct study *s, FILE *f)
{
	uint32_t step = (s->nloads + CURVES - 1) / CURVES;

	fprintf(f,
	    "set xlabel 'TTFT, ms'\nset ylabel 'share of requests'\n"
	    "set logscale x\n");
	for (uint32_t load = 0; load < s->nloads; load += step)
		fprintf(f,
		    "%s 'ttft-cdf.tsv' index %u using 1:2 with lines "
		    "linewidth 2 title '%.4g/s'",
		    load == 0 ? "plot" : ",", load,
		    s->run[load * s->seeds].rps);
	fprintf(f, "\n");
}

static void
memory_commands(const struct study *s, FILE *f)
{
	fprintf(f,
	    "set xlabel 's'\nset ylabel 'GB'\nset style fill solid 0.6\n"
	    "set yrange [0:*]\n"
	    "plot 'memory.tsv' using 1:($2+$3) with filledcurves x1 title "
	    "'adapters', '' using 1:2 with filledcurves x1 title "
	    "'keys and values', %.9g with lines linewidth 2 title 'pool'\n",
	    s->setup.cost.pool_bytes / 1e9);
}

static bool
has_loads(const struct study *s)
{
	return s->nloads > 1;
}

static bool
has_times(const struct study *s)
{
	return s->run[0].ttft.n > 0;
}

static bool
has_samples(const struct study *s)
{
	return s->run[s->nrun - s->seeds].nsamples > 0;
}

static const struct plot {
	const char *name;
	bool (*wanted)(const struct study *);
	void (*data)(const struct study *, FILE *);
	void (*commands)(const struct study *, FILE *);
} plots[] = {
	{ "ttft-load", has_loads, load_data, load_commands },
	{ "ttft-cdf", has_times, share_data, share_commands },
	{ "memory", has_samples, memory_data, memory_commands },
};

#define NPLOTS (sizeof(plots) / sizeof(plots[0]))

static int
write_file(const struct study *s, const char *dir, const char *name,
    const char *end, void (*write)(const struct study *, FILE *))
{
	char path[NAME_MAX_BYTES];
	FILE *f;
	int bad;

	if (snprintf(path, sizeof(path), "%s/%s%s", dir, name, end) >=
	    (int)sizeof(path))
		return err_set(ERR_IO, "%s: too long a path", dir);
	if ((f = fopen(path, "we")) == NULL)
		return err_sys(ERR_IO, "%s", path);
	write(s, f);
	bad = ferror(f);
	return fclose(f) == 0 && !bad ? 0 : err_sys(ERR_IO, "writing %s", path);
}

/* In single quotes, as gnuplot reads them. */
static void
quote(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputc('\'', f);
		fputc(*text, f);
	}
	fputc('\'', f);
}

static void
draw_one(const struct study *s, const struct plot *p, const char *end,
    const char *terminal, FILE *f)
{
	char title[256];

	snprintf(title, sizeof(title), "%s, %s, simulated", s->system,
	    s->setup.cost.name);
	fprintf(f, "reset\nset terminal %s\nset termoption noenhanced\n",
	    terminal);
	fprintf(f, "set grid\nset key below\nset title ");
	quote(f, title);
	fprintf(f, "\nset output '%s.%s'\n", p->name, end);
	p->commands(s, f);
	fprintf(f, "unset output\n");
}

static void
script(const struct study *s, FILE *f)
{
	for (size_t i = 0; i < NPLOTS; i++) {
		if (!plots[i].wanted(s))
			continue;
		draw_one(s, &plots[i], "svg",
		    "svg size 800,500 background 'white'", f);
		draw_one(s, &plots[i], "png",
		    "pngcairo size 1600,1000 fontscale 2", f);
	}
}

/* In dir, so that its name need not be quoted. */
static int
draw(const char *dir)
{
	char program[] = "gnuplot", file[] = SCRIPT;
	char *argv[] = { program, file, NULL };
	posix_spawn_file_actions_t in;
	int status = 0, e;
	pid_t pid;

	posix_spawn_file_actions_init(&in);
	e = posix_spawn_file_actions_addchdir_np(&in, dir);
	if (e == 0)
		e = posix_spawnp(&pid, program, &in, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&in);
	if (e == ENOENT)
		return err_set(ERR_NOT_FOUND,
		    "gnuplot is not installed (Debian: gnuplot-nox), so "
		    "nothing "
		    "was drawn; the data are in %s, 'gnuplot " SCRIPT
		    "' draws them there",
		    dir);
	errno = e;
	if (e != 0)
		return err_sys(ERR_IO, "starting gnuplot");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(ERR_IO,
	    "gnuplot did not draw %s/" SCRIPT "; its own words are above", dir);
}

int
study_plots(const struct study *s, const char *dir)
{
	int e = 0;

	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return err_sys(ERR_IO, "%s", dir);
	for (size_t i = 0; e == 0 && i < NPLOTS; i++)
		if (plots[i].wanted(s))
			e = write_file(s, dir, plots[i].name, ".tsv",
			    plots[i].data);
	if (e == 0)
		e = write_file(s, dir, SCRIPT, "", script);
	return e == 0 ? draw(dir) : e;
}

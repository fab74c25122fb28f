/* chameleon trace: what a running engine is asked, as a trace to replay. */
#include "cli/arrivals.h"
#include "cli/ctl.h"

#include "base/err.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_EVERY (100 * MILLISECOND)
#define LOOK_LEAST (5 * MILLISECOND)
#define LOOK_SEES (RECORDS_KEPT / 4) /* records, at a rate that grows */
#define SAVE_EVERY (60 * SECOND)
#define PATH_BYTES 4096
#define LAST_ONES (30 * SECOND) /* that requests in flight are waited for */

static const char *out = "-";
static double seconds = INFINITY;
static uint64_t wanted;

static const struct cmd_option options[] = {
	{ "instance", CMD_TEXT, &ctl.instance, "INSTANCE",
	    "which engine (default 'default')", 'i' },
	{ "out", CMD_TEXT, &out, "FILE",
	    "where to; written anew once a minute, so that little is lost "
	    "(default -: standard output, at the end)",
	    'o' },
	{ "for", CMD_REAL, &seconds, "SECONDS",
	    "requests that arrive within this time (default until Ctrl-C)", 0 },
	{ "requests", CMD_COUNT, &wanted, "N",
	    "at most so many (default no limit)", 'n' },
};

static const struct cmd_exit exits[] = {
	{ CMD_OK, "done" },
	{ CMD_FAILED, "nothing was recorded, or it could not be written" },
	{ CMD_MISUSED, "misused" },
	{ CTL_NO_INSTANCE, "no such instance" },
	{ CTL_OTHER_VERSION, "the engine is of another version" },
};

const struct cmd_use cmd_trace_use = {
	.usage = "chameleon trace [OPTIONS]",
	.about = "Records when requests arrive at a running engine, how long "
		 "they are and which\nadapter they want, in the form that "
		 "'chameleon sim --trace' and 'chameleon\nbench --trace' "
		 "replay.  Neither prompts nor ids are recorded.  Requests "
		 "that\nare open at the end are waited for, half a minute at "
		 "most, or until a second\nCtrl-C.  It survives restarts of "
		 "the engine and of its processes.",
	.options = options,
	.noptions = sizeof(options) / sizeof(options[0]),
	.exits = exits,
	.nexits = sizeof(exits) / sizeof(exits[0]),
};

static volatile sig_atomic_t stops;

static void
on_stop(int number)
{
	(void)number;
	stops++;
}

struct recording {
	struct ctl_look look;
	bool attached, complained;
	struct arrivals arrivals;
	nsec started, saved;
	uint64_t open; /* that are to be taken and have not ended */
};

/* ---- the file ---- */

static int
write_to(struct recording *r, FILE *f)
{
	return arrivals_write(&r->arrivals, wanted > 0 ? wanted : UINT64_MAX,
	    f);
}

/* What is no file of its own, a pipe or a device or a link, is not replaced but
 * written into, once, at the end. */
static bool
is_replaced(void)
{
	struct stat st;

	return strcmp(out, "-") != 0 &&
	    (lstat(out, &st) != 0 || S_ISREG(st.st_mode));
}

static int
write_file(struct recording *r, const char *path)
{
	FILE *f = fopen(path, "we");
	int e;

	if (f == NULL)
		return err_sys(ERR_IO, "%s", path);
	e = write_to(r, f);
	if (e == 0 && (fflush(f) != 0 || ferror(f)))
		e = err_sys(ERR_IO, "%s", path);
	if (fclose(f) != 0 && e == 0)
		e = err_sys(ERR_IO, "%s", path);
	return e;
}

static int
name_new(char path[PATH_BYTES])
{
	if (snprintf(path, PATH_BYTES, "%s.new", out) >= PATH_BYTES)
		return err_set(ERR_USAGE, "--out: the path is too long");
	return 0;
}

/* Whoever reads the file finds a whole trace at any time. */
static int
save(struct recording *r)
{
	char path[PATH_BYTES];
	int e;

	if (r->arrivals.n == 0)
		return write_to(r, stdout); /* says so */
	if (!is_replaced())
		return write_file(r, out);
	if ((e = name_new(path)) != 0)
		return e;
	e = write_file(r, path);
	if (e == 0 && rename(path, out) != 0)
		e = err_sys(ERR_IO, "%s", out);
	if (e != 0)
		(void)remove(path);
	return e;
}

/* Better now than after an hour. */
static int
try_out(void)
{
	char path[PATH_BYTES];
	struct stat st;
	FILE *f;
	int e;

	if (strcmp(out, "-") == 0)
		return 0;
	if (out[0] == '\0')
		return err_set(ERR_USAGE, "--out: want the name of a file");
	if (stat(out, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(ERR_IO, "%s: is a directory, want a file", out);
	if (!is_replaced())
		return access(out, W_OK) != 0 && errno != ENOENT ?
		    err_sys(ERR_IO, "%s", out) :
		    0;
	if ((e = name_new(path)) != 0)
		return e;
	if ((f = fopen(path, "we")) == NULL)
		return err_sys(ERR_IO, "%s", path);
	fclose(f);
	(void)remove(path);
	return 0;
}

static int
save_at_the_end(struct recording *r)
{
	int e;

	if (strcmp(out, "-") != 0)
		return save(r);
	e = write_to(r, stdout);
	if (e == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		e = err_sys(ERR_IO, "standard output");
	return e;
}

/* ---- looking ---- */

/* The instance has ended: its next life is waited for. */
static void
find_again(struct recording *r)
{
	if (snap_attach(&r->look.source, ctl.instance) != 0) {
		if (err_code() == ERR_LAYOUT && !r->complained)
			(void)cmd_failed();
		r->complained |= err_code() == ERR_LAYOUT;
		return;
	}
	fprintf(stderr, "chameleon: instance '%s' is there again\n",
	    ctl.instance);
	r->attached = true;
	arrivals_anew(&r->arrivals);
}

static int
look(struct recording *r)
{
	int e;

	if (!r->attached)
		find_again(r);
	if (!r->attached)
		return 0;
	e = snap_take(&r->look.source, &r->look.snap,
	    SNAP_REQUESTS | SNAP_RECORDS);
	if (e == ERR_GONE) {
		fprintf(stderr, "chameleon: %s; waiting for it\n", err_text());
		snap_detach(&r->look.source);
		r->attached = false;
		r->open = 0;
		return 0;
	}
	if (e == 0)
		e = arrivals_take(&r->arrivals, &r->look.source, &r->look.snap);
	r->open = arrivals_open_still(&r->arrivals, &r->look.snap);
	return e;
}

/* Whether requests that arrive from now on do not count any more. */
static bool
is_over(const struct recording *r, nsec now)
{
	return stops > 0 || (wanted > 0 && r->arrivals.n >= wanted) ||
	    (double)(now - r->started) >= seconds * SECOND;
}

/* The time to the next look, such that the frontend has not gone round its
 * records by then. */
static nsec
rest_after(nsec rest, uint64_t seen)
{
	rest = seen == 0 ? LOOK_EVERY : rest * LOOK_SEES / (nsec)seen;
	return rest > LOOK_EVERY ? LOOK_EVERY :
	    rest < LOOK_LEAST	 ? LOOK_LEAST :
				   rest;
}

/* ERR_LIMIT ends it, too, with what there is. */
static int
follow(struct recording *r)
{
	nsec now = clock_mono(), end = 0, rest = LOOK_EVERY;
	int e = 0;

	while (e == 0) {
		uint64_t last = r->arrivals.last;

		e = look(r);
		now = clock_mono();
		if (end == 0 && is_over(r, now)) {
			end = now + LAST_ONES;
			r->arrivals.until = now;
			continue; /* what is open is counted anew */
		}
		if (end != 0 && (r->open == 0 || stops > 1 || now >= end))
			break;
		if (r->arrivals.n > 0 && is_replaced() &&
		    now - r->saved >= SAVE_EVERY) {
			/* There may be room again at the end. */
			if (e == 0 && save(r) != 0)
				(void)cmd_failed();
			r->saved = now;
		}
		last = r->arrivals.last > last ? r->arrivals.last - last : 0;
		rest = rest_after(rest, last < UINT32_MAX ? last : 0);
		clock_sleep(rest);
	}
	return e;
}

static void
sum_up(const struct recording *r)
{
	const struct arrivals *a = &r->arrivals;

	fprintf(stderr,
	    "chameleon: %ju requests in %.1f s, %u adapters; not in it: %ju "
	    "that ended without a token, %ju still open, %ju of adapters that "
	    "have gone, %ju missed\n",
	    (uintmax_t)(wanted > 0 && wanted < a->n ? wanted : a->n),
	    (double)(a->until - r->started) / SECOND, a->names.n,
	    (uintmax_t)a->silent, (uintmax_t)r->open, (uintmax_t)a->unknown,
	    (uintmax_t)a->missed);
}

static int
record(struct recording *r)
{
	int e;

	r->attached = true;
	r->started = r->saved = r->look.snap.now;
	e = arrivals_open(&r->arrivals, &r->look.snap, r->started);
	if (e == 0)
		e = follow(r);
	if (e == ERR_LIMIT) {
		(void)cmd_failed();
		e = 0;
	}
	if (r->arrivals.until == 0)
		r->arrivals.until = clock_mono();
	if (e == 0)
		e = save_at_the_end(r);
	sum_up(r);
	return e;
}

int
cmd_trace(int argc, char **argv)
{
	struct sigaction stop = { .sa_handler = on_stop };
	static struct recording r;
	int status = cmd_parse(&cmd_trace_use, argc, argv, NULL);

	if (status != CMD_GO_ON)
		return status;
	if (seconds <= 0)
		return cmd_misused("--for: want a number of seconds over 0");
	if (try_out() != 0)
		return cmd_failed();
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	status = ctl_open(&r.look, SNAP_RECORDS | SNAP_ADAPTERS);
	if (status != CMD_GO_ON)
		return status;
	fprintf(stderr, "chameleon: recording instance '%s'\n", ctl.instance);
	status = record(&r) == 0 ? CMD_OK : cmd_failed();
	arrivals_free(&r.arrivals);
	if (r.attached)
		snap_detach(&r.look.source);
	snap_free(&r.look.snap);
	return status;
}

/* The view of how the engine does. */
#include "tui/columns.h"
#include "tui/curve.h"
#include "tui/text.h"
#include "tui/ui.h"
#include "tui/warn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LABEL 14	      /* columns of names */
#define CURVE 40	      /* where curves begin */
#define LENGTH_MAX 1e18	      /* of a time, in ns */
#define CURVE_MIN 8	      /* columns of a curve that says something */
#define NOW_NS (5 * SECOND)   /* what "now" means for a rate */
#define LATE_NS (10 * SECOND) /* and for a percentile */
#define TOP_MAX 40
#define WARNINGS_SHOWN 3

enum kind { RATE, TIME, SHARE };

#define PER_SECOND(name)                                                       \
	static double name##_per_s(const struct history_point *h)              \
	{                                                                      \
		return h->took_ns > 0 ?                                        \
		    (double)h->name * 1e9 / (double)h->took_ns :               \
		    NAN;                                                       \
	}
#define VALUE(name)                                                            \
	static double name##_of(const struct history_point *h)                 \
	{                                                                      \
		return (double)h->name;                                        \
	}
/* Another process wrote it: what is no length of time is none. */
#define PERCENTILE(name)                                                       \
	static double name##_of(const struct history_point *h)                 \
	{                                                                      \
		return h->name > 0 && h->name < LENGTH_MAX ? h->name : NAN;    \
	}

PER_SECOND(accepted)
PER_SECOND(finished)
PER_SECOND(prompt_tokens)
PER_SECOND(output_tokens)
PER_SECOND(squashed)
PER_SECOND(evictions)
PER_SECOND(loads)
VALUE(waiting)
VALUE(running)
PERCENTILE(ttft_p50)
PERCENTILE(ttft_p99)
PERCENTILE(tbt_p50)
PERCENTILE(tbt_p99)
PERCENTILE(queue_p50)
PERCENTILE(queue_p99)

static double
hits_of(const struct history_point *h)
{
	double all = (double)h->hits + (double)h->misses;

	return all > 0 ? (double)h->hits / all : NAN;
}

/* The mean over the last seconds of history; NaN: nothing is that new. */
static double
lately(const struct snap *s, curve_value_f *value)
{
	double sum = 0;
	int n = 0;

	for (uint32_t i = s->nhistory; i > 0; i--) {
		const struct history_point *h = &s->history[i - 1];
		double v = value(h);

		if (s->now - h->at_ns > NOW_NS)
			break;
		if (!isfinite(v))
			continue;
		sum += v;
		n++;
	}
	return n > 0 ? sum / n : NAN;
}

/* The newest that is there; -1: none is. */
static nsec
newest(const struct snap *s, curve_value_f *value)
{
	for (uint32_t i = s->nhistory; i > 0; i--) {
		const struct history_point *h = &s->history[i - 1];
		double v = value(h);

		if (s->now - h->at_ns > LATE_NS)
			break;
		if (isfinite(v) && v > 0)
			return (nsec)v;
	}
	return -1;
}

/* Without a monitor, what two readings say. */
static double
rate(const struct snap *s, curve_value_f *value, const uint64_t *counter,
    const struct snap *before)
{
	double lately_s = lately(s, value);
	size_t at = (size_t)((const char *)counter - (const char *)s);
	uint64_t was;

	if (isfinite(lately_s) || before == NULL || s->now <= before->now)
		return lately_s;
	memcpy(&was, (const char *)before + at, sizeof(was));
	return *counter < was ?
	    NAN :
	    (double)(*counter - was) * 1e9 / (double)(s->now - before->now);
}

/* Where there is no room for a curve, there is none. */
static int
curve_columns(const struct page *p)
{
	int wide = p->wide - CURVE - 9;

	return wide < CURVE_MIN ? 0 : wide;
}

/* A row: name, text, curve, and the greatest of the curve. */
static void
row(struct page *p, int y, const char *name, const char *text,
    const struct snap *s, curve_value_f *value, enum kind kind)
{
	char most[TEXT_MAX];
	int wide = curve_columns(p);
	double greatest;

	page_put(p, 0, y, LOOK_BOLD, name);
	page_put(p, LABEL, y, LOOK_PLAIN, text);
	if (wide == 0)
		return;
	greatest = curve_draw(p, CURVE, y, wide, s, value, kind != TIME);
	if (!(greatest > 0))
		return;
	(void)(kind == TIME   ? text_time(most, (nsec)greatest) :
		kind == SHARE ? text_percent(most, greatest) :
				text_real(most, greatest));
	page_fit(p, p->wide - 8, y, 8, true, LOOK_DIM, most);
}

static void
rates(struct page *p, const struct snap *before, const struct snap *s)
{
	char text[96], a[TEXT_MAX], b[TEXT_MAX];

	page_fit(p, 0, 0, LABEL, false, LOOK_DIM, "per second");
	if (curve_columns(p) > 0) {
		page_say(p, CURVE, 0, LOOK_DIM, "the last %s",
		    text_long(a, curve_columns(p) * CURVE_CELL_NS));
		page_fit(p, p->wide - 8, 0, 8, true, LOOK_DIM, "greatest");
	}
	snprintf(text, sizeof(text), "%s in, %s done",
	    text_real(a,
		rate(s, accepted_per_s, &s->frontend.accepted, before)),
	    text_real(b,
		rate(s, finished_per_s, &s->frontend.finished, before)));
	row(p, 1, "requests", text, s, accepted_per_s, RATE);
	(void)text_real(text,
	    rate(s, prompt_tokens_per_s, &s->gpuexec.prompt_tokens, before));
	row(p, 2, "prompt tokens", text, s, prompt_tokens_per_s, RATE);
	(void)text_real(text,
	    rate(s, output_tokens_per_s, &s->gpuexec.output_tokens, before));
	row(p, 3, "output tokens", text, s, output_tokens_per_s, RATE);
}

static void
times(struct page *p, const struct snap *s)
{
	static const struct {
		const char *name;
		curve_value_f *middle, *high;
	} rows[] = { { "TTFT", ttft_p50_of, ttft_p99_of },
		{ "TBT", tbt_p50_of, tbt_p99_of },
		{ "queue wait", queue_p50_of, queue_p99_of } };

	for (int i = 0; i < 3; i++) {
		char text[96], a[TEXT_MAX], b[TEXT_MAX];

		snprintf(text, sizeof(text), "p50 %s  p99 %s",
		    text_time(a, newest(s, rows[i].middle)),
		    text_time(b, newest(s, rows[i].high)));
		row(p, 4 + i, rows[i].name, text, s, rows[i].high, TIME);
	}
}

static void
numbers(struct page *p, const struct snap *before, const struct snap *s)
{
	char text[96], a[TEXT_MAX], b[TEXT_MAX];

	snprintf(text, sizeof(text), "%ju of %u",
	    (uintmax_t)s->scheduler.running, s->plan.batch_max);
	row(p, 7, "running", text, s, running_of, RATE);
	snprintf(text, sizeof(text), "%ju", (uintmax_t)s->scheduler.waiting);
	row(p, 8, "waiting", text, s, waiting_of, RATE);
	snprintf(text, sizeof(text), "%s  loads %s/s",
	    text_percent(a, lately(s, hits_of)),
	    text_real(b, rate(s, loads_per_s, &s->scheduler.loads, before)));
	row(p, 9, "adapter hits", text, s, hits_of, SHARE);
	snprintf(text, sizeof(text), "%s/s  evict %s/s",
	    text_real(a,
		rate(s, squashed_per_s, &s->scheduler.squashed, before)),
	    text_real(b,
		rate(s, evictions_per_s, &s->scheduler.evictions, before)));
	row(p, 10, "squashes", text, s, squashed_per_s, RATE);
}

static void
memory(struct page *p, const struct snap *s, int y)
{
	const struct snap_memory *m = &s->memory;
	double part[4] = { (double)m->weights, (double)m->kv,
		(double)m->adapters, (double)m->idle };
	static const char *const names[] = { "weights", "KV", "adapters",
		"free" };
	double whole = part[0] + part[1] + part[2] + part[3];
	char a[TEXT_MAX];
	int x = 2;

	page_put(p, 0, y, LOOK_BOLD, "memory");
	page_put(p, LABEL, y, LOOK_PLAIN, "[");
	bar_draw(p, LABEL + 1, y, p->wide - LABEL - 3, part, 4, whole);
	page_put(p, p->wide - 2, y, LOOK_PLAIN, "]");
	for (int i = 0; i < 4; i++) {
		x = page_say(p, x, y + 1, LOOK_PLAIN, "%s%s %s %s",
		    i > 0 ? "  " : "", bar_shade(i), names[i],
		    text_bytes(a, part[i]));
		if (i == 1)
			x = page_say(p, x, y + 1, LOOK_DIM, " (%s used)",
			    text_bytes(a, (double)m->kv_used));
	}
}

static void
processes(struct page *p, const struct snap *s, int y)
{
	uint32_t restarts = 0;
	int x = LABEL;

	page_put(p, 0, y, LOOK_BOLD, "processes");
	for (int i = 0; i <= PROC_COUNT; i++) {
		const struct snap_process *c = &s->process[i];
		char state[32];
		bool bad;

		if (c->absent)
			continue;
		restarts += c->restarts;
		bad = warn_process(c, (enum proc_id)i, state);
		x = page_say(p, x, y, bad ? LOOK_BAD : LOOK_PLAIN, "%s%s%s ",
		    c->name, state[0] != '\0' ? ":" : "", state);
	}
	if (restarts > 0 && p->wide - x > 14)
		page_say(p, x, y, LOOK_PLAIN, "(%u restarts)", restarts);
}

/* How much an adapter is in use: now, then ever. */
static double
use_of(const struct snap_adapter *a)
{
	return ((double)a->running + a->waiting) * 0x1p40 + a->hits + a->misses;
}

static void
top_adapters(struct page *p, const struct snap *s, int y)
{
	const struct snap_adapter *top[TOP_MAX];
	int n = 0, most = p->high - y - 1;
	char a[TEXT_MAX], b[TEXT_MAX];

	if (most > TOP_MAX)
		most = TOP_MAX;
	for (uint32_t i = 0; i < s->nadapters && most > 0; i++) {
		const struct snap_adapter *one = &s->adapter[i];
		int at = n;

		while (at > 0 && use_of(top[at - 1]) < use_of(one))
			at--;
		if (at >= most || !(use_of(one) > 0))
			continue;
		if (n < most)
			n++;
		memmove(&top[at + 1], &top[at],
		    (size_t)(n - 1 - at) * sizeof(top[0]));
		top[at] = one;
	}
	if (n > 0)
		page_say(p, 0, y, LOOK_BOLD, "%-22s %8s %8s %8s %8s %6s  %s",
		    "most used adapters", "running", "waiting", "hits",
		    "misses", "bytes", "state");
	for (int i = 0; i < n; i++)
		page_say(p, 0, y + 1 + i, LOOK_PLAIN,
		    "%-22.22s %8u %8u %8s %8s %6s  %s", top[i]->name,
		    top[i]->running, top[i]->waiting,
		    text_count(a, top[i]->hits), text_count(b, top[i]->misses),
		    text_bytes((char[TEXT_MAX]){ 0 }, (double)top[i]->bytes),
		    snap_state_name(top[i]->state));
}

void
view_overview(struct page *p, const struct snap *before, const struct snap *s,
    struct ui *u)
{
	char warnings[WARNINGS_MAX][WARNING_MAX];
	int n = warn_all(s, warnings), y = 14;

	(void)u;
	rates(p, before, s);
	times(p, s);
	numbers(p, before, s);
	memory(p, s, 11);
	processes(p, s, 13);
	if (n == 0)
		page_put(p, 0, y++, LOOK_GOOD, "nothing is wrong");
	for (int i = 0; i < n && i < WARNINGS_SHOWN; i++)
		page_say(p, 0, y++, LOOK_WARN, "! %s%s", warnings[i],
		    i == WARNINGS_SHOWN - 1 && n > WARNINGS_SHOWN ?
			"; and more" :
			"");
	top_adapters(p, s, y);
}

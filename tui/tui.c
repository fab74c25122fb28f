/* The loop: a reading, a page, a key, a wish. */
#include "tui/tui.h"

#include "base/clock.h"
#include "base/err.h"
#include "tui/ask.h"
#include "tui/keys.h"
#include "tui/screen.h"
#include "tui/text.h"
#include "tui/ui.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLS 80
#define ROWS 24
#define UNSEEN (100 * MILLISECOND) /* that keys are obeyed without a picture */
#define END_S 2	    /* that a terminal which takes nothing holds up the end */
#define ASKED_MS 50 /* between two looks for an answer */

struct tui {
	const struct tui_options *options;
	struct snap_source source;
	bool attached;
	struct snap reading[2]; /* the last two */
	int now;		/* which of them is the last */
	bool has_before;
	nsec drawn_ns;	/* when the terminal was given a picture last */
	nsec looked_ns; /* when it was asked for last */
	nsec ended_ns; /* the instance was first seen to have ended; 0: lives */
	struct ui ui;
	struct ask ask;
	struct page page;
};

static volatile sig_atomic_t stopped_by;

static void
on_signal(int sig)
{
	/* Curses goes on writing to a terminal that takes nothing. */
	alarm(END_S);
	stopped_by = sig;
}

static struct snap *
last(struct tui *t)
{
	return &t->reading[t->now];
}

/* Reads into the older of the two. */
static int
take(struct tui *t)
{
	struct snap *into = &t->reading[!t->now];
	int e = snap_take(&t->source, into, SNAP_ALL);

	if (e != 0)
		return e;
	t->now = !t->now;
	return 0;
}

/* Why the adapter whose details show is refused. */
static void
take_reason(struct tui *t)
{
	struct snap *s = last(t);
	int64_t row;

	t->ui.reason[0] = '\0';
	if (!t->attached || !t->ui.detail || t->ui.view != VIEW_adapters)
		return;
	row = columns_find(LIST_ADAPTERS, s, t->ui.detail_of);
	if (row >= 0)
		(void)snap_reason(&t->source, s->adapter[row].index,
		    t->ui.reason);
}

static int
attach(struct tui *t)
{
	int e = snap_attach(&t->source, t->options->instance);

	t->attached = e == 0;
	t->has_before = false;
	return e;
}

/* Another life of the instance, if there is one: from now on it is read.  What
 * was shown stays as long as there is none. */
static bool
attach_again(struct tui *t)
{
	struct snap_source fresh;
	struct snap *into = &t->reading[!t->now];

	t->has_before = false;
	if (snap_attach(&fresh, t->options->instance) != 0)
		return false;
	if (snap_take(&fresh, into, SNAP_ALL) != 0 || !into->alive) {
		snap_detach(&fresh);
		return false;
	}
	if (t->attached)
		snap_detach(&t->source);
	/* What lies in the source may point into itself. */
	snap_detach(&fresh);
	if (attach(t) != 0 || take(t) != 0)
		return false;
	ask_close(&t->ask);
	t->ended_ns = 0;
	t->ui.ended[0] = '\0';
	ui_say(&t->ui, LOOK_GOOD, "instance %s is back", last(t)->instance);
	return true;
}

static void
say_ended(struct tui *t, nsec now)
{
	char ago[TEXT_MAX];

	if (t->ended_ns == 0)
		t->ended_ns = now;
	snprintf(t->ui.ended, sizeof(t->ui.ended),
	    "instance %.64s has ended %s ago; waiting for it to come back",
	    t->options->instance, text_long(ago, now - t->ended_ns));
}

/* A new reading; of an instance that has ended, the last one stays. */
static void
look(struct tui *t)
{
	nsec now = clock_mono();
	int e = 0;

	t->looked_ns = now;
	if (t->ended_ns == 0) {
		e = take(t);
		t->has_before = e == 0;
	}
	if ((t->ended_ns != 0 || e != 0 || !last(t)->alive) && !attach_again(t))
		say_ended(t, now);
	take_reason(t);
}

static void
draw(struct tui *t)
{
	ui_draw(&t->ui, &t->page, t->has_before ? &t->reading[!t->now] : NULL,
	    last(t));
}

/* A page of the size of the screen. */
static int
fit(struct tui *t)
{
	int cols, rows;

	screen_size(&cols, &rows);
	if (t->page.cell != NULL && t->page.cols == cols &&
	    t->page.rows == rows)
		return 0;
	page_close(&t->page);
	return page_open(&t->page, cols, rows, t->options->ascii);
}

/* Not between the keys of one that types fast, or pastes. */
static void
show(struct tui *t)
{
	nsec now = clock_mono();

	draw(t);
	if (screen_typed() && now - t->drawn_ns < UNSEEN)
		return;
	screen_draw(&t->page, t->ui.redraw);
	t->ui.redraw = false;
	t->drawn_ns = now;
}

/* One turn: draws, waits for a key or the next reading, obeys. */
static int
turn(struct tui *t)
{
	nsec interval = t->options->interval_ms * MILLISECOND;
	int e = fit(t), wait_ms, code;
	nsec due;

	if (e != 0)
		return e;
	show(t);
	due = t->looked_ns + interval - clock_mono();
	if (t->ui.paused || due > interval || due < 0)
		due = t->ui.paused ? interval : 0;
	wait_ms = (int)(due / MILLISECOND) + 1;
	if (t->ask.waits && wait_ms > ASKED_MS)
		wait_ms = ASKED_MS;
	if ((code = screen_key(wait_ms)) == PRESS_GONE)
		return err_set(ERR_IO, "top: the terminal has gone");
	ui_key(&t->ui, last(t), code);
	if (t->ui.wished) {
		t->ui.wished = false;
		ask_start(&t->ask, &t->ui, last(t)->admin_path);
	}
	ask_look(&t->ask, &t->ui);
	if (!t->ui.paused && clock_mono() >= t->looked_ns + interval)
		look(t);
	else
		take_reason(t);
	return 0;
}

static void
watch_signals(void (*handler)(int))
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
	struct sigaction act = { .sa_handler = handler };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &act, NULL);
}

static int
start(struct tui *t, const struct tui_options *o)
{
	struct list *l;
	int e;

	memset(t, 0, sizeof(*t));
	t->options = o;
	ask_open(&t->ask);
	ui_open(&t->ui, o->view);
	l = ui_list(&t->ui);
	if (l != NULL && o->sort != NULL && (e = list_sort_by(l, o->sort)) != 0)
		return e;
	if (l != NULL && o->filter != NULL)
		snprintf(l->filter, sizeof(l->filter), "%s", o->filter);
	if ((e = attach(t)) != 0)
		return e;
	return take(t);
}

static void
finish(struct tui *t)
{
	ask_close(&t->ask);
	ui_close(&t->ui);
	page_close(&t->page);
	snap_free(&t->reading[0]);
	snap_free(&t->reading[1]);
	if (t->attached)
		snap_detach(&t->source);
}

int
tui_once(const struct tui_options *o, FILE *out)
{
	static struct tui t;
	int e = start(&t, o);

	if (e == 0)
		e = page_open(&t.page, o->cols > 0 ? o->cols : COLS,
		    o->rows > 0 ? o->rows : ROWS, o->ascii);
	if (e == 0) {
		if (!last(&t)->alive)
			say_ended(&t, clock_mono());
		draw(&t);
		page_write(&t.page, out);
	}
	finish(&t);
	return e;
}

int
tui_run(const struct tui_options *o)
{
	static struct tui t;
	int e = start(&t, o);

	if (e == 0)
		e = screen_open(o->colour);
	if (e == 0) {
		watch_signals(on_signal);
		if (!last(&t)->alive)
			say_ended(&t, clock_mono());
		while (e == 0 && !t.ui.quit && stopped_by == 0)
			e = turn(&t);
		screen_close();
		alarm(0);
		watch_signals(SIG_DFL);
	}
	finish(&t);
	/* The terminal is as it was; now the signal does what it does. */
	if (stopped_by != 0)
		raise(stopped_by);
	return e;
}

/* The life that all processes lead. */
#include "proc/proc.h"

#include "base/err.h"
#include "proc/idle.h"
#include "proc/settings.h"
#include "proc/sig.h"
#include "shm/word.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* After the supervisor's end a process finishes what it can in this time. */
#define ORPHAN_NS (2 * SECOND)
/* And with this one it ends, wherever it hangs: there is nobody to kill it. */
#define ORPHAN_ALARM_S 10

struct life {
	const struct proc_ops *ops;
	struct proc *p;
	struct idle idle;
	nsec next_tick;
	nsec orphan_until; /* 0: the supervisor lives */
	uint64_t epochs;   /* sum over all roles, when last looked at */
	uint32_t halt;	   /* as last looked at */
	bool replaced;	   /* a successor has been started */
};

static void
enter(struct proc *p, enum cell_state state)
{
	atomic_store_explicit(&p->cell->state, state, memory_order_release);
}

static int
fail(struct proc *p, int e)
{
	snprintf(p->cell->last_words, sizeof(p->cell->last_words), "%s",
	    err_text());
	enter(p, CELL_FAILED);
	log_error("cannot start reason=%s", err_text());
	return err_status(e);
}

static uint64_t
epochs_now(const struct proc *p)
{
	uint64_t sum = 0;

	for (int i = 0; i < PROC_COUNT; i++)
		sum += proc_epoch(p, (enum proc_id)i);
	return sum;
}

static uint32_t
halt_now(const struct proc *p)
{
	return atomic_load_explicit(&p->order->halt, memory_order_acquire);
}

/* Somebody's word to us lies unread: do not sleep. */
static bool
called(const struct life *l)
{
	return halt_now(l->p) != l->halt || epochs_now(l->p) != l->epochs ||
	    (l->ops->busy != NULL && l->ops->busy(l->p));
}

static bool
nothing_waits(void *arg)
{
	return !called(arg);
}

/* Any request that somebody in the house still owes an answer. */
static bool
request_open(const struct proc *p)
{
	for (uint32_t i = 0; i < p->plan->slots; i++)
		if (word_load(&p->segs.f[i]).state == F_SUB)
			return true;
	return false;
}

static bool
supervisor_gone(void)
{
	struct pollfd control = { .fd = PROC_CONTROL_FD };

	return poll(&control, 1, 0) > 0 &&
	    (control.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void
tick(struct life *l, nsec now)
{
	struct proc *p = l->p;
	bool open = p->draining ||
	    (now - l->idle.worked_ns >= IDLE_LATELY_NS && request_open(p));

	atomic_store_explicit(&p->cell->beat_ns, now, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->cell->turns, 1, memory_order_relaxed);
	if (l->orphan_until == 0 && supervisor_gone()) {
		log_warn("the supervisor has gone; finishing and leaving");
		l->orphan_until = now + ORPHAN_NS;
		alarm(ORPHAN_ALARM_S);
	}
	l->replaced = proc_epoch(p, p->id) != p->epoch;
	l->ops->tick(p, now);
	l->next_tick = now + idle_tick(&l->idle, now, open);
}

static bool
over(struct life *l, nsec now)
{
	struct proc *p = l->p;

	l->halt = halt_now(p);
	if (l->replaced || l->halt > 1)
		return true;
	if (l->halt == 0 && l->orphan_until == 0)
		return false;
	if (!p->draining) {
		p->draining = true;
		enter(p, CELL_DRAIN);
	}
	return l->ops->drained(p) ||
	    (l->orphan_until != 0 && now >= l->orphan_until);
}

static void
rest(struct life *l)
{
	if (l->idle.may_spin && l->ops->busy != NULL)
		while (clock_mono() - l->idle.worked_ns < IDLE_SPIN_NS)
			if (called(l))
				return;
	if (l->ops->sleep != NULL)
		l->ops->sleep(l->p, l->next_tick);
	else
		(void)bell_wait(&l->p->segs.bell[l->p->id], nothing_waits, l,
		    l->next_tick);
}

static void
live(struct life *l)
{
	for (;;) {
		nsec now = clock_mono();
		uint64_t epochs = epochs_now(l->p);

		if (now >= l->next_tick || epochs != l->epochs) {
			l->epochs = epochs;
			tick(l, now);
		}
		if (over(l, now))
			break;
		if (l->ops->step(l->p, now) > 0) {
			l->idle.worked_ns = now;
			idle_wake(&l->idle);
			if (l->next_tick > now + PROC_TICK_NS)
				l->next_tick = now + PROC_TICK_NS;
		} else
			rest(l);
	}
}

static int
read_settings(struct proc *p)
{
	const struct supervisor_seg *s = p->segs.supervisor;

	if (s->settings_bytes != sizeof(p->conf))
		return err_set(ERR_LAYOUT,
		    "the settings are of another build: this program and "
		    "chameleon do not belong together");
	(void)settings_read(&p->segs, &p->conf);
	return 0;
}

/* Says who lives here now.  State before epoch: whoever sees the new epoch
 * does not see the last life's RUN. */
static void
be_born(struct proc *p)
{
	p->plan = p->segs.plan;
	p->cell = p->segs.cell[p->id];
	p->order = &p->segs.supervisor->order[p->id];
	p->epoch = proc_epoch(p, p->id);
	p->cell->last_words[0] = '\0';
	atomic_store(&p->cell->working_on, 0);
	atomic_store(&p->cell->beat_ns, clock_mono());
	enter(p, CELL_BOOT);
	atomic_store_explicit(&p->cell->epoch, p->epoch, memory_order_release);
	sig_crashes_to(p->cell);
}

static bool
started_by_hand(int argc)
{
	int type;
	socklen_t n = sizeof(type);

	return argc != 2 ||
	    getsockopt(PROC_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &n) != 0;
}

int
proc_main(int argc, char **argv, const struct proc_ops *ops)
{
	static struct proc me;
	struct life l = { .ops = ops, .p = &me };
	int e;

	log_open(seg_proc_name(ops->id), LOG_INFO);
	if (started_by_hand(argc)) {
		fprintf(stderr,
		    "chameleon-%s is a part of the engine; 'chameleon "
		    "serve' starts it\n",
		    seg_proc_name(ops->id));
		return err_status(ERR_USAGE);
	}
	sig_ignore();
	me = (struct proc){ .id = ops->id };
	if ((e = segs_open(&me.segs, argv[1], ops->id)) != 0) {
		log_error("cannot start reason=%s", err_text());
		return err_status(e);
	}
	be_born(&me);
	if ((e = read_settings(&me)) != 0)
		return fail(&me, e);
	proc_log_open(seg_proc_name(ops->id), &me.conf);
	if ((e = ops->open(&me)) != 0)
		return fail(&me, e);
	idle_begin(&l.idle, clock_mono());
	enter(&me, CELL_RUN);
	live(&l);
	ops->close(&me);
	enter(&me, CELL_DONE);
	return l.replaced ? 111 : 0;
}

void
proc_wake(struct proc *p, enum proc_id peer)
{
	bell_ring(&p->segs.bell[peer]);
}

uint32_t
proc_epoch(const struct proc *p, enum proc_id peer)
{
	return atomic_load_explicit(&p->segs.supervisor->order[peer].epoch,
	    memory_order_acquire);
}

bool
proc_is_up(const struct proc *p, enum proc_id peer)
{
	const struct cell *c = p->segs.cell[peer];
	uint32_t epoch = atomic_load_explicit(&c->epoch, memory_order_acquire);
	uint32_t state = atomic_load_explicit(&c->state, memory_order_acquire);

	return epoch == proc_epoch(p, peer) &&
	    (state == CELL_RUN || state == CELL_DRAIN);
}

static enum log_level
least(const struct conf *c)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	for (int i = 0; i < 4; i++)
		if (strcmp(c->log, names[i]) == 0)
			return (enum log_level)i;
	return LOG_INFO;
}

void
proc_log_open(const char *who, const struct conf *c)
{
	log_open(who, least(c));
	log_form_set(strcmp(c->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT,
	    c->instance);
}

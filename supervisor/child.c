/* What the table's words do. */
#include "supervisor/child.h"

#include "base/err.h"
#include "base/log.h"
#include "supervisor/note.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

static const char *
name_of(const struct child *c)
{
	return seg_proc_name(c->id);
}

static struct order *
order_of(struct sv *sv, const struct child *c)
{
	return &sv->segs.supervisor->order[c->id];
}

void
sv_end(struct sv *sv, enum sv_stop stop, int status, const char *why)
{
	if (sv->stop == SV_STAY)
		sv->status = status;
	if (stop > sv->stop)
		sv_note(&sv->segs, EVENT_ENDING, (uint64_t)status, "%s%s",
		    stop == SV_NOW ? "now: " : "", why);
	if (stop > sv->stop)
		sv->stop = stop;
}

static void
watch(struct sv *sv, int fd, enum sv_source source, enum proc_id id)
{
	struct epoll_event ev = { .events = EPOLLIN,
		.data.u64 = (uint64_t)source << 8 | (uint64_t)id };

	(void)epoll_ctl(sv->epoll, EPOLL_CTL_ADD, fd, &ev);
}

void
child_interest(struct sv *sv, struct child *c)
{
	struct epoll_event ev = { .events = door_wants_room(&sv->door) ?
		    EPOLLOUT :
		    EPOLLIN,
		.data.u64 = (uint64_t)SV_CONTROL << 8 | (uint64_t)c->id };

	if (c->at.control >= 0)
		(void)epoll_ctl(sv->epoll, EPOLL_CTL_MOD, c->at.control, &ev);
}

/* ------------------------------------------------------------- actions */

static void
do_nothing(struct sv *sv, struct child *c, nsec now)
{
	(void)sv;
	(void)c;
	(void)now;
}

/* Its control socket is new and empty, so this cannot be too much for it. */
static void
hand_metrics(struct sv *sv, struct child *c)
{
	struct door_message m = { DOOR_LISTENER, 0, 0 };

	if (sv->metrics >= 0 && door_send(c->at.control, m, sv->metrics) != 0)
		log_warn("the monitor gets no listener reason=%s", err_text());
}

/* On a GPU all others of the pool stand on the holder.  A new one finds its
 * memory free only when nobody holds that of the last; and gpuexec must not
 * believe what the loader has said of a pool that is gone (pool.h). */
static bool
may_start(const struct sv *sv, const struct child *c)
{
	const struct child *holder = &sv->child[PROC_HOLDER];
	uint64_t now = atomic_load(
	    &sv->segs.supervisor->order[PROC_HOLDER].epoch);
	uint64_t about = atomic_load(sv->segs.pool_number);

	if (!seg_has_proc(sv->segs.plan, PROC_HOLDER))
		return true;
	switch (c->id) {
	case PROC_HOLDER:
		return sv->child[PROC_LOADER].at.pid < 0 &&
		    sv->child[PROC_GPUEXEC].at.pid < 0;
	case PROC_LOADER:
		return holder->state == SV_UP;
	case PROC_GPUEXEC:
		return holder->state == SV_UP && (about == 0 || about == now);
	default:
		return true;
	}
}

static void
do_try(struct sv *sv, struct child *c, nsec now)
{
	if (may_start(sv, c))
		child_event(sv, c, EV_CLEAR, now);
}

static void
do_spawn(struct sv *sv, struct child *c, nsec now)
{
	struct order *o = order_of(sv, c);
	int e;

	bell_format(&sv->segs.bell[c->id]);
	atomic_store(&o->halt, 0);
	c->spawned_ns = now;
	c->up_ns = c->killed_ns = 0;
	c->timer_ns = now + SV_BOOT_NS;
	if ((e = spawn_role(&c->at, name_of(c), sv->segs.instance)) != 0) {
		log_error("process cannot be started role=%s reason=%s",
		    name_of(c), err_text());
		snprintf(c->last_words, sizeof(c->last_words), "%s",
		    err_text());
		snprintf(c->end.how, sizeof(c->end.how), "no process");
		c->end.status = err_status(e);
		child_event(sv, c,
		    c->end.status == 100 ? EV_REFUSED : EV_EXITED, now);
		return;
	}
	atomic_store(&o->start_time, spawn_start_time(c->at.pid));
	atomic_store(&o->pid, (uint32_t)c->at.pid);
	watch(sv, c->at.pidfd, SV_ENDED, c->id);
	if (c->id == PROC_FRONTEND) {
		watch(sv, c->at.control, SV_CONTROL, c->id);
		if (sv->ready)
			door_hand_over(&sv->door);
		child_interest(sv, c);
	}
	if (c->id == PROC_MONITOR)
		hand_metrics(sv, c);
	if (c->id == PROC_HOLDER)
		spawn_spare(c->at.pid);
	log_info("process started role=%s role_pid=%d life=%u", name_of(c),
	    (int)c->at.pid, atomic_load(&o->epoch));
	sv_note(&sv->segs, EVENT_STARTED, atomic_load(&o->epoch), "%s",
	    name_of(c));
}

static void
do_note(struct sv *sv, struct child *c, nsec now)
{
	(void)sv;
	if (c->state == SV_UP)
		log_info("process is up role=%s after_ms=%.0f", name_of(c),
		    clock_ms(now - c->spawned_ns));
	else if (c->state == SV_DOWN)
		log_debug("process is down role=%s", name_of(c));
}

static void
do_wait(struct sv *sv, struct child *c, nsec now)
{
	nsec ready = c->up_ns == 0 ? 0 : now - c->up_ns;
	nsec wait = sv_wait(&c->deaths, ready, now);
	char why[64];

	if (!sv->ready && c->deaths.too_often) {
		log_error("process cannot be started; giving up role=%s",
		    name_of(c));
		snprintf(why, sizeof(why), "%s cannot be started", name_of(c));
		sv_end(sv, SV_NOW, 111, why);
		return;
	}
	if (c->deaths.too_often)
		log_warn("process dies too often: from now on it is started "
			 "seldom role=%s every_s=%.0f",
		    name_of(c), (double)SV_WAIT_MAX_NS / (double)SECOND);
	log_info("process will be started again role=%s in_ms=%.0f", name_of(c),
	    clock_ms(wait));
	c->timer_ns = now + wait;
	atomic_fetch_add(&order_of(sv, c)->restarts, 1);
}

/* Without one of its processes the engine answers nobody: what is open is told
 * so, and everything ends. */
static void
do_give_up(struct sv *sv, struct child *c, nsec now)
{
	char why[64];

	(void)now;
	log_error("process cannot start, so the engine ends role=%s reason=%s",
	    name_of(c),
	    c->last_words[0] != '\0' ? c->last_words :
				       "its own line above says why");
	snprintf(why, sizeof(why), "%s cannot start", name_of(c));
	sv_end(sv, sv->ready ? SV_DRAIN : SV_NOW, 100, why);
}

static void
halt(struct sv *sv, struct child *c, uint32_t how, nsec until)
{
	struct order *o = order_of(sv, c);

	atomic_store(&o->drain_until_ns, until);
	atomic_store_explicit(&o->halt, how, memory_order_release);
	bell_post(&sv->segs.bell[c->id]);
	c->timer_ns = until;
}

static void
do_ask_halt(struct sv *sv, struct child *c, nsec now)
{
	nsec length = SV_LEAVE_NS;

	/* What nobody can finish any more is not waited for. */
	if (c->id == PROC_FRONTEND)
		length = sv->status != 0 ?
		    0 :
		    sv->conf->supervisor_drain_ms * MILLISECOND;
	log_info("process is asked to finish role=%s within_ms=%.0f",
	    name_of(c), clock_ms(length));
	halt(sv, c, 1, now + length);
	/* At its deadline the frontend still has the last lines to send. */
	if (c->id == PROC_FRONTEND)
		c->timer_ns += SV_LEAVE_NS;
}

static void
do_hurry(struct sv *sv, struct child *c, nsec now)
{
	halt(sv, c, 2, now + SV_LEAVE_NS);
}

static void
do_abort(struct sv *sv, struct child *c, nsec now)
{
	(void)sv;
	log_warn("process does not answer; ending it role=%s role_pid=%d",
	    name_of(c), (int)c->at.pid);
	spawn_signal(&c->at, SIGABRT);
	c->timer_ns = now + SV_ABORT_NS;
}

static void
do_kill(struct sv *sv, struct child *c, nsec now)
{
	(void)sv;
	log_warn("process is killed role=%s role_pid=%d", name_of(c),
	    (int)c->at.pid);
	spawn_signal(&c->at, SIGKILL);
	c->killed_ns = now;
	c->timer_ns = now + SV_KILL_NS;
}

/* Not even SIGKILL ends who hangs in a driver. */
static void
do_warn(struct sv *sv, struct child *c, nsec now)
{
	(void)sv;
	log_error("process was killed and does not end: it hangs in a driver "
		  "or on a disk, and until it has ended no other can take its "
		  "place; restart the machine if it does not "
		  "role=%s role_pid=%d for_s=%.0f",
	    name_of(c), (int)c->at.pid,
	    (double)(now - c->killed_ns) / (double)SECOND);
	c->timer_ns = now + SV_KILL_NS;
}

static void
do_abandon(struct sv *sv, struct child *c, nsec now)
{
	log_error("process was killed and does not end; the engine ends "
		  "without it role=%s role_pid=%d for_s=%.0f",
	    name_of(c), (int)c->at.pid,
	    (double)(now - c->killed_ns) / (double)SECOND);
	sv->status = 111;
}

static void (*const actions[SV_NACTION])(struct sv *, struct child *, nsec) = {
	[DO_NOTHING] = do_nothing,
	[DO_TRY] = do_try,
	[DO_SPAWN] = do_spawn,
	[DO_NOTE] = do_note,
	[DO_WAIT] = do_wait,
	[DO_GIVE_UP] = do_give_up,
	[DO_ASK_HALT] = do_ask_halt,
	[DO_HURRY] = do_hurry,
	[DO_ABORT] = do_abort,
	[DO_KILL] = do_kill,
	[DO_WARN] = do_warn,
	[DO_ABANDON] = do_abandon,
};

/* -------------------------------------------------------------- events */

void
child_event(struct sv *sv, struct child *c, enum sv_event event, nsec now)
{
	struct sv_row row = sv_next(c->state, event);

	if (row.action == DO_NOTHING)
		return;
	log_debug("process changes state role=%s was=%s now=%s", name_of(c),
	    sv_state_name(c->state), sv_state_name(row.next));
	c->state = row.next;
	c->timer_ns = 0;
	actions[row.action](sv, c, now);
}

/* What it left in its cell; nobody writes there any more. */
static void
hear(struct sv *sv, struct child *c)
{
	const struct cell *cell = sv->segs.cell[c->id];
	uint64_t on = atomic_load(&cell->working_on);
	size_t n;

	memcpy(c->last_words, cell->last_words, sizeof(c->last_words));
	c->last_words[sizeof(c->last_words) - 1] = '\0';
	n = strlen(c->last_words);
	if (on != 0)
		snprintf(c->last_words + n, sizeof(c->last_words) - n,
		    "%sworking on %ju", n == 0 ? "" : "; ",
		    (uintmax_t)(on - 1));
}

static void
tell_death(struct sv *sv, const struct child *c, pid_t pid, nsec now)
{
	bool wanted = c->state == SV_STOPPING || c->state == SV_LEAVING;
	double after = (double)(now - c->spawned_ns) / (double)SECOND;

	if (wanted && c->end.status == 0) {
		log_info("process ended role=%s role_pid=%d", name_of(c),
		    (int)pid);
		return;
	}
	sv_note(&sv->segs, EVENT_DIED, atomic_load(&order_of(sv, c)->epoch),
	    "%s: %s%s%s", name_of(c), c->end.how,
	    c->last_words[0] == '\0' ? "" : "; ", c->last_words);
	if (c->last_words[0] == '\0')
		log_warn("process died role=%s role_pid=%d after_s=%.1f by=%s",
		    name_of(c), (int)pid, after, c->end.how);
	else
		log_warn("process died role=%s role_pid=%d after_s=%.1f by=%s "
			 "last_words=%s",
		    name_of(c), (int)pid, after, c->end.how, c->last_words);
}

/* The memory of a dead holder is gone: whoever has it open ends too, and starts
 * again when there is another. */
static void
lose_pool(struct sv *sv, nsec now)
{
	if (sv->child[PROC_LOADER].at.pid < 0 &&
	    sv->child[PROC_GPUEXEC].at.pid < 0)
		return;
	log_warn("the memory of the GPU is gone with its holder; loader and "
		 "gpuexec start anew with the next pool=%u",
	    atomic_load(&sv->segs.supervisor->order[PROC_HOLDER].epoch));
	child_event(sv, &sv->child[PROC_GPUEXEC], EV_LOST, now);
	child_event(sv, &sv->child[PROC_LOADER], EV_LOST, now);
}

void
child_ended(struct sv *sv, struct child *c, nsec now)
{
	struct order *o = order_of(sv, c);
	pid_t pid = c->at.pid;

	if (!spawn_reap(&c->at, &c->end))
		return;
	c->killed_ns = 0;
	hear(sv, c);
	tell_death(sv, c, pid, now);
	/* Reaped, so nobody writes its segment; now its epoch ends. */
	atomic_store(&o->pid, 0);
	atomic_fetch_add_explicit(&o->epoch, 1, memory_order_acq_rel);
	bell_format(&sv->segs.bell[c->id]);
	for (int i = 0; i < PROC_COUNT; i++)
		if (i != (int)c->id)
			bell_post(&sv->segs.bell[i]);
	if (c->id == PROC_FRONTEND)
		door_shut(&sv->door);
	if (c->id == PROC_HOLDER && c->state != SV_STOPPING &&
	    c->state != SV_LEAVING)
		lose_pool(sv, now);
	child_event(sv, c, c->end.status == 100 ? EV_REFUSED : EV_EXITED, now);
}

static bool
silent(const struct sv *sv, const struct child *c, nsec now)
{
	nsec beat = atomic_load(&sv->segs.cell[c->id]->beat_ns);
	nsec most = seg_proc_silence(c->id);

	if (beat < c->patience_ns)
		beat = c->patience_ns;
	return most > 0 && now - beat > most;
}

static bool
running(struct sv *sv, const struct child *c)
{
	const struct cell *cell = sv->segs.cell[c->id];
	uint32_t epoch = atomic_load(&order_of(sv, c)->epoch);

	return atomic_load(&cell->epoch) == epoch &&
	    atomic_load(&cell->state) == CELL_RUN;
}

void
child_look(struct sv *sv, struct child *c, nsec now)
{
	/* If we slept too long ourselves, its silence says nothing. */
	if (now - sv->turn_ns > seg_proc_silence(c->id) / 2)
		c->patience_ns = now;
	if (c->state == SV_BOOTING && running(sv, c)) {
		c->up_ns = c->patience_ns = now;
		child_event(sv, c, EV_RUNNING, now);
	}
	if ((c->state == SV_UP || c->state == SV_STOPPING) && c->up_ns != 0 &&
	    silent(sv, c, now))
		child_event(sv, c, EV_SILENT, now);
	if (c->state == SV_WAITING && may_start(sv, c))
		child_event(sv, c, EV_CLEAR, now);
	if (c->timer_ns != 0 && now >= c->timer_ns)
		child_event(sv, c, c->killed_ns != 0 ? EV_WEDGED : EV_TIMER,
		    now);
}

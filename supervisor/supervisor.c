/* The loop that waits for something to happen, and what stands around it. */
#include "supervisor/supervisor.h"

#include "base/err.h"
#include "base/log.h"
#include "proc/proc.h"
#include "supervisor/child.h"
#include "supervisor/house.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"
#include "supervisor/plan.h"
#include "supervisor/reload.h"
#include "supervisor/spawn.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_MAX 16
#define OPERATORS_MAX 16u /* admin connections beside the clients' */
#define FDS_OWN 64u
#define TURN_NS (100 * MILLISECOND)
#define BOOT_TURN_NS MILLISECOND
#define SLOW_BOOT_NS (2 * SECOND) /* from then on it is not worth the hurry */
#define SLOW_BOOT_TURN_NS (20 * MILLISECOND)

/* --------------------------------------------------------------- a turn */

static bool
up(const struct sv *sv, bool but_frontend)
{
	for (int i = 0; i < PROC_COUNT; i++)
		if (sv->child[i].state != SV_UP &&
		    seg_has_proc(sv->segs.plan, (enum proc_id)i) &&
		    !(but_frontend && i == PROC_FRONTEND))
			return false;
	return true;
}

static void
tell_ready(struct sv *sv)
{
	const struct conf *c = sv->conf;
	uint64_t adapters = atomic_load(&sv->segs.loader_meters->listed);
	const char *metrics = sv->segs.supervisor->metrics;
	const char *before = metrics[0] == '\0' ? "" : " metrics=";
	char device[32];

	(void)plan_device_text(sv->segs.plan, device, sizeof(device));
	printf("ready listen=%s instance=%s model=%s device=%s adapters=%ju "
	       "pid=%d%s%s\n",
	    sv->listen, c->instance, c->model, device, (uintmax_t)adapters,
	    (int)getpid(), before, metrics);
	/* If nobody can read it the engine serves all the same. */
	fflush(stdout);
	clearerr(stdout);
	if (metrics[0] == '\0')
		log_info("ready listen=%s instance=%s model=%s device=%s "
			 "adapters=%ju",
		    sv->listen, c->instance, c->model, device,
		    (uintmax_t)adapters);
	else
		log_info("ready listen=%s instance=%s model=%s device=%s "
			 "adapters=%ju metrics=%s",
		    sv->listen, c->instance, c->model, device,
		    (uintmax_t)adapters, metrics);
	notify_send("READY=1");
}

/* The frontend gets the listener once the others can work, so that a start
 * that fails has never let a client in. */
static void
look_ready(struct sv *sv)
{
	struct child *frontend = &sv->child[PROC_FRONTEND];

	if (sv->ready || sv->stop != SV_STAY || !up(sv, true))
		return;
	if (sv->door.stage == DOOR_CLOSED && frontend->at.control >= 0) {
		door_hand_over(&sv->door);
		(void)door_turn(&sv->door, frontend->at.control);
		child_interest(sv, frontend);
	}
	if (sv->door.stage != DOOR_OPEN || !up(sv, false))
		return;
	sv->ready = true;
	tell_ready(sv);
}

/* The frontend first, so that what is accepted is finished; each of the others
 * when those above it have gone. */
static void
look_stop(struct sv *sv, nsec now)
{
	if (sv->stop == SV_STAY && atomic_load(sv->segs.drain_asked) != 0) {
		log_info("an operator wants the end: finishing what is open");
		sv_end(sv, SV_DRAIN, 0, "an operator's wish");
	}
	for (int i = PROC_COUNT - 1; sv->stop != SV_STAY && i >= 0; i--) {
		struct child *c = &sv->child[i];

		if (c->state == SV_DOWN)
			continue;
		child_event(sv, c, sv->stop == SV_NOW ? EV_HURRY : EV_STOP,
		    now);
		if (sv->stop == SV_DRAIN && c->state != SV_DOWN)
			break;
	}
}

static bool
ended(const struct sv *sv)
{
	for (int i = 0; i < PROC_COUNT; i++)
		if (sv->child[i].state != SV_DOWN)
			return false;
	return sv->stop != SV_STAY;
}

static int
turn_ms(const struct sv *sv, nsec now)
{
	nsec length = TURN_NS;

	for (int i = 0; i < PROC_COUNT; i++) {
		const struct child *c = &sv->child[i];
		nsec boot = now - c->spawned_ns < SLOW_BOOT_NS ?
		    BOOT_TURN_NS :
		    SLOW_BOOT_TURN_NS;

		if (c->state == SV_BOOTING && boot < length)
			length = boot;
		if (c->timer_ns != 0 && c->timer_ns - now < length)
			length = c->timer_ns > now ? c->timer_ns - now : 0;
	}
	return (int)((length + MILLISECOND - 1) / MILLISECOND);
}

static void
end_by_signal(struct sv *sv, int number)
{
	bool again = sv->stop != SV_STAY;
	char why[32];

	snprintf(why, sizeof(why), "SIG%s", sigabbrev_np(number));
	log_info("%s signal=%s",
	    again ? "stopping now" :
		    "finishing what is open; once more to stop now",
	    why);
	notify_send("STOPPING=1");
	sv_end(sv, again ? SV_NOW : SV_DRAIN, 0, why);
}

static void
hear_signal(struct sv *sv)
{
	struct signalfd_siginfo info;

	while (read(sv->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGHUP)
			(void)reload(&sv->segs, sv->read);
		else
			end_by_signal(sv, (int)info.ssi_signo);
}

static void
hear_control(struct sv *sv, struct child *c)
{
	if (c->at.control < 0)
		return;
	if (door_turn(&sv->door, c->at.control) != 0) {
		/* Its pidfd will say more. */
		(void)epoll_ctl(sv->epoll, EPOLL_CTL_DEL, c->at.control, NULL);
		door_shut(&sv->door);
		return;
	}
	child_interest(sv, c);
}

static void
watch(struct sv *sv)
{
	struct epoll_event ev[EVENTS_MAX];

	while (!ended(sv)) {
		nsec now = clock_mono();
		int n = epoll_wait(sv->epoll, ev, EVENTS_MAX, turn_ms(sv, now));

		now = clock_mono();
		for (int i = 0; i < n; i++) {
			uint64_t source = ev[i].data.u64 >> 8;
			struct child *c = &sv->child[ev[i].data.u64 & 255u];

			if (source == SV_SIGNAL)
				hear_signal(sv);
			else if (source == SV_ENDED)
				child_ended(sv, c, now);
			else
				hear_control(sv, c);
		}
		for (int i = 0; i < PROC_COUNT; i++)
			child_look(sv, &sv->child[i], now);
		sv->turn_ns = now;
		look_ready(sv);
		look_stop(sv, now);
	}
}

/* ---------------------------------------------------- before and after */

/* Each client takes one descriptor here and one in the frontend.  Where there
 * are not enough of them, fewer clients are let in. */
static void
ask_descriptors(struct plan *p)
{
	uint32_t want = p->connections + OPERATORS_MAX + FDS_OWN;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want;
	if (limit.rlim_max < want) {
		rlim_t most = limit.rlim_max;

		limit.rlim_max = want; /* root may */
		if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
			return;
		limit.rlim_cur = limit.rlim_max = most;
		p->connections = most > OPERATORS_MAX + FDS_OWN + 1 ?
		    (uint32_t)most - OPERATORS_MAX - FDS_OWN :
		    1;
		log_warn("frontend.connections_max is more than open files "
			 "allow (see 'ulimit -n') open_files=%u connections=%u",
		    (unsigned)most, p->connections);
	}
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int
watch_signals(struct sv *sv)
{
	struct epoll_event ev = { .events = EPOLLIN,
		.data.u64 = (uint64_t)SV_SIGNAL << 8 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	sv->epoll = epoll_create1(EPOLL_CLOEXEC);
	sv->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sv->epoll < 0 || sv->signals < 0 ||
	    sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    epoll_ctl(sv->epoll, EPOLL_CTL_ADD, sv->signals, &ev) != 0)
		return err_sys(ERR_IO, "epoll");
	return 0;
}

static void
run(struct sv *sv)
{
	nsec now = sv->turn_ns = clock_mono();

	for (int i = 0; i < PROC_COUNT; i++) {
		struct child *c = &sv->child[i];

		c->id = (enum proc_id)i;
		c->at = (struct spawned){ -1, -1, -1 };
		atomic_store(&sv->segs.supervisor->order[i].epoch, 1);
	}
	for (int i = 0; i < PROC_COUNT; i++)
		if (seg_has_proc(sv->segs.plan, (enum proc_id)i))
			child_event(sv, &sv->child[i], EV_START, now);
	watch(sv);
}

/* What nobody has asked for is no reason not to serve. */
static int
listen_metrics(struct sv *sv, char shown[LISTEN_TEXT_MAX])
{
	const struct conf *c = sv->conf;
	uint16_t port;
	int e;

	shown[0] = '\0';
	if (c->metrics_listen[0] == '\0')
		return 0;
	e = listen_tcp("metrics.listen", c->metrics_listen, &sv->metrics, &port,
	    shown);
	if (e == 0 || c->from[conf_find("metrics.listen")] != CONF_FROM_DEFAULT)
		return e;
	log_warn("no metrics are served reason=%s", err_text());
	return 0;
}

/* Where we are to be found, for consoles. */
static void
tell_place(struct supervisor_seg *seg, const char *listen, const char *metrics,
    uint16_t port, const struct house *h)
{
	snprintf(seg->listen, sizeof(seg->listen), "%s", listen);
	snprintf(seg->metrics, sizeof(seg->metrics), "%s", metrics);
	snprintf(seg->admin_path, sizeof(seg->admin_path), "%.*s",
	    SEG_PATH_MAX - 1, h->admin_path);
	atomic_store(&seg->started_ns, clock_mono());
	atomic_store(&seg->start_time, spawn_start_time(getpid()));
	atomic_store(&seg->pid, (uint32_t)getpid());
	atomic_store(&seg->port, port);
}

/* Between the house being ours and its being given back. */
static int
serve(struct sv *sv, struct plan *p, const struct house *h)
{
	char shown[LISTEN_TEXT_MAX], metrics[LISTEN_TEXT_MAX];
	uint16_t port = 0;
	int e;

	if ((e = listen_tcp("listen", sv->conf->listen, &sv->door.listener,
		 &port, shown)) != 0 ||
	    (e = listen_metrics(sv, metrics)) != 0 ||
	    (e = listen_file(h->admin_path, &sv->door.admin)) != 0 ||
	    (e = park_open(&sv->door.park, p->connections + OPERATORS_MAX)) !=
		0 ||
	    (e = segs_create(&sv->segs, sv->conf->instance, p, sv->conf,
		 sizeof(*sv->conf))) != 0)
		return e;
	tell_place(sv->segs.supervisor, shown, metrics, port, h);
	sv->listen = shown;
	log_info("started instance=%s pid=%d admin=%s", sv->conf->instance,
	    (int)getpid(), h->admin_path);
	run(sv);
	log_info("ended status=%d", sv->status);
	return 0;
}

static void
give_back(struct sv *sv)
{
	const int fds[] = { sv->door.listener, sv->door.admin, sv->metrics,
		sv->signals, sv->epoll };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	park_close(&sv->door.park);
	if (sv->segs.supervisor != NULL)
		segs_close(&sv->segs);
}

int
sv_run(const struct conf *conf, sv_read_f read_conf, int *status)
{
	static struct sv sv;
	struct plan_machine machine;
	struct shape shape;
	struct house house;
	struct plan plan;
	int e;

	proc_log_open("supervisor", conf);
	/* The house first: what a former life has left may hold the GPU. */
	if ((e = house_enter(&house, conf)) != 0)
		return e;
	if ((e = plan_for(&plan, conf, &shape, &machine)) != 0) {
		house_leave(&house);
		return e;
	}
	plan_log(&plan, conf, &machine);
	ask_descriptors(&plan);
	sv = (struct sv){ .conf = conf,
		.read = read_conf,
		.epoll = -1,
		.signals = -1 };
	sv.door.listener = sv.door.admin = sv.metrics = -1;
	if ((e = watch_signals(&sv)) == 0)
		e = serve(&sv, &plan, &house);
	give_back(&sv);
	house_leave(&house);
	*status = sv.status;
	return e;
}

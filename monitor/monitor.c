/* History, metrics, and sleep between them. */
#include "monitor/monitor.h"

#include "base/err.h"
#include "monitor/health.h"
#include "monitor/metrics.h"
#include "proc/door.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static_assert(HEALTH_WHY_MAX <= WEB_WHY_MAX, "a reason fits an answer");

static bool
give_metrics(void *arg, struct page *p, char why[WEB_WHY_MAX])
{
	struct monitor *m = arg;

	if (sight_look(&m->sight) != 0) {
		snprintf(why, WEB_WHY_MAX, "%s", err_text());
		return false;
	}
	metrics_page(&m->sight, p);
	if (p->broken)
		snprintf(why, WEB_WHY_MAX, "no memory for the page");
	return !p->broken;
}

static bool
give_health(void *arg, char why[WEB_WHY_MAX])
{
	struct monitor *m = arg;

	return health_look(&m->proc->segs, clock_mono(), why);
}

int
mon_open(struct monitor *m, struct proc *p, int control)
{
	*m = (struct monitor){ .proc = p, .control = control };
	signal(SIGPIPE, SIG_IGN);
	sight_open(&m->sight, &p->segs);
	past_begin(&m->past, &p->segs, clock_mono());
	return 0;
}

/* Without metrics the rest goes on. */
static void
take_listener(struct monitor *m, int fd)
{
	struct web_source source = { give_metrics, give_health, m };

	if (m->web != NULL) {
		close(fd);
		return;
	}
	if (web_open(&m->web, fd, &source) != 0)
		log_error("no metrics are served reason=%s", err_text());
}

static void
hear(struct monitor *m)
{
	struct door_message message;
	int fd;

	while (door_receive(m->control, &message, &fd) == 0) {
		if (message.kind == DOOR_LISTENER && fd >= 0)
			take_listener(m, fd);
		else if (fd >= 0)
			close(fd);
	}
}

int
mon_step(struct monitor *m, nsec now)
{
	hear(m);
	if (m->web != NULL)
		web_turn(m->web, now);
	(void)past_turn(&m->past, &m->proc->segs, now);
	return 0;
}

void
mon_tick(struct monitor *m, nsec now)
{
	(void)past_turn(&m->past, &m->proc->segs, now);
}

/* The control socket wakes by its end as well: the supervisor has gone. */
void
mon_sleep(struct monitor *m, nsec until)
{
	struct pollfd on[2] = { { .fd = m->control, .events = POLLIN },
		{ .fd = -1, .events = POLLIN } };
	nsec now = clock_mono(), rest = until - now;

	if (rest < MON_REST_NS)
		rest = MON_REST_NS;
	if (m->past.next_ns - now < rest)
		rest = m->past.next_ns - now;
	if (m->web != NULL) {
		on[1].fd = web_fd(m->web);
		rest = web_rest(m->web, rest);
	}
	if (rest > 0)
		(void)poll(on, 2,
		    (int)((rest + MILLISECOND - 1) / MILLISECOND));
}

void
mon_close(struct monitor *m)
{
	web_close(m->web);
	sight_close(&m->sight);
}

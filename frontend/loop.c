/* Step, tick and sleep: where lines, hints and the supervisor meet. */
#include "base/err.h"
#include "frontend/frontend.h"
#include "proc/door.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define HINTS_A_STEP 512
#define MESSAGES_A_STEP 128
#define DEAF_NS (100 * MILLISECOND) /* without descriptors */
#define LAST_BYTES_NS (1 * SECOND)  /* for output, after the drain's end */

void
fe_tell_fail(struct frontend *fe, struct conn *c, const char *id,
    const struct api_fail *fail)
{
	api_error(&c->out, id, fail);
	conns_written(&fe->conns, c);
}

/* The name of the operation; NULL: it is a request.  false: refused. */
static bool
read_op(const json_t *root, const char **op, struct api_fail *fail)
{
	const json_t *v = json_object_get(root, "op");

	*op = NULL;
	if (v == NULL || json_is_null(v))
		return true;
	return api_text_of(v, "op", "a string, the name of an operation", op,
	    fail);
}

static void
on_line(void *arg, struct conn *c, char *line, size_t n)
{
	struct frontend *fe = arg;
	char id[SLOT_ID_MAX];
	struct api_fail fail;
	const char *op;
	json_t *root;

	/* A successor finds here whom to blame. */
	atomic_store_explicit(&fe->proc->cell->working_on, c->index + 1u,
	    memory_order_relaxed);
	if (!api_parse(&root, line, n, id, &fail) ||
	    !read_op(root, &op, &fail)) {
		fe_count(&fe->g->frontend_meters->refused, 1);
		fe_tell_fail(fe, c, id, &fail);
	} else if (op != NULL) {
		fe_op(fe, c, root, op, id[0] != '\0' ? id : "null");
	} else {
		if (id[0] == '\0')
			snprintf(id, sizeof(id), "\"auto-%ju\"",
			    (uintmax_t)++fe->ids_made);
		fe_submit(fe, c, root, id);
	}
	json_decref(root);
	atomic_store_explicit(&fe->proc->cell->working_on, 0,
	    memory_order_relaxed);
}

static void
on_too_long(void *arg, struct conn *c)
{
	struct frontend *fe = arg;
	struct api_fail fail;

	api_refuse(&fail, API_LINE_TOO_LONG, "",
	    "the line is longer than %zu bytes, the limit of "
	    "frontend.line_bytes_max",
	    fe->conns.line_max);
	fe_count(&fe->g->frontend_meters->refused, 1);
	fe_tell_fail(fe, c, "", &fail);
}

static void
on_gone(void *arg, struct conn *c)
{
	struct frontend *fe = arg;
	struct record_note n;

	while (c->answers >= 0) {
		fe_note(fe, (uint32_t)c->answers, RECORD_CANCELLED, "gone", &n);
		fe_slot_close(fe, (uint32_t)c->answers, &n);
	}
	fe_pending_gone(fe, c->tag);
}

const struct conn_ops fe_conn_ops = { on_line, on_too_long, on_gone };

static void
from_supervisor(struct frontend *fe, struct door_message m, int fd)
{
	switch (m.kind) {
	case DOOR_LISTENER:
		fe_listener(fe, FE_CLIENTS, fd);
		return;
	case DOOR_ADMIN:
		fe_listener(fe, FE_OPERATORS, fd);
		return;
	case DOOR_PARKED:
		fe_parked(fe, m.tag, fd);
		return;
	case DOOR_BEGIN:
		fe_begin(fe);
		fe_listen(fe, true);
		break;
	case DOOR_KEPT:
		conns_kept(&fe->conns, m.tag);
		break;
	case DOOR_REFUSED:
		conns_refused(&fe->conns, m.tag);
		break;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void
hear_supervisor(struct frontend *fe)
{
	struct door_message m;
	int fd, e = 0;

	for (int n = 0; n < MESSAGES_A_STEP; n++) {
		e = door_receive(fe->control, &m, &fd);
		if (e == 0)
			from_supervisor(fe, m, fd);
		else if (e != ERR_FORMAT)
			break;
	}
	/* What is left stays readable. */
	if (e == 0 || e == ERR_FORMAT)
		return;
	/* The harness sees the end of the supervisor as well, and drains. */
	if (e != ERR_BUSY)
		(void)epoll_ctl(fe->epoll, EPOLL_CTL_DEL, fe->control, NULL);
}

static void
accept_some(struct frontend *fe, int which)
{
	if (conns_accept(&fe->conns, fe->listener[which],
		which == FE_OPERATORS))
		return;
	fe_listen(fe, false);
	fe->deaf_until = fe->now + DEAF_NS;
}

static int
events(struct frontend *fe)
{
	int n = fe->nevents;

	if (n == 0)
		n = epoll_wait(fe->epoll, fe->event, FE_EVENTS, 0);
	fe->nevents = 0;
	for (int i = 0; i < n; i++) {
		uint64_t data = fe->event[i].data.u64;

		if (data == FE_DATA_CONTROL)
			hear_supervisor(fe);
		else if (data == FE_DATA_WAKER)
			waker_heard(&fe->waker);
		else if (data <= FE_DATA_LISTENER &&
		    data > FE_DATA_LISTENER - FE_LISTENERS)
			accept_some(fe, (int)(FE_DATA_LISTENER - data));
		else
			conns_event(&fe->conns, data, fe->event[i].events);
	}
	return n > 0 ? n : 0;
}

static int
hints(struct frontend *fe, struct ring_rx *rx)
{
	uint64_t slot;
	int n = 0;

	for (; n < HINTS_A_STEP && ring_pop(rx, &slot); n++) {
		if (slot >= fe->plan->slots || !fe->begun)
			continue;
		fe_answer(fe, (uint32_t)slot);
		fe_slot_released(fe, (uint32_t)slot);
	}
	return n;
}

int
fe_step(struct frontend *fe, nsec now)
{
	int work;

	fe->now = now;
	work = hints(fe, &fe->from_gpuexec);
	work += hints(fe, &fe->from_scheduler);
	work += events(fe);
	work += conns_turn(&fe->conns, now);
	atomic_store_explicit(&fe->g->frontend_meters->connections,
	    fe->conns.clients + fe->conns.operators, memory_order_relaxed);
	return work;
}

void
fe_end_all(struct frontend *fe)
{
	struct answer_set_list *open = &fe->sets[ANSWER_OPEN];
	struct api_fail fail;

	api_refuse(&fail, API_SHUTTING_DOWN, "",
	    "the engine is shutting down; the answer was not finished in time");
	fail.retry_after_ms = fe->proc->conf.frontend_retry_after_ms;
	while (open->count > 0)
		fe_answer_fail(fe, open->slot[open->count - 1], &fail);
}

/* Nothing new comes in; at the deadline what is open ends. */
static void
drain(struct frontend *fe, nsec now)
{
	nsec until = atomic_load(&fe->proc->order->drain_until_ns);

	if (!fe->begun)
		return;
	if (!fe->deaf)
		fe_listen(fe, false);
	fe->deaf_until = INT64_MAX;
	if (until != 0 && now >= until)
		fe_end_all(fe);
}

void
fe_tick(struct frontend *fe, nsec now)
{
	uint64_t catalogue = atomic_load_explicit(fe->g->catalogue,
	    memory_order_acquire);
	struct answer_set_list *open = &fe->sets[ANSWER_OPEN];

	fe->now = now;
	/* Backwards: an answer that ends is replaced by the last. */
	for (uint32_t i = open->count; i-- > 0 && fe->begun;)
		fe_answer(fe, open->slot[i]);
	fe_slots_reclaim(fe);
	if (fe->catalogue != catalogue + 1)
		fe_ask_again(fe);
	fe->catalogue = catalogue + 1;
	fe_pending_look(fe);
	fe_slow_tick(fe);
	fe_drops_send(fe);
	conns_tick(&fe->conns, now);
	if (fe->deaf && now >= fe->deaf_until)
		fe_listen(fe, true);
	if (fe->proc->draining)
		drain(fe, now);
}

bool
fe_drained(struct frontend *fe)
{
	nsec until = atomic_load(&fe->proc->order->drain_until_ns);

	if (!fe->begun)
		return true;
	if (until != 0 && fe->now >= until + LAST_BYTES_NS)
		return true;
	return fe->sets[ANSWER_OPEN].count == 0 && fe->npending == 0 &&
	    conns_drained(&fe->conns);
}

bool
fe_busy(struct frontend *fe)
{
	return ring_waiting(&fe->from_gpuexec) ||
	    ring_waiting(&fe->from_scheduler) || fe->conns.ndirty > 0;
}

void
fe_sleep(struct frontend *fe, nsec until)
{
	nsec left = until - clock_mono();

	waker_arm(&fe->waker);
	if (fe_busy(fe) || left <= 0)
		return;
	fe->nevents = epoll_wait(fe->epoll, fe->event, FE_EVENTS,
	    (int)((left + MILLISECOND - 1) / MILLISECOND));
	if (fe->nevents < 0)
		fe->nevents = 0;
}

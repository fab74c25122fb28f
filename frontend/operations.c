/* What operators ask of adapters has a number, a state and a deadline, and is
 * remembered for a while: also when whoever asked, or this process, has gone. */
#include "frontend/admin.h"

#include <stdio.h>
#include <string.h>

static struct operation *
at(struct frontend *fe, uint64_t number)
{
	return &fe->g->operations->at[number % OPERATIONS_KEPT];
}

static bool
waits(const struct operation *o)
{
	return o->number != 0 && o->state == OPERATION_WAITING;
}

void
fe_operation_begin(struct frontend *fe, struct pending *p)
{
	struct operations *all = fe->g->operations;
	struct operation *o;

	while (waits(at(fe, all->last + 1)))
		all->last++;
	o = at(fe, all->last + 1);
	o->number = 0;
	*o = (struct operation){ .state = OPERATION_WAITING,
		.wait = p->wait,
		.was_pinned = p->was_pinned,
		.entry = p->adapter,
		.serial = p->serial,
		.version = fe->g->info[p->adapter].version,
		.failures = p->failures,
		.loaded_ns = p->loaded_ns,
		.bytes = p->was_bytes,
		.asked_ns = p->since_ns,
		.deadline_ns = p->deadline_ns };
	snprintf(o->op, sizeof(o->op), "%s", p->op->name);
	fe_names_copy(fe->g, p->adapter, o->adapter);
	atomic_signal_fence(memory_order_seq_cst); /* who dies here has none */
	o->number = p->operation = ++all->last;
}

void
fe_operation_follow(struct frontend *fe, const struct pending *p)
{
	struct operation *o = at(fe, p->operation);

	if (o->number != p->operation)
		return;
	o->entry = p->adapter;
	o->serial = p->serial;
	o->version = fe->g->info[p->adapter].version;
	o->failures = p->failures;
	o->loaded_ns = p->loaded_ns;
	o->bytes = p->was_bytes;
}

void
fe_operation_name(struct frontend *fe, const struct pending *p,
    char out[DIR_NAME_MAX])
{
	const struct operation *o = at(fe, p->operation);

	snprintf(out, DIR_NAME_MAX, "%s",
	    o->number == p->operation ? o->adapter : "");
}

void
fe_operation_undone(struct frontend *fe, const struct pending *p)
{
	struct operation *o = at(fe, p->operation);

	if (o->number == p->operation)
		o->undone_ns = p->undone_ns;
}

void
fe_operation_end(struct frontend *fe, const struct pending *p,
    const struct api_fail *why)
{
	struct operation *o = at(fe, p->operation);

	if (o->number != p->operation || !waits(o))
		return;
	o->ended_ns = fe->now;
	o->bytes = why == NULL ? p->bytes : 0;
	if (why != NULL)
		snprintf(o->reason, sizeof(o->reason), "%.*s",
		    OPERATION_REASON_MAX - 1, why->message);
	o->state = why == NULL	       ? OPERATION_DONE :
	    why->code == API_TIMED_OUT ? OPERATION_EXPIRED :
	    why->code == API_WITHDRAWN ? OPERATION_WITHDRAWN :
					 OPERATION_FAILED;
}

static const char *const states[OPERATION_STATES] = { "waiting", "done",
	"failed", "expired", "withdrawn" };

static void
put(struct frontend *fe, const struct operation *o, struct line_out *out)
{
	nsec end = o->state == OPERATION_WAITING ? fe->now : o->ended_ns;

	line_put(out, "{\"operation\":");
	line_int(out, (int64_t)o->number);
	line_key(out, "op");
	line_text(out, o->op, strlen(o->op));
	line_key(out, "name");
	line_text(out, o->adapter, strlen(o->adapter));
	line_number(out, "version", o->version);
	line_key(out, "state");
	line_text(out, states[o->state], strlen(states[o->state]));
	line_fmt(out, ",\"age_ms\":%.3f,\"took_ms\":%.3f",
	    clock_ms(fe->now - o->asked_ns), clock_ms(end - o->asked_ns));
	line_fmt(out, ",\"deadline_ms\":%.3f",
	    clock_ms(o->deadline_ns - o->asked_ns));
	line_number(out, "bytes", waits(o) ? 0 : o->bytes);
	line_key(out, "reason");
	line_text(out, o->reason, strlen(o->reason));
	line_put(out, "}");
}

/* The oldest first: those that wait may be older than all others that are there. */
static uint32_t
in_order(struct frontend *fe, const struct operation **to)
{
	uint32_t n = 0, i;

	for (uint32_t k = 0; k < OPERATIONS_KEPT; k++) {
		const struct operation *o = &fe->g->operations->at[k];

		if (o->number == 0)
			continue;
		for (i = n++; i > 0 && to[i - 1]->number > o->number; i--)
			to[i] = to[i - 1];
		to[i] = o;
	}
	return n;
}

bool
admin_look_operations(struct frontend *fe, struct pending *p,
    struct line_out *o, struct api_fail *fail)
{
	const struct operation *all[OPERATIONS_KEPT];
	uint32_t n = in_order(fe, all);

	(void)p, (void)fail;
	line_put(o, ",\"operations\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			line_put(o, ",");
		put(fe, all[i], o);
	}
	line_put(o, "]");
	return true;
}

/* ---- withdraw ---- */

bool
admin_read_withdraw(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	double n = 0;

	(void)fe;
	if (!admin_read_number(root, "operation", 1, 9e15, &n, fail))
		return false;
	p->meant = (uint64_t)n;
	return (n > 0 && (double)p->meant >= n) ||
	    api_refuse(fail, API_MISSING_FIELD, "operation",
		"operation: want the number of one that waits");
}

bool
admin_start_withdraw(struct frontend *fe, struct pending *p,
    struct api_fail *fail)
{
	struct operation *o = at(fe, p->meant);

	for (uint32_t i = 0; i < fe->npending; i++)
		if (fe->pending[i].operation == p->meant) {
			fe->pending[i].withdrawn = true;
			o->withdrawn = 1;
			return true;
		}
	return o->number == p->meant ?
	    api_refuse(fail, API_UNKNOWN_ID, "operation",
		"operation %ju does not wait: it is %s", (uintmax_t)p->meant,
		states[o->state]) :
	    api_refuse(fail, API_UNKNOWN_ID, "operation",
		"there is no operation %ju, or it ended long ago",
		(uintmax_t)p->meant);
}

/* It may have been done first. */
bool
admin_look_withdraw(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	const struct operation *meant = at(fe, p->meant);

	(void)fail;
	if (meant->number == p->meant && waits(meant))
		return false;
	line_put(o, ",\"state\":\"");
	line_put(o, meant->number == p->meant ? states[meant->state] : "done");
	line_put(o, "\"");
	return true;
}

/* ---- a new life ---- */

/* What an earlier life was at goes on, for nobody who waits here; what it had taken
 * back stays taken back. */
static bool
resume(struct frontend *fe, const struct operation *o)
{
	const struct admin_op *op = admin_op_named(o->op);
	struct pending *p = &fe->pending[fe->npending];

	if (op == NULL || fe->npending >= FE_PENDING_MAX || o->entry < 0 ||
	    (uint32_t)o->entry >= fe->plan->adapters)
		return false;
	*p = (struct pending){ .op = op,
		.adapter = o->entry,
		.serial = o->serial,
		.failures = o->failures,
		.loaded_ns = o->loaded_ns,
		.was_bytes = o->bytes,
		.was_pinned = o->was_pinned != 0,
		.operation = o->number,
		.wait = o->wait != 0,
		.withdrawn = o->withdrawn != 0,
		.undone = o->undone_ns != 0,
		.undone_ns = o->undone_ns,
		.since_ns = o->asked_ns,
		.deadline_ns = o->deadline_ns };
	admin_turns_from(fe, p);
	fe->npending++;
	return true;
}

void
fe_operations_resume(struct frontend *fe)
{
	nsec now = clock_mono();

	for (uint32_t i = 0; i < OPERATIONS_KEPT; i++) {
		struct operation *o = &fe->g->operations->at[i];

		if (o->number == 0 || o->state != OPERATION_WAITING ||
		    resume(fe, o))
			continue;
		o->state = OPERATION_FAILED;
		o->ended_ns = now;
		snprintf(o->reason, sizeof(o->reason),
		    "the frontend died, and it could not be taken up again");
	}
}

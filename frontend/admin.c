/* What operators may ask: it is written down, and answered when it is so. */
#include "frontend/admin.h"

#include <stdio.h>
#include <string.h>

/* After which whoever obeys nothing is not waited for. */
#define SETTLE_NS SECOND

static bool
start_rescan(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	(void)fail;
	p->count = atomic_fetch_add(fe->g->rescan_asked, 1) + 1;
	proc_wake(fe->proc, PROC_LOADER);
	return true;
}

static bool
look_rescan(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	const struct loader_meters *m = fe->g->loader_meters;

	if ((int32_t)(atomic_load(fe->g->rescan_done) - p->count) < 0)
		return false;
	if (atomic_load(&m->directory_lost) != 0)
		return api_refuse(fail, API_NOT_SUPPORTED, "",
		    "the adapters directory cannot be read, so what was there "
		    "stays: the loader's log says why");
	line_put(o, ",\"listed\":");
	line_int(o, (int64_t)atomic_load(&m->listed));
	line_put(o, ",\"broken\":");
	line_int(o, (int64_t)atomic_load(&m->broken));
	return true;
}

static bool
start_drain(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	(void)p, (void)fail;
	atomic_store(fe->g->drain_asked, 1);
	return true;
}

static bool
look_drain(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	(void)p, (void)fail;
	if (!fe->proc->draining)
		return false;
	line_put(o, ",\"draining\":true");
	return true;
}

static const struct admin_op ops[] = {
	{ .name = "load",
	    .fields = { "name", "deadline_ms" },
	    .read = admin_read_adapter,
	    .start = admin_start_load,
	    .look = admin_look_load,
	    .undo = admin_undo_ask,
	    .waits_for = admin_waits_for },
	{ .name = "unload",
	    .fields = { "name", "deadline_ms", "wait" },
	    .read = admin_read_unload,
	    .start = admin_start_unload,
	    .look = admin_look_unload,
	    .undo = admin_undo_ask,
	    .waits_for = admin_waits_for,
	    .begun = admin_unload_begun },
	{ .name = "pin",
	    .fields = { "name", "deadline_ms" },
	    .read = admin_read_adapter,
	    .start = admin_start_pin,
	    .look = admin_look_pin,
	    .undo = admin_undo_pin,
	    .waits_for = admin_waits_for,
	    .follow = admin_follow_pin },
	{ .name = "unpin",
	    .fields = { "name", "deadline_ms" },
	    .read = admin_read_adapter,
	    .start = admin_start_unpin,
	    .look = admin_look_unpin,
	    .undo = admin_undo_ask,
	    .waits_for = admin_waits_for,
	    .broken = true },
	{ .name = "weight",
	    .fields = { "name", "weight" },
	    .read = admin_read_weight,
	    .start = admin_start_weight,
	    .look = admin_look_weight,
	    .waits_for = admin_waits_for,
	    .broken = true },
	{ .name = "rollback",
	    .fields = { "name", "deadline_ms" },
	    .read = admin_read_rollback,
	    .start = admin_start_rollback,
	    .look = admin_look_rollback,
	    .undo = admin_undo_ask,
	    .waits_for = admin_waits_for,
	    .ordered = true },
	{ .name = "operations", .look = admin_look_operations },
	{ .name = "withdraw",
	    .fields = { "operation" },
	    .read = admin_read_withdraw,
	    .start = admin_start_withdraw,
	    .look = admin_look_withdraw },
	{ .name = "set",
	    .fields = { "key", "value" },
	    .read = admin_read_set,
	    .start = admin_start_set,
	    .look = admin_look_set,
	    .undo = admin_undo_set },
	{ .name = "get",
	    .fields = { "key" },
	    .read = admin_read_key,
	    .look = admin_look_get },
	{ .name = "settings", .look = admin_look_settings },
	{ .name = "rescan", .start = start_rescan, .look = look_rescan },
	{ .name = "drain", .start = start_drain, .look = look_drain },
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

static bool
unknown_op(const char *name, struct api_fail *fail)
{
	char all[240];
	size_t used = 0;

	for (size_t i = 0; i < OPS && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i > 0 ? ", " : "", ops[i].name);
	return api_refuse(fail, API_UNKNOWN_OP, "op",
	    "unknown op '%s': there are ping, adapters, stats, cancel and, on "
	    "the admin socket, %s",
	    name, all);
}

static bool
find_op(const struct conn *c, const char *name, const struct admin_op **op,
    struct api_fail *fail)
{
	size_t i = 0;

	while (i < OPS && strcmp(ops[i].name, name) != 0)
		i++;
	if (i == OPS)
		return unknown_op(name, fail);
	if (!c->admin)
		return api_refuse(fail, API_PERMISSION, "op",
		    "op '%s' is for operators: ask on the admin socket", name);
	*op = &ops[i];
	return true;
}

/* No field but its own: a dropped field would be another wish. */
static bool
only_known(const struct admin_op *op, const json_t *root, struct api_fail *fail)
{
	const char *known[2 + ADMIN_FIELDS_MAX] = { "op", "id" }, *stranger;
	char all[96];
	size_t used = (size_t)snprintf(all, sizeof(all), "op");
	int n = 2;

	while (n - 2 < ADMIN_FIELDS_MAX && op->fields[n - 2] != NULL) {
		known[n] = op->fields[n - 2];
		n++;
	}
	for (int i = 1; i < n; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i + 1 == n ? " and " : ", ", known[i]);
	if ((stranger = api_stranger(root, known, n)) == NULL)
		return true;
	return api_refuse(fail, API_UNKNOWN_FIELD, stranger,
	    "unknown field '%s': %s has only %s", stranger, op->name, all);
}

/* What is wished for is worth a line on operators' screens, whatever becomes of
 * it. */
static void
note(struct frontend *fe, const struct pending *p)
{
	struct event_log *log = fe->g->events[PROC_FRONTEND];
	struct event_note e = { .at_ns = fe->now,
		.kind = EVENT_OPERATOR,
		.adapter = p->adapter,
		.slot = -1 };
	char name[DIR_NAME_MAX];
	struct conf_row row;

	if (p->adapter >= 0) {
		fe_names_copy(fe->g, p->adapter, name);
		event_put(log, e, "%s %s", p->op->name, name);
	} else if (p->value[0] != '\0') {
		(void)conf_row(&fe->proc->conf, p->setting, &row);
		event_put(log, e, "%s %s=%s", p->op->name, row.key, p->value);
	} else {
		event_put(log, e, "%s", p->op->name);
	}
}

static bool
begin(struct frontend *fe, struct conn *c, const json_t *root, const char *op,
    struct pending *p, struct api_fail *fail)
{
	if (!find_op(c, op, &p->op, fail) || !only_known(p->op, root, fail))
		return false;
	if (p->op->read != NULL && !p->op->read(fe, root, p, fail))
		return false;
	/* Who looks or takes back is not kept out by those that wait. */
	if (fe->npending >=
	    FE_PENDING_MAX + (p->op->waits_for == NULL ? FE_PENDING_SPARE : 0))
		return api_refuse(fail, API_OVERLOADED, "",
		    "%d operations are being waited for", FE_PENDING_MAX);
	if (p->op->start == NULL)
		return true;
	if (!p->op->start(fe, p, fail))
		return false;
	if (p->op->waits_for != NULL)
		fe_operation_begin(fe, p);
	note(fe, p);
	return true;
}

void
fe_admin_op(struct frontend *fe, struct conn *c, const json_t *root,
    const char *op, const char *id)
{
	struct pending p = { .tag = c->tag,
		.adapter = -1,
		.since_ns = fe->now,
		.deadline_ns = fe->now +
		    fe->proc->conf.frontend_operation_ms * MILLISECOND };
	struct api_fail fail;

	if (!begin(fe, c, root, op, &p, &fail)) {
		fe_tell_fail(fe, c, id, &fail);
		return;
	}
	memcpy(p.id, id, strlen(id) + 1);
	c->open++;
	fe->pending[fe->npending++] = p;
	fe_pending_look(fe);
}

/* Its entry is not another's by now. */
static bool
is_same(const struct frontend *fe, const struct pending *p)
{
	return p->adapter < 0 ||
	    dir_serial(atomic_load_explicit(&fe->g->entry[p->adapter],
		memory_order_acquire)) == p->serial;
}

/* Whether a wish can no longer come true; fail says why. */
static bool
hopeless(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	if (p->adapter >= 0 && admin_adapter_gone(fe, p, fail))
		return true;
	if (fe->proc->draining)
		return !api_refuse(fail, API_SHUTTING_DOWN, "",
		    "the engine is shutting down");
	/* An unload that has begun is not waited for beyond its deadline. */
	if (p->withdrawn &&
	    (fe->now < p->deadline_ns || p->op->begun == NULL ||
		!p->op->begun(fe, p)))
		return !api_refuse(fail, API_WITHDRAWN, "",
		    "%s was taken back by an operator", p->op->name);
	if (fe->now < p->deadline_ns)
		return false;
	if (p->op->waits_for != NULL && p->why[0] == '\0')
		p->op->waits_for(fe, p, p->why, sizeof(p->why));
	return !api_refuse(fail, API_TIMED_OUT, "",
	    "%s was not obeyed within %.3g s%s%s", p->op->name,
	    clock_ms(p->deadline_ns - p->since_ns) / 1000,
	    p->why[0] != '\0' ? ": " : "", p->why);
}

/* What whoever asked is told, if he is still there. */
static void
tell(struct frontend *fe, struct pending *p, const struct line_out *rest,
    struct api_fail *fail)
{
	struct conn *c = conns_find(&fe->conns, p->tag);

	if (fail != NULL) {
		fail->operation = p->operation;
		fe_tell_fail(fe, c, p->id, fail);
	} else {
		line_put(&c->out, "{\"id\":");
		line_put(&c->out, p->id);
		line_put(&c->out, ",\"done\":true");
		if (p->operation != 0)
			line_number(&c->out, "operation", p->operation);
		line_raw(&c->out, rest->at, rest->used);
		line_put(&c->out, "}\n");
		conns_allow(c, rest->used); /* operations are a long line */
		conns_written(&fe->conns, c);
	}
	c->open--;
	conns_look(&fe->conns, c);
}

/* Turns of those who obey. */
static uint64_t
turns(const struct frontend *fe, enum proc_id who)
{
	return atomic_load_explicit(&fe->g->cell[who]->turns,
	    memory_order_acquire);
}

void
admin_turns_from(const struct frontend *fe, struct pending *p)
{
	/* Who is seen to begin a turn after this one reads what was undone. */
	atomic_thread_fence(memory_order_seq_cst);
	p->scheduler_turns = turns(fe, PROC_SCHEDULER);
	p->loader_turns = turns(fe, PROC_LOADER);
}

static void
undo(struct frontend *fe, struct pending *p)
{
	if (p->undone || p->op->undo == NULL)
		return;
	if (is_same(fe, p))
		p->op->undo(fe, p);
	p->undone = true;
	p->undone_ns = fe->now;
	if (p->operation != 0)
		fe_operation_undone(fe, p);
	admin_turns_from(fe, p);
}

/* Whether scheduler and loader have had a whole turn since it was undone, so that
 * what is not done by now will not be done. */
static bool
settled(const struct frontend *fe, const struct pending *p)
{
	return !p->undone || fe->now - p->undone_ns >= SETTLE_NS ||
	    (turns(fe, PROC_SCHEDULER) - p->scheduler_turns >= 2 &&
		turns(fe, PROC_LOADER) - p->loader_turns >= 2);
}

/* Whether one that is hopeless ends now: what was obeyed before it could be taken
 * back is done, and told so. */
static bool
ends(struct frontend *fe, struct pending *p, const struct api_fail *fail)
{
	undo(fe, p);
	if (p->op->begun != NULL && p->op->begun(fe, p) &&
	    (fail->code == API_WITHDRAWN ||
		(fail->code == API_TIMED_OUT &&
		    fe->now - p->undone_ns < SETTLE_NS)))
		return false;
	return p->operation == 0 ||
	    (fail->code != API_WITHDRAWN && fail->code != API_TIMED_OUT) ||
	    settled(fe, p);
}

/* true: it is over. */
static bool
look(struct frontend *fe, struct pending *p)
{
	struct line_out rest = { 0 };
	struct api_fail fail = { .code = ADMIN_NO_FAIL };
	bool done = (p->op->follow == NULL || p->op->follow(fe, p, &fail)) &&
	    is_same(fe, p) && p->op->look(fe, p, &rest, &fail);

	if (!done &&
	    ((fail.code == ADMIN_NO_FAIL && !hopeless(fe, p, &fail)) ||
		!ends(fe, p, &fail))) {
		line_out_free(&rest);
		return false;
	}
	if (p->operation != 0)
		fe_operation_end(fe, p, done ? NULL : &fail);
	if (p->tag != 0)
		tell(fe, p, &rest, done ? NULL : &fail);
	line_out_free(&rest);
	return true;
}

void
fe_pending_look(struct frontend *fe)
{
	for (uint32_t i = fe->npending; i-- > 0;)
		if (look(fe, &fe->pending[i]))
			fe->pending[i] = fe->pending[--fe->npending];
}

/* An operation goes on without whoever asked for it. */
void
fe_pending_gone(struct frontend *fe, uint64_t tag)
{
	for (uint32_t i = fe->npending; i-- > 0;) {
		struct pending *p = &fe->pending[i];

		if (p->tag != tag)
			continue;
		if (p->operation != 0)
			p->tag = 0;
		else
			*p = fe->pending[--fe->npending];
	}
}

const struct admin_op *
admin_op_named(const char *name)
{
	for (size_t i = 0; i < OPS; i++)
		if (ops[i].waits_for != NULL && strcmp(ops[i].name, name) == 0)
			return &ops[i];
	return NULL;
}

/* What operators may ask: it is written down, and answered when it is so. */
#include "frontend/frontend.h"
#include "shm/word.h"

#include <string.h>

#define TIMEOUT_NS (30 * SECOND)

struct admin_op {
	const char *name;
	bool of_adapter; /* it has a field "name" */
	/* Writes the wish; false: refused. */
	bool (*start)(struct frontend *, struct pending *, struct api_fail *);
	/* Fulfilled: writes what stands behind "done".  Hopeless: sets code. */
	bool (*look)(struct frontend *, struct pending *, struct line_out *,
	    struct api_fail *);
};

/* No failure: api_fail.code has no such value. */
#define NO_FAIL API_CODE_COUNT

static struct place_word
have_of(const struct frontend *fe, const struct pending *p)
{
	return word_load_place(&fe->g->have[p->adapter]);
}

static void
ask(struct frontend *fe, const struct pending *p, enum dir_ask command)
{
	_Atomic uint64_t *word = &fe->g->ask[p->adapter];
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);
	bool pinned = dir_serial(was) == p->serial && dir_ask_pinned(was);

	if (command == ASK_PIN || command == ASK_UNPIN)
		pinned = command == ASK_PIN;
	atomic_store_explicit(word,
	    dir_ask(p->serial, dir_ask_count(was) + 1, pinned, command),
	    memory_order_release);
	(void)ring_push(&fe->to_scheduler, (uint64_t)p->adapter);
	proc_wake(fe->proc, PROC_SCHEDULER);
}

uint32_t
fe_uses(const struct frontend *fe, int32_t adapter)
{
	const struct answer_set_list *open = &fe->sets[ANSWER_OPEN];
	uint32_t n = 0;

	for (uint32_t i = 0; i < open->count; i++)
		n += fe->g->request[open->slot[i]].adapter == adapter;
	return n;
}

static void
put_name(struct frontend *fe, const struct pending *p, struct line_out *o)
{
	char name[DIR_NAME_MAX];

	fe_names_copy(fe->g, p->adapter, name);
	line_put(o, ",\"name\":");
	line_text(o, name, strlen(name));
}

static bool
with_reason(struct frontend *fe, const struct pending *p, enum api_code code,
    const char *otherwise, struct api_fail *fail)
{
	char name[DIR_NAME_MAX], why[DIR_REASON_MAX];

	fe_names_copy(fe->g, p->adapter, name);
	fe_reason(fe->g, p->adapter, why);
	return api_refuse(fail, code, "name", "adapter '%s': %s", name,
	    why[0] != '\0' ? why : otherwise);
}

static bool
start_load(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	(void)fail;
	ask(fe, p, ASK_LOAD);
	return true;
}

static bool
look_load(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	struct place_word want = word_load_place(&fe->g->want[p->adapter]);
	struct place_word have = have_of(fe, p);

	if (want.state == WANT_IN && have.gen == want.gen &&
	    have.state == HAVE_RESIDENT) {
		put_name(fe, p, o);
		line_put(o, ",\"state\":\"resident\",\"bytes\":");
		line_int(o, (int64_t)fe->g->info[p->adapter].bytes);
		return true;
	}
	/* A failure that was there before is not this attempt's. */
	if (have.state == HAVE_FAILED && word_pack_place(have) != p->have)
		return with_reason(fe, p, API_ADAPTER_FAILED,
		    "could not be loaded", fail);
	return false;
}

static bool
busy(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	uint32_t n = fe_uses(fe, p->adapter);
	char name[DIR_NAME_MAX];

	if (n == 0)
		return false;
	api_refuse(fail, API_BUSY, "name", "adapter '%s': %u requests use it",
	    fe_names_copy(fe->g, p->adapter, name), n);
	fail->busy = n;
	return true;
}

static bool
on_device(const struct frontend *fe, const struct pending *p)
{
	struct place_word have = have_of(fe, p);

	return have.state == HAVE_RESIDENT || have.state == HAVE_LOADING;
}

static bool
start_unload(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	if (busy(fe, p, fail))
		return false;
	if (on_device(fe, p))
		p->was_bytes = fe->g->info[p->adapter].bytes;
	ask(fe, p, ASK_UNLOAD);
	return true;
}

static bool
look_unload(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	if (on_device(fe, p)) {
		(void)busy(fe, p, fail);
		return false;
	}
	put_name(fe, p, o);
	line_put(o, ",\"freed_bytes\":");
	line_int(o, (int64_t)p->was_bytes);
	return true;
}

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

	(void)fail;
	if ((int32_t)(atomic_load(fe->g->rescan_done) - p->count) < 0)
		return false;
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
	{ "load", true, start_load, look_load },
	{ "unload", true, start_unload, look_unload },
	{ "rescan", false, start_rescan, look_rescan },
	{ "drain", false, start_drain, look_drain },
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

static bool
find_op(const struct conn *c, const char *name, const struct admin_op **op,
    struct api_fail *fail)
{
	size_t i = 0;

	while (i < OPS && strcmp(ops[i].name, name) != 0)
		i++;
	if (i == OPS)
		return api_refuse(fail, API_UNKNOWN_OP, "op",
		    "unknown op '%s': there are ping, adapters, stats, cancel "
		    "and, on the admin socket, load, unload, rescan, drain",
		    name);
	if (!c->admin)
		return api_refuse(fail, API_PERMISSION, "op",
		    "op '%s' is for operators: ask on the admin socket", name);
	*op = &ops[i];
	return true;
}

static bool
find_adapter(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	const json_t *v = json_object_get(root, "name");
	struct name_found found;
	char near[DIR_NAME_MAX];

	if (v == NULL || json_is_null(v))
		return api_refuse(fail, API_MISSING_FIELD, "name",
		    "name: missing: want an adapter's name");
	if (!json_is_string(v) ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return api_refuse(fail, API_WRONG_TYPE, "name",
		    "name: %s: want a string, an adapter's name", api_kind(v));
	if (!fe_names_find(&fe->names, json_string_value(v), &found)) {
		fe_names_near(&fe->names, json_string_value(v), near);
		return api_refuse(fail, API_UNKNOWN_ADAPTER, "name",
		    "there is no adapter '%s'%s%s%s", json_string_value(v),
		    near[0] != '\0' ? "; did you mean '" : "", near,
		    near[0] != '\0' ? "'?" : "");
	}
	if (found.adapter == SLOT_BASE)
		return api_refuse(fail, API_UNKNOWN_ADAPTER, "name",
		    "'%s' is the base model: it is always there",
		    json_string_value(v));
	p->adapter = found.adapter;
	p->serial = found.serial;
	p->have = word_pack_place(have_of(fe, p));
	if (!found.broken)
		return true;
	return with_reason(fe, p, API_ADAPTER_BROKEN, "refused", fail);
}

/* An adapter has one word for what is asked of it. */
static bool
undisturbed(struct frontend *fe, const struct pending *p, struct api_fail *fail)
{
	char name[DIR_NAME_MAX];

	for (uint32_t i = 0; i < fe->npending; i++)
		if (fe->pending[i].adapter == p->adapter &&
		    fe->pending[i].op != p->op)
			return api_refuse(fail, API_BUSY, "name",
			    "adapter '%s': a %s of it is being waited for",
			    fe_names_copy(fe->g, p->adapter, name),
			    fe->pending[i].op->name);
	return true;
}

static bool
begin(struct frontend *fe, struct conn *c, const json_t *root, const char *op,
    struct pending *p, struct api_fail *fail)
{
	static const char *const known[] = { "op", "id", "name" };
	const char *stranger;

	if (!find_op(c, op, &p->op, fail))
		return false;
	stranger = api_stranger(root, known, p->op->of_adapter ? 3 : 2);
	if (stranger != NULL)
		return api_refuse(fail, API_UNKNOWN_FIELD, stranger,
		    "unknown field '%s': %s has only op, id%s", stranger, op,
		    p->op->of_adapter ? " and name" : "");
	if (p->op->of_adapter &&
	    (!find_adapter(fe, root, p, fail) || !undisturbed(fe, p, fail)))
		return false;
	if (fe->npending == FE_PENDING_MAX)
		return api_refuse(fail, API_OVERLOADED, "",
		    "%d operations are being waited for", FE_PENDING_MAX);
	return p->op->start(fe, p, fail);
}

void
fe_admin_op(struct frontend *fe, struct conn *c, const json_t *root,
    const char *op, const char *id)
{
	struct pending p = { .tag = c->tag,
		.adapter = -1,
		.since_ns = fe->now };
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

/* Whether a wish can no longer come true; fail says why. */
static bool
hopeless(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	uint64_t entry;

	if (p->adapter >= 0) {
		entry = atomic_load_explicit(&fe->g->entry[p->adapter],
		    memory_order_acquire);
		if (dir_serial(entry) != p->serial ||
		    dir_entry_state(entry) == DIR_FREE)
			return !api_refuse(fail, API_ADAPTER_REMOVED, "name",
			    "the adapter was removed meanwhile");
		if (dir_entry_state(entry) == DIR_BROKEN)
			return !with_reason(fe, p, API_ADAPTER_BROKEN,
			    "refused", fail);
	}
	if (fe->proc->draining)
		return !api_refuse(fail, API_SHUTTING_DOWN, "",
		    "the engine is shutting down");
	if (fe->now - p->since_ns < TIMEOUT_NS)
		return false;
	return !api_refuse(fail, API_TIMED_OUT, "",
	    "%s was not obeyed within %d s", p->op->name,
	    (int)(TIMEOUT_NS / SECOND));
}

/* true: it was answered. */
static bool
look(struct frontend *fe, struct pending *p)
{
	struct conn *c = conns_find(&fe->conns, p->tag);
	struct line_out rest = { 0 };
	struct api_fail fail = { .code = NO_FAIL };
	bool done = p->op->look(fe, p, &rest, &fail);

	if (!done && fail.code == NO_FAIL && !hopeless(fe, p, &fail))
		return false;
	if (done) {
		line_put(&c->out, "{\"id\":");
		line_put(&c->out, p->id);
		line_put(&c->out, ",\"done\":true");
		line_raw(&c->out, rest.at, rest.used);
		line_put(&c->out, "}\n");
		conns_written(&fe->conns, c);
	} else {
		if (p->adapter >= 0)
			ask(fe, p, ASK_NONE);
		fe_tell_fail(fe, c, p->id, &fail);
	}
	line_out_free(&rest);
	c->open--;
	conns_look(&fe->conns, c);
	return true;
}

void
fe_pending_look(struct frontend *fe)
{
	for (uint32_t i = fe->npending; i-- > 0;)
		if (look(fe, &fe->pending[i]))
			fe->pending[i] = fe->pending[--fe->npending];
}

void
fe_pending_gone(struct frontend *fe, uint64_t tag)
{
	for (uint32_t i = fe->npending; i-- > 0;)
		if (fe->pending[i].tag == tag)
			fe->pending[i] = fe->pending[--fe->npending];
}

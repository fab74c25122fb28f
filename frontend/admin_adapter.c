/* What operators ask of adapters: one word each, which stays when we die.  Here:
 * load and unload; what stays asked is in admin_terms.c. */
#include "frontend/admin.h"
#include "shm/word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct place_word
have_of(const struct frontend *fe, const struct pending *p)
{
	return word_load_place(&fe->g->have[p->adapter]);
}

/* Loads of it that have failed, ever. */
static uint32_t
failures(const struct frontend *fe, const struct pending *p)
{
	return word_load(&fe->g->layers[p->adapter]).round;
}

static bool
on_device(const struct frontend *fe, const struct pending *p)
{
	struct place_word have = have_of(fe, p);

	return have.state == HAVE_RESIDENT || have.state == HAVE_LOADING;
}

void
admin_wish_with(struct frontend *fe, const struct pending *p,
    enum dir_ask command, bool pinned, uint32_t weight)
{
	_Atomic uint64_t *word = &fe->g->ask[p->adapter];
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);

	atomic_store_explicit(word,
	    dir_ask(p->serial, dir_ask_count(was) + 1, pinned, weight, command),
	    memory_order_release);
	(void)ring_push(&fe->to_scheduler, (uint64_t)p->adapter);
	proc_wake(fe->proc, PROC_SCHEDULER);
	if (command == ASK_CHOOSE)
		proc_wake(fe->proc, PROC_LOADER);
}

void
admin_wish(struct frontend *fe, const struct pending *p, enum dir_ask command)
{
	uint64_t was = atomic_load_explicit(&fe->g->ask[p->adapter],
	    memory_order_relaxed);
	bool its = dir_serial(was) == p->serial;
	/* Before it was asked of this version, it was of the name. */
	uint32_t before = fe->g->info[p->adapter].asked_before;
	bool pinned = its ? dir_ask_pinned(was) : (before & 0x8000u) != 0;
	uint32_t weight = p->weight != 0 ? p->weight :
	    its				 ? dir_ask_weight(was) :
					   before & 0x7fffu;

	if (command == ASK_PIN || command == ASK_UNPIN)
		pinned = command == ASK_PIN;
	admin_wish_with(fe, p, command, pinned, weight);
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

void
admin_put_name(struct frontend *fe, const struct pending *p, struct line_out *o)
{
	char name[DIR_NAME_MAX];

	fe_names_copy(fe->g, p->adapter, name);
	line_put(o, ",\"name\":");
	line_text(o, name, strlen(name));
	line_number(o, "version", fe->g->info[p->adapter].version);
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

void
admin_take(struct frontend *fe, struct pending *p, uint32_t a, uint32_t serial)
{
	p->adapter = (int32_t)a;
	p->serial = serial;
	p->failures = failures(fe, p);
	p->loaded_ns = fe->g->info[a].loaded_ns;
	p->was_bytes = on_device(fe, p) ? fe->g->info[a].bytes : 0;
}

/* A pin that still waits is no pin yet: what was before it counts. */
static bool
was_pinned(const struct frontend *fe, const struct pending *p)
{
	for (uint32_t i = 0; i < fe->npending; i++)
		if (fe->pending[i].adapter == p->adapter &&
		    fe->pending[i].op == p->op)
			return fe->pending[i].was_pinned;
	return fe_pinned(fe, (uint32_t)p->adapter);
}

bool
admin_find(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	const json_t *v = json_object_get(root, "name");
	struct name_found found;
	const char *name;

	if (v == NULL || json_is_null(v))
		return api_refuse(fail, API_MISSING_FIELD, "name",
		    "name: missing: want an adapter's name");
	if (!api_text_of(v, "name", "a string, an adapter's name", &name,
		fail) ||
	    !fe_named(fe, name, "name", &found, fail))
		return false;
	if (found.adapter == SLOT_BASE)
		return api_refuse(fail, API_UNKNOWN_ADAPTER, "name",
		    "'%s' is the base model: it is always there", name);
	admin_take(fe, p, (uint32_t)found.adapter, found.serial);
	p->was_pinned = was_pinned(fe, p);
	if (!found.broken || p->op->broken)
		return true;
	return with_reason(fe, p, API_ADAPTER_BROKEN, "refused", fail);
}

/* An adapter has one word for what is asked of it. */
bool
admin_undisturbed(struct frontend *fe, const struct pending *p,
    struct api_fail *fail)
{
	char name[DIR_NAME_MAX], other[DIR_NAME_MAX];

	fe_names_copy(fe->g, p->adapter, name);
	for (uint32_t i = 0; i < fe->npending; i++) {
		const struct pending *q = &fe->pending[i];

		/* Of its name: pin and weight go from version to version. */
		if (q->adapter >= 0 &&
		    (q->op != p->op ||
			(p->op->ordered && q->adapter != p->adapter)) &&
		    strcmp(fe_names_copy(fe->g, q->adapter, other), name) == 0)
			return api_refuse(fail, API_BUSY, "name",
			    "adapter '%s': %s %s of it is being waited for",
			    name, q->op->name[0] == 'u' ? "an" : "a",
			    q->op->name);
	}
	return true;
}

bool
admin_read_number(const json_t *root, const char *field, double least,
    double most, double *out, struct api_fail *fail)
{
	const json_t *v = json_object_get(root, field);
	char *end = NULL;
	double number;

	if (v == NULL || json_is_null(v))
		return true;
	if (json_is_string(v))
		number = strtod(json_string_value(v), &end);
	else if (json_is_number(v))
		number = json_number_value(v);
	else
		return api_refuse(fail, API_WRONG_TYPE, field,
		    "%s: %s: want a number", field, api_kind(v));
	if ((end != NULL && (*end != '\0' || end == json_string_value(v))) ||
	    !(number >= least && number <= most))
		return api_refuse(fail, API_OUT_OF_RANGE, field,
		    "%s: want a number from %g to %.10g", field, least, most);
	*out = number;
	return true;
}

bool
admin_read_adapter(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	double ms = -1;

	if (!admin_find(fe, root, p, fail) || !admin_undisturbed(fe, p, fail) ||
	    !admin_read_number(root, "deadline_ms", 1, 86400000, &ms, fail))
		return false;
	if (ms > 0)
		p->deadline_ns = p->since_ns + (nsec)(ms * MILLISECOND);
	return true;
}

/* true, or its text. */
static bool
read_wait(const json_t *root, struct pending *p, struct api_fail *fail)
{
	const json_t *v = json_object_get(root, "wait");
	const char *text = json_string_value(v);

	if (v == NULL || json_is_null(v))
		return true;
	if (!json_is_boolean(v) &&
	    (text == NULL ||
		(strcmp(text, "true") != 0 && strcmp(text, "false") != 0)))
		return api_refuse(fail, API_WRONG_TYPE, "wait",
		    "wait: %s: want true or false", api_kind(v));
	p->wait = json_is_true(v) || (text != NULL && text[0] == 't');
	return true;
}

bool
admin_read_unload(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	return admin_read_adapter(fe, root, p, fail) &&
	    read_wait(root, p, fail);
}

/* One that no pool of this size can hold is not waited for. */
static bool
can_fit(struct frontend *fe, const struct pending *p, struct api_fail *fail)
{
	uint64_t bytes = fe->g->info[p->adapter].bytes;
	uint32_t chunks = dir_chunks(bytes, fe->plan->chunk_bytes);
	char name[DIR_NAME_MAX];

	if (chunks <= fe->plan->chunks)
		return true;
	return api_refuse(fail, API_OUT_OF_MEMORY, "name",
	    "adapter '%s' takes %ju bytes, %u chunks of device memory, and "
	    "there are %u (memory.device_bytes)",
	    fe_names_copy(fe->g, p->adapter, name), (uintmax_t)bytes, chunks,
	    fe->plan->chunks);
}

bool
admin_start_load(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	if (!can_fit(fe, p, fail))
		return false;
	admin_wish(fe, p, ASK_LOAD);
	return true;
}

bool
admin_look_come(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	/* Each is written before the word that is read after it. */
	bool loaded = fe->g->info[p->adapter].loaded_ns != p->loaded_ns;
	bool failed = failures(fe, p) != p->failures, here;
	struct place_word want, have;

	atomic_thread_fence(memory_order_acquire);
	have = have_of(fe, p);
	want = word_load_place(&fe->g->want[p->adapter]);
	here = want.state == WANT_IN && have.gen == want.gen &&
	    have.state == HAVE_RESIDENT;
	/* It may have come, and gone for others, between two looks. */
	if (here || loaded) {
		admin_put_name(fe, p, o);
		line_put(o, ",\"state\":\"");
		line_put(o, here ? "resident" : "evicted");
		line_put(o, "\",\"bytes\":");
		line_int(o, (int64_t)fe->g->info[p->adapter].bytes);
		p->bytes = p->was_bytes > 0 ? 0 : fe->g->info[p->adapter].bytes;
		return true;
	}
	if (failed)
		return with_reason(fe, p, API_ADAPTER_FAILED,
		    "could not be loaded", fail);
	return false;
}

bool
admin_look_load(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	if (!admin_look_come(fe, p, o, fail))
		return false;
	/* Or a new scheduler would bring it once more, however long it is gone. */
	if (!p->undone && !admin_others_wait(fe, p))
		admin_wish(fe, p, ASK_LOADED);
	return true;
}

static bool
busy(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	uint32_t n = fe_uses(fe, p->adapter);
	char name[DIR_NAME_MAX];

	if (n == 0 || p->wait)
		return false;
	api_refuse(fail, API_BUSY, "name", "adapter '%s': %u %s it",
	    fe_names_copy(fe->g, p->adapter, name), n,
	    n == 1 ? "request uses" : "requests use");
	fail->busy = n;
	return true;
}

/* Another of the same kind may wait for the same wish. */
bool
admin_others_wait(const struct frontend *fe, const struct pending *p)
{
	for (uint32_t i = 0; i < fe->npending; i++)
		if (fe->pending[i].adapter == p->adapter &&
		    fe->pending[i].operation != p->operation &&
		    !fe->pending[i].undone)
			return true;
	return false;
}

bool
admin_start_unload(struct frontend *fe, struct pending *p,
    struct api_fail *fail)
{
	char name[DIR_NAME_MAX];

	if (busy(fe, p, fail))
		return false;
	if (fe_pinned(fe, (uint32_t)p->adapter))
		return api_refuse(fail, API_BUSY, "name",
		    "adapter '%s' is pinned: unpin it first",
		    fe_names_copy(fe->g, p->adapter, name));
	admin_wish(fe, p, ASK_UNLOAD);
	return true;
}

bool
admin_look_unload(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	if (on_device(fe, p)) {
		(void)busy(fe, p, fail);
		return false;
	}
	/* Who waits for it brings it yet. */
	if (p->wait && fe_uses(fe, p->adapter) > 0)
		return false;
	p->bytes = p->was_bytes;
	/* Or a new scheduler would obey it once more. */
	admin_undo_ask(fe, p);
	admin_put_name(fe, p, o);
	line_put(o, ",\"freed_bytes\":");
	line_int(o, (int64_t)p->was_bytes);
	return true;
}

bool
admin_unload_begun(const struct frontend *fe, const struct pending *p)
{
	return on_device(fe, p) &&
	    word_load_place(&fe->g->want[p->adapter]).state == WANT_OUT;
}

void
admin_undo_ask(struct frontend *fe, const struct pending *p)
{
	if (!admin_others_wait(fe, p))
		admin_wish(fe, p, ASK_NONE);
}

void
admin_waits_for(struct frontend *fe, const struct pending *p, char *out,
    size_t size)
{
	static const char *const states[] = { "on disk", "in host memory",
		"loading", "on the device", "failed" };
	struct place_word have = have_of(fe, p);
	uint32_t n = fe_uses(fe, p->adapter);
	char name[DIR_NAME_MAX];

	snprintf(out, size, "adapter '%s' is %s, and %u %s it",
	    fe_names_copy(fe->g, p->adapter, name),
	    admin_unload_begun(fe, p) ?
		"leaving the device" :
		states[have.state <= HAVE_FAILED ? have.state : HAVE_FAILED],
	    n, n == 1 ? "request uses" : "requests use");
}

bool
admin_adapter_gone(struct frontend *fe, const struct pending *p,
    struct api_fail *fail)
{
	uint64_t entry = atomic_load_explicit(&fe->g->entry[p->adapter],
	    memory_order_acquire);

	if (dir_serial(entry) != p->serial ||
	    dir_entry_state(entry) == DIR_FREE)
		return !api_refuse(fail, API_ADAPTER_REMOVED, "name",
		    "the adapter was removed meanwhile");
	if (dir_entry_state(entry) == DIR_BROKEN)
		return !with_reason(fe, p, API_ADAPTER_BROKEN, "refused", fail);
	return false;
}

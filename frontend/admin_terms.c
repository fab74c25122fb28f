/* What stays asked of an adapter: pins, weights, and which version serves its
 * name. */
#include "base/log.h"
#include "frontend/admin.h"
#include "shm/word.h"

#include <string.h>

static uint64_t
entry_of(const struct frontend *fe, uint32_t a)
{
	return atomic_load_explicit(&fe->g->entry[a], memory_order_acquire);
}

bool
fe_pinned(const struct frontend *fe, uint32_t a)
{
	uint64_t ask_word = atomic_load_explicit(&fe->g->ask[a],
	    memory_order_relaxed);
	uint64_t entry = entry_of(fe, a);

	return dir_ask_pinned(ask_word) &&
	    dir_serial(ask_word) == dir_serial(entry) &&
	    dir_entry_state(entry) == DIR_LISTED;
}

double
fe_weight(const struct frontend *fe, uint32_t a)
{
	uint64_t ask_word = atomic_load_explicit(&fe->g->ask[a],
	    memory_order_relaxed);
	return dir_serial(ask_word) == dir_serial(entry_of(fe, a)) ?
	    dir_ask_weight(ask_word) / 100.0 :
	    1;
}

static uint32_t
chunks_of(const struct frontend *fe, uint32_t a)
{
	return dir_chunks(fe->g->info[a].bytes, fe->plan->chunk_bytes);
}

/* Each pinned adapter may come to lie in a chunk of its own, and one request of
 * full context and its adapter must always find room beside them.  instead: the
 * entry whose pin it takes over; its own: none. */
static bool
leaves_room(const struct frontend *fe, const struct pending *p,
    uint32_t instead, struct api_fail *fail)
{
	const struct plan *plan = fe->plan;
	uint64_t request = (plan->blocks_per_slot + plan->blocks_per_chunk -
			       1) /
		plan->blocks_per_chunk +
	    1;
	uint64_t pinned = chunks_of(fe, (uint32_t)p->adapter);
	char name[DIR_NAME_MAX];

	for (uint32_t a = 0; a < plan->adapters; a++)
		if (a != (uint32_t)p->adapter && a != instead &&
		    fe_pinned(fe, a))
			pinned += chunks_of(fe, a);
	if (pinned + request <= plan->chunks)
		return true;
	return api_refuse(fail, API_OUT_OF_MEMORY, "name",
	    "adapter '%s': pinned adapters would take up to %ju of %u chunks "
	    "of device memory, and a request of full context needs %ju",
	    fe_names_copy(fe->g, p->adapter, name), (uintmax_t)pinned,
	    plan->chunks, (uintmax_t)request);
}

/* Whether a pin that was there before still leaves room. */
static bool
still_fits(struct frontend *fe, const struct pending *p)
{
	struct api_fail fail;

	if (leaves_room(fe, p, (uint32_t)p->adapter, &fail))
		return true;
	log_warn("an adapter is not pinned as it was before reason=%s",
	    fail.message);
	return false;
}

void
fe_ask_again(struct frontend *fe)
{
	for (uint32_t a = 0; a < fe->plan->adapters; a++) {
		uint64_t entry = entry_of(fe, a);
		uint64_t was = atomic_load_explicit(&fe->g->ask[a],
		    memory_order_relaxed);
		uint32_t before = fe->g->info[a].asked_before;
		struct pending p = { .adapter = (int32_t)a,
			.serial = dir_serial(entry) };
		bool pin = (before & 0x8000u) != 0;

		if (before == 0 || !dir_may_serve(dir_entry_state(entry)) ||
		    dir_serial(was) == dir_serial(entry))
			continue;
		pin = pin && still_fits(fe, &p);
		admin_wish_with(fe, &p, pin ? ASK_PIN : ASK_NONE, pin,
		    before & 0x7fffu);
	}
}

/* The entry of a name in this state; `otherwise`: there is none. */
static uint32_t
named(struct frontend *fe, const char *name, enum dir_state state,
    uint32_t otherwise)
{
	uint32_t a = fe_names_next(fe->g, name, 0);

	while (
	    a < fe->plan->adapters && dir_entry_state(entry_of(fe, a)) != state)
		a = fe_names_next(fe->g, name, a + 1);
	return a < fe->plan->adapters ? a : otherwise;
}

/* A pin is of the version that serves its name, or pins would take what nobody
 * counts. */
static bool
serves(struct frontend *fe, const struct pending *p, struct api_fail *fail)
{
	char name[DIR_NAME_MAX];

	if (dir_entry_state(entry_of(fe, (uint32_t)p->adapter)) != DIR_KEPT)
		return true;
	fe_names_copy(fe->g, p->adapter, name);
	return api_refuse(fail, API_NOT_SUPPORTED, "name",
	    "version %u of '%s' does not serve its name: let it by 'chameleon "
	    "ctl rollback %s@%u', then pin '%s'",
	    fe->g->info[p->adapter].version, name, name,
	    fe->g->info[p->adapter].version, name);
}

bool
admin_start_pin(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	if (!serves(fe, p, fail) ||
	    !leaves_room(fe, p, (uint32_t)p->adapter, fail))
		return false;
	admin_wish(fe, p, ASK_PIN);
	return true;
}

/* false: the files that have come are broken. */
static bool
is_whole(struct frontend *fe, const char *name, struct api_fail *fail)
{
	uint32_t a = named(fe, name, DIR_BROKEN, fe->plan->adapters);
	char why[DIR_REASON_MAX];

	return a == fe->plan->adapters ||
	    api_refuse(fail, API_ADAPTER_BROKEN, "name", "adapter '%s': %s",
		name, fe_reason(fe->g, (int32_t)a, why));
}

/* Files may change while it waits; whoever reads the new ones may have found the
 * wish, or not yet. */
bool
admin_follow_pin(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	uint64_t entry = entry_of(fe, (uint32_t)p->adapter);
	char name[DIR_NAME_MAX];
	uint32_t now;

	if (p->undone ||
	    (dir_serial(entry) == p->serial &&
		dir_entry_state(entry) == DIR_LISTED))
		return true;
	fe_operation_name(fe, p, name);
	now = named(fe, name, DIR_LISTED, (uint32_t)p->adapter);
	if (now == (uint32_t)p->adapter)
		return is_whole(fe, name, fail);
	admin_take(fe, p, now, dir_serial(entry_of(fe, now)));
	fe_operation_follow(fe, p);
	if (fe_pinned(fe, now))
		return true;
	if (!leaves_room(fe, p, now, fail))
		return false;
	admin_wish(fe, p, ASK_PIN);
	return true;
}

bool
admin_look_pin(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	/* It may have been taken back. */
	if (!fe_pinned(fe, (uint32_t)p->adapter) ||
	    !admin_look_come(fe, p, o, fail))
		return false;
	line_put(o, ",\"pinned\":true");
	return true;
}

/* What an earlier one has pinned stays. */
void
admin_undo_pin(struct frontend *fe, const struct pending *p)
{
	if (!p->was_pinned && !admin_others_wait(fe, p))
		admin_wish(fe, p, ASK_UNPIN);
}

bool
admin_start_unpin(struct frontend *fe, struct pending *p, struct api_fail *fail)
{
	(void)fail;
	admin_wish(fe, p, ASK_UNPIN);
	return true;
}

bool
admin_look_unpin(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	(void)fail;
	admin_put_name(fe, p, o);
	line_put(o, ",\"pinned\":false");
	return true;
}

bool
admin_read_weight(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	double weight = 0;

	if (!admin_find(fe, root, p, fail) || !admin_undisturbed(fe, p, fail) ||
	    !admin_read_number(root, "weight", 0.01, ASK_WEIGHT_MAX / 100.0,
		&weight, fail))
		return false;
	if (weight <= 0)
		return api_refuse(fail, API_MISSING_FIELD, "weight",
		    "weight: missing: want a number, 1 is that of others");
	p->weight = (uint32_t)(weight * 100 + 0.5);
	return true;
}

bool
admin_start_weight(struct frontend *fe, struct pending *p,
    struct api_fail *fail)
{
	(void)fail;
	admin_wish(fe, p, ASK_WEIGH);
	return true;
}

bool
admin_look_weight(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	(void)fail;
	admin_put_name(fe, p, o);
	line_fmt(o, ",\"weight\":%u.%02u", p->weight / 100, p->weight % 100);
	return true;
}

bool
admin_read_rollback(struct frontend *fe, const json_t *root, struct pending *p,
    struct api_fail *fail)
{
	const char *name = json_string_value(json_object_get(root, "name"));

	if (name != NULL && strchr(name, '@') == NULL)
		return api_refuse(fail, API_OUT_OF_RANGE, "name",
		    "name: '%s': want NAME@VERSION, the version that is to "
		    "serve the name",
		    name);
	return admin_read_adapter(fe, root, p, fail);
}

/* Pin and weight are the name's: they go over to the version that is to serve
 * it. */
bool
admin_start_rollback(struct frontend *fe, struct pending *p,
    struct api_fail *fail)
{
	char name[DIR_NAME_MAX];
	uint32_t now = named(fe, fe_names_copy(fe->g, p->adapter, name),
	    DIR_LISTED, (uint32_t)p->adapter);
	uint64_t word = atomic_load_explicit(&fe->g->ask[now],
	    memory_order_relaxed);
	bool pinned = dir_ask_pinned(word) &&
	    dir_serial(word) == dir_serial(entry_of(fe, now));

	if (pinned && !leaves_room(fe, p, now, fail))
		return false;
	admin_wish_with(fe, p, ASK_CHOOSE, pinned,
	    (uint32_t)(fe_weight(fe, now) * 100 + 0.5));
	return true;
}

bool
admin_look_rollback(struct frontend *fe, struct pending *p, struct line_out *o,
    struct api_fail *fail)
{
	enum dir_state state = dir_entry_state(
	    entry_of(fe, (uint32_t)p->adapter));

	if (state == DIR_RETIRED)
		api_refuse(fail, API_ADAPTER_REMOVED, "name",
		    "this version is kept no longer");
	if (state != DIR_LISTED)
		return false;
	admin_put_name(fe, p, o);
	return true;
}

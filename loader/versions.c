/* Which version serves a name, and which others are kept.
 *
 * Files that change are a new version, in an entry of its own.  It is LISTED, and
 * the one before is KEPT, as long as its packed image is in host memory: there are
 * no other bytes of it any more.  An operator may choose a kept one: from then on it
 * is the LISTED one, and new files are KEPT until the newest is chosen again. */
#include "loader/ld.h"

#include <string.h>

static bool
is_version(const struct ld *l, uint32_t a, const char *name)
{
	return dir_may_serve(ld_state(l, a)) &&
	    strcmp(l->w.info[a].name, name) == 0;
}

/* The oldest of those whose files are gone and which are not chosen, if there are
 * more than may be; the one that has just served only where none may stay. */
static uint32_t
too_many(const struct ld *l, const char *name, uint32_t served)
{
	uint32_t n = 0, oldest = LD_NOBODY;

	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		if (!is_version(l, a, name) || ld_state(l, a) != DIR_KEPT ||
		    !l->store.image[a].only)
			continue;
		n++;
		if ((a != served || l->w.versions_kept == 0) &&
		    (oldest == LD_NOBODY ||
			l->w.info[a].version < l->w.info[oldest].version))
			oldest = a;
	}
	return n > l->w.versions_kept ? oldest : LD_NOBODY;
}

static void
let_go(struct ld *l, uint32_t a)
{
	(void)store_keep(&l->store, a, false);
	ld_set_state(l, a, DIR_RETIRED);
}

static void
keep_some(struct ld *l, const char *name, uint32_t served)
{
	uint32_t oldest;

	while ((oldest = too_many(l, name, served)) != LD_NOBODY)
		let_go(l, oldest);
}

void
ld_version_over(struct ld *l, uint32_t old)
{
	bool chosen = ld_state(l, old) == DIR_LISTED;

	if (l->w.versions_kept == 0 || !store_keep(&l->store, old, true)) {
		let_go(l, old);
		return;
	}
	ld_set_state(l, old, DIR_KEPT);
	if (chosen)
		ld_note_kept(l, old, "is replaced, and kept for rollback");
	keep_some(l, l->w.info[old].name, chosen ? old : LD_NOBODY);
}

/* It is the one of the files, or one of the few whose image is all there is. */
uint32_t
ld_version_serving(const struct ld *l, uint32_t one)
{
	const char *name = l->w.info[one].name;
	const struct store *st = &l->store;
	uint32_t newest = ld_find(l, name);

	if (ld_state(l, one) == DIR_LISTED)
		return one;
	if (newest != LD_NOBODY && ld_state(l, newest) == DIR_LISTED)
		return newest;
	for (uint32_t i = 0; i < st->count && st->kept > 0; i++) {
		uint32_t a = st->list[i];

		if (st->image[a].only && ld_state(l, a) == DIR_LISTED &&
		    strcmp(l->w.info[a].name, name) == 0)
			return a;
	}
	return LD_NOBODY;
}

void
ld_versions_gone(struct ld *l, const char *name)
{
	for (uint32_t a = 0; a < l->w.plan->adapters; a++)
		if (is_version(l, a, name))
			let_go(l, a);
}

bool
ld_version_give_up(struct ld *l)
{
	uint32_t oldest = LD_NOBODY;

	for (uint32_t i = 0; i < l->store.count; i++) {
		uint32_t a = l->store.list[i];

		if (!l->store.image[a].only || ld_state(l, a) != DIR_KEPT)
			continue;
		if (oldest == LD_NOBODY ||
		    l->w.info[a].listed_ns < l->w.info[oldest].listed_ns)
			oldest = a;
	}
	if (oldest == LD_NOBODY)
		return false;
	ld_note_kept(l, oldest,
	    "is kept no longer: the catalogue is full (loader.adapters_max)");
	let_go(l, oldest);
	return true;
}

/* The one that served before is kept if it can be: its files are there, or its
 * image is. */
static void
choose(struct ld *l, uint32_t chosen)
{
	const char *name = l->w.info[chosen].name;
	uint32_t served = LD_NOBODY;

	/* First, or the name would be served by nobody if we died here. */
	ld_set_state(l, chosen, DIR_LISTED);
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		if (a == chosen || !is_version(l, a, name) ||
		    ld_state(l, a) != DIR_LISTED)
			continue;
		ld_set_state(l, a, DIR_KEPT);
		served = a;
	}
	ld_memory_chosen(l->memory, name);
	ld_note_kept(l, chosen, "serves its name from now on");
	keep_some(l, name, served);
}

void
ld_version_look(struct ld *l, uint32_t a)
{
	uint64_t ask;
	uint8_t count;

	if (l->w.ask == NULL || ld_state(l, a) == DIR_FREE)
		return;
	ask = atomic_load_explicit(&l->w.ask[a], memory_order_acquire);
	count = (uint8_t)dir_ask_count(ask);
	if (dir_serial(ask) != ld_serial(&l->w, a) ||
	    l->w.info[a].asked == count)
		return;
	if (dir_ask_command(ask) == ASK_CHOOSE && dir_may_serve(ld_state(l, a)))
		choose(l, a);
	l->w.info[a].asked = count; /* or it is looked at once more */
}

bool
ld_version_stays(struct ld *l, uint32_t a)
{
	return dir_may_serve(ld_state(l, a)) && store_keep(&l->store, a, true);
}

void
ld_versions_look_over(struct ld *l)
{
	const struct store *st = &l->store;

	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		const char *name = l->w.info[a].name;

		if (ld_state(l, a) != DIR_KEPT)
			continue;
		if (st->image[a].only)
			keep_some(l, name, LD_NOBODY);
		else if (ld_find(l, name) == a &&
		    ld_version_serving(l, a) == LD_NOBODY)
			ld_note_unserved(l, a);
	}
}

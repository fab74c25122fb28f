/* The catalogue: what the scanner says becomes entries.
 *
 *	FREE --> LISTED --> RETIRED --> FREE	replaced or removed, then unused
 *	    \--> BROKEN --> RETIRED
 *
 * An entry is one version of one adapter; its index is used anew only when the
 * scheduler has called it out and no open request names it. */
#include "loader/ld.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"

/* Kept for loads that fail, beside adapters that are broken. */
#define REASONS_SPARE 64

static uint32_t
bucket_of(const struct ld *l, const char *name)
{
	return (uint32_t)hash_text(HASH_START, name) & (l->nbuckets - 1);
}

/* The entry of the files that are there under a name. */
uint32_t
ld_find(const struct ld *l, const char *name)
{
	uint32_t a = l->bucket[bucket_of(l, name)];

	while (a != LD_NOBODY && strcmp(l->w.info[a].name, name) != 0)
		a = l->bucket_next[a];
	return a;
}

static void
name_it(struct ld *l, uint32_t a)
{
	uint32_t *head = &l->bucket[bucket_of(l, l->w.info[a].name)];

	l->bucket_next[a] = *head;
	*head = a;
}

static void
unname(struct ld *l, uint32_t a)
{
	uint32_t *at = &l->bucket[bucket_of(l, l->w.info[a].name)];

	while (*at != a && *at != LD_NOBODY)
		at = &l->bucket_next[*at];
	if (*at == a)
		*at = l->bucket_next[a];
}

static void
set_state(struct ld *l, uint32_t a, uint32_t serial, enum dir_state to)
{
	enum dir_state was = ld_state(l, a);

	l->listed += (to == DIR_LISTED) - (was == DIR_LISTED);
	l->broken += (to == DIR_BROKEN) - (was == DIR_BROKEN);
	l->retired += (to == DIR_RETIRED) - (was == DIR_RETIRED);
	atomic_store_explicit(&l->w.entry[a], dir_entry(serial, to),
	    memory_order_release);
	atomic_fetch_add_explicit(l->w.catalogue, 1, memory_order_release);
}

void
ld_set_state(struct ld *l, uint32_t a, enum dir_state to)
{
	set_state(l, a, ld_serial(&l->w, a), to);
}

/* It is no more what the files of its name are. */
static void
retire(struct ld *l, uint32_t a, bool gone)
{
	bool worked = dir_may_serve(ld_state(l, a));

	unname(l, a);
	if (worked && !gone)
		ld_version_over(l, a);
	else
		ld_set_state(l, a, DIR_RETIRED);
	if (gone)
		ld_versions_gone(l, l->w.info[a].name);
	/* What never worked and is replaced is no news. */
	if (gone || (worked && ld_state(l, a) == DIR_RETIRED))
		ld_note_retired(l, a, gone ? "removed" : "changed");
}

static bool
named_by_a_request(const struct ld *l, uint32_t a)
{
	for (uint32_t i = 0; i < l->w.plan->slots; i++)
		if (word_load(&l->w.f[i]).state == F_SUB &&
		    l->w.request[i].adapter == (int32_t)a)
			return true;
	return false;
}

/* Whether nobody has a use for a retired entry. */
static bool
unused(struct ld *l, uint32_t a)
{
	struct place_word want = word_load_place(&l->w.want[a]);
	struct place_word have = word_load_place(&l->w.have[a]);

	return want.state == WANT_OUT && want.gen == have.gen &&
	    l->job[a] == NULL && l->store.image[a].pins == 0 &&
	    !named_by_a_request(l, a);
}

static void
set_free(struct ld *l, uint32_t a)
{
	struct place_word have = word_load_place(&l->w.have[a]);

	store_drop(&l->store, a);
	ld_reason_clear(l, a);
	have.state = HAVE_ABSENT;
	word_store_place(&l->w.have[a], have);
	set_state(l, a, ld_serial(&l->w, a), DIR_FREE);
	if (a < l->free_from)
		l->free_from = a;
}

void
ld_catalogue_reclaim(struct ld *l)
{
	for (uint32_t a = 0; a < l->w.plan->adapters && l->retired > 0; a++)
		if (ld_state(l, a) == DIR_RETIRED && unused(l, a))
			set_free(l, a);
}

static uint32_t
free_entry(struct ld *l)
{
	for (uint32_t a = l->free_from; a < l->w.plan->adapters; a++)
		if (ld_state(l, a) == DIR_FREE) {
			l->free_from = a + 1;
			return a;
		}
	l->free_from = l->w.plan->adapters;
	return LD_NOBODY;
}

/* What operators ask of an entry, for the one that comes after it. */
uint16_t
ld_asked_of(const struct ld *l, uint32_t a)
{
	uint64_t ask = l->w.ask == NULL ?
	    0 :
	    atomic_load_explicit(&l->w.ask[a], memory_order_acquire);
	uint32_t weight = dir_ask_weight(ask);

	if (dir_serial(ask) != ld_serial(&l->w, a))
		return l->w.info[a].asked_before;
	if (weight == 100 && !dir_ask_pinned(ask))
		return 0;
	return (uint16_t)(weight | (dir_ask_pinned(ask) ? 0x8000u : 0));
}

uint16_t
ld_asked_of_name(const struct ld *l, uint32_t a)
{
	uint32_t serving = ld_version_serving(l, a);

	return ld_asked_of(l, serving != LD_NOBODY ? serving : a);
}

/* Of whoever had this index before: the next one is counted from there. */
static uint8_t
last_ask(const struct ld *l, uint32_t a)
{
	return l->w.ask == NULL ?
	    0 :
	    (uint8_t)dir_ask_count(
		atomic_load_explicit(&l->w.ask[a], memory_order_acquire));
}

static void
note_full(struct ld *l, const char *name)
{
	if (!l->full)
		log_warn("an adapter and maybe others are not listed: the "
			 "catalogue is full; raise loader.adapters_max "
			 "adapter=%s",
		    name);
	l->full = true;
}

/* One that cannot be served gives its entry to one that can, and is listed again
 * when its files change. */
static bool
unlist_broken(struct ld *l)
{
	for (uint32_t a = l->w.plan->adapters; l->broken > 0 && a-- > 0;) {
		if (ld_state(l, a) != DIR_BROKEN || !unused(l, a))
			continue;
		note_full(l, l->w.info[a].name);
		ld_memory_note(l, a);
		retire(l, a, false);
		return true;
	}
	return false;
}

/* A free entry; for one that works, if need be, that of a broken one or else that
 * of a version which is kept for rollback alone. */
static uint32_t
make_entry(struct ld *l, enum found_kind for_a)
{
	uint32_t a = free_entry(l);

	if (a != LD_NOBODY)
		return a;
	ld_catalogue_reclaim(l);
	while ((a = free_entry(l)) == LD_NOBODY && for_a == FOUND_GOOD &&
	    (unlist_broken(l) || ld_version_give_up(l)))
		ld_catalogue_reclaim(l);
	return a;
}

/* Whether it is alone is known after the first look (ld_versions_look_over). */
static void
note_kept(struct ld *l, uint32_t a)
{
	if (ld_version_serving(l, a) != LD_NOBODY)
		ld_note_kept(l, a,
		    "is new, and another version serves its name");
	else if (l->opened)
		ld_note_unserved(l, a);
}

/* A new version, in an entry of its own; false: there is none.  before: the entry
 * of the files that were there, if any, and what it was. */
static bool
add(struct ld *l, const struct ld_found *f, uint32_t before, enum dir_state was,
    nsec now)
{
	uint32_t a = make_entry(l, f->kind), version = 1;
	struct dir_info *info;
	uint16_t asked = 0;
	bool other = false;

	if (a == LD_NOBODY)
		return false;
	if (before != LD_NOBODY) {
		/* What never worked is no version of its own. */
		version = l->w.info[before].version +
		    (dir_may_serve(was) || l->w.info[before].sum != 0);
		asked = ld_asked_of_name(l, before);
		/* One that was only kept did so for another's sake, which may
		 * be gone: it is an operator's to say who serves then. */
		other = was == DIR_KEPT ||
		    (was == DIR_BROKEN &&
			ld_memory_other(l->memory, f->name)) ||
		    (version > 1 && ld_version_serving(l, before) != LD_NOBODY);
	} else {
		other = ld_memory_recall(l->memory, f->name, f->file_id,
		    &version, &asked);
	}
	info = &l->w.info[a];
	*info = (struct dir_info){ .version = version,
		.asked_before = asked,
		.asked = last_ask(l, a),
		.rank = (int16_t)f->rank,
		.bytes = f->bytes,
		.file_bytes = f->file_bytes,
		.file_id = f->file_id,
		.listed_ns = now };
	memcpy(info->name, f->name, sizeof(info->name));
	if (f->kind == FOUND_BROKEN)
		ld_reason_set(l, a, f->reason, REASONS_SPARE);
	name_it(l, a);
	set_state(l, a, ld_serial(&l->w, a) + 1,
	    f->kind != FOUND_GOOD ? DIR_BROKEN :
		other		  ? DIR_KEPT :
				    DIR_LISTED);
	if (ld_state(l, a) == DIR_KEPT)
		note_kept(l, a);
	else if (f->kind == FOUND_GOOD)
		ld_note_listed(l, a);
	else
		ld_note_broken(l, f->name, f->reason);
	return true;
}

static void
not_listed(struct ld *l, struct ld_found *f)
{
	note_full(l, f->name);
	f->next = l->unlisted;
	l->unlisted = f;
}

/* What was found before under this name is not so any more. */
static void
forget_unlisted(struct ld *l, const char *name)
{
	struct ld_found **at = &l->unlisted, *f;

	while ((f = *at) != NULL && strcmp(f->name, name) != 0)
		at = &f->next;
	if (f == NULL)
		return;
	*at = f->next;
	free(f);
}

/* true: it is done with; false: it waits for an entry. */
static bool
heed(struct ld *l, const struct ld_found *f, nsec now)
{
	uint32_t a = ld_find(l, f->name), before = a;
	enum dir_state was = DIR_FREE;

	if (a != LD_NOBODY && f->kind != FOUND_GONE &&
	    l->w.info[a].file_id == f->file_id) {
		l->seen[a] = true;
		return true;
	}
	if (a != LD_NOBODY) {
		was = ld_state(l, a);
		ld_memory_note(l, a); /* there may be no entry for the next */
		retire(l, a, f->kind == FOUND_GONE);
	}
	if (f->kind == FOUND_GONE)
		return true;
	if (!add(l, f, before, was, now))
		return false;
	l->seen[ld_find(l, f->name)] = true;
	return true;
}

/* Entries may have come free.  true: none of these waits any more. */
static bool
list_those(struct ld *l, enum found_kind kind, nsec now)
{
	for (;;) {
		struct ld_found **at = &l->unlisted, *f;
		uint32_t a;

		while ((f = *at) != NULL && f->kind != kind)
			at = &f->next;
		if (f == NULL)
			return true;
		if ((a = make_entry(l, kind)) == LD_NOBODY)
			return false;
		l->free_from = a;
		*at = f->next;
		if (!heed(l, f, now)) {
			not_listed(l, f);
			return false;
		}
		free(f);
	}
}

void
ld_catalogue_tick(struct ld *l, nsec now)
{
	if (l->retired > 0)
		ld_catalogue_reclaim(l);
	if (l->unlisted != NULL && list_those(l, FOUND_GOOD, now) &&
	    list_those(l, FOUND_BROKEN, now))
		l->full = false;
}

void
ld_catalogue_close(struct ld *l)
{
	struct ld_found *f;

	while ((f = l->unlisted) != NULL) {
		l->unlisted = f->next;
		free(f);
	}
}

/* What of an earlier life was not seen is gone. */
static void
first_look_over(struct ld *l)
{
	/* Those that are kept first: the others are asked whom they serve. */
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		enum dir_state state = ld_state(l, a);

		if (state != DIR_FREE && state != DIR_RETIRED && !l->seen[a] &&
		    ld_find(l, l->w.info[a].name) != a &&
		    !ld_version_stays(l, a))
			ld_set_state(l, a, DIR_RETIRED);
	}
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		enum dir_state state = ld_state(l, a);

		if (state == DIR_FREE || state == DIR_RETIRED || l->seen[a] ||
		    ld_find(l, l->w.info[a].name) != a)
			continue;
		ld_memory_note(l, a);
		retire(l, a, true);
	}
	ld_versions_look_over(l);
	ld_note_first(l);
}

bool
ld_catalogue_heed(struct ld *l, nsec now)
{
	struct ld_found *f = ld_scan_take(l->scan), *next;
	bool some = f != NULL;

	for (; f != NULL; f = next) {
		next = f->next;
		if (f->kind != FOUND_ALL) {
			forget_unlisted(l, f->name);
			if (!heed(l, f, now)) {
				not_listed(l, f);
				continue;
			}
		} else {
			ld_note_look_over(l);
			if (!f->lost && !l->opened)
				first_look_over(l);
			ld_gauge(&l->w.meters->directory_lost, f->lost);
			atomic_store_explicit(l->w.rescan_done, f->rescan,
			    memory_order_release);
		}
		free(f);
	}
	ld_note_sums(l);
	return some;
}

/* The files are those of the newest version. */
static void
name_newest(struct ld *l, uint32_t a)
{
	uint32_t other = ld_find(l, l->w.info[a].name);

	if (other != LD_NOBODY &&
	    l->w.info[other].version >= l->w.info[a].version)
		return;
	if (other != LD_NOBODY)
		unname(l, other);
	name_it(l, a);
}

/* At a start: entries of an earlier life keep their names, until the first look
 * has said what is there. */
void
ld_catalogue_rebuild(struct ld *l)
{
	for (uint32_t i = 0; i < l->nbuckets; i++)
		l->bucket[i] = LD_NOBODY;
	for (uint32_t a = 0; a < l->w.plan->adapters; a++) {
		enum dir_state state = ld_state(l, a);
		struct dir_info *info = &l->w.info[a];

		l->listed += state == DIR_LISTED;
		l->broken += state == DIR_BROKEN;
		l->retired += state == DIR_RETIRED;
		info->name[DIR_NAME_MAX - 1] = '\0';
		if (state != DIR_FREE && state != DIR_RETIRED)
			name_newest(l, a);
	}
}

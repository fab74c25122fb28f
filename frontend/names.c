/* The private hash over the catalogue, and the nearest name. */
#include "frontend/names.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISTANCE_MAX 3 /* between a wrong name and the one that is meant */

int
fe_names_open(struct names *t, const struct segs *g, const char *model_dir)
{
	uint32_t places = 16;

	*t = (struct names){ .g = g };
	while (places < 2 * g->plan->adapters)
		places *= 2;
	t->mask = places - 1;
	t->place = calloc(places, sizeof(*t->place));
	if (t->place == NULL)
		return err_set(ERR_MEMORY, "no memory for %u adapter names",
		    g->plan->adapters);
	dir_base_name(model_dir, t->base);
	return 0;
}

void
fe_names_close(struct names *t)
{
	free(t->place);
	t->place = NULL;
}

/* Text of another process's segment: ended here, and cut where it is none. */
static char *
copy(char *out, const char *from, size_t size)
{
	memcpy(out, from, size);
	out[size - 1] = '\0';
	out[utf8_valid(out, strlen(out))] = '\0';
	return out;
}

char *
fe_names_copy(const struct segs *g, int32_t adapter, char *out)
{
	return copy(out, g->info[adapter].name, DIR_NAME_MAX);
}

char *
fe_reason(const struct segs *g, int32_t adapter, char *out)
{
	dir_reason(&g->info[adapter], g->reasons, (uint32_t)adapter, out);
	out[utf8_valid(out, strlen(out))] = '\0';
	return out;
}

static uint64_t
entry_of(const struct segs *g, uint32_t a)
{
	return atomic_load_explicit(&g->entry[a], memory_order_acquire);
}

static bool
may_be_asked_for(uint64_t entry)
{
	return dir_may_serve(dir_entry_state(entry)) ||
	    dir_entry_state(entry) == DIR_BROKEN;
}

#define VERSIONS_TOLD 16 /* of a name, in a sentence */

/* A name as it is asked for: NAME, or NAME@VERSION. */
struct wanted {
	char name[DIR_NAME_MAX];
	uint32_t version; /* 0: the one that serves the name */
};

/* false: no adapter can be called so. */
static bool
read_wanted(const char *text, struct wanted *w)
{
	const char *at = strchr(text, '@');
	size_t n = at == NULL ? strlen(text) : (size_t)(at - text);
	char *end = NULL;

	if (n >= sizeof(w->name))
		return false;
	memcpy(w->name, text, n);
	w->name[n] = '\0';
	w->version = 0;
	if (at == NULL)
		return true;
	if (at[1] < '1' || at[1] > '9' || strlen(at + 1) > 9)
		return false;
	w->version = (uint32_t)strtoul(at + 1, &end, 10);
	return *end == '\0';
}

static uint32_t
start_of(const struct names *t, const char *name)
{
	return (uint32_t)hash_text(HASH_START, name) & t->mask;
}

static void
rebuild(struct names *t, uint64_t count)
{
	char name[DIR_NAME_MAX];

	memset(t->place, 0, ((size_t)t->mask + 1) * sizeof(*t->place));
	for (uint32_t a = 0; a < t->g->plan->adapters; a++) {
		uint32_t i;

		if (!may_be_asked_for(entry_of(t->g, a)))
			continue;
		i = start_of(t, fe_names_copy(t->g, (int32_t)a, name));
		while (t->place[i] != 0)
			i = (i + 1) & t->mask;
		t->place[i] = a + 1;
	}
	t->seen = count + 1;
}

static void
refresh(struct names *t)
{
	uint64_t count = atomic_load_explicit(t->g->catalogue,
	    memory_order_acquire);

	if (t->seen != count + 1)
		rebuild(t, count);
}

static bool
is_wanted(const struct names *t, uint32_t a, uint64_t entry,
    const struct wanted *w)
{
	char has[DIR_NAME_MAX];

	fe_names_copy(t->g, (int32_t)a, has);
	if (strcmp(has, w->name) != 0 || !may_be_asked_for(entry))
		return false;
	if (w->version == 0)
		return dir_entry_state(entry) != DIR_KEPT;
	return t->g->info[a].version == w->version;
}

/* One that serves goes before one that is broken. */
static bool
find(struct names *t, const struct wanted *w, struct name_found *found)
{
	bool any = false;

	for (uint32_t i = start_of(t, w->name); t->place[i] != 0;
	     i = (i + 1) & t->mask) {
		uint32_t a = t->place[i] - 1;
		uint64_t entry = entry_of(t->g, a);

		if (!is_wanted(t, a, entry, w) || entry_of(t->g, a) != entry ||
		    (any && dir_entry_state(entry) == DIR_BROKEN))
			continue;
		found->adapter = (int32_t)a;
		found->serial = dir_serial(entry);
		found->broken = dir_entry_state(entry) == DIR_BROKEN;
		any = true;
	}
	return any;
}

bool
fe_names_find(struct names *t, const char *name, struct name_found *found)
{
	struct wanted w;

	*found = (struct name_found){ .adapter = SLOT_BASE };
	if (name == NULL || strcmp(name, t->base) == 0 ||
	    strcmp(name, DIR_BASE) == 0)
		return true;
	if (!read_wanted(name, &w))
		return false;
	refresh(t);
	if (find(t, &w, found))
		return true;
	/* A change that is under way may not be counted yet. */
	rebuild(t, t->seen - 1);
	return find(t, &w, found);
}

uint32_t
fe_names_next(const struct segs *g, const char *name, uint32_t from)
{
	char has[DIR_NAME_MAX];
	size_t n = strcspn(name, "@");

	for (; from < g->plan->adapters; from++) {
		fe_names_copy(g, (int32_t)from, has);
		if (strlen(has) == n && memcmp(has, name, n) == 0)
			break;
	}
	return from;
}

char *
fe_names_versions(const struct segs *g, const char *name, char *out,
    size_t size)
{
	uint32_t all[VERSIONS_TOLD], n = 0, a;
	size_t used = 0;

	out[0] = '\0';
	for (a = fe_names_next(g, name, 0);
	     a < g->plan->adapters && n < VERSIONS_TOLD;
	     a = fe_names_next(g, name, a + 1)) {
		uint32_t i = n;

		if (!dir_may_serve(dir_entry_state(entry_of(g, a))))
			continue;
		for (n++; i > 0 && all[i - 1] > g->info[a].version; i--)
			all[i] = all[i - 1];
		all[i] = g->info[a].version;
	}
	for (uint32_t i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u",
		    i > 0 ? ", " : "", all[i]);
	return out;
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

int
fe_names_distance(const char *a, const char *b, int limit)
{
	int na = (int)strnlen(a, DIR_NAME_MAX);
	int nb = (int)strnlen(b, DIR_NAME_MAX);
	int rows[3][DIR_NAME_MAX + 1];
	int *two = rows[0], *one = rows[1], *row = rows[2], *spare;

	if (na - nb > limit || nb - na > limit)
		return limit + 1;
	for (int j = 0; j <= nb; j++)
		one[j] = j;
	for (int i = 1; i <= na; i++) {
		int best = row[0] = i;

		for (int j = 1; j <= nb; j++) {
			int change = one[j - 1] + (a[i - 1] != b[j - 1]);

			row[j] = least(change,
			    least(one[j] + 1, row[j - 1] + 1));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = least(row[j], two[j - 2] + 1);
			best = least(best, row[j]);
		}
		if (best > limit)
			return limit + 1;
		spare = two;
		two = one;
		one = row;
		row = spare;
	}
	return least(one[nb], limit + 1);
}

void
fe_names_near(struct names *t, const char *name, char *near)
{
	int length = (int)strnlen(name, DIR_NAME_MAX);
	int limit = least(DISTANCE_MAX, (length + 1) / 2);
	char has[DIR_NAME_MAX];

	near[0] = '\0';
	refresh(t);
	if (fe_names_distance(name, t->base, limit) <= limit) {
		limit = fe_names_distance(name, t->base, limit) - 1;
		strcpy(near, t->base);
	}
	for (uint32_t a = 0; a < t->g->plan->adapters && limit >= 0; a++) {
		int d;

		if (!may_be_asked_for(entry_of(t->g, a)))
			continue;
		fe_names_copy(t->g, (int32_t)a, has);
		d = fe_names_distance(name, has, limit);
		if (d > limit)
			continue;
		strcpy(near, has);
		limit = d - 1;
	}
}

/* What is new goes to the series of the moment; then these are chosen anew. */
#include "monitor/told.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

void
told_on(struct told *t, const struct segs *g)
{
	*t = (struct told){ .at = g->told_adapters,
		.rest = g->told_rest,
		.adapters = g->plan->adapters };
}

void
told_free(struct told *t)
{
	free(t->pick);
	free(t->row);
	t->pick = NULL;
	t->row = NULL;
	t->room = t->rows = 0;
}

static int
need(struct told *t, uint32_t n)
{
	struct told_pick *pick;
	struct told_row *row;

	if (n <= t->room)
		return 0;
	n += n / 4;
	if ((pick = realloc(t->pick, n * sizeof(*pick))) != NULL)
		t->pick = pick;
	if ((row = realloc(t->row, (n + 1) * sizeof(*row))) != NULL)
		t->row = row;
	if (pick == NULL || row == NULL)
		return err_set(ERR_MEMORY, "no memory for the adapters' rows");
	t->room = n;
	return 0;
}

static bool
may_have_own(const struct snap_adapter *a)
{
	return !a->retired && strcmp(a->name, TOLD_REST) != 0;
}

static void
counts_of(const struct snap_adapter *a, uint64_t out[TOLD_COUNTS])
{
	out[TOLD_HITS] = a->hits;
	out[TOLD_MISSES] = a->misses;
	out[TOLD_LOADS] = a->loads;
	out[TOLD_EVICTED_KV] = a->evictions_kv;
	out[TOLD_EVICTED_ADAPTER] = a->evictions_adapter;
	out[TOLD_LEFT] = a->left;
	out[TOLD_COLD_NS] = a->cold_ns > 0 ? (uint64_t)a->cold_ns : 0;
}

/* An index may be another adapter's than it was. */
static void
meet(struct told_adapter *w, const struct snap_adapter *a, uint32_t *room)
{
	uint64_t who = hash_text(hash_bytes(HASH_START, &a->version,
				     sizeof(a->version)),
	    a->name);

	if (w->who == who)
		return;
	*w = (struct told_adapter){ .who = who };
	if (*room > 0 && may_have_own(a)) {
		w->own = 1;
		--*room;
	}
}

/* What was seen is stored first: who dies in between has told too little, never
 * twice the same. */
static void
credit(struct told *t, struct told_adapter *w, const struct snap_adapter *a)
{
	uint64_t now[TOLD_COUNTS];
	uint64_t *to = w->own != 0 && may_have_own(a) ? w->told : t->rest->told;

	counts_of(a, now);
	for (int k = 0; k < TOLD_COUNTS; k++) {
		uint64_t new = now[k] >= w->seen[k] ? now[k] - w->seen[k] :
						      now[k];

		*(volatile uint64_t *)&w->seen[k] = now[k];
		to[k] += new;
	}
}

/* More first; ties end in the lower row. */
static int
by_uses(const void *a, const void *b)
{
	const struct told_pick *x = a, *y = b;

	if (x->uses != y->uses)
		return x->uses > y->uses ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Who has series keeps them until another is used an eighth more. */
static void
choose(struct told *t, const struct snap *s, uint32_t most)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nadapters; i++) {
		const struct snap_adapter *a = &s->adapter[i];
		struct told_adapter *w;

		if (a->index >= t->adapters)
			continue;
		w = &t->at[a->index];
		uint64_t uses = (uint64_t)a->hits + a->misses;

		if (may_have_own(a))
			t->pick[n++] = (struct told_pick){
				w->own ? uses + uses / 8 + 1 : uses, i
			};
		else
			w->own = 0;
	}
	if (n > most)
		qsort(t->pick, n, sizeof(*t->pick), by_uses);
	for (uint32_t i = 0; i < n; i++)
		t->at[s->adapter[t->pick[i].row].index].own = i < most;
	t->rows = n < most ? n : most;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct told_row *)a)->name,
	    ((const struct told_row *)b)->name);
}

static bool
on_device(const struct snap_adapter *a)
{
	return a->state == SNAP_RESIDENT || a->state == SNAP_LEAVING;
}

static void
told_numbers(struct told_row *r, const uint64_t told[TOLD_COUNTS])
{
	for (int k = 0; k < TOLD_COUNTS; k++)
		r->count[k] = (double)told[k];
}

/* By name; a name that is there twice, which should not be, has one row. */
static void
write_rows(struct told *t, const struct snap *s)
{
	uint32_t n = 0, resident = 0;
	struct told_row *rest;

	for (uint32_t i = 0; i < s->nadapters; i++)
		resident += on_device(&s->adapter[i]);
	for (uint32_t i = 0; i < t->rows; i++) {
		const struct snap_adapter *a = &s->adapter[t->pick[i].row];

		t->row[i] = (struct told_row){ .name = a->name,
			.resident = on_device(a) };
		told_numbers(&t->row[i], t->at[a->index].told);
		resident -= on_device(a);
	}
	qsort(t->row, t->rows, sizeof(*t->row), by_name);
	for (uint32_t i = 0; i < t->rows; i++)
		if (n == 0 || by_name(&t->row[n - 1], &t->row[i]) != 0)
			t->row[n++] = t->row[i];
	rest = &t->row[n++];
	*rest = (struct told_row){ .name = TOLD_REST, .resident = resident };
	told_numbers(rest, t->rest->told);
	t->rows = n;
}

/* Places that are not taken. */
static uint32_t
places_left(const struct told *t, const struct snap *s, uint32_t most)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < s->nadapters; i++)
		if (s->adapter[i].index < t->adapters)
			taken += t->at[s->adapter[i].index].own != 0;
	return taken < most ? most - taken : 0;
}

int
told_look(struct told *t, const struct snap *s, uint32_t most)
{
	bool first = t->rest->begun == 0;
	uint32_t left = first ? 0 : places_left(t, s, most);
	int e = need(t, s->nadapters + 1);

	if (e != 0)
		return e;
	for (uint32_t i = 0; i < s->nadapters; i++)
		if (s->adapter[i].index < t->adapters)
			meet(&t->at[s->adapter[i].index], &s->adapter[i],
			    &left);
	/* The first look finds who is used most already. */
	if (first)
		choose(t, s, most);
	for (uint32_t i = 0; i < s->nadapters; i++)
		if (s->adapter[i].index < t->adapters)
			credit(t, &t->at[s->adapter[i].index], &s->adapter[i]);
	t->rest->begun = 1;
	choose(t, s, most);
	write_rows(t, s);
	return 0;
}

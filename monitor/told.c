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
		.slots = g->plan->told_rows,
		.adapters = g->plan->adapters };
}

void
told_free(struct told *t)
{
	free(t->pick);
	free(t->row);
	free(t->slot);
	t->slot = NULL;
	t->pick = NULL;
	t->row = NULL;
	t->room = t->rows = 0;
}

static int
need(struct told *t, uint32_t n)
{
	struct told_pick *pick;
	struct told_row *row;

	if (t->slot == NULL &&
	    (t->slot = calloc(t->adapters, sizeof(*t->slot))) == NULL)
		return err_set(ERR_MEMORY, "no memory for the adapters' rows");
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

static uint64_t
who_is(const struct snap_adapter *a)
{
	return hash_text(hash_bytes(HASH_START, &a->version,
			     sizeof(a->version)),
	    a->name);
}

/* The row that it keeps what it told in; NULL: none. */
static struct told_adapter *
slot_of(const struct told *t, uint32_t index)
{
	uint32_t slot = index < t->adapters ? t->slot[index] : 0;

	return slot == 0 ? NULL : &t->at[slot - 1];
}

/* What it told stays told. */
static void
let_go(struct told *t, struct told_adapter *w)
{
	for (int k = 0; k < TOLD_COUNTS; k++)
		t->rest->gone[k] += w->told[k];
	t->slot[w->index - 1] = 0;
	*w = (struct told_adapter){ .index = 0 };
}

/* An index may be another adapter's than it was; where each one's row is. */
static void
meet_all(struct told *t, const struct snap *s)
{
	uint32_t at = 0;

	memset(t->slot, 0, t->adapters * sizeof(*t->slot));
	for (uint32_t i = 0; i < t->slots; i++)
		if (t->at[i].index - 1 < t->adapters &&
		    t->slot[t->at[i].index - 1] == 0)
			t->slot[t->at[i].index - 1] = i + 1;
		else
			t->at[i].index = 0;
	for (uint32_t i = 0; i < t->slots; i++) {
		struct told_adapter *w = &t->at[i];

		if (w->index == 0)
			continue;
		for (at = 0; at < s->nadapters; at++)
			if (s->adapter[at].index == w->index - 1)
				break;
		if (at == s->nadapters || who_is(&s->adapter[at]) != w->who)
			let_go(t, w);
	}
}

/* What was seen is stored first: who dies in between has told too little, never
 * twice the same. */
static void
credit(struct told *t, const struct snap_adapter *a)
{
	struct told_adapter *w = slot_of(t, a->index);
	uint64_t now[TOLD_COUNTS];

	if (w == NULL || w->own == 0 || !may_have_own(a))
		return;
	counts_of(a, now);
	for (int k = 0; k < TOLD_COUNTS; k++) {
		uint64_t new = now[k] >= w->seen[k] ? now[k] - w->seen[k] :
						      now[k];

		*(volatile uint64_t *)&w->seen[k] = now[k];
		w->told[k] += new;
	}
}

/* All that was told of no single one; it never falls. */
static void
credit_rest(struct told *t, const struct snap *s)
{
	for (int k = 0; k < TOLD_COUNTS; k++) {
		uint64_t single = t->rest->gone[k];

		for (uint32_t i = 0; i < t->slots; i++)
			single += t->at[i].index == 0 ? 0 : t->at[i].told[k];
		if (s->told_sums[k] > single &&
		    s->told_sums[k] - single > t->rest->told[k])
			t->rest->told[k] = s->told_sums[k] - single;
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

/* One for a newcomer: free, or of the one that has had no series for longest. */
static struct told_adapter *
find_slot(struct told *t)
{
	struct told_adapter *best = NULL;

	for (uint32_t i = 0; i < t->slots; i++) {
		struct told_adapter *w = &t->at[i];

		if (w->index == 0)
			return w;
		if (w->own == 0 && (best == NULL || w->chosen < best->chosen))
			best = w;
	}
	if (best != NULL)
		let_go(t, best);
	return best;
}

/* It has series from now on.  What it did before is in the rest; of one that was
 * not there at the last look, or if there was none, nothing is. */
static bool
give_own(struct told *t, const struct snap_adapter *a, bool from_first_use)
{
	struct told_adapter *w = slot_of(t, a->index);

	if (w == NULL) {
		if (a->index >= t->adapters || (w = find_slot(t)) == NULL)
			return false;
		*w = (struct told_adapter){ .who = who_is(a),
			.index = a->index + 1 };
		t->slot[a->index] = (uint32_t)(w - t->at) + 1;
	} else {
		from_first_use = false;
	}
	if (w->own == 0 && !from_first_use)
		counts_of(a, w->seen);
	w->own = 1;
	w->chosen = t->rest->looks;
	return true;
}

/* Who has series keeps them until another is used an eighth more. */
static uint32_t
order(struct told *t, const struct snap *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nadapters; i++) {
		const struct snap_adapter *a = &s->adapter[i];
		const struct told_adapter *w = slot_of(t, a->index);
		uint64_t uses = (uint64_t)a->hits + a->misses;

		if (may_have_own(a))
			t->pick[n++] = (struct told_pick){ w != NULL && w->own ?
				    uses + uses / 8 + 1 :
				    uses,
				i };
	}
	qsort(t->pick, n, sizeof(*t->pick), by_uses);
	return n;
}

static void
choose(struct told *t, const struct snap *s, uint32_t most)
{
	uint32_t n = order(t, s);

	t->rows = 0;
	for (uint32_t i = most; i < n; i++) {
		struct told_adapter *w = slot_of(t,
		    s->adapter[t->pick[i].row].index);

		if (w != NULL)
			w->own = 0;
	}
	for (uint32_t i = 0; i < n && i < most; i++) {
		const struct snap_adapter *a = &s->adapter[t->pick[i].row];
		bool new = t->rest->looks == 0 ||
		    a->listed_ns > t->rest->looked_ns;

		if (give_own(t, a, new))
			t->pick[t->rows++] = t->pick[i];
	}
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
		told_numbers(&t->row[i], slot_of(t, a->index)->told);
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

int
told_look(struct told *t, const struct snap *s, uint32_t most)
{
	int e = need(t, s->nadapters + 1);

	if (e != 0)
		return e;
	meet_all(t, s);
	for (uint32_t i = 0; i < s->nadapters; i++)
		credit(t, &s->adapter[i]);
	choose(t, s, most);
	/* Newcomers whose first uses are theirs. */
	for (uint32_t i = 0; i < s->nadapters; i++)
		credit(t, &s->adapter[i]);
	credit_rest(t, s);
	t->rest->looks++;
	t->rest->looked_ns = s->now;
	write_rows(t, s);
	return 0;
}

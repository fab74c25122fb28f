/* Collects the requests of a running engine, for a trace. */
#include "cli/arrivals.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define RANK_MAX 1024 /* sim/trace.c takes no more */

/* An adapter of which a trace can speak; rows go on meaning the names they
 * meant. */
static int
know(struct arrivals *a, const struct snap_adapter *adapter)
{
	struct sim_named named = { .rank = adapter->rank,
		.bytes = adapter->bytes };
	int32_t at;

	if (adapter->state == SNAP_BROKEN || adapter->rank < 1 ||
	    adapter->rank > RANK_MAX || adapter->bytes == 0 ||
	    sim_names_find(&a->names, adapter->name) >= 0)
		return 0;
	strcpy(named.name, adapter->name);
	if (sim_names_add(&a->names, &named) != 0)
		return err_code() == ERR_MEMORY ? ERR_MEMORY : 0;
	at = sim_names_find(&a->names, named.name);
	for (uint64_t i = 0; i < a->n; i++)
		a->rows[i].adapter += a->rows[i].adapter >= at;
	return 0;
}

int
arrivals_open(struct arrivals *a, const struct snap *s, nsec from)
{
	int e = 0;

	memset(a, 0, sizeof(*a));
	a->from = from;
	if (s->nrecords > 0)
		a->last = s->record[s->nrecords - 1].number;
	for (uint32_t i = 0; e == 0 && i < s->nadapters; i++)
		e = know(a, &s->adapter[i]);
	return e;
}

void
arrivals_anew(struct arrivals *a)
{
	a->last = 0;
}

/* Index of a record's adapter; -1: the base; false: nobody knows it any more. */
static bool
adapter_of(struct arrivals *a, const struct snap_source *source,
    const struct record_note *n, nsec now, int32_t *index)
{
	struct snap_adapter adapter;

	*index = -1;
	if (n->name[0] == '\0')
		return true;
	*index = sim_names_find(&a->names, n->name);
	if (*index < 0 && source != NULL && n->adapter >= 0 &&
	    snap_adapter_at(source, (uint32_t)n->adapter, &adapter, now) &&
	    strcmp(adapter.name, n->name) == 0 && know(a, &adapter) == 0)
		*index = sim_names_find(&a->names, n->name);
	return *index >= 0;
}

static int
grow(struct arrivals *a)
{
	struct sim_row *more;

	if (a->n < a->size)
		return 0;
	if (a->n >= ARRIVALS_MAX)
		return err_set(ERR_LIMIT, "a trace has at most %ju requests",
		    (uintmax_t)ARRIVALS_MAX);
	a->size = a->size == 0 ? 1024 : a->size * 2;
	if ((more = realloc(a->rows, a->size * sizeof(*more))) == NULL)
		return err_set(ERR_MEMORY, "no memory for %ju requests",
		    (uintmax_t)a->size);
	a->rows = more;
	return 0;
}

static bool
is_wanted(const struct arrivals *a, nsec arrived)
{
	return arrived >= a->from && (a->until == 0 || arrived < a->until);
}

static uint32_t
length(uint32_t tokens)
{
	return tokens < SIM_TOKENS_MAX ? tokens : SIM_TOKENS_MAX;
}

static int
take_one(struct arrivals *a, const struct snap_source *source,
    const struct record_note *n, nsec now)
{
	int32_t adapter;
	int e;

	if (!is_wanted(a, n->arrived_ns))
		return 0;
	if (n->tokens == 0 || n->prompt == 0) {
		a->silent++;
		return 0;
	}
	if (!adapter_of(a, source, n, now, &adapter)) {
		a->unknown++;
		return 0;
	}
	if ((e = grow(a)) != 0)
		return e;
	a->rows[a->n++] = (struct sim_row){ .at = n->arrived_ns,
		.prompt = length(n->prompt),
		.output = length(n->tokens),
		.adapter = adapter };
	return 0;
}

int
arrivals_take(struct arrivals *a, const struct snap_source *source,
    const struct snap *s)
{
	uint64_t seen = 0, newest = a->last;
	int e = 0;

	for (uint32_t i = 0; e == 0 && i < s->nrecords; i++) {
		const struct record_note *n = &s->record[i];

		if (n->number <= a->last)
			continue;
		seen++;
		newest = n->number > newest ? n->number : newest;
		e = take_one(a, source, n, s->now);
	}
	if (newest - a->last > seen)
		a->missed += newest - a->last - seen;
	a->last = newest;
	return e;
}

uint64_t
arrivals_open_still(const struct arrivals *a, const struct snap *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->nrequests; i++)
		n += is_wanted(a, s->now - s->request[i].age_ns);
	return n;
}

static int
earlier(const void *va, const void *vb)
{
	const struct sim_row *a = va, *b = vb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->adapter != b->adapter)
		return a->adapter < b->adapter ? -1 : 1;
	return a->prompt < b->prompt ? -1 : a->prompt > b->prompt;
}

int
arrivals_write(struct arrivals *a, uint64_t most, FILE *f)
{
	struct sim_trace t = { a->rows, a->n < most ? a->n : most, a->names };
	nsec first;

	if (a->n == 0)
		return err_set(ERR_NOT_FOUND,
		    "no request came and was answered meanwhile");
	qsort(a->rows, a->n, sizeof(*a->rows), earlier);
	first = a->rows[0].at;
	for (uint64_t i = 0; i < t.n; i++)
		a->rows[i].at -= first;
	sim_trace_write(&t, f);
	for (uint64_t i = 0; i < t.n; i++)
		a->rows[i].at += first;
	return 0;
}

void
arrivals_free(struct arrivals *a)
{
	free(a->rows);
	sim_names_free(&a->names);
	memset(a, 0, sizeof(*a));
}

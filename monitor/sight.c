/* From a reading to what families want of it. */
#include "monitor/sight.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned states; /* of enum snap_state */
} tiers[TIERS] = {
	[TIER_DEVICE] = { "device", 1u << SNAP_RESIDENT | 1u << SNAP_LEAVING },
	[TIER_LOADING] = { "loading", 1u << SNAP_LOADING },
	[TIER_HOST] = { "host", 1u << SNAP_HOST },
	[TIER_DISK] = { "disk", 1u << SNAP_DISK },
	[TIER_FAILED] = { "failed", 1u << SNAP_FAILED },
	[TIER_BROKEN] = { "broken", 1u << SNAP_BROKEN },
};

void
sight_open(struct sight *v, const struct segs *g)
{
	memset(v, 0, sizeof(*v));
	snap_on(&v->source, g);
	told_on(&v->told, g);
}

void
sight_close(struct sight *v)
{
	snap_free(&v->snap);
	told_free(&v->told);
}

static void
count_tiers(struct sight *v)
{
	for (int t = 0; t < TIERS; t++)
		v->tier[t] = (struct sight_tier){ .name = tiers[t].name };
	for (uint32_t i = 0; i < v->snap.nadapters; i++) {
		const struct snap_adapter *a = &v->snap.adapter[i];

		for (int t = 0; t < TIERS; t++)
			if ((tiers[t].states & 1u << a->state) != 0) {
				v->tier[t].adapters++;
				v->tier[t].bytes += (double)a->bytes;
			}
	}
}

/* The room it takes: a place in a chunk, or whole chunks. */
static double
room_of(const struct plan *p, uint64_t bytes)
{
	uint32_t class = dir_class(bytes, p->chunk_bytes);

	return class > 0 ?
	    (double)(p->chunk_bytes >> class) :
	    (double)dir_chunks(bytes, p->chunk_bytes) * (double)p->chunk_bytes;
}

static bool
wanted(const struct snap_adapter *a)
{
	return a->state > SNAP_FAILED &&
	    (a->waiting > 0 || a->running > 0 ||
		(a->used_ns >= 0 && a->used_ns <= SIGHT_WANTED_NS));
}

static void
add_wanted(struct sight *v)
{
	v->wanted_bytes = 0;
	for (uint32_t i = 0; i < v->snap.nadapters; i++)
		if (wanted(&v->snap.adapter[i]))
			v->wanted_bytes += room_of(&v->snap.plan,
			    v->snap.adapter[i].bytes);
	v->oldest_ns = 0;
	for (uint32_t q = 0; q < v->snap.nqueues; q++)
		if ((double)v->snap.queue[q].oldest_ns > v->oldest_ns)
			v->oldest_ns = (double)v->snap.queue[q].oldest_ns;
}

/* --------------------------------------------- vllm:lora_requests_info */

/* The SIGHT_NAMES_MAX used last, in that order; unused ones are the oldest. */
static uint32_t
latest(const struct snap *s, bool (*is)(const struct snap_adapter *),
    const struct snap_adapter *best[SIGHT_NAMES_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->nadapters; i++) {
		const struct snap_adapter *a = &s->adapter[i];
		uint64_t age = (uint64_t)a->used_ns;
		uint32_t at = n;

		if (!is(a))
			continue;
		if (n == SIGHT_NAMES_MAX &&
		    age >= (uint64_t)best[n - 1]->used_ns)
			continue;
		if (n < SIGHT_NAMES_MAX)
			n++;
		else
			at--;
		for (; at > 0 && (uint64_t)best[at - 1]->used_ns > age; at--)
			best[at] = best[at - 1];
		best[at] = a;
	}
	return n;
}

static void
list(const struct snap *s, bool (*is)(const struct snap_adapter *), char *out)
{
	const struct snap_adapter *best[SIGHT_NAMES_MAX];
	uint32_t n = latest(s, is, best);
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, SIGHT_NAMES_BYTES - used,
		    "%s%s", i > 0 ? "," : "", best[i]->name);
}

static bool
is_ready(const struct snap_adapter *a)
{
	return a->state == SNAP_RESIDENT && !a->retired;
}

static bool
has_waiters(const struct snap_adapter *a)
{
	return a->waiting > 0 && !a->retired;
}

/* Those that are there, and as many of mean size as would fit now. */
static uint64_t
room_for(const struct snap *s)
{
	double bytes = 0, all = 0, fit;
	uint64_t ready = 0;

	for (uint32_t i = 0; i < s->nadapters; i++) {
		if (s->adapter[i].state <= SNAP_FAILED)
			continue;
		bytes += room_of(&s->plan, s->adapter[i].bytes);
		all++;
		ready += is_ready(&s->adapter[i]);
	}
	fit = bytes > 0 ? (double)s->memory.idle / (bytes / all) : 0;
	return ready + (uint64_t)fit;
}

static void
list_lora(struct sight *v)
{
	struct sight_lora *l = &v->lora;
	uint64_t hash;

	list(&v->snap, is_ready, l->running);
	list(&v->snap, has_waiters, l->waiting);
	snprintf(l->room, sizeof(l->room), "%ju",
	    (uintmax_t)room_for(&v->snap));
	hash = hash_text(HASH_START, l->running);
	hash = hash_text(hash_text(hash, ";"), l->waiting);
	hash = hash_text(hash_text(hash, ";"), l->room);
	if (hash != l->hash || l->since_ns == 0)
		l->since_ns = v->snap.wall_now;
	l->hash = hash;
}

int
sight_think(struct sight *v)
{
	dir_base_name(v->snap.model, v->model);
	count_tiers(v);
	add_wanted(v);
	list_lora(v);
	return told_look(&v->told, &v->snap, v->snap.conf.metrics_per_adapter);
}

int
sight_look(struct sight *v)
{
	int e = snap_take(&v->source, &v->snap, SNAP_PROCESSES | SNAP_ADAPTERS);

	return e != 0 ? e : sight_think(v);
}

/* Which adapters go when room is needed.
 *
 * The policy sees what would go together, a unit: a large adapter alone, small
 * ones by the chunk they share; and, when a place of one class is wanted, the
 * adapters of that class one by one.  Units and single adapters lie in heaps,
 * the one to go on top.  Worth is written down when something is known to have
 * changed.  It also falls with time, so the top is looked at again before it is
 * believed, and all others in turn: where they are few, all of them when a pick
 * finds them a second old; where they are many, a few each turn. */
#include "scheduler/sch.h"

#include "base/must.h"

#include <math.h>
#include <string.h>

#define FEW 128

static bool
by_one(const void *arg, uint32_t a, uint32_t b)
{
	const struct sch *h = arg;

	return evict_before(&h->one[a].view, h->one[a].keep, &h->one[b].view,
	    h->one[b].keep);
}

static bool
by_unit(const void *arg, uint32_t a, uint32_t b)
{
	const struct sch *h = arg;

	return evict_before(&h->unit[a].view, h->unit[a].keep, &h->unit[b].view,
	    h->unit[b].keep);
}

void
evict_format(struct sch *h)
{
	h->by_one.before = by_one;
	h->by_unit.before = by_unit;
	h->by_one.arg = h->by_unit.arg = h;
	heap_format(h->by_one.node, h->nkeys);
	heap_format(h->by_unit.node, h->nchunks);
	h->units = (struct heap){ HEAP_NONE, 0 };
	memset(h->idle_chunks, 0, sizeof(h->idle_chunks));
	for (int i = 0; i <= DIR_CLASS_MAX; i++)
		h->ones[i] = (struct heap){ HEAP_NONE, 0 };
	for (uint32_t c = 0; c < h->nchunks; c++)
		h->chunk[c].tenants = NOBODY;
	h->worth.uses_mean = h->worth.bytes_max = 1;
}

static uint32_t
chunk_of(const struct sch *h, uint32_t key)
{
	return dir_place_chunk(h->key[key].place);
}

static void
weigh(struct sch *h, struct sch_unit *u, nsec now)
{
	u->keep = evict_keep(h->rules.eviction, &u->view, &h->worth, now);
}

/* A unit is as protected as the most protected of its tenants, and worth what
 * they are worth together. */
static void
add(struct sch *h, struct evict_view *v, const struct evict_view *one)
{
	nsec window = h->rules.window_ns;
	nsec at = v->rate_ns > one->rate_ns ? v->rate_ns : one->rate_ns;

	v->level = v->level > one->level ? v->level : one->level;
	v->weight += (one->weight - v->weight) * (double)one->bytes /
	    fmax((double)(v->bytes + one->bytes), 1);
	v->bytes += one->bytes;
	v->uses += one->uses;
	v->rate = evict_rate(v->rate, v->rate_ns, at, window) +
	    evict_rate(one->rate, one->rate_ns, at, window);
	v->rate_ns = at;
	if (v->uses > 0) /* what one use of any of them would cost */
		v->reload_s += (one->reload_s - v->reload_s) *
		    (one->uses / v->uses);
	else if (v->reload_s < one->reload_s)
		v->reload_s = one->reload_s;
	if (v->used_ns < one->used_ns)
		v->used_ns = one->used_ns;
	if (v->floor < one->floor)
		v->floor = one->floor;
	if (one->waits_slot != NOBODY &&
	    (v->waits_slot == NOBODY ||
		queue_before(h, one->waits_slot, v->waits_slot))) {
		v->waits_slot = one->waits_slot;
		v->waits_since_ns = one->waits_since_ns;
		v->waits_order = one->waits_order;
	}
	if (v->adapter > one->adapter)
		v->adapter = one->adapter;
}

/* Chunks that come free when the unit goes. */
static uint32_t
frees(const struct sch *h, const struct sch_unit *u)
{
	return dir_chunks(u->view.bytes, h->w.plan->chunk_bytes);
}

static void
unit_leave(struct sch *h, uint32_t c)
{
	struct sch_unit *u = &h->unit[c];

	if (!heap_has(&h->by_unit, c))
		return;
	heap_leave(&h->units, &h->by_unit, c);
	h->idle_chunks[u->view.level] -= u->frees;
}

static void
score_unit(struct sch *h, uint32_t c, nsec now)
{
	uint32_t key = h->chunk[c].tenants;
	struct sch_unit *u = &h->unit[c];

	unit_leave(h, c);
	if (key == NOBODY)
		return;
	u->view = h->one[key].view;
	while ((key = h->key[key].beside) != NOBODY)
		add(h, &u->view, &h->one[key].view);
	weigh(h, u, now);
	u->frees = h->key[h->chunk[c].tenants].class > 0 ? 1 : frees(h, u);
	h->idle_chunks[u->view.level] += u->frees;
	heap_enter(&h->units, &h->by_unit, c);
}

static void
score_one(struct sch *h, uint32_t key, nsec now)
{
	struct heap *ones = &h->ones[h->key[key].class];
	struct sch_unit *u = &h->one[key];

	if (heap_has(&h->by_one, key))
		heap_leave(ones, &h->by_one, key);
	worth_view(h, key, &u->view, now);
	if ((double)u->view.bytes > h->worth.bytes_max)
		h->worth.bytes_max = (double)u->view.bytes;
	weigh(h, u, now);
	heap_enter(ones, &h->by_one, key);
}

/* Whether it stays where it is, so that it could be told to go. */
static bool
stays(const struct sch *h, uint32_t key)
{
	return key > 0 && heap_has(&h->by_one, key);
}

void
evict_enter(struct sch *h, uint32_t key, nsec now)
{
	uint32_t c = chunk_of(h, key);

	h->key[key].beside = h->chunk[c].tenants;
	h->chunk[c].tenants = key;
	score_one(h, key, now);
	score_unit(h, c, now);
}

void
evict_leave(struct sch *h, uint32_t key)
{
	uint32_t c = chunk_of(h, key), *at = &h->chunk[c].tenants;

	must(stays(h, key));
	heap_leave(&h->ones[h->key[key].class], &h->by_one, key);
	while (*at != key)
		at = &h->key[*at].beside;
	*at = h->key[key].beside;
	score_unit(h, c, h->now);
}

double
evict_worth(const struct sch *h, uint32_t key)
{
	return stays(h, key) ? h->one[key].keep : 0;
}

void
evict_touch(struct sch *h, uint32_t key, nsec now)
{
	if (!stays(h, key))
		return;
	score_one(h, key, now);
	score_unit(h, chunk_of(h, key), now);
}

/* Uses of those that lie here, on the average: what the policy's frequency is
 * measured by.  The most would be that of a few. */
static double
mean(const struct sch *h)
{
	double uses = h->uses_seen / h->nholding;

	return uses < 1 ? 1 : uses;
}

void
evict_rescore(struct sch *h, uint32_t n, nsec now)
{
	uint32_t key;

	for (; n > 0 && h->nholding > 0; n--) {
		if (h->rescore_at >= h->nholding) {
			h->rescore_at = 0;
			h->worth.uses_mean = mean(h);
			h->uses_seen = 0;
		}
		key = h->holding[h->rescore_at++];
		evict_touch(h, key, now);
		h->uses_seen += h->one[key].view.uses;
	}
}

/* Few: all are looked at twice, since the scale itself may have changed. */
static void
refresh(struct sch *h, nsec now)
{
	if (h->nholding > FEW || now - h->rescored_ns < SECOND)
		return;
	h->rescored_ns = now;
	h->rescore_at = h->nholding;
	evict_rescore(h, 2 * h->nholding, now);
}

/* The top of a heap whose worth is that of now. */
static uint32_t
top_one(struct sch *h, uint32_t kind, nsec now)
{
	for (;;) {
		uint32_t key = h->ones[kind].top;

		if (key == HEAP_NONE)
			return NOBODY;
		score_one(h, key, now);
		if (h->ones[kind].top == key)
			return key;
	}
}

static uint32_t
top_unit(struct sch *h, nsec now)
{
	for (;;) {
		uint32_t c = h->units.top;

		if (c == HEAP_NONE)
			return NOBODY;
		evict_touch(h, h->chunk[c].tenants, now);
		if (h->units.top == c)
			return c;
	}
}

/* Only who comes later gives way: not the adapter that who itself needs.  One
 * that is promised gives way to what runs alone. */
static bool
may_go(const struct sch *h, const struct evict_view *v,
    const struct admit_view *who, bool queued)
{
	if (v->level == EVICT_FREELY)
		return true;
	if (v->level == EVICT_NEVER || !queued)
		return false;
	if (v->level == EVICT_PROMISED && who != NULL)
		return false;
	/* NOBODY: an operator waits for it. */
	return who == NULL || v->waits_slot == NOBODY ||
	    queue_before(h, who->slot, v->waits_slot);
}

/* Chunks that may go at the most. */
static uint32_t
idle(const struct sch *h, const struct admit_view *who, bool queued)
{
	uint32_t n = h->idle_chunks[EVICT_FREELY];

	if (queued)
		n += h->idle_chunks[EVICT_QUEUED];
	if (queued && who == NULL)
		n += h->idle_chunks[EVICT_PROMISED];
	return n;
}

uint64_t
evict_idle_blocks(const struct sch *h, const struct admit_view *who)
{
	return (uint64_t)idle(h, who, true) * h->per_chunk;
}

/* All that lies in the chunk. */
static void
call_out_unit(struct sch *h, uint32_t c, enum event_reason why)
{
	h->floor = h->unit[c].keep;
	while (h->chunk[c].tenants != NOBODY)
		resident_call_out(h, h->chunk[c].tenants, why);
}

/* While requests run, adapters keep their share of the pool, but from one that
 * runs alone, which nobody else can give room. */
static bool
share_is_least(const struct sch *h, const struct admit_view *who)
{
	uint64_t staying = h->adapter_chunks - h->leaving_chunks;

	return h->nlive > (who == NULL) &&
	    staying * 100 <=
	    (uint64_t)h->rules.resident_min_percent * h->nchunks;
}

/* Promises end before one past the age limit; and where nothing runs and nothing
 * comes, since those who hold them would wait for each other for ever. */
static void
release(struct sch *h, const struct admit_view *who, nsec now)
{
	bool aged = who != NULL && h->slot[who->slot].queue == 0;

	if (h->idle_chunks[EVICT_PROMISED] == 0 ||
	    (!aged && (h->nlive > 0 || h->ncoming > 0)))
		return;
	for (uint32_t i = 0; i < h->nholding; i++) {
		uint32_t key = h->holding[i];

		if (h->key[key].promised) {
			h->key[key].promised = false;
			evict_touch(h, key, now);
		}
	}
}

bool
evict_chunks(struct sch *h, uint32_t n, const struct admit_view *who,
    bool queued, enum event_reason why, nsec now)
{
	if (chunks_soon(h) >= n)
		return true;
	release(h, who, now);
	/* Nobody goes for what would be too little all the same. */
	if (chunks_soon(h) + idle(h, who, queued) < n)
		return false;
	refresh(h, now);
	while (chunks_soon(h) < n) {
		uint32_t c = top_unit(h, now);

		if (c == NOBODY || !may_go(h, &h->unit[c].view, who, queued) ||
		    share_is_least(h, who))
			return false;
		call_out_unit(h, c, why);
	}
	return true;
}

bool
evict_place(struct sch *h, uint32_t kind, const struct admit_view *who,
    bool queued, nsec now)
{
	uint32_t key, c;
	bool one, unit;

	if (chunks_soon(h) > 0 || h->leaving_of[kind] > 0)
		return true;
	release(h, who, now);
	refresh(h, now);
	key = top_one(h, kind, now);
	c = top_unit(h, now);
	one = key != NOBODY && may_go(h, &h->one[key].view, who, queued);
	unit = c != NOBODY && may_go(h, &h->unit[c].view, who, queued);
	if (!one && !unit)
		return false;
	if (one &&
	    (!unit ||
		!evict_before(&h->unit[c].view, h->unit[c].keep,
		    &h->one[key].view, h->one[key].keep))) {
		h->floor = h->one[key].keep;
		resident_call_out(h, key, REASON_ADAPTER);
	} else {
		call_out_unit(h, c, REASON_ADAPTER);
	}
	return true;
}

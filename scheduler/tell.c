/* What the scheduler tells those who look on: notes of what happens now and then,
 * how each adapter is used, who waits where.  Nobody in the engine reads it; a
 * world may be without. */
#include "scheduler/sch.h"

static void
add(_Atomic uint32_t *meter, uint32_t n)
{
	atomic_store_explicit(meter,
	    atomic_load_explicit(meter, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

static void
gauge(_Atomic uint32_t *meter, uint32_t v)
{
	atomic_store_explicit(meter, v, memory_order_relaxed);
}

static struct adapter_meters *
uses_of(const struct sch *h, uint32_t key)
{
	return h->w.uses == NULL || key == 0 ? NULL : &h->w.uses[key - 1];
}

/* The name is another's page: read as far as it may go. */
static void
put(struct sch *h, uint32_t key, struct event_note note)
{
	const char *name = key == 0 ? "" : h->w.info[key - 1].name;

	note.at_ns = h->now;
	note.adapter = (int32_t)key - 1;
	event_put_text(h->w.events, note, name, DIR_NAME_MAX - 1);
}

static void
put_adapter(struct sch *h, uint32_t key, enum event_kind kind,
    enum event_reason reason)
{
	if (h->w.events == NULL)
		return;
	put(h, key,
	    (struct event_note){ .kind = (uint16_t)kind,
		.reason = (uint16_t)reason,
		.slot = -1,
		.value = h->w.info[key - 1].bytes });
}

static void
put_slot(struct sch *h, uint32_t slot, enum event_kind kind,
    enum event_reason reason, uint64_t value)
{
	const struct sch_slot *p = &h->slot[slot];

	if (h->w.events == NULL)
		return;
	put(h, p->key,
	    (struct event_note){ .kind = (uint16_t)kind,
		.reason = (uint16_t)reason,
		.slot = (int32_t)slot,
		.gen = p->gen,
		.value = value });
}

/* What is known of an adapter and not told yet; NULL: nobody looks on. */
static struct sch_told *
told_of(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];

	if (uses_of(h, key) == NULL)
		return NULL;
	if (k->told == 0) {
		if (h->ntold == TOLD_MAX)
			tell_flush(h);
		h->told[h->ntold++] = (struct sch_told){ .key = key };
		k->told = h->ntold;
	}
	return &h->told[k->told - 1];
}

static void
tell_now(struct sch *h, uint32_t key)
{
	struct adapter_meters *u = uses_of(h, key);

	gauge(&u->waiting, h->key[key].waiting);
	gauge(&u->running, h->key[key].running);
	atomic_store_explicit(&u->worth, (float)evict_worth(h, key),
	    memory_order_relaxed);
}

/* What is told of one is told of all. */
static void
tell_all(struct sch *h, const struct sch_told *t)
{
	const uint64_t new[TOLD_COUNTS] = { [TOLD_HITS] = t->hits,
		[TOLD_MISSES] = t->misses,
		[TOLD_LOADS] = t->loads,
		[TOLD_EVICTED_KV] = t->evictions_kv,
		[TOLD_EVICTED_ADAPTER] = t->evictions_adapter,
		[TOLD_LEFT] = t->left,
		[TOLD_COLD_NS] = (uint64_t)t->cold_ns };

	for (int i = 0; h->w.sums != NULL && i < TOLD_COUNTS; i++)
		sch_add(&h->w.sums->count[i], new[i]);
}

static void
tell_one(struct sch *h, const struct sch_told *t)
{
	struct adapter_meters *u = uses_of(h, t->key);

	add(&u->hits, t->hits);
	add(&u->misses, t->misses);
	add(&u->loads, t->loads);
	add(&u->evictions_kv, t->evictions_kv);
	add(&u->evictions_adapter, t->evictions_adapter);
	add(&u->left, t->left);
	sch_add(&u->cold_ns, (uint64_t)t->cold_ns);
	tell_all(h, t);
	if (t->used_ns != 0)
		atomic_store_explicit(&u->used_ns, t->used_ns,
		    memory_order_relaxed);
	tell_now(h, t->key);
	h->key[t->key].told = 0;
}

void
tell_flush(struct sch *h)
{
	for (uint32_t i = 0; i < h->ntold; i++)
		tell_one(h, &h->told[i]);
	h->ntold = 0;
}

void
tell_sweep(struct sch *h, uint32_t key)
{
	if (uses_of(h, key) != NULL)
		tell_now(h, key);
}

/* Of an entry with another serial nothing of before is so. */
void
tell_meet(struct sch *h, uint32_t key, uint32_t serial)
{
	struct adapter_meters *u = uses_of(h, key);

	if (u == NULL ||
	    atomic_load_explicit(&u->serial, memory_order_relaxed) == serial)
		return;
	gauge(&u->hits, 0);
	gauge(&u->misses, 0);
	gauge(&u->loads, 0);
	gauge(&u->evictions_kv, 0);
	gauge(&u->evictions_adapter, 0);
	gauge(&u->left, 0);
	atomic_store_explicit(&u->used_ns, 0, memory_order_relaxed);
	sch_gauge(&u->cold_ns, 0);
	if (h->key[key].told != 0)
		h->told[h->key[key].told - 1] = (struct sch_told){ .key = key };
	tell_now(h, key);
	/* U1: who sees the serial sees no number of the one before. */
	atomic_store_explicit(&u->serial, serial, memory_order_release);
}

void
tell_changed(struct sch *h, uint32_t key)
{
	(void)told_of(h, key);
}

void
tell_used(struct sch *h, uint32_t key, nsec now)
{
	struct sch_told *t = told_of(h, key);

	if (t != NULL)
		t->used_ns = now;
}

void
tell_came(struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	struct sch_told *t = told_of(h, p->key);
	bool hit = p->source == SLOT_RESIDENT;

	if (p->key == 0)
		return;
	sch_count(hit ? &h->w.meters->hits : &h->w.meters->misses);
	if (t != NULL)
		++*(hit ? &t->hits : &t->misses);
}

void
tell_waits(struct sch *h, uint32_t slot)
{
	const struct sch_slot *p = &h->slot[slot];
	struct slot_wait *w = h->w.waits == NULL ? NULL : &h->w.waits[slot];

	if (w == NULL)
		return;
	gauge(&w->queue, p->queue);
	gauge(&w->predicted, p->view.predicted);
	atomic_store_explicit(&w->size, (float)p->size, memory_order_relaxed);
	atomic_store_explicit(&w->seen_ns, p->seen_ns, memory_order_relaxed);
	/* U2: who sees the generation sees what lies beside it. */
	atomic_store_explicit(&w->gen, p->gen, memory_order_release);
}

void
tell_wanted(struct sch *h, uint32_t key)
{
	sch_add(&h->w.meters->load_bytes_wanted, h->w.info[key - 1].bytes);
	put_adapter(h, key, EVENT_WANTED, REASON_NONE);
}

void
tell_loaded(struct sch *h, uint32_t key, nsec took)
{
	struct sch_told *t = told_of(h, key);

	sch_count(&h->w.meters->loads);
	if (t == NULL)
		return;
	t->loads++;
	t->cold_ns += took;
}

void
tell_left(struct sch *h, uint32_t key, enum event_reason why)
{
	struct scheduler_meters *m = h->w.meters;
	struct sch_told *t = told_of(h, key);
	_Atomic uint64_t *const meters[REASON_COUNT] = {
		[REASON_KV] = &m->evictions_kv,
		[REASON_ADAPTER] = &m->evictions_adapter,
		[REASON_IDLE] = &m->left_idle,
		[REASON_UNLOAD] = &m->left_unload,
		[REASON_GONE] = &m->left_gone,
		[REASON_FAILED] = &m->left_failed,
		[REASON_UNWANTED] = &m->left_unwanted
	};

	sch_count(meters[why]);
	if (why == REASON_KV || why == REASON_ADAPTER)
		sch_count(&m->evictions);
	if (t != NULL)
		++*(why == REASON_KV	      ? &t->evictions_kv :
			why == REASON_ADAPTER ? &t->evictions_adapter :
						&t->left);
	put_adapter(h, key, EVENT_EVICTED, why);
}

void
tell_squashed(struct sch *h, uint32_t slot, enum event_reason why)
{
	sch_count(&h->w.meters->squashed);
	put_slot(h, slot, EVENT_SQUASHED, why, 0);
}

void
tell_denied(struct sch *h, uint32_t slot, enum slot_denied why)
{
	sch_count(&h->w.meters->denied);
	put_slot(h, slot, EVENT_DENIED, REASON_NONE, why);
}

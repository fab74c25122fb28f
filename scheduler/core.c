/* The scheduler's life: open from words, step by hints, sweep by time. */
#include "scheduler/core.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "scheduler/sch.h"

#define HINTS_MAX 256	 /* taken from a ring a step */
#define SWEEP_SLOTS 4096 /* looked at a tick */
#define SWEEP_KEYS 512
#define RESCORE_TICK 64

void
sch_tell_frontend(struct sch *h, uint32_t slot)
{
	(void)ring_push(&h->w.to_frontend, slot);
}

void
sch_tell_gpuexec(struct sch *h, uint32_t slot)
{
	(void)ring_push(&h->w.to_gpuexec, slot);
}

void
sch_tell_loader(struct sch *h, uint32_t adapter, bool early)
{
	(void)ring_push(&h->w.to_loader, dir_hint(adapter, early));
}

uint64_t
sch_sent(const struct sch *h, enum proc_id peer)
{
	switch (peer) {
	case PROC_FRONTEND:
		return h->w.to_frontend.head;
	case PROC_GPUEXEC:
		return h->w.to_gpuexec.head;
	case PROC_LOADER:
		return h->w.to_loader.head;
	default:
		return 0;
	}
}

/* Every table: where its pointer lies in struct sch, and its size. */
struct table {
	size_t at, n, each;
};

static int
allocate(struct sch *h)
{
	size_t blocks = (size_t)h->nchunks * h->per_chunk;
	uint32_t batch = h->w.plan->batch_max;
#define TABLE(field, n)                                                        \
	{                                                                      \
		offsetof(struct sch, field), n, sizeof(*h->field)              \
	}
	const struct table tables[] = { TABLE(slot, h->nslots),
		TABLE(key, h->nkeys), TABLE(chunk, h->nchunks),
		TABLE(group, (size_t)QUEUES * h->nkeys),
		TABLE(watch, h->nslots + 1), TABLE(waited, h->nslots),
		TABLE(told, TOLD_MAX),
		TABLE(by_first.node, (size_t)QUEUES * h->nkeys),
		TABLE(by_queue.node, h->nslots), TABLE(by_age.node, h->nslots),
		TABLE(by_one.node, h->nkeys), TABLE(by_unit.node, h->nchunks),
		TABLE(one, h->nkeys), TABLE(unit, h->nchunks),
		TABLE(history, h->nkeys), TABLE(came.at, RECENT),
		TABLE(ended.at, RECENT), TABLE(scratch, 1),
		TABLE(sizes, RECENT), TABLE(ends, batch + 1),
		TABLE(live, h->nslots), TABLE(holding, h->nkeys),
		TABLE(moving, h->nkeys), TABLE(order, h->nslots),
		TABLE(block_next, blocks), TABLE(block_fence, blocks) };
#undef TABLE

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct table *t = &tables[i];
		void *p = calloc(t->n, t->each);

		if (p == NULL)
			return err_set(ERR_MEMORY,
			    "no memory for the tables of %u requests, %u "
			    "adapters and %zu KV blocks",
			    h->nslots, h->nkeys - 1, blocks);
		memcpy((char *)h + t->at, &p, sizeof(p));
	}
	memset(h->block_next, 0xff, blocks * sizeof(*h->block_next));
	h->memory = aligned_alloc(64, (predict_bytes(h->nkeys) + 63) / 64 * 64);
	if (h->memory == NULL)
		return err_set(ERR_MEMORY, "no memory for the predictor");
	h->predict = predict_init(h->memory, h->nkeys, 1);
	return 0;
}

static int
earlier(const void *va, const void *vb, void *arg)
{
	const struct sch *h = arg;
	uint32_t a = *(const uint32_t *)va, b = *(const uint32_t *)vb;
	nsec ta = h->w.request[a].arrived_ns, tb = h->w.request[b].arrived_ns;

	if (ta != tb)
		return ta < tb ? -1 : 1;
	return a < b ? -1 : 1;
}

/* Queues, free lists and live tickets from the words alone. */
static void
rebuild(struct sch *h, nsec now)
{
	uint32_t n = 0;

	chunks_format(h);
	queue_format(h);
	evict_format(h);
	account_open(h, now);
	h->key[0].away = AWAY_HERE;
	for (uint32_t key = 1; key < h->nkeys; key++) {
		worth_meet(h, key);
		resident_rebuild(h, key, now);
	}
	for (uint32_t i = 0; i < h->nslots; i++)
		if (word_load(&h->w.f[i]).state != F_FREE)
			h->order[n++] = i;
	qsort_r(h->order, n, sizeof(*h->order), earlier, h);
	for (uint32_t i = 0; i < n; i++)
		look_rebuild(h, h->order[i], now);
	chunks_rebuilt(h);
	for (uint32_t i = 0; i < h->nholding; i++)
		evict_touch(h, h->holding[i], now);
	for (uint32_t i = 0; i < n; i++)
		(void)look_slot(h, h->order[i], now);
	for (uint32_t key = 1; key < h->nkeys; key++)
		tell_sweep(h, key);
}

int
sch_open(struct sch **out, const struct sch_world *w,
    const struct sch_rules *rules, nsec now)
{
	struct sch *h = calloc(1, sizeof(*h));
	int e;

	if (h == NULL)
		return err_set(ERR_MEMORY, "no memory for the scheduler");
	h->w = *w;
	h->rules = *rules;
	h->nslots = w->plan->slots;
	h->nkeys = w->plan->adapters + 1;
	h->nchunks = w->plan->chunks;
	h->per_chunk = w->plan->blocks_per_chunk;
	h->suspect = h->parked = NOBODY;
	h->now = h->why_ns = now;
	rng_seed(&h->rng, 1);
	if ((e = allocate(h)) != 0) {
		sch_close(h);
		return e;
	}
	h->epoch = atomic_load_explicit(w->gpuexec_epoch,
		       memory_order_acquire) &
	    WORD_LOW_MASK;
	h->completed = atomic_load_explicit(w->completed_step,
	    memory_order_acquire);
	rebuild(h, now);
	/* What is free now was perhaps used until now: read after the words
	 * that say it is free. */
	h->start_fence = atomic_load_explicit(w->launched_step,
	    memory_order_acquire);
	*out = h;
	return 0;
}

void
sch_close(struct sch *h)
{
	if (h == NULL)
		return;
	free(h->slot);
	free(h->key);
	free(h->chunk);
	free(h->group);
	free(h->watch);
	free(h->waited);
	free(h->told);
	free(h->by_first.node);
	free(h->by_queue.node);
	free(h->by_age.node);
	free(h->by_one.node);
	free(h->by_unit.node);
	free(h->one);
	free(h->unit);
	free(h->history);
	free(h->came.at);
	free(h->ended.at);
	free(h->scratch);
	free(h->sizes);
	free(h->ends);
	free(h->live);
	free(h->holding);
	free(h->moving);
	free(h->order);
	free(h->block_next);
	free(h->block_fence);
	free(h->memory);
	free(h);
}

static int
heed(struct sch *h, struct ring_rx *rx, bool slots, bool adapters, nsec now)
{
	uint64_t hint;
	int n = 0;

	for (; n < HINTS_MAX && ring_pop(rx, &hint); n++) {
		bool news = false;

		if (slots && hint < h->nslots)
			news = look_slot(h, (uint32_t)hint, now);
		if (adapters && hint < h->nkeys - 1) {
			ask_heed(h, (uint32_t)hint + 1, now);
			news |= resident_look(h, (uint32_t)hint + 1, now);
		}
		if (!news)
			sch_count(&h->w.meters->stale_hints);
	}
	return n;
}

int
sch_step(struct sch *h, nsec now)
{
	int n;

	h->now = now;
	n = heed(h, &h->w.from_gpuexec, true, false, now);
	n += heed(h, &h->w.from_loader, false, true, now);
	n += heed(h, &h->w.from_frontend, true, true, now);
	return n + turn_all(h, now);
}

static void
gauges(struct sch *h)
{
	struct scheduler_meters *m = h->w.meters;
	uint64_t room = h->nfree_blocks + (uint64_t)h->ncooling;

	sch_gauge(&m->waiting, h->nwaiting);
	sch_gauge(&m->running, h->nlive);
	sch_gauge(&m->kv_blocks_used,
	    (uint64_t)h->kv_chunks * h->per_chunk - room);
	sch_gauge(&m->kv_blocks_total, (uint64_t)h->nchunks * h->per_chunk);
	sch_gauge(&m->kv_chunks, h->kv_chunks);
	sch_gauge(&m->adapter_chunks, h->adapter_chunks);
	sch_gauge(&m->bare_chunks, h->nbare);
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void
sch_tick(struct sch *h, nsec now)
{
	h->now = now;
	for (uint32_t n = least(h->nslots, SWEEP_SLOTS); n > 0; n--) {
		h->sweep_slot = (h->sweep_slot + 1) % h->nslots;
		if (look_slot(h, h->sweep_slot, now))
			sch_count(&h->w.meters->sweep_found);
	}
	for (uint32_t n = least(h->nkeys - 1, SWEEP_KEYS); n > 0; n--) {
		uint32_t key = 1 + h->sweep_key;

		h->sweep_key = (h->sweep_key + 1) % (h->nkeys - 1);
		ask_heed(h, key, now);
		if (resident_look(h, key, now))
			sch_count(&h->w.meters->sweep_found);
		ahead_expected(h, key, now);
		tell_sweep(h, key);
	}
	for (uint32_t i = h->nmoving; i-- > 0;)
		if (i < h->nmoving)
			(void)resident_look(h, h->moving[i], now);
	evict_rescore(h, RESCORE_TICK, now);
	give_back_tick(h, now);
	(void)turn_all(h, now);
	gauges(h);
	tell_flush(h);
	account_tell(h, now);
}

bool
sch_drained(struct sch *h)
{
	if (h->open > 0)
		return false;
	for (uint32_t i = 0; i < h->nslots; i++) {
		struct word f = word_load(&h->w.f[i]);

		if (f.state == F_SUB ||
		    (f.state == F_CLOSED && word_load(&h->w.s[i]).gen != f.gen))
			return false;
	}
	return true;
}

bool
sch_busy(struct sch *h)
{
	return ring_waiting(&h->w.from_frontend) ||
	    ring_waiting(&h->w.from_gpuexec) || ring_waiting(&h->w.from_loader);
}

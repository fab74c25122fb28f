/* How much a resident adapter is used, and what it would cost to bring again. */
#include "scheduler/sch.h"

#include <string.h>

static int64_t
bucket_of(const struct sch *h, nsec now)
{
	return now / (h->rules.window_ns / USE_BUCKETS + 1);
}

/* Forgets what has left the window. */
static void
turn_to(struct sch_uses *u, int64_t bucket)
{
	if (bucket - u->bucket >= USE_BUCKETS || bucket < u->bucket) {
		memset(u, 0, sizeof(*u));
		u->bucket = bucket;
	}
	while (u->bucket < bucket) {
		uint16_t *oldest = &u->count[++u->bucket % USE_BUCKETS];

		u->sum -= *oldest;
		*oldest = 0;
	}
}

void
worth_meet(struct sch *h, uint32_t key)
{
	struct sch_key *k = &h->key[key];
	uint32_t serial;

	if (key == 0)
		return;
	serial = dir_serial(resident_entry(h, key));
	if (k->serial == serial)
		return;
	k->serial = serial;
	k->pinned = k->wanted = k->unload = false;
	k->asked = 0;
	k->uses = (struct sch_uses){ 0 };
	k->weight = 1;
	k->rate = k->floor = 0;
	h->history[key] = (struct prefetch_history){ 0 };
	predict_forget(h->predict, (int32_t)key - 1);
	tell_meet(h, key, serial);
}

void
worth_used(struct sch *h, uint32_t key, nsec now)
{
	struct sch_key *k = &h->key[key];
	struct sch_uses *u = &k->uses;
	uint16_t *newest;

	if (key == 0)
		return;
	turn_to(u, bucket_of(h, now));
	newest = &u->count[u->bucket % USE_BUCKETS];
	if (*newest < UINT16_MAX) {
		(*newest)++;
		u->sum++;
	}
	k->rate = evict_rate_use(k->rate, k->rate_ns, now, h->rules.window_ns);
	k->rate_ns = now;
	k->floor = h->floor;
	k->used_ns = now;
	tell_used(h, key, now);
	k->used = true;
	k->early = k->promised = false;
	if (h->rules.prefetch == PREFETCH_HISTOGRAM)
		prefetch_note(&h->history[key], now);
}

double
worth_uses(const struct sch *h, const struct sch_key *k, nsec now)
{
	struct sch_uses u = k->uses;

	turn_to(&u, bucket_of(h, now));
	return u.sum;
}

#define MIB (1024.0 * 1024.0)

double
worth_reload(const struct sch *h, uint64_t bytes)
{
	return cost_seconds(&h->load_cost, (double)bytes / MIB, 0, 0);
}

static enum evict_level
level(const struct sch_key *k)
{
	if (k->running > 0 || k->pinned)
		return EVICT_NEVER;
	if (k->waiting == 0) /* requests may have its place, other loads not */
		return k->wanted &&
			(k->away == AWAY_COMING || k->away == AWAY_ARRIVING) ?
		    EVICT_QUEUED :
		    EVICT_FREELY;
	return k->promised ? EVICT_PROMISED : EVICT_QUEUED;
}

void
worth_view(const struct sch *h, uint32_t key, struct evict_view *v, nsec now)
{
	const struct sch_key *k = &h->key[key];
	uint32_t first = k->waiting > 0 ? queue_first(h, key) : NOBODY;

	*v = (struct evict_view){ .adapter = (int32_t)key - 1,
		.level = (uint8_t)level(k),
		.bytes = h->w.info[key - 1].bytes,
		.used_ns = k->used_ns,
		.waits_since_ns = first == NOBODY ?
		    0 :
		    h->slot[first].view.arrived_ns,
		.waits_slot = first,
		.waits_order = first == NOBODY ? 0 : h->slot[first].view.order,
		.uses = worth_uses(h, k, now),
		.rate = k->rate,
		.rate_ns = k->rate_ns,
		.weight = k->weight,
		.floor = k->floor };
	v->reload_s = worth_reload(h, v->bytes);
}

/* Which adapters go when room is needed.
 *
 * The policy sees what would go together: a large adapter alone, small ones by
 * the chunk they share, and, when a place of one class is wanted, the adapters
 * of that class one by one. */
#include "scheduler/sch.h"

#include <string.h>

/* Only who comes later gives way: not the adapter that who itself needs. */
static bool
spared(const struct sch *h, const struct sch_key *k,
    const struct admit_view *who)
{
	return who != NULL && k->waiting > 0 &&
	    !h->rules.admission->before(who, &h->slot[k->head].view);
}

static void
add(struct sch *h, struct evict_view *v, uint32_t key,
    const struct admit_view *who)
{
	const struct sch_key *k = &h->key[key];

	if (k->running > 0 || spared(h, k, who))
		v->level = EVICT_NEVER;
	else if (k->waiting > 0 && v->level == EVICT_FREELY)
		v->level = EVICT_QUEUED;
	v->bytes += h->w.info[key - 1].bytes;
	if (v->used_ns < k->used_ns)
		v->used_ns = k->used_ns;
	if (v->adapter < 0 || (uint32_t)v->adapter > key - 1)
		v->adapter = (int32_t)(key - 1);
}

/* Fills h->view; single: the class whose adapters may go one by one. */
static int
views(struct sch *h, uint32_t single, const struct admit_view *who)
{
	int n = 0;

	memset(h->view_of, 0xff, h->nchunks * sizeof(*h->view_of));
	for (uint32_t i = 0; i < h->nholding; i++) {
		uint32_t key = h->holding[i];
		const struct sch_key *k = &h->key[key];
		uint32_t c = dir_place_chunk(k->place), at;

		if (k->away == AWAY_LEAVING)
			continue;
		at = k->class == single ? NOBODY : h->view_of[c];
		if (at == NOBODY) {
			at = (uint32_t)n++;
			h->view_of[c] = at;
			h->view[at] = (struct evict_view){ .adapter = -1,
				.used_ns = INT64_MIN };
		}
		add(h, &h->view[at], key, who);
	}
	return n;
}

static void
call_out(struct sch *h, uint32_t key)
{
	resident_call_out(h, key);
	sch_count(&h->w.meters->evictions);
}

/* All that lies in the chunk of this adapter. */
static void
call_out_chunk(struct sch *h, uint32_t adapter)
{
	uint32_t c = dir_place_chunk(h->key[adapter + 1].place);

	for (uint32_t i = 0; i < h->nholding; i++) {
		const struct sch_key *k = &h->key[h->holding[i]];

		if (dir_place_chunk(k->place) == c && k->away != AWAY_LEAVING)
			call_out(h, h->holding[i]);
	}
}

/* The adapter to go, or one of those that go together; -1: none may. */
static int32_t
pick(struct sch *h, uint32_t single, const struct admit_view *who, bool queued,
    nsec now)
{
	static const struct evict_scale scale = { .uses_max = 1,
		.bytes_max = 1,
		.window_ns = 300 * SECOND };
	int n = views(h, single, who);
	int i = evict_pick(h->rules.eviction, &scale, h->view, n, queued, now);

	return i < 0 ? -1 : h->view[i].adapter;
}

bool
evict_chunks(struct sch *h, uint32_t n, const struct admit_view *who,
    bool queued, nsec now)
{
	while (h->nfree_chunks + h->leaving_chunks < n) {
		int32_t a = pick(h, NOBODY, who, queued, now);

		if (a < 0)
			return false;
		call_out_chunk(h, (uint32_t)a);
	}
	return true;
}

/* Whether a place of the class is about to come free. */
static bool
coming_free(const struct sch *h, uint32_t kind)
{
	if (h->leaving_chunks > 0 || h->nfree_chunks > 0)
		return true;
	for (uint32_t i = 0; i < h->nholding; i++) {
		const struct sch_key *k = &h->key[h->holding[i]];

		if (k->away == AWAY_LEAVING && k->class == kind)
			return true;
	}
	return false;
}

bool
evict_place(struct sch *h, uint32_t kind, const struct admit_view *who,
    bool queued, nsec now)
{
	int32_t a;

	if (coming_free(h, kind))
		return true;
	if ((a = pick(h, kind, who, queued, now)) < 0)
		return false;
	if (h->key[a + 1].class == kind)
		call_out(h, (uint32_t)a + 1);
	else
		call_out_chunk(h, (uint32_t)a);
	return true;
}

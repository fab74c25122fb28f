/* The open requests, as their three words show them. */
#include "snap/snap_in.h"

#include "shm/word.h"

#include <stdlib.h>
#include <string.h>

const char *
snap_phase_name(enum snap_phase phase)
{
	static const char *const names[SNAP_PHASES] = {
		[SNAP_WAITING] = "waiting",
		[SNAP_PLACED] = "placed",
		[SNAP_RUNNING] = "running",
		[SNAP_HELD] = "held",
		[SNAP_ENDED] = "ended"
	};

	return (unsigned)phase < SNAP_PHASES ? names[phase] : "unknown";
}

static enum snap_phase
phase_of(uint32_t gen, struct word s, struct word x)
{
	if (x.gen == gen && x.state == X_FIN)
		return SNAP_ENDED;
	if (s.gen != gen)
		return SNAP_WAITING;
	if (s.state == S_HELD)
		return SNAP_HELD;
	if (s.state != S_PLACED)
		return SNAP_ENDED;
	return x.gen == gen && x.state == X_RUN && x.low > 0 ? SNAP_RUNNING :
							       SNAP_PLACED;
}

static uint32_t
bounded(int64_t v, uint32_t most)
{
	return v < 0 ? 0 : v > most ? most : (uint32_t)v;
}

static void
adapter_of(const struct segs *g, const struct plan *p,
    const struct slot_request *q, struct snap_request *to)
{
	uint32_t want;
	/* Read once: what is checked is what is used. */
	int32_t a = *(const volatile int32_t *)&q->adapter;

	to->adapter = SLOT_BASE;
	to->name[0] = '\0';
	if (a < 0 || (uint32_t)a >= p->adapters)
		return;
	to->adapter = a;
	snap_text(to->name, g->info[a].name, sizeof(to->name));
	want = word_load_place(&g->want[a]).state;
	to->loading = want == WANT_IN &&
	    word_load_place(&g->have[a]).state != HAVE_RESIDENT;
}

/* Where it is before it runs, and once it was placed. */
static void
scheduled(const struct segs *g, const struct snap *s, bool placed,
    struct snap_request *to)
{
	const struct slot_wait *w = &g->waits[to->slot];
	const struct slot_ticket *t = &g->ticket[to->slot];
	/* U2: who sees the generation sees what was written of it. */
	bool known = atomic_load_explicit(&w->gen, memory_order_acquire) ==
	    to->gen;
	uint32_t queue = known ? snap_load32(&w->queue) : 0;

	to->predicted = known ? snap_load32(&w->predicted) : 0;
	to->waited_ns = to->age_ns;
	if (placed) {
		to->predicted = t->predicted;
		to->squashes = t->squashes;
		to->deaths = t->deaths;
		to->wait = snap_wait(t->wait, s->now);
		to->waited_ns = to->age_ns - snap_ago(t->placed_ns, s->now);
		queue = to->phase == SNAP_HELD && known ? queue : t->queue;
	}
	to->queue = queue < SEG_QUEUES ? queue : 0;
	if (to->phase == SNAP_WAITING || to->phase == SNAP_HELD)
		to->why = to->loading ? WHY_ADAPTER : s->queue[to->queue].why;
	else
		to->loading = false;
}

static void
progress(const struct segs *g, const struct snap *s, struct word x, bool placed,
    struct snap_request *to)
{
	const struct slot_result *r = &g->result[to->slot];
	nsec since = placed ? g->ticket[to->slot].placed_ns : 0;

	if (x.gen == to->gen) {
		to->tokens = x.low < s->plan.context ? x.low : s->plan.context;
		if (to->tokens > 0)
			since = r->last_ns;
	}
	if (to->phase != SNAP_WAITING)
		to->quiet_ns = snap_ago(since, s->now);
}

static void
row(const struct segs *g, const struct snap *s, uint32_t slot, uint32_t gen,
    struct snap_request *to)
{
	const struct slot_request *q = &g->request[slot];
	struct word sw = word_load(&g->s[slot]), x = word_load(&g->x[slot]);
	bool placed = sw.gen == gen;

	memset(to, 0, sizeof(*to));
	to->slot = slot;
	to->gen = gen;
	to->phase = phase_of(gen, sw, x);
	snap_text(to->id, q->id, sizeof(to->id));
	adapter_of(g, &s->plan, q, to);
	to->prompt = bounded(q->nprompt, s->plan.context);
	to->max_tokens = bounded(q->max_tokens, s->plan.context);
	to->age_ns = snap_ago(q->arrived_ns, s->now);
	scheduled(g, s, placed, to);
	progress(g, s, x, placed, to);
}

static int
older(const void *va, const void *vb)
{
	const struct snap_request *a = va, *b = vb;

	if (a->age_ns != b->age_ns)
		return a->age_ns > b->age_ns ? -1 : 1;
	return a->slot < b->slot ? -1 : a->slot > b->slot;
}

int
snap_requests(const struct segs *g, struct snap *s)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < s->plan.slots; slot++) {
		struct word f = word_load(&g->f[slot]);
		int e;

		if (f.state != F_SUB)
			continue;
		if ((e = snap_room(&s->request, &s->room.request, n + 1,
			 sizeof(*s->request))) != 0)
			return e;
		row(g, s, slot, f.gen, &s->request[n]);
		/* Closed, and perhaps used anew, while it was read: it is not
		 * open any more. */
		n += word_pack(word_load(&g->f[slot])) == word_pack(f);
	}
	s->nrequests = n;
	if (n > 0)
		qsort(s->request, n, sizeof(*s->request), older);
	return 0;
}

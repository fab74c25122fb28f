/* The adapters, as the loader, the scheduler and the frontend show them. */
#include "snap/guard.h"
#include "snap/snap_in.h"

#include "shm/word.h"

#include <math.h>
#include <string.h>

static const char *const names[SNAP_STATES] = { [SNAP_BROKEN] = "broken",
	[SNAP_FAILED] = "failed",
	[SNAP_DISK] = "disk",
	[SNAP_HOST] = "host",
	[SNAP_LOADING] = "loading",
	[SNAP_RESIDENT] = "resident",
	[SNAP_LEAVING] = "leaving" };

const char *
snap_state_name(enum snap_state state)
{
	return (unsigned)state < SNAP_STATES ? names[state] : "unknown";
}

char *
snap_digest(const unsigned char *digest, size_t bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";
	bool known = false;
	char *at = out;

	for (size_t i = 0; i < bytes; i++) {
		known |= digest[i] != 0;
		*at++ = digits[digest[i] >> 4];
		*at++ = digits[digest[i] & 15];
	}
	*(known ? at : out) = '\0';
	return out;
}

/* What wish and fact say together. */
static enum snap_state
state_of(enum dir_state entry, struct place_word want, struct place_word have)
{
	if (entry == DIR_BROKEN)
		return SNAP_BROKEN;
	if (have.state == HAVE_RESIDENT)
		return want.state == WANT_IN && want.gen == have.gen ?
		    SNAP_RESIDENT :
		    SNAP_LEAVING;
	if (have.state == HAVE_LOADING || want.state == WANT_IN)
		return have.state == HAVE_FAILED && want.gen == have.gen ?
		    SNAP_FAILED :
		    SNAP_LOADING;
	if (have.state == HAVE_FAILED)
		return SNAP_FAILED;
	return have.state == HAVE_HOST ? SNAP_HOST : SNAP_DISK;
}

/* Counts are of this entry, or there are none yet. */
static void
uses(const struct adapter_meters *from, uint32_t serial,
    struct snap_adapter *to, nsec now)
{
	double worth;
	nsec used;

	to->used_ns = -1;
	/* U1: who sees the serial sees no counts of the entry before. */
	if (atomic_load_explicit(&from->serial, memory_order_acquire) != serial)
		return;
	to->hits = snap_load32(&from->hits);
	to->misses = snap_load32(&from->misses);
	to->loads = snap_load32(&from->loads);
	to->evictions_kv = snap_load32(&from->evictions_kv);
	to->evictions_adapter = snap_load32(&from->evictions_adapter);
	to->left = snap_load32(&from->left);
	to->waiting = snap_load32(&from->waiting);
	to->running = snap_load32(&from->running);
	to->cold_ns = snap_span((nsec)snap_load(&from->cold_ns));
	worth = (double)atomic_load_explicit(&from->worth,
	    memory_order_relaxed);
	to->worth = isfinite(worth) ? worth : 0;
	used = atomic_load_explicit(&from->used_ns, memory_order_relaxed);
	if (used > 0)
		to->used_ns = snap_ago(used, now);
}

static void
place_of(const struct plan *p, struct place_word want, struct snap_adapter *to)
{
	uint32_t chunk = dir_place_chunk(want.place);

	to->chunk = -1;
	to->place = 0;
	if (to->state < SNAP_LOADING || chunk >= p->chunks)
		return;
	to->chunk = (int32_t)chunk;
	to->place = dir_place_sub(want.place);
}

static bool
row(const struct segs *g, const struct plan *p, uint32_t a,
    struct snap_adapter *to, nsec now)
{
	uint64_t entry = atomic_load_explicit(&g->entry[a],
	    memory_order_acquire);
	uint64_t ask = atomic_load_explicit(&g->ask[a], memory_order_relaxed);
	enum dir_state state = dir_entry_state(entry);
	struct place_word want = word_load_place(&g->want[a]);
	struct place_word have = word_load_place(&g->have[a]);
	const struct dir_info *info = &g->info[a];

	if (!dir_may_serve(state) && state != DIR_BROKEN &&
	    state != DIR_RETIRED)
		return false;
	memset(to, 0, sizeof(*to));
	to->index = a;
	snap_text(to->name, info->name, sizeof(to->name));
	to->version = info->version;
	to->rank = info->rank;
	to->bytes = info->bytes;
	memcpy(to->digest, info->digest, sizeof(to->digest));
	to->listed_ns = info->listed_ns;
	to->retired = state == DIR_RETIRED;
	to->state = state_of(state, want, have);
	to->kept = state == DIR_KEPT;
	to->weight = dir_serial(ask) == dir_serial(entry) ?
	    dir_ask_weight(ask) / 100.0 :
	    1;
	to->pinned = state == DIR_LISTED && dir_ask_pinned(ask) &&
	    dir_serial(ask) == dir_serial(entry);
	place_of(p, want, to);
	uses(&g->uses[a], dir_serial(entry), to, now);
	return true;
}

bool
snap_adapter_at(const struct snap_source *s, uint32_t a,
    struct snap_adapter *to, nsec now)
{
	struct snap_guard guard;
	volatile bool there = false;

	if (a >= s->plan.adapters)
		return false;
	if (s->g != &s->own)
		return row(s->g, &s->plan, a, to, now);
	if (snap_guard_enter(&guard))
		there = row(s->g, &s->plan, a, to, now);
	snap_guard_leave(&guard);
	return there;
}

/* A replaced version counts while it is somewhere or in use. */
static bool
is_left(const struct snap_adapter *a)
{
	return a->retired && a->state <= SNAP_HOST && a->waiting == 0 &&
	    a->running == 0;
}

int
snap_adapters(const struct segs *g, struct snap *s)
{
	uint32_t n = 0;

	for (int i = 0; i < TOLD_COUNTS; i++)
		s->told_sums[i] = snap_load(&g->told_sums->count[i]);
	for (uint32_t a = 0; a < s->plan.adapters; a++) {
		int e = snap_room(&s->adapter, &s->room.adapter, n + 1,
		    sizeof(*s->adapter));

		if (e != 0)
			return e;
		if (row(g, &s->plan, a, &s->adapter[n], s->now) &&
		    !is_left(&s->adapter[n]))
			n++;
	}
	s->nadapters = n;
	return 0;
}

static void
reason(const struct segs *g, uint32_t a, char buf[SNAP_REASON_MAX])
{
	char text[DIR_REASON_MAX];

	snap_text(buf, dir_reason(&g->info[a], g->reasons, a, text),
	    SNAP_REASON_MAX);
}

char *
snap_reason(const struct snap_source *s, uint32_t a, char buf[SNAP_REASON_MAX])
{
	struct snap_guard guard;

	buf[0] = '\0';
	if (a >= s->plan.adapters)
		return buf;
	if (s->g != &s->own)
		reason(s->g, a, buf);
	else {
		if (snap_guard_enter(&guard))
			reason(s->g, a, buf);
		snap_guard_leave(&guard);
	}
	return buf;
}

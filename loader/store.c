/* Packed images in host memory: what the device had to give up comes back without
 * a disk.  Which go when the budget is spent is policy/evict.h's, by the same
 * policy as on the device.
 *
 * Each entry says in shared memory in which room its image lies, so that the next
 * life finds it; the bytes are compared with their checksum before they are first
 * used again. */
#include "loader/ld.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/must.h"

/* One mapping each, of which the kernel lets a process have some 65,000. */
#define IMAGES_MAX 32768

static void
say_room(const struct store *s, uint32_t a, uint32_t room)
{
	s->w->info[a].room = room == LD_NOBODY ? 0 : room + 1;
}

int
store_open(struct store *s, const struct ld_world *w)
{
	uint32_t n = w->plan->adapters;

	*s = (struct store){ .w = w, .most = w->host_bytes };
	s->image = calloc((size_t)n + 1, sizeof(*s->image));
	s->list = calloc((size_t)n + 1, sizeof(*s->list));
	s->views = calloc((size_t)n + 1, sizeof(*s->views));
	if (s->image == NULL || s->list == NULL || s->views == NULL)
		return err_set(ERR_MEMORY,
		    "no memory for a table of %u adapters", n);
	return rooms_open(&s->rooms, w);
}

/* What they hold stays for the next life. */
void
store_close(struct store *s)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct store_image *image = &s->image[s->list[i]];

		(void)munmap(image->bytes, image->n);
	}
	rooms_close(&s->rooms);
	free(s->image);
	free(s->list);
	free(s->views);
}

static void
enter(struct store *s, uint32_t a, void *bytes, uint64_t n, uint32_t room)
{
	struct store_image *i = &s->image[a];

	i->bytes = bytes;
	i->n = n;
	i->room = room;
	i->at = s->count;
	s->list[s->count++] = a;
	s->used += n;
}

bool
store_adopt(struct store *s, uint32_t a)
{
	const struct dir_info *info = &s->w->info[a];
	uint32_t room = info->room - 1;
	void *at;

	if (info->room == 0 || info->bytes == 0 ||
	    info->bytes > s->rooms.bytes || info->sum == 0 ||
	    s->used + info->bytes > s->most || !rooms_claim(&s->rooms, room)) {
		say_room(s, a, LD_NOBODY);
		return false;
	}
	at = rooms_map(&s->rooms, room, info->bytes);
	if (at == NULL) {
		say_room(s, a, LD_NOBODY);
		return false; /* its room is lost for this life */
	}
	enter(s, a, at, info->bytes, room);
	s->image[a].unproved = true;
	return true;
}

/* A pinned one stays: whoever replaces it waits until its copy is over. */
void
store_drop(struct store *s, uint32_t a)
{
	struct store_image *i = &s->image[a];
	uint32_t last;

	if (i->bytes == NULL || i->pins > 0)
		return;
	say_room(s, a, LD_NOBODY);
	last = s->list[--s->count];
	s->list[i->at] = last;
	s->image[last].at = i->at;
	s->used -= i->n;
	s->kept -= i->only ? i->n : 0;
	rooms_leave(&s->rooms, i->room, i->bytes, i->n);
	*i = (struct store_image){ .bytes = NULL };
}

/* Uses are counted by the scheduler; their rate is kept here. */
static void
count_uses(const struct store *s, uint32_t a, nsec now)
{
	const struct adapter_meters *m = &s->w->uses[a];
	struct store_image *i = &s->image[a];
	nsec window = s->w->eviction.window_ns;
	uint32_t n = atomic_load_explicit(&m->hits, memory_order_relaxed) +
	    atomic_load_explicit(&m->misses, memory_order_relaxed);

	/* Another count, of another entry or life: begin anew. */
	if (n < i->uses_seen)
		i->uses_seen = n;
	i->rate = evict_rate(i->rate, i->rate_ns, now, window);
	i->rate += evict_rate_use(0, now, now, window) *
	    (double)(n - i->uses_seen);
	i->rate_ns = now;
	i->uses_seen = n;
	i->used_ns = atomic_load_explicit(&m->used_ns, memory_order_relaxed);
}

/* What it takes to read it again. */
static double
reload_s(const struct dir_info *info)
{
	return info->from_disk ? (double)info->read_us / 1e6 :
				 (double)info->file_bytes / 1e9;
}

/* An operator's, of this version. */
static double
weight_of(const struct ld_world *w, uint32_t a)
{
	uint64_t ask = w->ask == NULL ?
	    0 :
	    atomic_load_explicit(&w->ask[a], memory_order_relaxed);

	return dir_serial(ask) == ld_serial(w, a) ?
	    dir_ask_weight(ask) / 100.0 :
	    1;
}

static void
view(const struct store *s, uint32_t a, struct evict_view *v, nsec now)
{
	const struct store_image *i = &s->image[a];

	if (s->w->uses != NULL)
		count_uses(s, a, now);
	*v = (struct evict_view){ .adapter = (int32_t)a,
		.level = i->pins > 0 || i->only ? EVICT_NEVER : EVICT_FREELY,
		.bytes = i->n,
		.used_ns = i->used_ns > i->put_ns ? i->used_ns : i->put_ns,
		.uses = i->rate * (double)s->w->eviction.window_ns / SECOND,
		.rate = i->rate,
		.rate_ns = now,
		.reload_s = reload_s(&s->w->info[a]),
		.weight = weight_of(s->w, a),
		.floor = i->floor };
}

/* The one to go; LD_NOBODY: none may. */
static uint32_t
pick(struct store *s, nsec now)
{
	const struct ld_rules *r = &s->w->eviction;
	struct evict_scale per = { .bytes_max = 1,
		.window_ns = r->window_ns,
		.frequency = r->weight[0],
		.recency = r->weight[1],
		.size = r->weight[2] };
	double uses = 0;
	int at;

	for (uint32_t i = 0; i < s->count; i++) {
		struct evict_view *v = &s->views[i];

		view(s, s->list[i], v, now);
		uses += v->uses;
		if ((double)v->bytes > per.bytes_max)
			per.bytes_max = (double)v->bytes;
	}
	per.uses_mean = s->count == 0 ? 1 : uses / s->count;
	if (per.uses_mean < 1)
		per.uses_mean = 1;
	at = evict_pick(r->policy, &per, s->views, (int)s->count, false, now);
	if (at < 0)
		return LD_NOBODY;
	s->floor = evict_keep(r->policy, &s->views[at], &per, now);
	return (uint32_t)s->views[at].adapter;
}

/* Makes room for n bytes as far as others may go. */
static bool
make_room(struct store *s, uint64_t n, nsec now)
{
	if (n > s->most)
		return false;
	while (s->used > s->most - n || s->count == IMAGES_MAX) {
		uint32_t a = pick(s, now);

		if (a == LD_NOBODY)
			return false;
		store_drop(s, a);
	}
	return true;
}

void
store_put(struct store *s, uint32_t a, void *bytes, uint64_t n, uint32_t room,
    nsec now)
{
	store_drop(s, a);
	if (s->image[a].bytes != NULL || !make_room(s, n, now)) {
		rooms_leave(&s->rooms, room, bytes, n);
		return;
	}
	enter(s, a, bytes, n, room);
	s->image[a].put_ns = now;
	s->image[a].floor = s->floor;
	say_room(s, a, room);
}

struct store_image *
store_pin(struct store *s, uint32_t a)
{
	if (s->image[a].bytes == NULL)
		return NULL;
	s->image[a].pins++;
	return &s->image[a];
}

void
store_unpin(struct store *s, uint32_t a)
{
	must(s->image[a].pins > 0);
	s->image[a].pins--;
}

bool
store_has(const struct store *s, uint32_t a)
{
	return s->image[a].bytes != NULL;
}

bool
store_keep(struct store *s, uint32_t a, bool only)
{
	struct store_image *i = &s->image[a];

	if (i->bytes == NULL || i->only == only)
		return i->bytes != NULL;
	if (only && s->kept + i->n > s->most / 2)
		return false;
	i->only = only;
	s->kept = only ? s->kept + i->n : s->kept - i->n;
	return true;
}

/* Finding an instance, and reading it part by part. */
#include "snap/guard.h"
#include "snap/snap_in.h"

#include "base/err.h"
#include "base/pidstat.h"
#include "base/utf8.h"
#include "proc/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
snap_text(char *out, const char *from, size_t size)
{
	size_t n = strnlen(from, size - 1);

	memcpy(out, from, n);
	out[n] = '\0';
	utf8_tame(out);
	n = strlen(out);
	memset(out + n, 0, size - n);
}

int
snap_room(void *array, uint32_t *room, uint32_t n, size_t each)
{
	void *p, *more;
	uint32_t want = n + n / 4 + 16;

	if (n <= *room)
		return 0;
	memcpy(&p, array, sizeof(p));
	if ((more = realloc(p, want * each)) == NULL)
		return err_set(ERR_MEMORY, "no memory for a reading");
	memcpy(array, &more, sizeof(more));
	*room = want;
	return 0;
}

/* The object that has the name now; 0: none has. */
static uint64_t
inode_of(const char *instance)
{
	char path[SEG_INSTANCE_MAX + 64];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/shm/chameleon.%s.supervisor",
	    instance);
	return stat(path, &st) == 0 ? (uint64_t)st.st_ino : 0;
}

/* Whether each segment is as large as the plan says. */
static bool
agrees(const struct plan *p, const struct segs *g)
{
	struct plan counted = *p;

	plan_segments(&counted);
	for (int i = 0; i < SEG_POOL; i++)
		if (counted.seg_bytes[i] != g->bytes[i])
			return false;
	return true;
}

/* Once: what is in the segment may be damaged later. */
static void
take_plan(struct snap_source *s, const struct plan *p)
{
	s->plan = *p;
	snap_text(s->plan.device_name, p->device_name,
	    sizeof(s->plan.device_name));
}

int
snap_attach(struct snap_source *s, const char *instance)
{
	int e;

	memset(s, 0, sizeof(*s));
	/* Asked for before it is mapped: if it is replaced in between, the
	 * first reading says so. */
	s->inode = inode_of(instance);
	if ((e = segs_open(&s->own, instance, PROC_COUNT)) != 0)
		return e;
	s->g = &s->own;
	take_plan(s, s->own.plan);
	if (!agrees(&s->plan, &s->own)) {
		snap_detach(s);
		return err_set(ERR_LAYOUT,
		    "instance '%s': its segments are damaged: start the engine "
		    "anew",
		    instance);
	}
	if (s->own.supervisor->settings_bytes == sizeof(struct conf))
		return 0;
	segs_close(&s->own);
	s->g = NULL;
	return err_set(ERR_LAYOUT,
	    "instance '%s' was started by another build, whose settings are "
	    "not those of this one: use the same program for both",
	    instance);
}

void
snap_detach(struct snap_source *s)
{
	if (s->g == &s->own)
		segs_close(&s->own);
	s->g = NULL;
}

void
snap_on(struct snap_source *s, const struct segs *g)
{
	memset(s, 0, sizeof(*s));
	s->g = g;
	take_plan(s, g->plan);
}

static void
names(const struct segs *g, struct snap *s)
{
	const struct supervisor_seg *u = g->supervisor;
	struct pidstat stat;

	snap_text(s->instance, g->instance, sizeof(s->instance));
	snap_text(s->version, u->header.version, sizeof(s->version));
	snap_text(s->listen, u->listen, sizeof(s->listen));
	snap_text(s->metrics, u->metrics, sizeof(s->metrics));
	snap_text(s->admin_path, u->admin_path, sizeof(s->admin_path));
	(void)settings_read(g, &s->conf);
	snap_text(s->model, s->conf.model, sizeof(s->model));
	s->up_ns = snap_ago(atomic_load(&u->started_ns), s->now);
	s->alive = pidstat_read((pid_t)snap_load32(&u->pid), &stat) &&
	    stat.start_time == snap_load(&u->start_time);
	s->draining = false;
	for (int i = 0; i < PROC_COUNT; i++)
		s->draining |= snap_load32(&u->order[i].halt) != 0;
}

/* Which function reads which part. */
static const struct {
	enum snap_part part;
	int (*read)(const struct segs *, struct snap *);
} parts[] = {
	{ SNAP_ADAPTERS, snap_adapters },
	{ SNAP_REQUESTS, snap_requests },
	{ SNAP_EVENTS, snap_events },
	{ SNAP_HISTORY, snap_history },
	{ SNAP_RECORDS, snap_records },
};

static int
read_parts(struct snap_source *source, struct snap *s, unsigned want)
{
	const struct segs *g = source->g;
	int e = 0;

	names(g, s);
	snap_meters(g, s);
	snap_queues(g, s);
	snap_memory(g, s);
	snap_rings(g, s);
	snap_processes(g, s, (want & SNAP_PROCESSES) != 0);
	for (size_t i = 0; e == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if ((want & parts[i].part) != 0)
			e = parts[i].read(g, s);
	return e;
}

int
snap_take_at(struct snap_source *source, struct snap *s, unsigned want,
    nsec now, nsec wall_now)
{
	const struct segs *g = source->g;
	struct snap_guard guard;
	int e;

	if (g == &source->own && inode_of(g->instance) != source->inode)
		return err_set(ERR_GONE, "instance '%s' has ended",
		    g->instance);
	s->now = now;
	s->wall_now = wall_now;
	s->plan = source->plan;
	if (g != &source->own)
		return read_parts(source, s, want);
	if (snap_guard_enter(&guard))
		e = read_parts(source, s, want);
	else
		e = err_set(ERR_GONE,
		    "instance '%s': somebody has cut its segments short",
		    g->instance);
	snap_guard_leave(&guard);
	return e;
}

int
snap_take(struct snap_source *source, struct snap *s, unsigned want)
{
	return snap_take_at(source, s, want, clock_mono(), clock_wall());
}

void
snap_free(struct snap *s)
{
	free(s->adapter);
	free(s->request);
	free(s->event);
	free(s->history);
	free(s->record);
	memset(s, 0, sizeof(*s));
}

double
snap_kv_share(const struct snap *s)
{
	return s->scheduler.kv_blocks_total == 0 ?
	    0 :
	    (double)s->scheduler.kv_blocks_used /
		(double)s->scheduler.kv_blocks_total;
}
